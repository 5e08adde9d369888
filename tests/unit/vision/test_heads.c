/* The heads' gradients against finite differences, their scores against plain loops, and what they learn. */
#include "vision/label_loss.h"
#include "vision/learn.h"
#include "vision/linear_head.h"
#include "vision/places_head.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 23, WIDTH = 7, LABELS = 3, PLACES = 9 };

static double valley(void *ctx, const double *x, double *ret_gradient)
{
    (void)ctx; /* Rosenbrock's: the minimum is 0 at (1, 1) */
    double rise = x[1] - x[0] * x[0], run = 1 - x[0];
    ret_gradient[0] = -400 * x[0] * rise - 2 * run;
    ret_gradient[1] = 200 * rise;
    return 100 * rise * rise + run * run;
}

static void lbfgs_finds_the_valley(void **state)
{
    (void)state;
    double x[] = { -1.2, 1 };
    const struct lbfgs problem = { .size = 2, .iterations = 200, .tolerance = 1e-9, .value = valley };
    assert_true(lbfgs_minimise(&problem, x) < 1e-12);
    assert_true(fabs(x[0] - 1) < 1e-5 && fabs(x[1] - 1) < 1e-5);
}

static float *floats(size_t count, uint64_t seed)
{
    float *values = mem_alloc(count * sizeof *values);
    struct learn_random random = learn_random(seed, 9);
    for (size_t i = 0; i < count; i++)
        values[i] = learn_random_normal(&random);
    return values;
}

static double *doubles(size_t count, uint64_t seed)
{
    float *values = floats(count, seed);
    double *wide = mem_alloc(count * sizeof *wide);
    for (size_t i = 0; i < count; i++)
        wide[i] = (double)values[i] * 0.3;
    free(values);
    return wide;
}

/* One label a row, or with `each` any number of them. */
static float *truths(size_t rows, bool each)
{
    float *truth = mem_zero(rows * LABELS, sizeof *truth);
    for (size_t i = 0; i < rows * LABELS; i++)
        truth[i] = each ? i % 2 == i / 5 % 2 : i % LABELS == i / LABELS * 7 % LABELS;
    return truth;
}

static void assert_close(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance * (1 + fabs(b))))
        fail_msg("%.9g is not %.9g", a, b);
}

static void label_losses_have_their_gradients(void **state)
{
    (void)state;
    float *scores = floats(LABELS, 3), gradient[LABELS], ignored[LABELS];
    for (int each = 0; each < 2; each++) {
        const float truth[LABELS] = { 0, 1, each ? 1 : 0 };
        label_loss(scores, truth, LABELS, each, gradient);
        for (int c = 0; c < LABELS; c++) {
            const float step = 1e-2f;
            float moved[2][LABELS];
            for (int k = 0; k < LABELS; k++)
                moved[0][k] = moved[1][k] = scores[k];
            moved[0][c] -= step;
            moved[1][c] += step;
            double rise = label_loss(moved[1], truth, LABELS, each, ignored) -
                          label_loss(moved[0], truth, LABELS, each, ignored);
            assert_close((double)gradient[c], rise / ((double)moved[1][c] - (double)moved[0][c]), 1e-4);
        }
    }
    free(scores);
}

/* The gradient of `value` at x against differences, in every direction of x. */
static void check_gradient(double (*value)(const void *task, const double *x, double *ret_gradient), const void *task,
                           double *x, size_t size)
{
    double *gradient = mem_alloc(size * sizeof *gradient), *ignored = mem_alloc(size * sizeof *ignored);
    value(task, x, gradient);
    for (size_t i = 0; i < size; i++) {
        const double step = 2e-2, kept = x[i];
        x[i] = kept + step;
        double above = value(task, x, ignored);
        x[i] = kept - step;
        double below = value(task, x, ignored);
        x[i] = kept;
        assert_close(gradient[i], (above - below) / (2 * step), 2e-3);
    }
    free(gradient);
    free(ignored);
}

static double linear(const void *task, const double *x, double *ret_gradient)
{
    return linear_value(task, x, ret_gradient);
}

static double places(const void *task, const double *x, double *ret_gradient)
{
    return places_value(task, x, ret_gradient);
}

static void linear_head_has_its_gradient(void **state)
{
    (void)state;
    for (int each = 0; each < 2; each++) {
        float *x = floats(ROWS * (WIDTH + 2), 5), *truth = truths(ROWS, each);
        double *weights = doubles(linear_size(WIDTH, LABELS), 6);
        const struct linear_task task = { .table = { x, ROWS, WIDTH, WIDTH + 2 }, .truth = truth, .labels = LABELS,
                                          .each = each, .held_begin = 4, .held_end = 11, .ridge = 0.1 };
        check_gradient(linear, &task, weights, linear_size(WIDTH, LABELS));
        free(x);
        free(truth);
        free(weights);
    }
}

static signed char *codes_of(size_t count, uint64_t seed)
{
    float *values = floats(count, seed);
    signed char *codes = mem_alloc(count);
    for (size_t i = 0; i < count; i++)
        codes[i] = (signed char)fminf(fmaxf(values[i] / PLACES_STEP, -127), 127);
    free(values);
    return codes;
}

static void places_head_has_its_gradient(void **state)
{
    (void)state;
    for (int each = 0; each < 2; each++) {
        signed char *codes = codes_of(ROWS * PLACES * WIDTH, 7);
        float *truth = truths(ROWS, each);
        double *weights = doubles((WIDTH + 1) * LABELS, 8);
        const struct places_task task = { .table = { codes, ROWS, PLACES, WIDTH }, .truth = truth, .labels = LABELS,
                                          .each = each, .held_begin = 9, .held_end = 20, .ridge = 0.1 };
        check_gradient(places, &task, weights, (WIDTH + 1) * LABELS);
        free(codes);
        free(truth);
        free(weights);
    }
}

