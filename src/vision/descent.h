/*
 * descent: a minimum of a mean over many images, by small batches: AdamW with one cycle of its rate. Where labels are
 * many it comes in ten epochs as far as L-BFGS (vision/lbfgs.h) in a hundred looks at everything, and it needs four
 * vectors where that keeps twenty.
 *
 * Budgeted in epochs; the order of the batches follows from their number and the epoch, so the same function and start
 * give the same bits. Nothing is kept between calls; from any thread.
 */
#ifndef PLACARD_VISION_DESCENT_H
#define PLACARD_VISION_DESCENT_H

#include <stdbool.h>
#include <stddef.h>

struct descent {
    size_t size, biases;         /* variables; the last `biases` of them bear no ridge */
    size_t images, batch;        /* in a batch at most so many, one behind the other */
    size_t held_begin, held_end; /* images left out */
    unsigned epochs;
    float rate; /* the most */
    double ridge;

    /* The sum of the gradients of the losses of the images begin to end. ret_gradient comes as zeros. */
    void (*gradient)(void *ctx, size_t begin, size_t end, const float *weights, float *ret_gradient);
    void *ctx;
    bool (*stop)(void *stop_ctx); /* asked before each batch; NULL: never */
    void *stop_ctx;
};

/* Goes from `weights` downhill and leaves there where it came to. */
void descend(const struct descent *descent, double *weights);

#endif
