/*
 * progress: how far a job is, as the bytes that are committed with its cursor.
 *
 * The same form for every kind of job; unused members are 0. Encoded as LEB128 varints and two length-prefixed texts.
 */
#ifndef PLACARD_STORE_PROGRESS_H
#define PLACARD_STORE_PROGRESS_H

#include "base/arena.h"
#include "base/err.h"
#include "store/dataset.h"

struct progress {
    /* the dataset as this job will leave it */
    int64_t total;
    int64_t labeled;
    int64_t errors;
    int64_t next_seq;
    struct span bucket;
    /* what a manifest has shown so far */
    int64_t line; /* lines read, blank ones included */
    int64_t nonblank;
    int64_t dropped;  /* terminal content errors, repeated source-refs included once they are found */
    int64_t unparsed; /* of these, the lines that are not JSON */
    /* why it is given up */
    int64_t message_code; /* enum dataset_message_code */
    struct span message;
};

struct span progress_encode(struct arena *arena, const struct progress *progress);

/* E_INTERNAL when the bytes are damaged. Empty bytes are a progress of zeros. Spans point into `bytes`. */
bool progress_decode(struct span bytes, struct progress *ret_progress, struct err *err) MUST_CHECK;

/* Where a manifest lies, as the `source` of its job, and back. */
struct span manifest_source_encode(struct arena *arena, const struct dataset_manifest *manifest);
bool manifest_source_decode(struct span bytes, struct dataset_manifest *ret_manifest, struct err *err) MUST_CHECK;

#endif
