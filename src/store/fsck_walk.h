/* fsck_walk: what the two files of fsck share. */
#ifndef PLACARD_STORE_FSCK_WALK_H
#define PLACARD_STORE_FSCK_WALK_H

#include "store/dataset_rows.h"
#include "store/fsck.h"
#include "store/internal.h"

struct fsck_walk {
    const struct fsck_options *options;
    struct db *db;       /* in one read transaction throughout */
    struct store hasher; /* only its hash_secret, for store_hash */
    struct block_packer *packer;
    struct manifest_reader **readers; /* one for each of the options' limits */
    struct fsck_counts counts;
};

void fsck_fault(struct fsck_walk *walk, struct span subject, const char *format, ...) PRINTF_LIKE(3, 4);
void fsck_note(struct fsck_walk *walk, struct span subject, const char *format, ...) PRINTF_LIKE(3, 4);

/* Everything about one dataset; `pending`: a job works on it or reads it. */
bool fsck_dataset(struct fsck_walk *walk, const struct dataset_row *dataset, bool pending, struct err *err) MUST_CHECK;

#endif
