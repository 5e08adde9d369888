/* The detector's layers against plain loops, and every gradient against finite differences. */
#include "vision/detect_loss.h" /* before cmocka.h, which has a macro called fail */
#include "vision/detect_kind.h"
#include "vision/gemm.h"
#include "vision/learn.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct head_shape SHAPE = { .height = 8, .width = 12, .channels = { 5, 7, 3 }, .labels = 3 };

static float *noise(size_t count, uint64_t stream)
{
    struct learn_random random = learn_random(11, stream);
    float *values = mem_zero(count, sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = learn_random_normal(&random);
    return values;
}

static void assert_near(double got, double wanted, double most)
{
    if (!(fabs(got - wanted) <= most * (1 + fabs(wanted))))
        fail_msg("%g instead of %g", got, wanted);
}

static void products(void **state)
{
    (void)state;
    enum { ROWS = 5, INNER = 7, COLUMNS = 4 };
    float *a = noise(ROWS * INNER, 1), *b = noise(INNER * COLUMNS, 2);
    for (int turned = 0; turned < 4; turned++) {
        float out[ROWS * COLUMNS];
        for (int i = 0; i < ROWS * COLUMNS; i++)
            out[i] = 2;
        struct matrix left = { a, turned & 1 ? INNER : ROWS, turned & 1 ? ROWS : INNER, turned & 1 };
        struct matrix right = { b, turned & 2 ? COLUMNS : INNER, turned & 2 ? INNER : COLUMNS, turned & 2 };
        gemm(left, right, turned == 3, out);
        for (int r = 0; r < ROWS; r++) {
            for (int c = 0; c < COLUMNS; c++) {
                double sum = turned == 3 ? 2 : 0;
                for (int i = 0; i < INNER; i++)
                    sum += (double)(turned & 1 ? a[i * ROWS + r] : a[r * INNER + i]) *
                           (turned & 2 ? b[c * INNER + i] : b[i * COLUMNS + c]);
                assert_near(out[r * COLUMNS + c], sum, 1e-5);
            }
        }
    }
    free(a);
    free(b);
}

static void convolution(void **state)
{
    (void)state;
    struct map_size in = { 4, 5, 3 }, out = { 4, 5, 2 };
    float *input = noise(map_floats(in), 3), *weights = noise(9 * 3 * 2, 4), *output = noise(map_floats(out), 5);
    map_clear_border(in, input);
    conv3_forward(in, 2, input, weights, output);
    for (int y = -1; y <= in.height; y++) {
        for (int x = -1; x <= in.width; x++) {
            for (int o = 0; o < 2; o++) {
                double sum = 0;
                for (int tap = 0; tap < 9 && y >= 0 && y < in.height && x >= 0 && x < in.width; tap++)
                    for (int c = 0; c < 3; c++)
                        sum += (double)input[map_row(in, y + tap / 3 - 1, x + tap % 3 - 1) * 3 + c] *
                               weights[(tap * 3 + c) * 2 + o];
                assert_near(output[map_row(out, y, x) * 2 + o], sum, 1e-5);
            }
        }
    }
    free(input);
    free(weights);
    free(output);
}

static void normalisation(void **state)
{
    (void)state;
    struct map_size size = { 3, 4, 16 };
    float *input = noise(map_floats(size), 6), *gain = noise(16, 7), *shift = noise(16, 8), stats[2 * NORM_GROUPS];
    float *output = noise(map_floats(size), 9);
    norm_forward(size, input, gain, shift, stats, output);
    for (int c = 0; c < 16; c++) {
        double sum = 0, squares = 0;
        int first = c / 2 * 2;
        for (int cell = 0; cell < 12; cell++) {
            for (int g = first; g < first + 2; g++) {
                double value = input[map_row(size, cell / 4, cell % 4) * 16 + g];
                sum += value;
                squares += value * value;
            }
        }
        double mean = sum / 24, deviation = sqrt(squares / 24 - mean * mean + 1e-5);
        for (int cell = 0; cell < 12; cell++) {
            int at = map_row(size, cell / 4, cell % 4) * 16 + c;
            assert_near(output[at], fmax(0, (input[at] - mean) / deviation * gain[c] + shift[c]), 1e-4);
        }
    }
    for (int x = -1; x <= size.width; x++)
        assert_true(output[map_row(size, -1, x) * 16] == 0 && output[map_row(size, size.height, x) * 16 + 15] == 0);
    free(input);
    free(gain);
    free(shift);
    free(output);
}

/* --- gradients ---------------------------------------------------------------------------------------------------- */

struct trial {
    struct head_pass pass;
    struct head_params params;
    struct loss_room *room;
    float *all, *taps[HEAD_TAPS], *pooled, *rest;
    struct head_params ignored; /* names of `rest`, where gradients go that nobody looks at */
};

/* The last one is smaller than a cell, and two share cells. */
static const struct cell_box BOXES[] = {
    { 0, 0.5f, 0.5f, 8.5f, 7.75f }, { 2, 3, 2, 6.5f, 5 }, { 1, 9, 1.25f, 12, 4 }, { 0, 10.1f, 6.2f, 10.6f, 6.9f }
};

static double trial_loss(struct trial *trial)
{
    head_forward(&trial->pass, &trial->params, (const float *const *)trial->taps);
    struct loss_sums sums = detect_loss(trial->room, &trial->pass, BOXES, COUNT_OF(BOXES), 0.25f, 3);
    double kinds = kind_loss(&SHAPE, &trial->params, (const float *const *)trial->taps, BOXES, COUNT_OF(BOXES), 0.25f,
                             &trial->ignored, trial->pooled);
    return 0.25 * (sums.score + 3 * sums.sides + kinds);
}

static void open_trial(struct trial *trial)
{
    trial->all = noise(head_param_count(&SHAPE), 20);
    float *start = mem_zero(head_param_count(&SHAPE), sizeof *start);
    head_init(&SHAPE, 5, 2.5f, start);
    for (size_t i = 0; i < head_param_count(&SHAPE); i++)
        trial->all[i] = start[i] + 0.05f * trial->all[i];
    free(start);
    head_name(&SHAPE, trial->all, &trial->params);
    head_pass_open(&trial->pass, &SHAPE, true);
    trial->room = loss_room_new(&SHAPE);
    trial->pooled = mem_zero((size_t)(kind_width(&SHAPE) + SHAPE.labels), sizeof(float));
    trial->rest = mem_zero(head_param_count(&SHAPE), sizeof(float));
    head_name(&SHAPE, trial->rest, &trial->ignored);
    for (int t = 0; t < HEAD_TAPS; t++)
        trial->taps[t] = noise((size_t)(SHAPE.height >> t) * (size_t)(SHAPE.width >> t) * (size_t)SHAPE.channels[t],
                               30 + (uint64_t)t);
}

static void close_trial(struct trial *trial)
{
    head_pass_close(&trial->pass);
    loss_room_free(trial->room);
    for (int t = 0; t < HEAD_TAPS; t++)
        free(trial->taps[t]);
    free(trial->all);
    free(trial->pooled);
    free(trial->rest);
}

/*
 * Along the gradient of each part in turn, and along chance: the loss must change as fast as the gradient says. Floats
 * bound how well that can be seen.
 */
static void head_gradient(void **state)
{
    (void)state;
    struct trial trial;
    open_trial(&trial);
    size_t count = head_param_count(&SHAPE);
    float *grad = mem_zero(count, sizeof *grad), *kept = mem_alloc(count * sizeof *kept);
    memcpy(kept, trial.all, count * sizeof *kept);
    struct head_params grads;
    head_name(&SHAPE, grad, &grads);
    trial_loss(&trial);
    head_backward(&trial.pass, &trial.params, (const float *const *)trial.taps, &grads);
    kind_loss(&SHAPE, &trial.params, (const float *const *)trial.taps, BOXES, COUNT_OF(BOXES), 0.25f, &grads,
              trial.pooled);
    float *parts[] = { grads.lateral[0], grads.lateral[1], grads.lateral[2], grads.lateral_bias, grads.gain[0],
                       grads.shift[0],   grads.gain[1],    grads.shift[1],   grads.conv,         grads.out,
                       grads.out_bias,   grads.kind,       grads.kind_bias,  grad + count };
    for (size_t p = 0; p + 1 < COUNT_OF(parts); p++) {
        size_t from = (size_t)(parts[p] - grad), to = (size_t)(parts[p + 1] - grad);
        for (int chance = 0; chance < 2; chance++) {
            float *along = noise(to - from, 40 + p);
            double length = 0, slope = 0, step = 2e-3;
            if (!chance)
                memcpy(along, parts[p], (to - from) * sizeof *along);
            for (size_t i = 0; i < to - from; i++)
                length += (double)along[i] * along[i];
            length = sqrt(length);
            assert_true(length > 1e-4);
            for (size_t i = 0; i < to - from; i++)
                slope += parts[p][i] * along[i] / length;
            double seen[2];
            for (int side = 0; side < 2; side++) {
                for (size_t i = 0; i < to - from; i++)
                    trial.all[from + i] = (float)(kept[from + i] + (side ? step : -step) * along[i] / length);
                seen[side] = trial_loss(&trial);
            }
            memcpy(trial.all, kept, count * sizeof *kept);
            assert_near((seen[1] - seen[0]) / (2 * step), slope, chance ? 2e-2 : 1e-2);
            free(along);
        }
    }
    free(grad);
    free(kept);
    close_trial(&trial);
}

static void giou_gradient(void **state)
{
    (void)state;
    static const float pairs[][2][HEAD_SIDES] = {
        { { 1, 2, 3, 4 }, { 1.5f, 1, 2, 5 } },
        { { 4, 4, 4, 4 }, { 1, 1, 1, 1 } },
        { { 0.2f, 0.3f, 0.2f, 0.3f }, { 5, 5, 5, 5 } },
        { { -0.3f, 1, 0.6f, 1 }, { 0.5f, 1.2f, -0.4f, 1.1f } },
    };
    for (size_t p = 0; p < COUNT_OF(pairs); p++) {
        float grad[HEAD_SIDES], ignored[HEAD_SIDES], moved[HEAD_SIDES];
        float loss = giou_loss(pairs[p][0], pairs[p][1], grad);
        assert_true(loss > 0 && loss < 2);
        for (int s = 0; s < HEAD_SIDES; s++) {
            memcpy(moved, pairs[p][0], sizeof moved);
            moved[s] += 1e-3f;
            double above = giou_loss(moved, pairs[p][1], ignored);
            moved[s] -= 2e-3f;
            assert_near((above - giou_loss(moved, pairs[p][1], ignored)) / 2e-3, grad[s], 2e-3);
        }
    }
    float grad[HEAD_SIDES];
    assert_near(giou_loss(pairs[0][0], pairs[0][0], grad), 0, 1e-6);
}

/* Means over a box: of whole cells, of parts of them, of a map that is the same all over. */
static void pooling(void **state)
{
    (void)state;
    struct trial trial;
    open_trial(&trial);
    struct cell_box box = { 0, 1, 2, 5, 7 };
    kind_pool(&SHAPE, (const float *const *)trial.taps, &box, trial.pooled);
    for (int t = 1; t < HEAD_TAPS; t++) {
        for (int c = 0; c < SHAPE.channels[t]; c++) {
            double sum = 0;
            for (int y = 2; y < 7; y++)
                for (int x = 1; x < 5; x++)
                    sum += trial.taps[t][((y >> t) * (SHAPE.width >> t) + (x >> t)) * SHAPE.channels[t] + c];
            assert_near(trial.pooled[(t == 1 ? 0 : SHAPE.channels[1]) + c], sum / 20, 1e-5);
        }
    }
    kind_scale(&SHAPE, trial.pooled);
    float chances[3], sum = 0;
    kind_chances(&SHAPE, &trial.params, trial.pooled, chances);
    for (int l = 0; l < 3; l++)
        sum += chances[l];
    assert_near(sum, 1, 1e-6);
    assert_near(kind_confidence(0.3f, 0.3f, 1), 0.3, 1e-6); /* the only label */
    assert_true(kind_confidence(0.3f, 0.6f, 0.9f) > 0.3f && kind_confidence(0.6f, 0.6f, 0.1f) < 0.6f);
    close_trial(&trial);
}

/* Sums of the loss do not depend on which share of a batch they are, and no box is no error. */
static void an_image_without_boxes(void **state)
{
    (void)state;
    struct trial trial;
    open_trial(&trial);
    head_forward(&trial.pass, &trial.params, (const float *const *)trial.taps);
    struct loss_sums sums = detect_loss(trial.room, &trial.pass, NULL, 0, 1, 1);
    assert_true(sums.score > 0 && sums.sides == 0);
    for (int s = 0; s < HEAD_SIDES; s++)
        assert_true(trial.pass.out_grad[map_row(trial.pass.end, 2, 3) * head_outs(&SHAPE) + SHAPE.labels + s] == 0);
    close_trial(&trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products),
        cmocka_unit_test(convolution),
        cmocka_unit_test(normalisation),
        cmocka_unit_test(head_gradient),
        cmocka_unit_test(giou_gradient),
        cmocka_unit_test(pooling),
        cmocka_unit_test(an_image_without_boxes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
