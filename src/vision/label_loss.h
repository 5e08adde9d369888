/*
 * label_loss: how wrong scores are, and which way. Cross-entropy of a softmax where an image has one label, the sum of
 * one logistic loss a label where each is a yes or no of its own. Pure; any thread.
 */
#ifndef PLACARD_VISION_LABEL_LOSS_H
#define PLACARD_VISION_LABEL_LOSS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Of one image with scores[labels] and truth[labels] (0 or 1): the loss, and in ret_residual its gradient in the scores
 * (`ret_residual` may be `scores`). `each`: every label for itself.
 */
double label_loss(const float *scores, const float *truth, size_t labels, bool each, float *ret_residual);

/* Scores to confidences in place: a softmax, or one logistic function a label. */
void label_confidences(float *scores, size_t labels, bool each);

#endif
