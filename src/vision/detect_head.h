/*
 * detect_head: the trained part of the detector, from the trunk's taps to a score for each label and four distances in
 * each cell of 8 x 8 pixels.
 *
 *     c5 -1x1-> 64 -up-> + <-1x1- c4 ... -up-> + <-1x1- c3   top-down sum, 64 channels at c3's size
 *     -> group norm, ReLU -> 3x3, 64 -> group norm, ReLU -> 1x1 -> [labels] logits, [4] logarithms of distances
 *
 * after the feature pyramid of Lin et al. (2017) and the single-level, anchor-free heads of Zhou et al. ("Objects as
 * Points", 2019) and Tian et al. ("FCOS", 2019). All parameters lie in one array, which is what the optimiser, a
 * checkpoint and a model file see; head_name gives the layers' names to its parts.
 *
 * head_forward, then head_backward for the same taps, on a pass of one's own: one thread at a time each.
 */
#ifndef PLACARD_VISION_DETECT_HEAD_H
#define PLACARD_VISION_DETECT_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vision/detect_layers.h"

enum { HEAD_TAPS = 3, HEAD_WIDTH = 64, HEAD_SIDES = 4, HEAD_STRIDE = 8 };

/* Sides are those of c3 and divide by 4; c4 has half of them and c5 a quarter. */
struct head_shape {
    int height, width;
    int channels[HEAD_TAPS];
    int labels;
};

struct head_params {
    float *lateral[HEAD_TAPS]; /* [channels of the tap][64] */
    float *lateral_bias;       /* [64] */
    float *gain[2], *shift[2]; /* [64]; of the norm before the 3x3, and behind it */
    float *conv;               /* [3][3][64][64] */
    float *out;                /* [64][labels + 4] */
    float *out_bias;           /* [labels + 4] */
    float *kind, *kind_bias;   /* [channels of c4 and c5][labels], [labels]: detect_kind.h */
};

size_t head_param_count(const struct head_shape *shape);
void head_name(const struct head_shape *shape, float *all, struct head_params *ret_params);

/* He's initialisation; every cell begins with a score of 0.01 for each label, all four distances `distance` cells. */
void head_init(const struct head_shape *shape, uint64_t seed, float distance, float *all);

/* Whether parameter i is a weight, which decays, and not a bias, gain or shift, which does not. */
void head_decays(const struct head_shape *shape, unsigned char *ret_decays);

struct head_pass {
    struct head_shape shape;
    struct map_size middle; /* height x width x 64 */
    struct map_size end;    /* height x width x (labels + 4) */
    float *stats[2];
    float *summed, *first, *conved, *second; /* [rows][64]: the sum, its norm, the 3x3, its norm */
    float *coarse[HEAD_TAPS];                /* [cells of the tap][64] */
    float *out;                              /* [rows][labels + 4]: logits, then ln of left, top, right, bottom */
    float *grad, *grad_below;                /* [rows][64]; NULL without `training` */
    float *out_grad;                         /* [rows][labels + 4], for the caller to fill; border zero */
};

void head_pass_open(struct head_pass *pass, const struct head_shape *shape, bool training);
void head_pass_close(struct head_pass *pass);

static inline int head_outs(const struct head_shape *shape)
{
    return shape->labels + HEAD_SIDES;
}

/* taps[t] is [cells][channels], standardised by channel. The result is pass->out. */
void head_forward(struct head_pass *pass, const struct head_params *params, const float *const taps[HEAD_TAPS]);

/* From pass->out_grad; adds to `grads`, which is named like the parameters. */
void head_backward(struct head_pass *pass, const struct head_params *params, const float *const taps[HEAD_TAPS],
                   const struct head_params *grads);

#endif
