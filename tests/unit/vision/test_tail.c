/*
 * Fine-tuning: the tail computes what the trunk does, its gradients are those of finite differences over a reference in
 * doubles, and tuned weights do the same in a trunk.
 */
#include "vision/tail.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "graphs.h"

enum { BATCH = 3, HEIGHT = 35, WIDTH = 41, CUTS_MAX = 64, PROBES = 8 };

/* Images, what the cut gives for them, and a loss: the sum of all numbers of the taps times a slope each. */
struct bench {
    struct backbone *backbone;
    struct cut cut;
    struct image images[BATCH];
    double **outputs[BATCH]; /* of the reference */
    struct tap output;       /* its data: BATCH outputs of the cut, one behind the other */
    float *input;
    float *slopes[BACKBONE_TAPS];
};

static size_t floats_of(struct tap tap)
{
    return (size_t)tap.height * (size_t)tap.width * (size_t)tap.channels;
}

static void bench_open(struct bench *bench, struct backbone *backbone, struct cut cut, uint32_t seed)
{
    struct trunk *trunk;
    struct err err;
    *bench = (struct bench){ .backbone = backbone, .cut = cut };
    assert_true(trunk_new(backbone, HEIGHT, WIDTH, &trunk, &err));
    for (int i = 0; i < BATCH; i++) {
        float pixels[HEIGHT * WIDTH * 3];
        bench->images[i] = image_new(WIDTH, HEIGHT);
        for (int j = 0; j < HEIGHT * WIDTH * 3; j++)
            pixels[j] = bench->images[i].rgb[j] = (unsigned char)((graph_chance(&seed) + 1) * 127);
        bench->outputs[i] = graph_outputs(backbone, pixels, HEIGHT, WIDTH);
        trunk_run_to(trunk, &bench->images[i], &cut, &bench->output);
        size_t count = floats_of(bench->output);
        if (!bench->input)
            bench->input = mem_alloc(BATCH * count * sizeof(float));
        memcpy(bench->input + (size_t)i * count, bench->output.data, count * sizeof(float));
    }
    assert_int_equal(bench->output.channels, cut.channels);
    assert_int_equal(bench->output.height, (HEIGHT + cut.stride - 1) / cut.stride);
    trunk_free(trunk);
}

static void bench_close(struct bench *bench)
{
    for (int i = 0; i < BATCH; i++) {
        image_free(&bench->images[i]);
        graph_free_outputs(bench->backbone, bench->outputs[i]);
    }
    for (int t = 0; t < BACKBONE_TAPS; t++)
        free(bench->slopes[t]);
    free(bench->input);
}

static void choose_slopes(struct bench *bench, const struct tap taps[BACKBONE_TAPS], uint32_t seed)
{
    for (int t = 0; t < BACKBONE_TAPS; t++) {
        if (!taps[t].data)
            continue;
        size_t count = BATCH * floats_of(taps[t]);
        bench->slopes[t] = mem_alloc(count * sizeof(float));
        for (size_t i = 0; i < count; i++)
            bench->slopes[t][i] = (float)graph_chance(&seed);
    }
}

/* The loss in doubles, with the backbone's weights as they are. */
static double loss(const struct bench *bench)
{
    double sum = 0;
    for (int i = 0; i < BATCH; i++) {
        graph_run_again(bench->backbone, bench->outputs[i], bench->cut.layer, HEIGHT, WIDTH);
        for (int t = 0; t < BACKBONE_TAPS; t++) {
            if (!bench->slopes[t])
                continue;
            const struct layer *layer = &bench->backbone->layers[bench->backbone->taps[t]];
            size_t count =
                (size_t)layer_side(HEIGHT, layer->down) * (size_t)layer_side(WIDTH, layer->down) * (size_t)layer->out;
            for (size_t j = 0; j < count; j++)
                sum += bench->outputs[i][bench->backbone->taps[t]][j] * (double)bench->slopes[t][(size_t)i * count + j];
        }
    }
    return sum;
}

/* The slope of the loss by one weight, and whether it has one: right of it and left of it, it is the same. */
static bool difference(const struct bench *bench, float *weight, double here, double *ret_slope)
{
    float kept = *weight, step = 2e-5f;
    *weight = kept + step;
    double right = (loss(bench) - here) / ((double)*weight - (double)kept);
    *weight = kept - step;
    double left = (here - loss(bench)) / ((double)kept - (double)*weight);
    *weight = kept;
    *ret_slope = (left + right) / 2;
    return fabs(left - right) < 2e-3 * (1 + fabs(*ret_slope));
}

/* Returns how many weights were compared: at a kink of an activation there is nothing to compare. */
static int check_gradients(struct bench *bench, const float *gradients, uint32_t seed)
{
    size_t first = bench->backbone->layers[bench->cut.layer].weight;
    double here = loss(bench);
    int compared = 0;
    for (int i = 0; i < PROBES; i++) {
        size_t at = (size_t)((graph_chance(&seed) + 1) / 2 * ((double)bench->cut.weight_count - 0.5));
        double wanted;
        if (!difference(bench, &bench->backbone->weights[first + at], here, &wanted))
            continue;
        if (fabs((double)gradients[at] - wanted) > 2e-3 * (1 + fabs(wanted)))
            fail_msg("cut at layer %d, weight %zu: %g, not %g", bench->cut.layer, at, (double)gradients[at], wanted);
        compared++;
    }
    return compared;
}

