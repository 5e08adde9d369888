/* detect_layers: see detect_layers.h. */
#include "vision/detect_layers.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "vision/gemm.h"

enum { CHANNELS_MAX = 512 };

static const float NORM_EPSILON = 1e-5f;

static size_t row_bytes(struct map_size size)
{
    return (size_t)size.channels * sizeof(float);
}

void map_clear_border(struct map_size size, float *map)
{
    size_t across = (size_t)(size.width + 2) * (size_t)size.channels;
    memset(map, 0, across * sizeof *map);
    memset(map + (size_t)(size.height + 1) * across, 0, across * sizeof *map);
    for (int y = 1; y <= size.height; y++) {
        memset(map + (size_t)y * across, 0, row_bytes(size));
        memset(map + (size_t)(y + 1) * across - size.channels, 0, row_bytes(size));
    }
}

WIDE_LOOPS void rows_add(int rows, int channels, const float *bias, float *matrix)
{
    for (int r = 0; r < rows; r++, matrix += channels)
        for (int c = 0; c < channels; c++)
            matrix[c] += bias[c];
}

WIDE_LOOPS void rows_sum(int rows, int channels, const float *matrix, float *sums)
{
    for (int r = 0; r < rows; r++, matrix += channels)
        for (int c = 0; c < channels; c++)
            sums[c] += matrix[c];
}

static ptrdiff_t coarse_cell(int width, int channels, int y, int x)
{
    return ((ptrdiff_t)(y / 2) * (width / 2) + x / 2) * channels;
}

void grid_add_upsampled(int height, int width, int channels, const float *from, float *into)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, into += channels)
            rows_add(1, channels, from + coarse_cell(width, channels, y, x), into);
}

void grid_sum_downsampled(int height, int width, int channels, const float *fine, float *coarse)
{
    memset(coarse, 0, (size_t)(height / 2) * (size_t)(width / 2) * (size_t)channels * sizeof *coarse);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, fine += channels)
            rows_sum(1, channels, fine, coarse + coarse_cell(width, channels, y, x));
}

void map_from_grid(struct map_size size, const float *grid, float *map)
{
    size_t line = (size_t)size.width * (size_t)size.channels;
    for (int y = 0; y < size.height; y++)
        memcpy(map + (ptrdiff_t)map_row(size, y, 0) * size.channels, grid + (size_t)y * line, line * sizeof *map);
}

void map_to_grid(struct map_size size, const float *map, float *grid)
{
    size_t line = (size_t)size.width * (size_t)size.channels;
    for (int y = 0; y < size.height; y++)
        memcpy(grid + (size_t)y * line, map + (ptrdiff_t)map_row(size, y, 0) * size.channels, line * sizeof *grid);
}

/* The rows from the first cell to the last; the border cells between lines are among them. */
static int first_row(struct map_size size)
{
    return size.width + 3;
}

static int row_count(struct map_size size)
{
    return size.height * (size.width + 2) - 2;
}

/* How many rows before (negative) or behind a cell its neighbour lies, tap 0 to 8 row by row. */
static int neighbour(struct map_size size, int tap)
{
    return (tap / 3 - 1) * (size.width + 2) + tap % 3 - 1;
}

static const float *rows_at(const float *map, int row, int channels)
{
    return map + (ptrdiff_t)row * channels;
}

void conv3_forward(struct map_size in, int outs, const float *input, const float *weights, float *output)
{
    int first = first_row(in), count = row_count(in);
    for (int tap = 0; tap < 9; tap++) {
        struct matrix shifted = { rows_at(input, first + neighbour(in, tap), in.channels), count, in.channels, false };
        struct matrix weight = { weights + (ptrdiff_t)tap * in.channels * outs, in.channels, outs, false };
        gemm(shifted, weight, tap > 0, output + (ptrdiff_t)first * outs);
    }
    map_clear_border((struct map_size){ in.height, in.width, outs }, output);
}

void conv3_backward(struct map_size in, int outs, const float *input, const float *weights, const float *output_grad,
                    float *weights_grad, float *input_grad)
{
    int first = first_row(in), count = row_count(in);
    struct matrix grad = { rows_at(output_grad, first, outs), count, outs, false };
    for (int tap = 0; tap < 9; tap++) {
        struct matrix shifted = { rows_at(input, first + neighbour(in, tap), in.channels), count, in.channels, true };
        gemm(shifted, grad, true, weights_grad + (ptrdiff_t)tap * in.channels * outs);
    }
    /* The input's cell at row r was neighbour `tap` of the output's cell at r - neighbour(tap). */
    for (int tap = 0; tap < 9; tap++) {
        struct matrix shifted = { rows_at(output_grad, first - neighbour(in, tap), outs), count, outs, false };
        struct matrix weight = { weights + (ptrdiff_t)tap * in.channels * outs, in.channels, outs, true };
        gemm(shifted, weight, tap > 0, input_grad + (ptrdiff_t)first * in.channels);
    }
    map_clear_border(in, input_grad);
}

/* Adds up, channel by channel, (map - middle)^power over the cells; `middle` is of the channel. */
WIDE_LOOPS static void sum_channels(struct map_size size, const float *map, const float *middle, bool squared,
                                    float *sums)
{
    memset(sums, 0, row_bytes(size));
    for (int y = 0; y < size.height; y++) {
        const float *cell = rows_at(map, map_row(size, y, 0), size.channels);
        for (int x = 0; x < size.width; x++, cell += size.channels) {
            if (squared) {
                for (int c = 0; c < size.channels; c++)
                    sums[c] += (cell[c] - middle[c]) * (cell[c] - middle[c]);
            } else {
                for (int c = 0; c < size.channels; c++)
                    sums[c] += cell[c];
            }
        }
    }
}

