/*
 * linear_head: scores that are linear in features, fitted by L-BFGS: multinomial logistic regression, or one logistic
 * regression a label, with a ridge on the weights and none on the biases. Convex: where it starts does not matter.
 *
 * Rows of the table that are held out (a range, so that folds lie one behind the other) take no part in the fit and are
 * scored afterwards. Nothing is kept between calls; any thread.
 */
#ifndef PLACARD_VISION_LINEAR_HEAD_H
#define PLACARD_VISION_LINEAR_HEAD_H

#include "vision/lbfgs.h"

/* Features of images: row i is x[i * stride .. + width). */
struct linear_table {
    const float *x;
    size_t rows, width, stride;
};

struct linear_task {
    struct linear_table table;
    const float *truth; /* [row][label], 0 or 1 */
    size_t labels;
    bool each;                   /* every label for itself (vision/label_loss.h) */
    size_t held_begin, held_end; /* rows left out */
    double ridge;                /* the loss is a mean over rows + ridge / 2 * the square of the weights */
    unsigned iterations;
    bool (*stop)(void *ctx); /* NULL: never */
    void *ctx;
};

/* Numbers in the vector of weights: [feature][label], then the biases. */
static inline size_t linear_size(size_t width, size_t labels)
{
    return (width + 1) * labels;
}

/* Improves `weights` (zeros are a start); returns the value reached. */
double linear_fit(const struct linear_task *task, double *weights);

/* Likewise by small batches (vision/descent.h): cheaper and less exact. `iterations` are the epochs. */
void linear_descend(const struct linear_task *task, double *weights);

/* The function that linear_fit minimises, and its gradient. */
double linear_value(const struct linear_task *task, const double *weights, double *ret_gradient);

/* Scores of rows begin to end: ret_scores[row - begin][label]. */
void linear_scores(const struct linear_table *table, size_t begin, size_t end, const double *weights, size_t labels,
                   float *ret_scores);

#endif
