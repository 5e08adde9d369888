/*
 * scale: see scale.h for the contract. Rows are blended first, a row at a time into one row of scratch, and that row is
 * then resampled: the long inner loop is over neighbouring bytes, and no image of half-way size is needed.
 */
#include "vision/scale.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vision/gemm.h"

enum { WEIGHT_BITS = 14 };

/* The share that each of `count` source pixels from `first` has in one pixel of the outcome; they sum to 1. */
struct blend {
    int first, count;
    const int16_t *weights;
};

struct axis {
    struct blend *blends; /* one for each pixel of the outcome */
    int16_t *weights;
};

/* Rounds the weights so that they sum to one exactly: the remainder goes to the heaviest. */
static void round_weights(const double *shares, double sum, int count, int16_t *weights)
{
    int left = 1 << WEIGHT_BITS, heaviest = 0;
    for (int i = 0; i < count; i++) {
        weights[i] = (int16_t)lround(shares[i] / sum * (1 << WEIGHT_BITS));
        left -= weights[i];
        if (weights[i] > weights[heaviest])
            heaviest = i;
    }
    weights[heaviest] = (int16_t)(weights[heaviest] + left);
}

static struct axis axis_new(int source, double start, double length, int target)
{
    double step = length / target, reach = step > 1 ? step : 1;
    int room = (int)ceil(reach) * 2 + 2;
    struct axis axis = { mem_alloc(sizeof(struct blend) * (unsigned long)target),
                         mem_alloc(sizeof(int16_t) * (unsigned long)target * (unsigned long)room) };
    double *shares = mem_alloc(sizeof(double) * (unsigned long)room);
    for (int at = 0; at < target; at++) {
        double middle = start + (at + 0.5) * step, sum = 0;
        int first = (int)floor(middle - reach), last = (int)ceil(middle + reach), count = 0;
        first = first < 0 ? 0 : first;
        last = last > source ? source : last;
        int16_t *weights = axis.weights + (size_t)at * (size_t)room;
        for (int i = first; i < last && count < room; i++) {
            double share = 1 - fabs(i + 0.5 - middle) / reach;
            if (share <= 0 && count == 0) {
                first++;
                continue;
            }
            shares[count++] = share > 0 ? share : 0;
            sum += share > 0 ? share : 0;
        }
        CHECK(count > 0 && sum > 0);
        round_weights(shares, sum, count, weights);
        axis.blends[at] = (struct blend){ first, count, weights };
    }
    free(shares);
    return axis;
}

static void axis_free(struct axis *axis)
{
    free(axis->blends);
    free(axis->weights);
}

static unsigned char pixel_of(int32_t sum)
{
    return (unsigned char)((sum + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS);
}

WIDE_LOOPS static void blend_rows(const struct image *from, struct blend blend, int32_t *sums, unsigned char *row)
{
    size_t width = (size_t)from->width * 3;
    for (size_t x = 0; x < width; x++)
        sums[x] = 0;
    for (int i = 0; i < blend.count; i++) {
        const unsigned char *source = from->rgb + (size_t)(blend.first + i) * width;
        int16_t weight = blend.weights[i];
        for (size_t x = 0; x < width; x++)
            sums[x] += source[x] * weight;
    }
    for (size_t x = 0; x < width; x++)
        row[x] = pixel_of(sums[x]);
}

static void resample(const unsigned char *row, const struct axis *columns, int target, unsigned char *into)
{
    for (int x = 0; x < target; x++) {
        struct blend blend = columns->blends[x];
        const unsigned char *source = row + (size_t)blend.first * 3;
        int32_t red = 0, green = 0, blue = 0;
        for (int i = 0; i < blend.count; i++) {
            red += source[i * 3] * blend.weights[i];
            green += source[i * 3 + 1] * blend.weights[i];
            blue += source[i * 3 + 2] * blend.weights[i];
        }
        into[x * 3] = pixel_of(red);
        into[x * 3 + 1] = pixel_of(green);
        into[x * 3 + 2] = pixel_of(blue);
    }
}

/* A rectangle of an image that is written to. */
struct window {
    unsigned char *rgb;
    size_t stride;
    int width, height;
};

static void scale_into(const struct image *from, struct crop crop, struct window into)
{
    struct axis rows = axis_new(from->height, (double)crop.top, (double)crop.height, into.height);
    struct axis columns = axis_new(from->width, (double)crop.left, (double)crop.width, into.width);
    size_t width = (size_t)from->width * 3;
    int32_t *sums = mem_alloc(width * sizeof *sums);
    unsigned char *row = mem_alloc(width);
    for (int y = 0; y < into.height; y++) {
        blend_rows(from, rows.blends[y], sums, row);
        resample(row, &columns, into.width, into.rgb + (size_t)y * into.stride);
    }
    free(row);
    free(sums);
    axis_free(&columns);
    axis_free(&rows);
}

static struct window whole(struct image *image)
{
    return (struct window){ image->rgb, (size_t)image->width * 3, image->width, image->height };
}

void scale_crop(const struct image *from, struct crop crop, struct image *into)
{
    CHECK(crop.width > 0 && crop.height > 0 && crop.left >= 0 && crop.top >= 0);
    CHECK(crop.left + crop.width <= (float)from->width + 0.01f &&
          crop.top + crop.height <= (float)from->height + 0.01f);
    scale_into(from, crop, whole(into));
}

void scale_resize(const struct image *from, struct image *into)
{
    struct crop all = { 0, 0, (float)from->width, (float)from->height };
    if (from->width == into->width && from->height == into->height)
        memcpy(into->rgb, from->rgb, (size_t)from->width * (size_t)from->height * 3);
    else
        scale_into(from, all, whole(into));
}

void scale_flip(struct image *image)
{
    for (int y = 0; y < image->height; y++) {
        unsigned char *row = image->rgb + (size_t)y * (size_t)image->width * 3;
        for (int left = 0, right = image->width - 1; left < right; left++, right--)
            for (int c = 0; c < 3; c++) {
                unsigned char kept = row[left * 3 + c];
                row[left * 3 + c] = row[right * 3 + c];
                row[right * 3 + c] = kept;
            }
    }
}

struct letterbox scale_letterbox(const struct image *from, unsigned char grey, struct image *into)
{
    double by_width = (double)into->width / from->width, by_height = (double)into->height / from->height;
    double scale = by_width < by_height ? by_width : by_height;
    int width = (int)lround(from->width * scale), height = (int)lround(from->height * scale);
    width = width < 1 ? 1 : width;
    height = height < 1 ? 1 : height;
    int left = (into->width - width) / 2, top = (into->height - height) / 2;
    memset(into->rgb, grey, (size_t)into->width * (size_t)into->height * 3);
    struct window inside = { into->rgb + ((size_t)top * (size_t)into->width + (size_t)left) * 3,
                             (size_t)into->width * 3, width, height };
    struct crop all = { 0, 0, (float)from->width, (float)from->height };
    scale_into(from, all, inside);
    return (struct letterbox){ left, top, width, height };
}
