/*
 * detect_kind: a second opinion on which label a box has, from all that lies in it.
 *
 * The head's scores are of one cell and what is around it; they place things well, but kinds of things of which only
 * some were ever seen are told apart better by the whole box. So the taps c4 and c5 are averaged over the box, scaled
 * to a fixed length, and go through one linear layer and a softmax over the labels. Both opinions together give a box
 * its confidence (kind_confidence). Pure; any thread.
 */
#ifndef PLACARD_VISION_DETECT_KIND_H
#define PLACARD_VISION_DETECT_KIND_H

#include "vision/detect_loss.h"

/* What is averaged, [kind_width]: c4's channels, then c5's. */
int kind_width(const struct head_shape *shape);

/* Means over the box of taps[1] and taps[2], each cell by how much of it the box covers; a box of some extent. */
void kind_pool(const struct head_shape *shape, const float *const taps[HEAD_TAPS], const struct cell_box *box,
               float *ret_pooled);

/* Scales what was pooled from standardised taps to the length that the layer takes. */
void kind_scale(const struct head_shape *shape, float *pooled);

/* The chance of each label, given that it is one of them. */
void kind_chances(const struct head_shape *shape, const struct head_params *params, const float *pooled,
                  float *ret_chances);

/*
 * The cross-entropy of the boxes' labels, smoothed by a tenth, summed; adds `share` times its gradient to `grads`.
 * `pooled` is scratch of kind_width + labels.
 */
double kind_loss(const struct head_shape *shape, const struct head_params *params, const float *const taps[HEAD_TAPS],
                 const struct cell_box *boxes, size_t count, float share, const struct head_params *grads,
                 float *pooled);

/*
 * The geometric mean of two scores for a label: the cell's own, and the highest that the cell has for any label times
 * the chance of this one. With one label it is the cell's score.
 */
float kind_confidence(float score, float highest, float chance);

#endif
