/*
 * fsck: reads everything in one snapshot and compares it with what was counted while it was written.
 *
 * Of every dataset: the blocks visible at its generation, their order and indexes, every line read anew, the counters,
 * the label rows, the refs in both directions, repeated source-refs; of the whole: rows that belong to nothing, jobs
 * without a dataset or version, datasets and versions in progress without a job. May run beside a server: it opens the
 * database for reading only and sees the state of one commit.
 */
#ifndef PLACARD_STORE_FSCK_H
#define PLACARD_STORE_FSCK_H

#include "manifest/manifest.h"
#include "store/store.h"

struct fsck_counts {
    int64_t projects;
    int64_t datasets;
    int64_t versions; /* of models */
    int64_t blocks;
    int64_t entries;
    int64_t labels;
    int64_t refs;
    int64_t jobs;
    int64_t faults; /* disagreements said */
    int64_t notes;  /* things worth saying that a pending job explains */
};

struct fsck_options {
    struct span place; /* "sqlite:DATA/placard.db" */
    /* Limits an entry may have been read under, tried one after the other: they may have changed since. */
    const struct manifest_limits *limits;
    size_t limit_count;
    /* A disagreement, or a note; `subject` is an ARN or a kind of row. */
    void (*say)(void *ctx, bool fault, struct span subject, const char *sentence);
    void *ctx;
};

/* False when the database could not be read to the end (which says nothing of what it holds). */
bool fsck_run(const struct fsck_options *options, struct fsck_counts *ret_counts, struct err *err) MUST_CHECK;

#endif
