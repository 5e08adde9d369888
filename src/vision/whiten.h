/*
 * whiten: linear algebra on symmetric matrices: a Cholesky factor, and a projection of features onto their widest
 * directions in which all of those have about the same spread. Pure; any thread. Nothing is drawn by chance.
 */
#ifndef PLACARD_VISION_WHITEN_H
#define PLACARD_VISION_WHITEN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The lower factor of a positive definite matrix [size][size] in its place, a = L * transpose(L); what lies above the
 * diagonal is set to 0. A pivot below `least` is taken for `least`, and what stands below it for 0: a row that depends
 * on those before neither ends it nor makes the factor grow.
 */
void cholesky(double *a, size_t size, double least);

/* x with transpose(L) * x = b, in b's place; b is [size][columns]. */
void cholesky_back(const double *lower, size_t size, double *b, size_t columns);

/* Sums over features seen so far: make it zeroed with whiten_new, add, then whiten_fit. */
struct spread {
    size_t width, count;
    double *sum;     /* [width] */
    double *product; /* [width][width] */
};
struct spread spread_new(size_t width);
void spread_free(struct spread *spread);
void spread_add(struct spread *spread, const float *rows, size_t count); /* rows[count][width] */

/*
 * The projection p, [width][kept], such that (x - mean) * p spans the `kept` directions of most variance, is
 * uncorrelated and has variances near 1: divided by the root of variance + `ridge` times their mean. Which basis of
 * that space comes out means nothing: a ridge on weights does not see it. ret_mean is [width].
 */
void whiten_fit(const struct spread *spread, size_t kept, double ridge, float *ret_mean, float *ret_projection);

#endif
