/*
 * tail: the last layers of a backbone with weights of their own, forward and backward, for fine-tuning.
 *
 * A cut is a place in the graph where everything behind hangs on one output before it. What lies before stays frozen:
 * `trunk_run_to` gives that output for an image, once, to be kept; the tail goes on from there, any number of times.
 *
 *     tail_cuts(backbone, cuts, max)                       choose one
 *     struct tail *tail = tail_new(backbone, &cuts[i], batch, height, width);
 *     … tail_forward … tail_backward … change tail_weights by tail_gradients … tail_clear …
 *     trunk_new_tuned(backbone, &cuts[i], tail_weights(tail), …)      the same layers in a trunk, with these weights
 *     tail_free(tail);
 *
 * Weights and gradients are flat arrays in the order of the backbone's file: layer after layer, weights [out][row]
 * [column][in], depthwise [out][row][column], then bias [out]. A tail belongs to one thread at a time and computes on
 * that thread alone. Its sums depend on its batch only, so threads that share the images of a step between them must
 * each keep whole batches and add the gradients in the batches' order. Built-in engine only: a foreign backbone has no
 * cuts.
 */
#ifndef PLACARD_VISION_TAIL_H
#define PLACARD_VISION_TAIL_H

#include "vision/trunk.h"

struct tail;

/* Every cut, the one nearest to the end first; the number of them, of which at most `max` are written. */
int tail_cuts(const struct backbone *backbone, struct cut *ret_cuts, int max);

/* `height` and `width` are the image's, as for trunk_new; the weights begin as the backbone's. `batch` is 1 to 256. */
struct tail *tail_new(const struct backbone *backbone, const struct cut *cut, int batch, int height, int width);
void tail_free(struct tail *tail);

/* cut->weight_count numbers each; the caller may change the weights between a backward and the next forward. */
float *tail_weights(struct tail *tail);
float *tail_gradients(struct tail *tail);

/* All gradients to zero. */
void tail_clear(struct tail *tail);

/*
 * From the cut's output of `batch` images, [batch][row][column][channel], to the taps behind it, of the same form: data
 * is NULL of a tap that lies before the cut. Valid until the next call.
 */
void tail_forward(struct tail *tail, const float *input, struct tap ret_taps[BACKBONE_TAPS]);

/*
 * Adds to the gradients what a loss has whose derivatives by the numbers of the taps are `slopes`, in their form; NULL
 * for a tap that the loss does not look at. Goes with the forward before it.
 */
void tail_backward(struct tail *tail, const float *const slopes[BACKBONE_TAPS]);

#endif
