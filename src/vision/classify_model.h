/*
 * classify_model: a trained classifier as plain numbers, and as the bytes of its payload. The inner side of classify.
 *
 * Everything linear is multiplied out: centring, scaling, whitening and the heads' weights are in the matrices, so that
 *
 *     scores = bias + parts of the whole * whole + places_weight * soft maximum over places of (c4 * map 0 + c5 * map
 * 1)
 *
 * Payload, little-endian: "PLCLASS1", seven u32 (each, labels, parts, width of those parts, use_places, channels of c4
 * and c5), f32 places_weight, then as f32 bias, whole, and with use_places map 0 and map 1.
 */
#ifndef PLACARD_VISION_CLASSIFY_MODEL_H
#define PLACARD_VISION_CLASSIFY_MODEL_H

#include "base/buf.h"
#include "base/err.h"
#include "vision/sight.h"

struct classify_model {
    bool each;
    size_t labels;
    uint32_t parts; /* of the whole that are used, a bit each */
    size_t width;   /* of those parts */
    bool use_places;
    float places_weight;
    size_t channels[SIGHT_MAPS];
    float *numbers;          /* owned; the following lie in it */
    float *bias;             /* [label] */
    float *whole;            /* [feature][label] */
    float *maps[SIGHT_MAPS]; /* [channel][label] */
};

/* Gives a model whose sizes are set its numbers, all zero. */
void classify_model_allocate(struct classify_model *model);
void classify_model_free(struct classify_model *model);

void classify_model_write(const struct classify_model *model, struct buf *ret_payload);

/* E_INVALID for bytes that are no payload, or not one for these features and labels. */
bool classify_model_read(struct span payload, const struct sight *features, size_t label_count,
                         struct classify_model *ret_model, struct err *err) MUST_CHECK;

#endif
