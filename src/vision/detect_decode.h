/*
 * detect_decode: from the head's output to boxes.
 *
 * A label is seen in a cell where its score is no less than in the eight cells around; its box lies the four distances
 * around that cell, and its confidence is the score and the second opinion of detect_kind.h together. Of boxes of one
 * label that overlap with an IoU of a half or more only the surest stays. Pure; any thread.
 */
#ifndef PLACARD_VISION_DETECT_DECODE_H
#define PLACARD_VISION_DETECT_DECODE_H

#include "vision/detect_head.h"
#include "vision/detect_loss.h"

struct seen_box {
    float confidence;
    struct cell_box box; /* within the map */
};

enum { DECODE_PEAKS = 200 }; /* the surest so many get a second opinion */

/* The second opinion of the box: chances of all labels, into scratch that the caller owns. */
struct decode_opinion {
    const float *(*ask)(void *ctx, const struct cell_box *box);
    void *ctx;
};

/* The surest first, at most `room`; how many. `pass` has run forward. */
size_t detect_decode(const struct head_pass *pass, struct decode_opinion opinion, float min_confidence,
                     struct seen_box *ret_boxes, size_t room);

/* The intersection of two boxes over their union. */
float cell_box_iou(const struct cell_box *a, const struct cell_box *b);

#endif
