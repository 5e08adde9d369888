/* Whitened features are uncorrelated and of one spread; a factor is a factor. */
#include "vision/learn.h"
#include "vision/whiten.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROWS = 600, WIDTH = 24, KEPT = 6 };

/* Six directions of very different spread and a mean, mixed, and a little noise everywhere. */
static float *mixed_rows(void)
{
    float *rows = mem_zero(ROWS * WIDTH, sizeof *rows), mix[KEPT][WIDTH];
    struct learn_random random = learn_random(4, 4);
    for (int k = 0; k < KEPT; k++)
        for (int i = 0; i < WIDTH; i++)
            mix[k][i] = learn_random_normal(&random) * (float)(1 << k) / 4;
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < WIDTH; i++)
            rows[r * WIDTH + i] = 3 + 0.01f * learn_random_normal(&random);
    for (int r = 0; r < ROWS; r++)
        for (int k = 0; k < KEPT; k++) {
            float along = learn_random_normal(&random);
            for (int i = 0; i < WIDTH; i++)
                rows[r * WIDTH + i] += along * mix[k][i];
        }
    return rows;
}

static void white_is_white(void **state)
{
    (void)state;
    float *rows = mixed_rows(), mean[WIDTH], projection[WIDTH * KEPT];
    double covariance[KEPT][KEPT] = { 0 };
    struct spread spread = spread_new(WIDTH);
    spread_add(&spread, rows, 100);
    spread_add(&spread, rows + 100 * WIDTH, ROWS - 100);
    whiten_fit(&spread, KEPT, 0, mean, projection);
    for (int r = 0; r < ROWS; r++) {
        double z[KEPT] = { 0 };
        for (int i = 0; i < WIDTH; i++)
            for (int k = 0; k < KEPT; k++)
                z[k] += ((double)rows[r * WIDTH + i] - (double)mean[i]) * (double)projection[i * KEPT + k];
        for (int a = 0; a < KEPT; a++)
            for (int b = 0; b < KEPT; b++)
                covariance[a][b] += z[a] * z[b] / ROWS;
    }
    for (int a = 0; a < KEPT; a++)
        for (int b = 0; b < KEPT; b++)
            assert_true(fabs(covariance[a][b] - (a == b)) < 0.02);
    spread_free(&spread);
    free(rows);
}

static void a_factor_multiplies_back(void **state)
{
    (void)state;
    enum { SIZE = 12 };
    double a[SIZE * SIZE], l[SIZE * SIZE], b[SIZE * 2], x[SIZE * 2];
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++)
            l[i * SIZE + j] = a[i * SIZE + j] = 1.0 / (1 + abs(i - j)) + (i == j);
    cholesky(l, SIZE, 1e-9);
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) {
            double sum = 0;
            for (int k = 0; k < SIZE; k++)
                sum += l[i * SIZE + k] * l[j * SIZE + k];
            assert_true(fabs(sum - a[i * SIZE + j]) < 1e-12);
            assert_true(j <= i || l[i * SIZE + j] == 0);
        }
    for (int i = 0; i < SIZE * 2; i++)
        b[i] = x[i] = sin(i);
    cholesky_back(l, SIZE, x, 2);
    for (int i = 0; i < SIZE; i++)
        for (int c = 0; c < 2; c++) {
            double sum = 0;
            for (int k = 0; k < SIZE; k++)
                sum += l[k * SIZE + i] * x[k * 2 + c];
            assert_true(fabs(sum - b[i * 2 + c]) < 1e-12);
        }
}

/* The products of rows of which a third is a sum of two others, rounded as floats are: no entry passes the largest row. */
static void a_factor_of_dependent_rows_stays_small(void **state)
{
    (void)state;
    enum { SIZE = 240, ACROSS = 40 };
    float *rows = mem_zero(SIZE * ACROSS, sizeof *rows);
    double *a = mem_zero(SIZE * SIZE, sizeof *a), largest = 0, trace = 0;
    struct learn_random random = learn_random(9, 1);
    for (int i = 0; i < SIZE; i++)
        for (int k = 0; k < ACROSS; k++)
            rows[i * ACROSS + k] = i % 3 == 2 ? rows[(i - 1) * ACROSS + k] + rows[(i - 2) * ACROSS + k]
                                              : learn_random_normal(&random);
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) {
            float sum = 0;
            for (int k = 0; k < ACROSS; k++)
                sum += rows[i * ACROSS + k] * rows[j * ACROSS + k];
            a[i * SIZE + j] = (double)sum;
        }
    for (int i = 0; i < SIZE; i++)
        trace += a[i * SIZE + i], largest = fmax(largest, sqrt(a[i * SIZE + i]));
    cholesky(a, SIZE, 1e-6 * trace / SIZE);
    for (int i = 0; i < SIZE * SIZE; i++)
        assert_true(fabs(a[i]) <= 2 * largest);
    free(rows);
    free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(white_is_white),
        cmocka_unit_test(a_factor_multiplies_back),
        cmocka_unit_test(a_factor_of_dependent_rows_stays_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
