/*
 * lbfgs: the minimum of a smooth function, by L-BFGS (Liu and Nocedal, "On the limited memory BFGS method for large
 * scale optimization", 1989) with a line search for the weak Wolfe conditions. The function need not be convex.
 *
 * One call does everything; it keeps nothing and draws nothing by chance, so the same function and start give the same
 * bits. What it allocates is 2 * LBFGS_MEMORY + 5 vectors. From any thread; value() is called on the caller's.
 */
#ifndef PLACARD_VISION_LBFGS_H
#define PLACARD_VISION_LBFGS_H

#include <stdbool.h>
#include <stddef.h>

enum { LBFGS_MEMORY = 8 };

struct lbfgs {
    size_t size;         /* how many variables */
    unsigned iterations; /* at most; each takes one value() or, rarely, a few */
    double tolerance;    /* it ends when the gradient's norm is below this times max(1, norm of x) */

    /* The value at x, and in ret_gradient its gradient; both vectors are of `size`. */
    double (*value)(void *ctx, const double *x, double *ret_gradient);
    bool (*stop)(void *ctx); /* asked before each iteration; NULL: never */
    void *ctx;
};

/* Goes from x downhill and leaves there the best point found; returns its value. */
double lbfgs_minimise(const struct lbfgs *problem, double *x);

#endif
