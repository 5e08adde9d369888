/* hog: see hog.h. */
#include "vision/hog.h"

#include <math.h>
#include <string.h>

#include "vision/scale.h"

enum {
    SIDE = 64,
    QUARTER = SIDE * SIDE / 4,
    CELL = SIDE / HOG_CELLS,
    BLOCKS = HOG_CELLS - 1,
    BLOCK = 4 * HOG_DIRECTIONS
};

/* Gradients this weak are noise: the length that a block of them is divided by. In grey levels, summed over a cell. */
#define SOFT (0.4f * CELL * CELL)
#define CLIP 0.2f

static void grey_of(const struct image *image, float ret_grey[SIDE * SIDE])
{
    struct image small = image_new(SIDE, SIDE);
    scale_resize(image, &small);
    for (int i = 0; i < SIDE * SIDE; i++)
        ret_grey[i] = 0.299f * small.rgb[3 * i] + 0.587f * small.rgb[3 * i + 1] + 0.114f * small.rgb[3 * i + 2];
    image_free(&small);
}

/* The two cells that share a pixel, and the share of the second. */
static int cell_of(int at, float *ret_share)
{
    float place = ((float)at + 0.5f) / CELL - 0.5f, cell = floorf(place);
    *ret_share = place - cell;
    return (int)cell;
}

static void vote(float cells[HOG_CELLS][HOG_CELLS][HOG_DIRECTIONS], int y, int x, float angle, float strength)
{
    float share_y, share_x;
    int cell_y = cell_of(y, &share_y), cell_x = cell_of(x, &share_x);
    float turn = angle / (2 * (float)M_PI);
    turn = (turn - floorf(turn)) * HOG_DIRECTIONS - 0.5f;
    float below = floorf(turn), share = turn - below;
    int first = ((int)below + HOG_DIRECTIONS) % HOG_DIRECTIONS, next = (first + 1) % HOG_DIRECTIONS;
    for (int k = 0; k < 4; k++) {
        int row = cell_y + k / 2, column = cell_x + k % 2;
        if (row < 0 || row >= HOG_CELLS || column < 0 || column >= HOG_CELLS)
            continue;
        float weight = strength * (k / 2 ? share_y : 1 - share_y) * (k % 2 ? share_x : 1 - share_x);
        cells[row][column][first] += weight * (1 - share);
        cells[row][column][next] += weight * share;
    }
}

static float length_of(const float *values, int count, float at_least)
{
    float sum = at_least * at_least;
    for (int i = 0; i < count; i++)
        sum += values[i] * values[i];
    return sqrtf(sum);
}

static void normalise_block(float *block)
{
    float length = length_of(block, BLOCK, SOFT);
    for (int i = 0; i < BLOCK; i++)
        block[i] = fminf(block[i] / length, CLIP);
    length = length_of(block, BLOCK, 0.01f);
    for (int i = 0; i < BLOCK; i++)
        block[i] /= length;
}

void hog_shapes(const struct image *image, float ret_shapes[HOG_SHAPES])
{
    float grey[SIDE * SIDE], cells[HOG_CELLS][HOG_CELLS][HOG_DIRECTIONS] = { 0 };
    grey_of(image, grey);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            float across = x > 0 && x < SIDE - 1 ? grey[y * SIDE + x + 1] - grey[y * SIDE + x - 1] : 0;
            float down = y > 0 && y < SIDE - 1 ? grey[(y + 1) * SIDE + x] - grey[(y - 1) * SIDE + x] : 0;
            float strength = sqrtf(across * across + down * down);
            if (strength > 0)
                vote(cells, y, x, atan2f(down, across), strength);
        }
    for (int row = 0; row < BLOCKS; row++)
        for (int column = 0; column < BLOCKS; column++) {
            float *block = ret_shapes + (row * BLOCKS + column) * BLOCK;
            for (int k = 0; k < 4; k++)
                memcpy(block + k * HOG_DIRECTIONS, cells[row + k / 2][column + k % 2], sizeof cells[0][0]);
            normalise_block(block);
        }
}

/* A channel's two bins of four and the share of the second; bins are centred at 32, 96, 160 and 224. */
static int bin_of(unsigned char value, float *ret_share)
{
    float place = fminf(fmaxf(((float)value + 0.5f) / 64 - 0.5f, 0), 2.999f), bin = floorf(place);
    *ret_share = place - bin;
    return (int)bin;
}

void hog_colours(const struct image *image, float ret_colours[HOG_COLOURS])
{
    struct image small = image_new(SIDE, SIDE);
    scale_resize(image, &small);
    memset(ret_colours, 0, HOG_COLOURS * sizeof *ret_colours);
    for (int i = 0; i < SIDE * SIDE; i++) {
        float share[3];
        int bin[3], quarter = 1 + (i / SIDE >= SIDE / 2) * 2 + (i % SIDE >= SIDE / 2);
        for (int c = 0; c < 3; c++)
            bin[c] = bin_of(small.rgb[3 * i + c], &share[c]);
        for (int k = 0; k < 8; k++) {
            float weight = 1;
            int place = 0;
            for (int c = 0; c < 3; c++) {
                int upper = k >> c & 1;
                weight *= upper ? share[c] : 1 - share[c];
                place = place * 4 + bin[c] + upper;
            }
            ret_colours[place] += weight / (SIDE * SIDE);
            ret_colours[quarter * 64 + place] += weight / QUARTER;
        }
    }
    for (int i = 0; i < HOG_COLOURS; i++)
        ret_colours[i] = sqrtf(ret_colours[i]);
    image_free(&small);
}
