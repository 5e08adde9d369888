/* detect_head: see detect_head.h. */
#include "vision/detect_head.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vision/gemm.h"
#include "vision/learn.h"

static const float SCORE_AT_START = 0.01f;

enum { PART_COUNT = HEAD_TAPS + 1 + 4 + 3 + 2 };

/* One part of the parameters: where its name is kept, and how large it is. */
struct part {
    float **name;
    size_t count;
    int fan_in; /* of a weight; 0 for what does not decay */
};

static void list_parts(const struct head_shape *shape, struct head_params *params, struct part parts[PART_COUNT])
{
    size_t outs = (size_t)head_outs(shape);
    struct part *part = parts;
    for (int t = 0; t < HEAD_TAPS; t++)
        *part++ = (struct part){ &params->lateral[t], (size_t)shape->channels[t] * HEAD_WIDTH, shape->channels[t] };
    *part++ = (struct part){ &params->lateral_bias, HEAD_WIDTH, 0 };
    for (int n = 0; n < 2; n++) {
        *part++ = (struct part){ &params->gain[n], HEAD_WIDTH, 0 };
        *part++ = (struct part){ &params->shift[n], HEAD_WIDTH, 0 };
    }
    *part++ = (struct part){ &params->conv, (size_t)9 * HEAD_WIDTH * HEAD_WIDTH, 9 * HEAD_WIDTH };
    *part++ = (struct part){ &params->out, HEAD_WIDTH * outs, HEAD_WIDTH };
    *part++ = (struct part){ &params->out_bias, outs, 0 };
    int kind_width = shape->channels[1] + shape->channels[2];
    *part++ = (struct part){ &params->kind, (size_t)kind_width * (size_t)shape->labels, kind_width };
    *part++ = (struct part){ &params->kind_bias, (size_t)shape->labels, 0 };
    CHECK(part == parts + PART_COUNT);
}

size_t head_param_count(const struct head_shape *shape)
{
    struct head_params params;
    struct part parts[PART_COUNT];
    size_t count = 0;
    list_parts(shape, &params, parts);
    for (int p = 0; p < PART_COUNT; p++)
        count += parts[p].count;
    return count;
}

void head_name(const struct head_shape *shape, float *all, struct head_params *ret_params)
{
    struct part parts[PART_COUNT];
    list_parts(shape, ret_params, parts);
    for (int p = 0; p < PART_COUNT; p++) {
        *parts[p].name = all;
        all += parts[p].count;
    }
}

void head_init(const struct head_shape *shape, uint64_t seed, float distance, float *all)
{
    struct head_params params;
    struct part parts[PART_COUNT];
    struct learn_random random = learn_random(seed, 0);
    list_parts(shape, &params, parts);
    memset(all, 0, head_param_count(shape) * sizeof *all);
    head_name(shape, all, &params);
    for (int p = 0; p < PART_COUNT; p++) {
        float deviation = parts[p].fan_in ? sqrtf(2.0f / (float)parts[p].fan_in) : 0;
        for (size_t i = 0; parts[p].fan_in && i < parts[p].count; i++)
            (*parts[p].name)[i] = deviation * learn_random_normal(&random);
    }
    for (int n = 0; n < 2; n++)
        for (int c = 0; c < HEAD_WIDTH; c++)
            params.gain[n][c] = 1;
    for (int i = 0; i < HEAD_WIDTH * head_outs(shape); i++)
        params.out[i] *= 0.1f; /* the biases speak first */
    memset(params.kind, 0, (size_t)(params.kind_bias - params.kind) * sizeof(float));
    for (int o = 0; o < shape->labels; o++)
        params.out_bias[o] = logf(SCORE_AT_START / (1 - SCORE_AT_START));
    for (int s = 0; s < HEAD_SIDES; s++)
        params.out_bias[shape->labels + s] = logf(distance);
}

void head_decays(const struct head_shape *shape, unsigned char *ret_decays)
{
    struct head_params params;
    struct part parts[PART_COUNT];
    list_parts(shape, &params, parts);
    for (int p = 0; p < PART_COUNT; p++) {
        memset(ret_decays, parts[p].fan_in > 0, parts[p].count);
        ret_decays += parts[p].count;
    }
}

static int tap_cells(const struct head_shape *shape, int tap)
{
    return (shape->height >> tap) * (shape->width >> tap);
}

void head_pass_open(struct head_pass *pass, const struct head_shape *shape, bool training)
{
    CHECK(shape->height % 4 == 0 && shape->width % 4 == 0 && shape->labels > 0);
    *pass = (struct head_pass){ .shape = *shape };
    pass->middle = (struct map_size){ shape->height, shape->width, HEAD_WIDTH };
    pass->end = (struct map_size){ shape->height, shape->width, head_outs(shape) };
    for (int n = 0; n < 2; n++)
        pass->stats[n] = mem_zero(2 * NORM_GROUPS, sizeof(float));
    float **maps[] = { &pass->summed, &pass->first, &pass->conved, &pass->second, &pass->grad, &pass->grad_below };
    for (size_t m = 0; m < (training ? COUNT_OF(maps) : 4); m++)
        *maps[m] = mem_zero(map_floats(pass->middle), sizeof(float));
    for (int t = 0; t < HEAD_TAPS; t++)
        pass->coarse[t] = mem_zero((size_t)tap_cells(shape, t) * HEAD_WIDTH, sizeof(float));
    pass->out = mem_zero(map_floats(pass->end), sizeof(float));
    if (training)
        pass->out_grad = mem_zero(map_floats(pass->end), sizeof(float));
}

