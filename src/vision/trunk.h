/*
 * trunk: a backbone made ready to run on images of one size.
 *
 *     struct trunk *trunk;
 *     struct tap taps[BACKBONE_TAPS];
 *     trunk_new(backbone, 224, 224, &trunk, &err)
 *     trunk_run(trunk, &image, taps);          … any number of times …
 *     trunk_free(trunk);
 *
 * A trunk holds primitives, scratch and a stream. It belongs to one thread at a time and computes on that thread alone
 * (one thread per request and per worker: two OpenMP threads beside a busy neighbour turn 8 ms into 400). trunk_new
 * takes some 30 ms: a worker keeps its trunk. The result depends on the image, the backbone and the machine's
 * instruction set, on nothing else.
 */
#ifndef PLACARD_VISION_TRUNK_H
#define PLACARD_VISION_TRUNK_H

#include "vision/backbone.h"
#include "vision/image.h"

struct trunk;

/* Features, channels last: data[(y * width + x) * channels + channel]. Valid until the next run of the same trunk. */
struct tap {
    int channels, height, width;
    const float *data;
};

enum { TRUNK_SIDE_MIN = 32, TRUNK_SIDE_MAX = 1280 };

/*
 * Sides from the one to the other, in pixels; they need not be multiples of 32. A foreign backbone is run once here,
 * and fails here with E_INVALID if it cannot take this size; the built-in engine takes every one.
 */
bool trunk_new(const struct backbone *backbone, int height, int width, struct trunk **ret_trunk,
               struct err *err) MUST_CHECK;
void trunk_free(struct trunk *trunk);

/* What the taps of a run will look like, with data NULL. */
void trunk_shapes(const struct trunk *trunk, struct tap ret_taps[BACKBONE_TAPS]);

/* `image` has the size that the trunk was made for (CHECKed); c3, c4, c5. */
void trunk_run(struct trunk *trunk, const struct image *image, struct tap ret_taps[BACKBONE_TAPS]);

/* The same from floats in 0 to 255, [height][width][3]. */
void trunk_run_floats(struct trunk *trunk, const float *pixels, struct tap ret_taps[BACKBONE_TAPS]);

/* Where fine-tuning may begin; tail.h says more and lists them. */
struct cut {
    int layer;           /* the first of the layers that are tuned */
    int channels;        /* of the one output before it that they read */
    int stride;          /* the image's side over that output's (rounded up) */
    size_t weight_count; /* of these layers, biases included */
};

/* Runs up to the cut and no further. */
void trunk_run_to(struct trunk *trunk, const struct image *image, const struct cut *cut, struct tap *ret_output);

/* trunk_new with other weights behind the cut: cut->weight_count of them, in the backbone's order, copied. */
bool trunk_new_tuned(const struct backbone *backbone, const struct cut *cut, const float *weights, int height,
                     int width, struct trunk **ret_trunk, struct err *err) MUST_CHECK;

#endif