/* In doubles and without tricks: bias + log(mean(exp(s w z))) / s. */
static void places_scores_are_the_formula(void **state)
{
    (void)state;
    signed char *codes = codes_of(ROWS * PLACES * WIDTH, 11);
    double *weights = doubles((WIDTH + 1) * LABELS, 12);
    const struct places_table table = { codes, ROWS, PLACES, WIDTH };
    float scores[ROWS * LABELS];
    places_scores(&table, 0, ROWS, weights, LABELS, scores);
    for (size_t i = 0; i < ROWS; i++)
        for (size_t c = 0; c < LABELS; c++) {
            double sum = 0;
            for (size_t p = 0; p < PLACES; p++) {
                double at = 0;
                for (size_t k = 0; k < WIDTH; k++)
                    at += codes[(i * PLACES + p) * WIDTH + k] * (double)PLACES_STEP / sqrt(WIDTH) *
                          weights[k * LABELS + c];
                sum += exp((double)PLACES_SHARPNESS * at) / PLACES;
            }
            assert_close((double)scores[i * LABELS + c],
                         weights[WIDTH * LABELS + c] + log(sum) / (double)PLACES_SHARPNESS, 1e-5);
        }
    free(codes);
    free(weights);
}

enum { IMAGES = 240, TRAINED = 120 };

/* Images of which one place of nine says the label; all others are noise. */
static signed char *busy_images(float *ret_truth)
{
    signed char *codes = codes_of(IMAGES * PLACES * WIDTH, 21);
    struct learn_random random = learn_random(1, 2);
    for (size_t i = 0; i < IMAGES; i++) {
        size_t label = i % LABELS;
        signed char *place = codes + (i * PLACES + learn_random_below(&random, PLACES)) * WIDTH;
        ret_truth[i * LABELS + label] = 1;
        for (size_t k = 0; k < LABELS; k++)
            place[k] = k == label ? 64 : 0;
    }
    return codes;
}

/* Of the images that took no part, how many are told. */
static size_t told(const struct places_table *table, const double *weights)
{
    size_t right = 0;
    float scores[LABELS];
    for (size_t i = TRAINED; i < IMAGES; i++) {
        places_scores(table, i, i + 1, weights, LABELS, scores);
        size_t best = scores[0] > scores[1] ? 0 : 1;
        best = scores[2] > scores[best] ? 2 : best;
        right += best == i % LABELS;
    }
    return right;
}

/* The mean of places says little; the head finds the place, all at once and by small batches. */
static void places_head_finds_the_place(void **state)
{
    (void)state;
    float *truth = mem_zero(IMAGES * LABELS, sizeof *truth);
    signed char *codes = busy_images(truth);
    struct places_task task = { .table = { codes, IMAGES, PLACES, WIDTH }, .truth = truth, .labels = LABELS,
                                .held_begin = TRAINED, .held_end = IMAGES, .ridge = 1e-4, .iterations = 100 };
    double *weights = mem_zero((WIDTH + 1) * LABELS, sizeof *weights), *again = mem_zero((WIDTH + 1) * LABELS, 8);
    places_fit(&task, weights);
    assert_true(told(&task.table, weights) >= 110);
    task.iterations = 20;
    memset(weights, 0, (WIDTH + 1) * LABELS * sizeof *weights);
    places_descend(&task, weights);
    assert_true(told(&task.table, weights) >= 110);
    places_descend(&task, again);
    assert_memory_equal(weights, again, (WIDTH + 1) * LABELS * sizeof *weights);
    free(codes);
    free(truth);
    free(weights);
    free(again);
}

/* What is held out says the opposite of the rest: a look at it would show in the value reached. */
static void linear_descent_comes_near_the_minimum(void **state)
{
    (void)state;
    enum { MANY = 300, HELD = 100, HELD_END = 170 };
    for (int each = 0; each < 2; each++) {
        float *x = floats(MANY * WIDTH, 31), *truth = mem_zero(MANY * LABELS, sizeof *truth);
        for (size_t i = 0; i < MANY; i++) {
            float sign = i >= HELD && i < HELD_END ? -1 : 1;
            for (size_t c = 0; c < LABELS; c++)
                truth[i * LABELS + c] = each ? sign * x[i * WIDTH + c] > 0 : c == (sign * x[i * WIDTH] > 0 ? 1 : 2);
        }
        struct linear_task task = { .table = { x, MANY, WIDTH, WIDTH }, .truth = truth, .labels = LABELS,
                                    .each = each, .held_begin = HELD, .held_end = HELD_END, .ridge = 1e-2,
                                    .iterations = 200 };
        double *weights = mem_zero(linear_size(WIDTH, LABELS), sizeof *weights);
        double *gradient = mem_alloc(linear_size(WIDTH, LABELS) * sizeof *gradient);
        double least = linear_fit(&task, weights);
        memset(weights, 0, linear_size(WIDTH, LABELS) * sizeof *weights);
        double start = linear_value(&task, weights, gradient);
        task.iterations = 40;
        linear_descend(&task, weights);
        double reached = linear_value(&task, weights, gradient);
        assert_true(least < 0.7 * start && reached >= least && reached < least + 0.02 * (start - least));
        free(x);
        free(truth);
        free(weights);
        free(gradient);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lbfgs_finds_the_valley),        cmocka_unit_test(label_losses_have_their_gradients),
        cmocka_unit_test(linear_head_has_its_gradient),  cmocka_unit_test(places_head_has_its_gradient),
        cmocka_unit_test(places_scores_are_the_formula), cmocka_unit_test(places_head_finds_the_place),
        cmocka_unit_test(linear_descent_comes_near_the_minimum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
