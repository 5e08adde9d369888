/* sight: see sight.h. A block is the look, the whole, then of each map its range and its bytes.
 */
#include "vision/sight.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vision/hog.h"
#include "vision/scale.h"

/* A part that comes from a tap: a grid of `grid` x `grid` cells, of each the mean or the maximum of every channel. */
struct pool {
    unsigned tap;
    int grid;
    bool maximum;
};

static const struct pool pools[] = { { 2, 1, false }, { 1, 1, true }, { 0, 4, false } };

struct range {
    float low, step;
};

static int side_of(unsigned tap)
{
    int step = 8 << tap;
    return (SIGHT_SIDE + step - 1) / step;
}

static size_t map_count(const struct sight_grid *map)
{
    return (size_t)map->channels * (size_t)map->rows * (size_t)map->columns;
}

static void add_part(struct sight *features, size_t width)
{
    CHECK(features->parts < SIGHT_PARTS_MAX);
    features->width += width;
    features->begin[++features->parts] = features->width;
}

struct sight sight_of(const struct backbone *backbone)
{
    struct sight features = { 0 };
    for (size_t k = 0; k < COUNT_OF(pools); k++)
        add_part(&features,
                 (size_t)backbone_channels(backbone, pools[k].tap) * (size_t)pools[k].grid * (size_t)pools[k].grid);
    features.trunk_parts = features.parts;
    add_part(&features, HOG_SHAPES);
    add_part(&features, HOG_COLOURS);
    features.bytes = sizeof(struct near_look) + features.width * sizeof(float) + SIGHT_MAPS * sizeof(struct range);
    for (unsigned m = 0; m < SIGHT_MAPS; m++) {
        unsigned tap = m + 1;
        features.maps[m] = (struct sight_grid){ backbone_channels(backbone, tap), side_of(tap), side_of(tap) };
        features.bytes += map_count(&features.maps[m]);
    }
    return features;
}

/* [row of the grid][column][channel] */
static void pool_cell(const struct tap *tap, const int from[2], const int to[2], bool maximum, float *ret_values)
{
    for (int c = 0; c < tap->channels; c++)
        ret_values[c] = maximum ? -INFINITY : 0;
    for (int y = from[0]; y < to[0]; y++)
        for (int x = from[1]; x < to[1]; x++) {
            const float *place = tap->data + ((size_t)y * (size_t)tap->width + (size_t)x) * (size_t)tap->channels;
            for (int c = 0; c < tap->channels; c++)
                ret_values[c] =
                    maximum ? (place[c] > ret_values[c] ? place[c] : ret_values[c]) : ret_values[c] + place[c];
        }
    float count = (float)((to[0] - from[0]) * (to[1] - from[1]));
    for (int c = 0; c < tap->channels && !maximum; c++)
        ret_values[c] /= count;
}

static void pool_tap(const struct tap *tap, const struct pool *pool, float *ret_values)
{
    for (int row = 0; row < pool->grid; row++)
        for (int column = 0; column < pool->grid; column++) {
            const int from[] = { row * tap->height / pool->grid, column * tap->width / pool->grid };
            const int to[] = { ((row + 1) * tap->height + pool->grid - 1) / pool->grid,
                               ((column + 1) * tap->width + pool->grid - 1) / pool->grid };
            size_t cell = (size_t)row * (size_t)pool->grid + (size_t)column;
            pool_cell(tap, from, to, pool->maximum, ret_values + cell * (size_t)tap->channels);
        }
}

static void normalise(float *values, size_t count)
{
    double square = 0;
    for (size_t i = 0; i < count; i++)
        square += (double)values[i] * values[i];
    float scale = square > 1e-20 ? (float)(1 / sqrt(square)) : 0;
    for (size_t i = 0; i < count; i++)
        values[i] *= scale;
}

void sight_whole(const struct sight *features, const struct image *image, const struct tap taps[BACKBONE_TAPS],
                 uint32_t parts, float *ret_whole)
{
    for (size_t k = 0; k < features->parts; k++) {
        size_t width = features->begin[k + 1] - features->begin[k];
        if (!(parts >> k & 1))
            continue;
        if (k < features->trunk_parts)
            pool_tap(&taps[pools[k].tap], &pools[k], ret_whole);
        else if (k == features->trunk_parts)
            hog_shapes(image, ret_whole);
        else
            hog_colours(image, ret_whole);
        normalise(ret_whole, width);
        ret_whole += width;
    }
}

size_t sight_width(const struct sight *features, uint32_t parts)
{
    size_t width = 0;
    for (size_t k = 0; k < features->parts; k++)
        width += parts >> k & 1 ? features->begin[k + 1] - features->begin[k] : 0;
    return width;
}

/* Into 8 bits, with the range before them; returns where the next map begins. */
static unsigned char *pack_map(const struct tap *tap, const struct sight_grid *map, unsigned char *to)
{
    size_t count = map_count(map);
    CHECK(tap->channels == map->channels && tap->height == map->rows && tap->width == map->columns);
    float low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        low = tap->data[i] < low ? tap->data[i] : low;
        high = tap->data[i] > high ? tap->data[i] : high;
    }
    struct range range = { low, high > low ? (high - low) / 255 : 1 };
    memcpy(to, &range, sizeof range);
    to += sizeof range;
    for (size_t i = 0; i < count; i++)
        to[i] = (unsigned char)((tap->data[i] - low) / range.step + 0.5f);
    return to + count;
}

void sight_see(const struct sight *features, struct trunk *trunk, const struct image *image, unsigned char *ret_seen)
{
    struct image square = image_new(SIGHT_SIDE, SIGHT_SIDE);
    struct tap taps[BACKBONE_TAPS];
    scale_resize(image, &square);
    trunk_run(trunk, &square, taps);
    near_look(image, (struct near_look *)(void *)ret_seen);
    unsigned char *at = ret_seen + sizeof(struct near_look);
    sight_whole(features, &square, taps, UINT32_MAX, (float *)(void *)at);
    at += features->width * sizeof(float);
    for (unsigned m = 0; m < SIGHT_MAPS; m++)
        at = pack_map(&taps[m + 1], &features->maps[m], at);
    CHECK(at == ret_seen + features->bytes);
    image_free(&square);
}

const struct near_look *sight_look(const unsigned char *seen)
{
    return (const struct near_look *)(const void *)seen;
}

const float *sight_row(const unsigned char *seen)
{
    return (const float *)(const void *)(seen + sizeof(struct near_look));
}

void sight_map(const struct sight *features, const unsigned char *seen, unsigned map, float *ret_values)
{
    const unsigned char *at = seen + sizeof(struct near_look) + features->width * sizeof(float);
    for (unsigned m = 0; m < map; m++)
        at += sizeof(struct range) + map_count(&features->maps[m]);
    struct range range;
    memcpy(&range, at, sizeof range);
    at += sizeof range;
    size_t count = map_count(&features->maps[map]);
    for (size_t i = 0; i < count; i++)
        ret_values[i] = range.low + (float)at[i] * range.step;
}
