/*
 * refs: every entry's (hash of source-ref, seq) while a dataset is being made; sorted at the end to find duplicates and
 * to write the refs in key order and in pages, for random inserts into a B-tree grow worse with its size.
 *
 * 16 bytes an entry in memory (40 MB for 2.5 million). One thread.
 */
#ifndef PLACARD_WORK_REFS_H
#define PLACARD_WORK_REFS_H

#include "store/ref_pages.h"
#include "work/stage.h"

struct refs {
    struct ref *list;
    size_t count;
    size_t room;
};

void refs_free(struct refs *refs);
void refs_add_block(struct refs *refs, const struct block *block);

/* Gathers them from the blocks visible at a generation (a job that goes on, a copy). */
bool refs_gather(struct refs *refs, struct run *run, int64_t dataset_id, int64_t generation,
                 struct err *err) MUST_CHECK;

/* By hash as the store orders it (signed), then seq. */
void refs_sort(struct refs *refs);

/* Writes them all, in turns of the stage; sorted before. Repeating is harmless. */
bool refs_write(const struct refs *refs, struct stage *stage, struct err *err) MUST_CHECK;

#endif
