/*
 * detect_model: a trained head as bytes.
 *
 * The bytes are: a magic, the canvas's sides, the taps' channels, the number of labels, each as 32 bits little-endian;
 * then as float32 all parameters of the head, and mean and inverse deviation of c4's and c5's channels. The
 * standardisation of the taps is folded into the 1x1s, so the head takes the trunk's values as they are; only what
 * detect_kind.h pools is standardised by itself. That nothing was changed since is the model file's business, not ours.
 */
#ifndef PLACARD_VISION_DETECT_MODEL_H
#define PLACARD_VISION_DETECT_MODEL_H

#include "vision/detect_features.h"

struct detect_model {
    struct canvas canvas;
    struct head_shape shape;
    float *all;            /* owned: the parameters, then the following */
    float *mean, *inverse; /* [kind_width] */
};

/* Folds mean and deviation of the features into a copy of the parameters and writes it. */
void detect_model_write(const struct features *features, struct canvas canvas, const float *all, struct buf *out);

bool detect_model_read(struct span bytes, const struct backbone *backbone, size_t label_count,
                       struct detect_model *ret_model, struct err *err) MUST_CHECK;

#endif
