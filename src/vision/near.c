/* near: see near.h. */
#include "vision/near.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vision/scale.h"

enum { CELL = NEAR_SIDE / NEAR_COARSE, PIXELS = NEAR_SIDE * NEAR_SIDE, CELLS = NEAR_COARSE * NEAR_COARSE };

/* Colours may differ by this much in each channel's mean: another light, not another thing. */
#define COLOUR_APART 0.12f
/* A picture with less contrast than this is of one colour: its thumbnail is noise, and colour alone decides. */
#define PLAIN 0.008f

static void look_coarsely(struct near_look *look)
{
    float left = 1;
    for (int at = 0; at < CELLS; at++) {
        int top = at / NEAR_COARSE * CELL, side = at % NEAR_COARSE * CELL;
        float sum = 0;
        for (int y = 0; y < CELL; y++)
            for (int x = 0; x < CELL; x++)
                sum += look->grey[(top + y) * NEAR_SIDE + side + x];
        look->coarse[at] = sum / CELL; /* the projection on the cell's constant, which has length 1 */
        left -= look->coarse[at] * look->coarse[at];
    }
    look->rest = sqrtf(fmaxf(left, 0));
}

void near_look(const struct image *image, struct near_look *ret_look)
{
    struct image thumb = image_new(NEAR_SIDE, NEAR_SIDE);
    struct near_look look = { 0 };
    scale_resize(image, &thumb);
    float mean = 0, square = 0;
    for (int i = 0; i < PIXELS; i++) {
        const unsigned char *pixel = thumb.rgb + 3 * i;
        for (int c = 0; c < 3; c++)
            look.colour[c] += (float)pixel[c] / (255.0f * PIXELS);
        look.grey[i] = (0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2]) / 255;
        mean += look.grey[i] / PIXELS;
    }
    for (int i = 0; i < PIXELS; i++) {
        look.grey[i] -= mean;
        square += look.grey[i] * look.grey[i];
    }
    look.contrast = sqrtf(square / PIXELS);
    for (int i = 0; i < PIXELS; i++)
        look.grey[i] = look.contrast < PLAIN ? 0 : look.grey[i] / sqrtf(square);
    look_coarsely(&look);
    image_free(&thumb);
    *ret_look = look;
}

static float dot(const float *a, const float *b, int count)
{
    float sums[8] = { 0 };
    for (int i = 0; i < count; i += 8)
        for (int k = 0; k < 8; k++)
            sums[k] += a[i + k] * b[i + k];
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

static void mirror(const float *from, int side, float *to)
{
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            to[y * side + x] = from[y * side + side - 1 - x];
}

/* A look and its mirror image. */
struct faces {
    const struct near_look *look;
    float grey[PIXELS], coarse[CELLS];
};

static void faces_of(const struct near_look *look, struct faces *ret_faces)
{
    ret_faces->look = look;
    mirror(look->grey, NEAR_SIDE, ret_faces->grey);
    mirror(look->coarse, NEAR_COARSE, ret_faces->coarse);
}

static bool near_faces(const struct faces *faces, const struct near_look *other)
{
    const struct near_look *look = faces->look;
    for (int c = 0; c < 3; c++)
        if (fabsf(look->colour[c] - other->colour[c]) > COLOUR_APART)
            return false;
    bool plain = look->contrast < PLAIN, other_plain = other->contrast < PLAIN;
    if (plain || other_plain)
        return plain && other_plain;
    float rests = look->rest * other->rest; /* Cauchy and Schwarz: what the fine parts can add at the most */
    if (dot(look->coarse, other->coarse, CELLS) + rests >= NEAR_CORRELATION &&
        dot(look->grey, other->grey, PIXELS) >= NEAR_CORRELATION)
        return true;
    return dot(faces->coarse, other->coarse, CELLS) + rests >= NEAR_CORRELATION &&
           dot(faces->grey, other->grey, PIXELS) >= NEAR_CORRELATION;
}

bool near_alike(const struct near_look *a, const struct near_look *b)
{
    struct faces faces;
    faces_of(a, &faces);
    return near_faces(&faces, b);
}

void near_groups(const struct near_look *looks, size_t count, uint32_t *ret_groups)
{
    uint32_t *leaders = mem_alloc((count + 1) * sizeof *leaders);
    size_t leader_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct faces faces;
        faces_of(&looks[i], &faces);
        size_t k = 0;
        while (k < leader_count && !near_faces(&faces, &looks[leaders[k]]))
            k++;
        if (k == leader_count)
            leaders[leader_count++] = (uint32_t)i;
        ret_groups[i] = leaders[k];
    }
    free(leaders);
}