static double group_sum(struct map_size size, int group, const float *sums)
{
    int share = size.channels / NORM_GROUPS;
    double sum = 0;
    for (int c = group * share; c < (group + 1) * share; c++)
        sum += sums[c];
    return sum;
}

static double group_cells(struct map_size size)
{
    int share = size.channels / NORM_GROUPS;
    return (double)size.height * size.width * share;
}

/* Spreads a value of each group to its channels. */
static void spread(struct map_size size, const float *groups, float *channels)
{
    int share = size.channels / NORM_GROUPS;
    for (int c = 0; c < size.channels; c++)
        channels[c] = groups[c / share];
}

WIDE_LOOPS static void scale_and_rectify(struct map_size size, const float *input, const float *factor,
                                         const float *addend, float *output)
{
    for (int y = 0; y < size.height; y++) {
        ptrdiff_t at = (ptrdiff_t)map_row(size, y, 0) * size.channels;
        for (int x = 0; x < size.width; x++, at += size.channels) {
            for (int c = 0; c < size.channels; c++) {
                float value = input[at + c] * factor[c] + addend[c];
                output[at + c] = value > 0 ? value : 0;
            }
        }
    }
}

void norm_forward(struct map_size size, const float *input, const float *gain, const float *shift, float *stats,
                  float *output)
{
    CHECK(size.channels <= CHANNELS_MAX && size.channels % NORM_GROUPS == 0);
    float sums[CHANNELS_MAX], mean[CHANNELS_MAX], factor[CHANNELS_MAX], addend[CHANNELS_MAX];
    sum_channels(size, input, NULL, false, sums);
    for (int g = 0; g < NORM_GROUPS; g++)
        stats[g] = (float)(group_sum(size, g, sums) / group_cells(size));
    spread(size, stats, mean);
    sum_channels(size, input, mean, true, sums);
    for (int g = 0; g < NORM_GROUPS; g++)
        stats[NORM_GROUPS + g] = (float)(1 / sqrt(group_sum(size, g, sums) / group_cells(size) + NORM_EPSILON));
    spread(size, stats + NORM_GROUPS, factor);
    for (int c = 0; c < size.channels; c++) {
        factor[c] *= gain[c];
        addend[c] = shift[c] - mean[c] * factor[c];
    }
    scale_and_rectify(size, input, factor, addend, output);
    map_clear_border(size, output);
}

/* Stops the gradient where the ReLU was shut; sums it and its product with the normalised input by channel. */
WIDE_LOOPS static void sum_grads(struct map_size size, const float *input, const float *output, const float *mean,
                                 const float *inverse, float *grad, float *sums, float *products)
{
    memset(sums, 0, row_bytes(size));
    memset(products, 0, row_bytes(size));
    for (int y = 0; y < size.height; y++) {
        ptrdiff_t at = (ptrdiff_t)map_row(size, y, 0) * size.channels;
        for (int x = 0; x < size.width; x++, at += size.channels) {
            for (int c = 0; c < size.channels; c++) {
                float open = output[at + c] > 0 ? grad[at + c] : 0;
                grad[at + c] = open;
                sums[c] += open;
                products[c] += open * (input[at + c] - mean[c]) * inverse[c];
            }
        }
    }
}

/* grad = grad * a + input * b + c, by channel. */
WIDE_LOOPS static void combine(struct map_size size, const float *input, const float *a, const float *b,
                               const float *addend, float *grad)
{
    for (int y = 0; y < size.height; y++) {
        ptrdiff_t at = (ptrdiff_t)map_row(size, y, 0) * size.channels;
        for (int x = 0; x < size.width; x++, at += size.channels)
            for (int c = 0; c < size.channels; c++)
                grad[at + c] = grad[at + c] * a[c] + input[at + c] * b[c] + addend[c];
    }
}

void norm_backward(struct map_size size, const float *input, const float *output, const float *gain, const float *stats,
                   float *grad, float *gain_grad, float *shift_grad)
{
    float mean[CHANNELS_MAX] = { 0 }, inverse[CHANNELS_MAX] = { 0 }, sums[CHANNELS_MAX], products[CHANNELS_MAX];
    float a[CHANNELS_MAX], b[CHANNELS_MAX], addend[CHANNELS_MAX];
    spread(size, stats, mean);
    spread(size, stats + NORM_GROUPS, inverse);
    sum_grads(size, input, output, mean, inverse, grad, sums, products);
    for (int c = 0; c < size.channels; c++) {
        shift_grad[c] += sums[c];
        gain_grad[c] += products[c];
        sums[c] *= gain[c];
        products[c] *= gain[c];
    }
    /* dx = inverse * (gain dy - mean of (gain dy) - x_normalised * mean of (gain dy x_normalised)) */
    for (int g = 0; g < NORM_GROUPS; g++) {
        float middle = (float)(group_sum(size, g, sums) / group_cells(size));
        float slope = (float)(group_sum(size, g, products) / group_cells(size));
        int share = size.channels / NORM_GROUPS;
        for (int c = g * share; c < (g + 1) * share; c++) {
            a[c] = inverse[c] * gain[c];
            b[c] = -inverse[c] * inverse[c] * slope;
            addend[c] = -inverse[c] * middle - mean[c] * b[c];
        }
    }
    combine(size, input, a, b, addend, grad);
    map_clear_border(size, grad);
}
