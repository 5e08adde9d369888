/*
 * check: the images of a side: fetched, decoded and held against the limits once (spec D.6, F.1), by many threads.
 *
 * What was found out about an image is kept under its bucket, key and etag, so that a later training asks the object
 * store for no more than that.
 */
#ifndef PLACARD_TRAIN_CHECK_H
#define PLACARD_TRAIN_CHECK_H

#include "train/feature_cache.h"
#include "train/side.h"
#include "vision/image.h"

struct check {
    struct object_store *objects;
    struct image_limits limits;
    struct features *features;   /* NULL: nothing is kept */
    const struct learn_job *job; /* its threads, stop and progress */
};

/* Marks lines whose images cannot be used; key, look, width and height of the others. E_INTERNAL, E_LOST_LEASE. */
bool check_images(const struct check *check, struct side *side, struct err *err) MUST_CHECK;

/* The quotas of the request that are about images. */
struct image_limits check_limits(const struct train_request *request);

/* The decoded image (`side` as in learn_job.pixels). E_INTERNAL: it was sound when it was checked. */
bool check_fetch(struct object_store *objects, struct object_name name, const struct image_limits *limits, int side,
                 struct image *ret_image, struct err *err) MUST_CHECK;

#endif
