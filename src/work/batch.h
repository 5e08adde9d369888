/*
 * batch: some hundred lines of a manifest, and what becomes of them: packed blocks, rejected lines and counts.
 *
 * The feeder fills `input` with whole lines; a parser (one per thread) reads and packs it; the ingesting thread writes
 * the result. A batch is reused; it belongs to one thread at a time, handed over under the crew's lock.
 */
#ifndef PLACARD_WORK_BATCH_H
#define PLACARD_WORK_BATCH_H

#include "base/arena.h"
#include "block/block.h"
#include "manifest/manifest.h"
#include "store/store.h"

#define BATCH_LINES 512
#define BATCH_BYTES (1024 * 1024)

struct batch_block {
    struct block block; /* its label ids number the names below */
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
    struct buf input;
    int64_t first_line;  /* the number of the first line in it; a manifest's lines count from 1 */
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
void batch_clear(struct batch *batch); /* the outputs and the input */
void batch_free(struct batch *batch);

struct parser;
struct parser *parser_new(const struct store *store, const struct manifest_limits *limits);
void parser_free(struct parser *parser);
void parser_run(struct parser *parser, struct batch *batch);

#endif
