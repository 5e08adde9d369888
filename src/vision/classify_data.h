/*
 * classify_data: the tables that a classifier's heads are fitted to. The inner side of classify.
 *
 *     classify_gather(&job, multi_label, &data, &err)     sees all images, on the job's threads
 *     classify_data_free(&data)
 *
 * Rows are images, ordered by fold, near duplicates (vision/near.h) within one fold. With more images than the tables
 * have room for (CLASSIFY_WHOLE_FLOATS, CLASSIFY_PLACES_BYTES) they are drawn evenly over the labels. What comes out
 * depends on the images and the seed, not on threads.
 */
#ifndef PLACARD_VISION_CLASSIFY_DATA_H
#define PLACARD_VISION_CLASSIFY_DATA_H

#include "vision/sight.h"
#include "vision/learn.h"
#include "vision/linear_head.h"
#include "vision/places_head.h"

enum { CLASSIFY_FOLDS = 3, CLASSIFY_BASIS_IMAGES = 160 };

#define CLASSIFY_WHOLE_FLOATS ((size_t)44 << 20)  /* 176 MB */
#define CLASSIFY_PLACES_BYTES ((size_t)120 << 20) /* of codes */

/* How the features of a map become part of a place: (x - mean) * projection. */
struct classify_basis {
    size_t channels, kept;
    float *mean;       /* [channels] */
    float *projection; /* [channels][kept] */
};

struct classify_data {
    struct sight features;
    size_t labels;
    bool each;

    size_t rows;
    float *whole; /* [row][features.width]; parts centred and scaled to a mean square of 1 */
    float *mean;  /* [features.width], of the parts as they were */
    float scale[SIGHT_PARTS_MAX];
    float *truth;                          /* [row][label] */
    size_t fold_begin[CLASSIFY_FOLDS + 1]; /* fold f is rows fold_begin[f] to fold_begin[f + 1] */

    struct classify_basis bases[SIGHT_MAPS];
    struct places_table places; /* codes belong to the data */
    uint32_t *place_rows;       /* the row of each image that the places have, rising */
    float *place_truth;
    size_t place_fold_begin[CLASSIFY_FOLDS + 1];
};

bool classify_gather(const struct learn_job *job, bool multi_label, struct classify_data *ret_data,
                     struct err *err) MUST_CHECK;
void classify_data_free(struct classify_data *data);

#endif
