/*
 * batch: some hundred lines of a manifest, and what becomes of them: packed blocks, rejected lines and counts.
 *
 * A parser (one per thread) takes whole lines from the feed into its own memory, reads and packs them; the ingesting
 * thread writes the result. A batch is reused; it belongs to one thread at a time, handed over under the crew's lock.
 */
#ifndef PLACARD_WORK_BATCH_H
#define PLACARD_WORK_BATCH_H

#include "base/arena.h"
#include "block/block.h"
#include "manifest/manifest.h"
#include "store/store.h"

#define BATCH_LINES 2048
/* Small enough for a core's cache, large enough that handing over costs little; a longer line is a batch alone. */
#define BATCH_BYTES (768 * 1024)
#define BATCH_INPUT_MAX ((size_t)1 << 30)

struct batch_block {
    struct block block; /* its label ids number the names below */
    struct buf index;   /* of the entries; the labels follow when they have the dataset's ids */
    struct buf data;
    struct span *names; /* one per block.labels, in the parser's memory, which lives as long as the job */
};

struct batch_reject {
    int64_t line;
    enum manifest_code code;
    struct span value; /* in the batch's arena */
};

struct batch {
    /* in */
    int64_t first_line;  /* the number of the first line of it; a manifest's lines count from 1 */
    int64_t lines;       /* how many it holds, the overlong one at its end included */
    uint64_t end_offset; /* of the manifest, behind its last line */
    bool overlong;       /* its last line was too long to hold: what is here of it is its beginning */
    bool last;           /* the manifest ends here */
    /* out */
    struct arena arena;
    struct batch_block *blocks;
    size_t block_count;
    size_t block_room;
    struct batch_reject *rejects;
    size_t reject_count;
    int64_t nonblank, unparsed;
    int64_t total, labeled, errors;
    struct span bucket; /* of the first entry */
    bool several_buckets;
};

void batch_init(struct batch *batch);
void batch_clear(struct batch *batch);
void batch_free(struct batch *batch);

struct parser;
struct parser *parser_new(const struct store *store, const struct manifest_limits *limits);
void parser_free(struct parser *parser);

/* The lines that parser_run reads: the batch's. */
struct buf *parser_input(struct parser *parser);
void parser_run(struct parser *parser, struct batch *batch);

#endif
