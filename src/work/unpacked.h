/*
 * unpacked: one stored block with its lines at hand, for jobs that look into entries or rewrite blocks.
 *
 * Loaded one after another into the same memory; spans into it die with the next load. One thread.
 */
#ifndef PLACARD_WORK_UNPACKED_H
#define PLACARD_WORK_UNPACKED_H

#include "work/stage.h"

struct unpacked {
    struct block_row row; /* index and data are only valid during the load */
    struct block block;
    struct buf lines;
    struct block_use *uses; /* room for the uses of any one entry */
    size_t use_room;
    struct arena arena;
};

void unpacked_init(struct unpacked *unpacked);
void unpacked_free(struct unpacked *unpacked);

/* The block visible at `generation` that may hold seq; *ret_found false when there is none. */
bool unpacked_load(struct unpacked *unpacked, struct run *run, struct block_packer *packer, int64_t dataset_id,
                   int64_t generation, int64_t seq, bool *ret_found, struct err *err) MUST_CHECK;

/* From a row already read with its data. */
bool unpacked_from(struct unpacked *unpacked, struct block_packer *packer, const struct block_row *row,
                   struct err *err) MUST_CHECK;

struct span unpacked_line(const struct unpacked *unpacked, unsigned i);

/* The label uses of entry i; they live until the next call or load. */
const struct block_use *unpacked_uses(struct unpacked *unpacked, unsigned i, size_t *ret_count);

#endif
