/*
 * detect_loss: what the head should have said of an image, and how wrong it was, with the gradient.
 *
 *   - a label's score: 1 in the cell of a box's centre and less towards its edge, as a Gaussian within the inner 54 %
 * of the box (Liu et al., "Training-Time-Friendly Network", 2020); the focal loss of "Objects as Points", alpha 2, beta
 * 4
 *   - the four distances: in those cells, weighted with the Gaussian, so that each box counts as one; the loss is
 *     1 - GIoU (Rezatofighi et al., 2019). Where boxes share a cell the smallest has it.
 *
 * Coordinates are cells: cell (y, x) reaches from x to x + 1. A distance d is told as u = ln(d + 1/2) from the cell's
 * middle, so that a box smaller than a cell can be told too. Pure; any thread.
 */
#ifndef PLACARD_VISION_DETECT_LOSS_H
#define PLACARD_VISION_DETECT_LOSS_H

#include "vision/detect_head.h"

struct cell_box {
    uint32_t label;
    float left, top, right, bottom; /* within the map, right > left, bottom > top */
};

/* Sums over an image, not yet divided by the number of boxes. */
struct loss_sums {
    double score, sides;
};

struct loss_room; /* scratch for one thread */
struct loss_room *loss_room_new(const struct head_shape *shape);
void loss_room_free(struct loss_room *room);

/* Fills pass->out_grad with the gradient of `share` * (score + side_weight * sides). At most 65,535 boxes. */
struct loss_sums detect_loss(struct loss_room *room, struct head_pass *pass, const struct cell_box *boxes, size_t count,
                             float share, float side_weight);

/* The loss 1 - GIoU between predicted and true distances (left, top, right, bottom) and its gradient by the former. */
float giou_loss(const float predicted[HEAD_SIDES], const float truth[HEAD_SIDES], float ret_grad[HEAD_SIDES]);

/* The distances behind four outputs; bounded, so that no output makes them infinite. */
void sides_of(const float out[HEAD_SIDES], float ret_sides[HEAD_SIDES]);

#endif
