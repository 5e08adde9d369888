/*
 * places_head: scores that come from the places of an image and not from its mean, so that a small thing in a busy
 * picture is seen. Each label scores every place linearly, and an image's score is a soft maximum over its places,
 *
 *     score = bias + log(mean over places of exp(sharpness * w . z)) / sharpness,
 *
 * which lets the fit find out by itself which places show the thing, from image labels alone (multiple instance
 * learning with the log-sum-exp of Pinheiro and Collobert, "From image-level to pixel-level labeling", 2015).
 *
 * z are the trunk's features at a place, whitened (vision/whiten.h), so that what is common in the images counts for
 * little, and kept in 8 bits. Fitted by L-BFGS from zero. Held-out ranges as in vision/linear_head.h; any thread.
 */
#ifndef PLACARD_VISION_PLACES_HEAD_H
#define PLACARD_VISION_PLACES_HEAD_H

#include "vision/lbfgs.h"

/* z = code * PLACES_STEP, cut off at 127 steps; z has a mean square of about 1 / width in each direction. */
#define PLACES_STEP (1.0f / 16)
#define PLACES_SHARPNESS 4.0f

struct places_table {
    const signed char *codes; /* [image][place][width], z * sqrt(width) in steps */
    size_t images, places, width;
};

struct places_task {
    struct places_table table;
    const float *truth; /* [image][label], 0 or 1 */
    size_t labels;
    bool each;
    size_t held_begin, held_end; /* images left out */
    double ridge;
    unsigned iterations;
    bool (*stop)(void *ctx);
    void *ctx;
};

/* As linear_fit and its kin; the vector of weights is [feature][label], then the biases. */
double places_fit(const struct places_task *task, double *weights);

/* Likewise by small batches (vision/descent.h): cheaper and less exact. `iterations` are the epochs. */
void places_descend(const struct places_task *task, double *weights);
double places_value(const struct places_task *task, const double *weights, double *ret_gradient);
void places_scores(const struct places_table *table, size_t begin, size_t end, const double *weights, size_t labels,
                   float *ret_scores);

/*
 * The soft maximum alone: values[place][label] without biases to ret_scores[label]; and, in place of the values, the
 * share that each place has in its label's score (shares sum to 1).
 */
void places_soft_maximum(float *values, size_t places, size_t labels, float *ret_scores);

#endif