void head_pass_close(struct head_pass *pass)
{
    float *all[] = { pass->stats[0],  pass->stats[1], pass->summed,     pass->first,     pass->conved,
                     pass->second,    pass->grad,     pass->grad_below, pass->coarse[0], pass->coarse[1],
                     pass->coarse[2], pass->out,      pass->out_grad };
    for (size_t m = 0; m < COUNT_OF(all); m++)
        free(all[m]);
    *pass = (struct head_pass){ 0 };
}

static struct matrix tap_matrix(const struct head_shape *shape, const float *tap, int t, bool turned)
{
    return (struct matrix){ tap, tap_cells(shape, t), shape->channels[t], turned };
}

static struct matrix lateral_matrix(const struct head_params *params, const struct head_shape *shape, int t)
{
    return (struct matrix){ params->lateral[t], shape->channels[t], HEAD_WIDTH, false };
}

/* The top-down sum: each tap through its 1x1, the coarser ones repeated over the finer. Gives pass->summed. */
static void sum_taps(struct head_pass *pass, const struct head_params *params, const float *const taps[HEAD_TAPS])
{
    const struct head_shape *shape = &pass->shape;
    for (int t = HEAD_TAPS - 1; t >= 0; t--) {
        gemm(tap_matrix(shape, taps[t], t, false), lateral_matrix(params, shape, t), false, pass->coarse[t]);
        if (t < HEAD_TAPS - 1)
            grid_add_upsampled(shape->height >> t, shape->width >> t, HEAD_WIDTH, pass->coarse[t + 1], pass->coarse[t]);
    }
    rows_add(tap_cells(shape, 0), HEAD_WIDTH, params->lateral_bias, pass->coarse[0]);
    map_from_grid(pass->middle, pass->coarse[0], pass->summed);
}

void head_forward(struct head_pass *pass, const struct head_params *params, const float *const taps[HEAD_TAPS])
{
    int outs = head_outs(&pass->shape), rows = map_rows(pass->middle);
    sum_taps(pass, params, taps);
    norm_forward(pass->middle, pass->summed, params->gain[0], params->shift[0], pass->stats[0], pass->first);
    conv3_forward(pass->middle, HEAD_WIDTH, pass->first, params->conv, pass->conved);
    norm_forward(pass->middle, pass->conved, params->gain[1], params->shift[1], pass->stats[1], pass->second);
    gemm((struct matrix){ pass->second, rows, HEAD_WIDTH, false },
         (struct matrix){ params->out, HEAD_WIDTH, outs, false }, false, pass->out);
    rows_add(rows, outs, params->out_bias, pass->out);
}

/* From the gradient of pass->summed in pass->grad_below, without its border, down the pyramid to the 1x1s. */
static void backward_taps(struct head_pass *pass, const float *const taps[HEAD_TAPS], const struct head_params *grads)
{
    const struct head_shape *shape = &pass->shape;
    map_to_grid(pass->middle, pass->grad_below, pass->coarse[0]);
    rows_sum(tap_cells(shape, 0), HEAD_WIDTH, pass->coarse[0], grads->lateral_bias);
    for (int t = 0; t < HEAD_TAPS; t++) {
        int height = shape->height >> t, width = shape->width >> t;
        gemm(tap_matrix(shape, taps[t], t, true), (struct matrix){ pass->coarse[t], height * width, HEAD_WIDTH, false },
             true, grads->lateral[t]);
        if (t < HEAD_TAPS - 1)
            grid_sum_downsampled(height, width, HEAD_WIDTH, pass->coarse[t], pass->coarse[t + 1]);
    }
}

void head_backward(struct head_pass *pass, const struct head_params *params, const float *const taps[HEAD_TAPS],
                   const struct head_params *grads)
{
    int outs = head_outs(&pass->shape), rows = map_rows(pass->middle);
    struct matrix out_grad = { pass->out_grad, rows, outs, false };
    rows_sum(rows, outs, pass->out_grad, grads->out_bias);
    gemm((struct matrix){ pass->second, rows, HEAD_WIDTH, true }, out_grad, true, grads->out);
    gemm(out_grad, (struct matrix){ params->out, HEAD_WIDTH, outs, true }, false, pass->grad);
    norm_backward(pass->middle, pass->conved, pass->second, params->gain[1], pass->stats[1], pass->grad, grads->gain[1],
                  grads->shift[1]);
    conv3_backward(pass->middle, HEAD_WIDTH, pass->first, params->conv, pass->grad, grads->conv, pass->grad_below);
    norm_backward(pass->middle, pass->summed, pass->first, params->gain[0], pass->stats[0], pass->grad_below,
                  grads->gain[0], grads->shift[0]);
    backward_taps(pass, taps, grads);
}
