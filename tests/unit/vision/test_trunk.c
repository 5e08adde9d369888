/* The trunk computes what plain loops compute, layer by layer, on random graphs of every kind of layer. */
#include "vision/trunk.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "graphs.h"

static float *noise(int height, int width, uint32_t seed)
{
    float *pixels = mem_alloc((unsigned long)(height * width * 3) * sizeof *pixels);
    for (int i = 0; i < height * width * 3; i++)
        pixels[i] = (float)floor((graph_chance(&seed) + 1) * 127.99);
    return pixels;
}

static void assert_tap(struct tap tap, const double *wanted, const char *what)
{
    for (int i = 0; i < tap.height * tap.width * tap.channels; i++)
        if (fabs((double)tap.data[i] - wanted[i]) > 1e-4 * (1 + fabs(wanted[i])))
            fail_msg("%s, number %d: %g, not %g", what, i, (double)tap.data[i], wanted[i]);
}

static void check(const struct backbone *backbone, int height, int width, uint32_t seed)
{
    struct tap taps[BACKBONE_TAPS], shapes[BACKBONE_TAPS];
    struct trunk *trunk;
    struct err err;
    float *pixels = noise(height, width, seed);
    double **outputs = graph_outputs(backbone, pixels, height, width);
    assert_true(trunk_new(backbone, height, width, &trunk, &err));
    trunk_shapes(trunk, shapes);
    for (int again = 0; again < 2; again++) {
        trunk_run_floats(trunk, pixels, taps);
        for (int t = 0; t < BACKBONE_TAPS; t++) {
            assert_int_equal(taps[t].height, (height + (8 << t) - 1) / (8 << t));
            assert_int_equal(taps[t].width, (width + (8 << t) - 1) / (8 << t));
            assert_int_equal(taps[t].channels, backbone_channels(backbone, (unsigned)t));
            assert_int_equal(shapes[t].height, taps[t].height);
            assert_int_equal(shapes[t].channels, taps[t].channels);
            assert_null(shapes[t].data);
            assert_tap(taps[t], outputs[backbone->taps[t]], "tap");
        }
    }
    trunk_free(trunk);
    graph_free_outputs(backbone, outputs);
    free(pixels);
}

static void random_graphs_agree(void **state)
{
    (void)state;
    const int sizes[][2] = { { 32, 32 }, { 33, 47 }, { 64, 40 }, { 50, 97 } };
    for (uint32_t seed = 1; seed <= 24; seed++) {
        struct backbone *backbone = graph_random(seed);
        check(backbone, sizes[seed % 4][0], sizes[seed % 4][1], seed);
        backbone_free(backbone);
    }
}

/* Every padding that TensorFlow's SAME can give: kernels and strides against sides of each remainder. */
static void every_padding_agrees(void **state)
{
    (void)state;
    for (int kernel = 1; kernel <= 7; kernel += 2)
        for (int odd = 0; odd < 4; odd++) {
            char text[1024];
            int first = 4 * kernel * kernel * 3 + 4, next = 4 * kernel * kernel * 4 + 4, deep = 4 * kernel * kernel + 4;
            size_t count = (size_t)(first + 2 * next + 2 * deep);
            float *weights = mem_alloc(count * sizeof *weights);
            uint32_t seed = (uint32_t)(kernel * 10 + odd);
            for (size_t i = 0; i < count; i++)
                weights[i] = (float)graph_chance(&seed) * 0.3f;
            snprintf(text, sizeof text,
                     "conv a from=input out=4 kernel=%d stride=2 act=relu6\nconv b from=a out=4 kernel=%d stride=2 "
                     "act=none\n"
                     "depthwise c from=b kernel=%d stride=2 act=none\ndepthwise d from=c kernel=%d stride=2 act=relu\n"
                     "conv e from=d out=4 kernel=%d stride=2 act=none\ntap c3 c\ntap c4 d\ntap c5 e\n",
                     kernel, kernel, kernel, kernel, kernel);
            struct backbone *backbone = graph_of(text, weights, count);
            check(backbone, 32 + odd * 11, 61 - odd * 7, seed);
            backbone_free(backbone);
            free(weights);
        }
}

/* An image of bytes and the same as floats. */
static void bytes_and_floats_agree(void **state)
{
    (void)state;
    struct backbone *backbone = graph_random(77);
    struct tap taps[BACKBONE_TAPS], others[BACKBONE_TAPS];
    struct trunk *trunk, *other;
    struct err err;
    float *pixels = noise(40, 56, 5);
    struct image image = image_new(56, 40);
    for (int i = 0; i < 40 * 56 * 3; i++)
        image.rgb[i] = (unsigned char)pixels[i];
    assert_true(trunk_new(backbone, 40, 56, &trunk, &err));
    assert_true(trunk_new(backbone, 40, 56, &other, &err));
    trunk_run(trunk, &image, taps);
    trunk_run_floats(other, pixels, others);
    for (int t = 0; t < BACKBONE_TAPS; t++)
        for (int i = 0; i < taps[t].height * taps[t].width * taps[t].channels; i++)
            assert_true(fabsf(taps[t].data[i] - others[t].data[i]) < 1e-5f);
    trunk_free(trunk);
    trunk_free(other);
    image_free(&image);
    backbone_free(backbone);
    free(pixels);
}

struct runner {
    const struct backbone *backbone;
    const float *pixels;
    float sums[BACKBONE_TAPS][64];
    pthread_t thread;
};

static void *run(void *ctx)
{
    struct runner *runner = ctx;
    struct tap taps[BACKBONE_TAPS];
    struct trunk *trunk;
    struct err err;
    assert_true(trunk_new(runner->backbone, 64, 64, &trunk, &err));
    for (int i = 0; i < 20; i++)
        trunk_run_floats(trunk, runner->pixels, taps);
    for (int t = 0; t < BACKBONE_TAPS; t++)
        memcpy(runner->sums[t], taps[t].data, sizeof(float) * (size_t)taps[t].channels); /* the upper left place */
    trunk_free(trunk);
    return NULL;
}

/* Trunks on one backbone in several threads give the same bits. */
static void threads_agree(void **state)
{
    (void)state;
    struct backbone *backbone = graph_random(3);
    float *pixels = noise(64, 64, 9);
    struct runner runners[4];
    memset(runners, 0, sizeof runners);
    for (unsigned i = 0; i < COUNT_OF(runners); i++) {
        runners[i].backbone = backbone;
        runners[i].pixels = pixels;
        assert_int_equal(pthread_create(&runners[i].thread, NULL, run, &runners[i]), 0);
    }
    for (unsigned i = 0; i < COUNT_OF(runners); i++)
        pthread_join(runners[i].thread, NULL);
    for (unsigned i = 1; i < COUNT_OF(runners); i++)
        assert_memory_equal(runners[i].sums, runners[0].sums, sizeof runners[0].sums);
    backbone_free(backbone);
    free(pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_graphs_agree),
        cmocka_unit_test(every_padding_agrees),
        cmocka_unit_test(bytes_and_floats_agree),
        cmocka_unit_test(threads_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
