/* whiten: see whiten.h. */
#include "vision/whiten.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "vision/gemm.h"
#include "vision/learn.h"

enum { ROUNDS = 12 };

static double dot(const double *a, const double *b, size_t count)
{
    double sums[4] = { 0 };
    size_t i = 0;
    for (; i + 4 <= count; i += 4)
        for (size_t k = 0; k < 4; k++)
            sums[k] += a[i + k] * b[i + k];
    for (; i < count; i++)
        sums[0] += a[i] * b[i];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/*
 * A pivot that was taken for `least` is of a row that depends on those before: what it leaves of later rows is
 * rounding, and divided by so small a root it would grow from row to row until it is no number.
 */
void cholesky(double *a, size_t size, double least)
{
    double smallest = sqrt(least);
    for (size_t i = 0; i < size; i++) {
        double *row = a + i * size;
        for (size_t j = 0; j < i; j++) {
            double pivot = a[j * size + j];
            row[j] = pivot > smallest ? (row[j] - dot(row, a + j * size, j)) / pivot : 0;
        }
        row[i] = sqrt(fmax(row[i] - dot(row, row, i), least));
        for (size_t j = i + 1; j < size; j++)
            row[j] = 0;
    }
}

void cholesky_back(const double *lower, size_t size, double *b, size_t columns)
{
    for (size_t i = size; i-- > 0;) {
        const double *row = lower + i * size;
        for (size_t c = 0; c < columns; c++)
            b[i * columns + c] /= row[i];
        for (size_t j = 0; j < i; j++)
            for (size_t c = 0; c < columns; c++)
                b[j * columns + c] -= row[j] * b[i * columns + c];
    }
}

struct spread spread_new(size_t width)
{
    return (struct spread){ .width = width,
                            .sum = mem_zero(width, sizeof(double)),
                            .product = mem_zero(width * width, sizeof(double)) };
}

void spread_free(struct spread *spread)
{
    free(spread->sum);
    free(spread->product);
    *spread = (struct spread){ 0 };
}

/* A batch's products are summed as floats and the batches as doubles. */
void spread_add(struct spread *spread, const float *rows, size_t count)
{
    size_t width = spread->width;
    float *products = mem_alloc(width * width * sizeof *products);
    gemm((struct matrix){ rows, (int)count, (int)width, true, 0 },
         (struct matrix){ rows, (int)count, (int)width, false, 0 }, false, products);
    for (size_t i = 0; i < width * width; i++)
        spread->product[i] += products[i];
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < width; k++)
            spread->sum[k] += rows[i * width + k];
    spread->count += count;
    free(products);
}

/* Makes the rows of q [kept][width] orthonormal (Gram and Schmidt, twice, which is enough in doubles). */
static void make_orthonormal(double *q, size_t kept, size_t width)
{
    for (size_t i = 0; i < kept; i++) {
        double *row = q + i * width;
        for (int again = 0; again < 2; again++)
            for (size_t j = 0; j < i; j++) {
                double along = dot(row, q + j * width, width);
                for (size_t k = 0; k < width; k++)
                    row[k] -= along * q[j * width + k];
            }
        double length = sqrt(dot(row, row, width));
        for (size_t k = 0; k < width; k++)
            row[k] = length > 1e-30 ? row[k] / length : 0;
    }
}

static void floats_of(const double *from, size_t count, float *to)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (float)from[i];
}

/* out [kept][width] = q * covariance */
static void through(const double *q, const float *covariance, size_t kept, size_t width, float *narrow, float *out)
{
    floats_of(q, kept * width, narrow);
    gemm((struct matrix){ narrow, (int)kept, (int)width, false, 0 },
         (struct matrix){ covariance, (int)width, (int)width, false, 0 }, false, out);
}

/* The widest directions by orthogonal iteration (Golub and Van Loan, 8.2.4); q is [kept][width]. */
static void find_directions(const float *covariance, size_t width, size_t kept, double *q)
{
    float *narrow = mem_alloc(kept * width * sizeof *narrow), *out = mem_alloc(kept * width * sizeof *out);
    struct learn_random random = learn_random(1, 1);
    for (size_t i = 0; i < kept * width; i++)
        q[i] = (double)learn_random_unit(&random) - 0.5;
    make_orthonormal(q, kept, width);
    for (int round = 0; round < ROUNDS; round++) {
        through(q, covariance, kept, width, narrow, out);
        for (size_t i = 0; i < kept * width; i++)
            q[i] = (double)out[i];
        make_orthonormal(q, kept, width);
    }
    free(narrow);
    free(out);
}

static float *covariance_of(const struct spread *spread, const float *mean)
{
    size_t width = spread->width;
    float *covariance = mem_alloc(width * width * sizeof *covariance);
    for (size_t i = 0; i < width; i++)
        for (size_t k = 0; k < width; k++)
            covariance[i * width + k] =
                (float)(spread->product[i * width + k] / (double)spread->count - (double)mean[i] * (double)mean[k]);
    return covariance;
}

/*
 * With B = q covariance transpose(q) + ridge = L transpose(L), the projection is transpose(q) * inverse(transpose(L)):
 * white within the space of q without a need for its eigenvectors.
 */
void whiten_fit(const struct spread *spread, size_t kept, double ridge, float *ret_mean, float *ret_projection)
{
    size_t width = spread->width;
    CHECK(spread->count > 0 && kept > 0 && kept <= width);
    for (size_t i = 0; i < width; i++)
        ret_mean[i] = (float)(spread->sum[i] / (double)spread->count);
    float *covariance = covariance_of(spread, ret_mean), *narrow = mem_alloc(kept * width * sizeof *narrow);
    float *out = mem_alloc(kept * width * sizeof *out);
    double *q = mem_alloc(kept * width * sizeof *q), *b = mem_alloc(kept * kept * sizeof *b), trace = 0;
    find_directions(covariance, width, kept, q);
    through(q, covariance, kept, width, narrow, out);
    for (size_t i = 0; i < kept; i++)
        for (size_t j = 0; j < kept; j++) {
            b[i * kept + j] = 0;
            for (size_t k = 0; k < width; k++)
                b[i * kept + j] += (double)out[i * width + k] * q[j * width + k];
            trace += i == j ? b[i * kept + i] : 0;
        }
    double more = ridge * trace / (double)kept + 1e-12;
    for (size_t i = 0; i < kept; i++)
        b[i * kept + i] += more;
    cholesky(b, kept, more * 1e-3);
    /* Rows of the result: inverse(L) q, by forward substitution on the rows of q. */
    for (size_t i = 0; i < kept; i++) {
        for (size_t j = 0; j < i; j++)
            for (size_t k = 0; k < width; k++)
                q[i * width + k] -= b[i * kept + j] * q[j * width + k];
        for (size_t k = 0; k < width; k++)
            q[i * width + k] /= b[i * kept + i];
    }
    for (size_t k = 0; k < width; k++)
        for (size_t i = 0; i < kept; i++)
            ret_projection[k * kept + i] = (float)q[i * width + k];
    free(covariance);
    free(narrow);
    free(out);
    free(q);
    free(b);
}