static void assert_close(const float *got, const float *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fabsf(got[i] - wanted[i]) > 1e-4f * (1 + fabsf(wanted[i])))
            fail_msg("number %zu: %g, not %g", i, (double)got[i], (double)wanted[i]);
}

/* The taps of one image in a trunk with these weights behind the cut. */
static void assert_trunk_agrees(const struct bench *bench, const float *weights, const struct tap taps[BACKBONE_TAPS])
{
    struct trunk *trunk;
    struct tap others[BACKBONE_TAPS];
    struct err err;
    assert_true(trunk_new_tuned(bench->backbone, &bench->cut, weights, HEIGHT, WIDTH, &trunk, &err));
    for (int i = 0; i < BATCH; i++) {
        trunk_run(trunk, &bench->images[i], others);
        for (int t = 0; t < BACKBONE_TAPS; t++)
            if (taps[t].data)
                assert_close(taps[t].data + (size_t)i * floats_of(taps[t]), others[t].data, floats_of(taps[t]));
    }
    trunk_free(trunk);
}

static int check_cut(struct backbone *backbone, struct cut cut, uint32_t seed)
{
    struct bench bench;
    struct tap taps[BACKBONE_TAPS];
    bench_open(&bench, backbone, cut, seed);
    struct tail *tail = tail_new(backbone, &cut, BATCH, HEIGHT, WIDTH);
    tail_forward(tail, bench.input, taps);
    assert_non_null(taps[BACKBONE_TAPS - 1].data);
    choose_slopes(&bench, taps, seed + 1);
    assert_trunk_agrees(&bench, tail_weights(tail), taps);

    const float *const slopes[BACKBONE_TAPS] = { bench.slopes[0], bench.slopes[1], bench.slopes[2] };
    tail_backward(tail, slopes);
    int compared = check_gradients(&bench, tail_gradients(tail), seed + 2);
    float once = tail_gradients(tail)[0];
    tail_backward(tail, slopes);
    assert_float_equal(tail_gradients(tail)[0], 2 * once, 1e-3 * (1 + fabs((double)once)));
    tail_clear(tail);
    assert_float_equal(tail_gradients(tail)[0], 0, 0);

    for (size_t i = 0; i < cut.weight_count; i++)
        tail_weights(tail)[i] += (float)graph_chance(&seed) * 0.1f;
    tail_forward(tail, bench.input, taps);
    assert_trunk_agrees(&bench, tail_weights(tail), taps);
    tail_free(tail);
    bench_close(&bench);
    return compared;
}

static void gradients_are_those_of_differences(void **state)
{
    (void)state;
    int compared = 0, cuts = 0;
    for (uint32_t seed = 1; seed <= 8; seed++) {
        struct backbone *backbone = graph_random(seed);
        struct cut all[CUTS_MAX];
        int count = tail_cuts(backbone, all, CUTS_MAX);
        assert_true(count > 0 && count <= CUTS_MAX);
        for (int i = (int)seed % 3; i < count; i += 3) {
            compared += check_cut(backbone, all[i], seed * 100 + (uint32_t)i);
            cuts++;
        }
        backbone_free(backbone);
    }
    assert_true(compared > cuts * PROBES / 2);
}

static void cuts_are_the_narrow_places(void **state)
{
    (void)state;
    /* b adds a's output, so nothing can be cut between; f reads the residual's sum alone. */
    static const char layers[] = "conv a from=input out=2 kernel=1 stride=4 act=none\n"
                                 "conv b from=a out=2 kernel=1 stride=1 act=none\n"
                                 "conv c from=b out=2 kernel=1 stride=1 act=none add=a\n"
                                 "conv d from=c out=3 kernel=1 stride=2 act=none\n"
                                 "conv e from=d out=2 kernel=1 stride=2 act=none\n"
                                 "conv f from=e out=2 kernel=1 stride=2 act=none\n"
                                 "tap c3 d\ntap c4 e\ntap c5 f\n";
    static const float weights[8 + 6 + 6 + 9 + 8 + 6];
    struct backbone *backbone = graph_of(layers, weights, COUNT_OF(weights));
    struct cut cuts[8];
    assert_int_equal(tail_cuts(backbone, cuts, 8), 4);
    const struct cut wanted[] = { { 5, 2, 16, 6 }, { 4, 3, 8, 14 }, { 3, 2, 4, 23 }, { 1, 2, 4, 35 } };
    for (unsigned i = 0; i < COUNT_OF(wanted); i++) {
        assert_int_equal(cuts[i].layer, wanted[i].layer);
        assert_int_equal(cuts[i].channels, wanted[i].channels);
        assert_int_equal(cuts[i].stride, wanted[i].stride);
        assert_int_equal(cuts[i].weight_count, wanted[i].weight_count);
    }
    assert_int_equal(tail_cuts(backbone, NULL, 0), 4);
    backbone_free(backbone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_differences),
        cmocka_unit_test(cuts_are_the_narrow_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
