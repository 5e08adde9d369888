/* alike: see alike.h for the contract. */
#define _GNU_SOURCE /* qsort_r */
#include "train/alike.h"

#include <stdlib.h>

#include "vision/scale.h"

enum {
    COLUMNS = 17,
    ROWS = 16,
    RISE = 3, /* less is noise: a plain area has no look of its own */
    PART_BYTES = 2,
    PARTS = ALIKE_LOOK_BYTES / PART_BYTES,
    NEIGHBOURS = 64, /* looks of one part compared with each: bounds the work where many share it */
    SEEN_BITS = 8    /* a look of fewer rises is of an all but plain image, of which there may be many */
};

static int brightness(const unsigned char *pixel)
{
    return (299 * pixel[0] + 587 * pixel[1] + 114 * pixel[2]) / 1000;
}

void alike_look(const struct image *image, unsigned char ret_look[ALIKE_LOOK_BYTES])
{
    struct image small = image_new(COLUMNS, ROWS);
    scale_resize(image, &small);
    memset(ret_look, 0, ALIKE_LOOK_BYTES);
    for (unsigned y = 0; y < ROWS; y++)
        for (unsigned x = 0; x + 1 < COLUMNS; x++) {
            const unsigned char *pixel = small.rgb + (y * COLUMNS + x) * 3;
            unsigned bit = y * (COLUMNS - 1) + x;
            if (brightness(pixel + 3) >= brightness(pixel) + RISE)
                ret_look[bit / 8] |= (unsigned char)(1u << bit % 8);
        }
    image_free(&small);
}

static unsigned difference(const unsigned char *a, const unsigned char *b)
{
    unsigned bits = 0;
    for (unsigned i = 0; i < ALIKE_LOOK_BYTES; i += 8) {
        uint64_t x, y;
        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        bits += (unsigned)__builtin_popcountll(x ^ y);
    }
    return bits;
}

static uint32_t root_of(uint32_t *groups, uint32_t i)
{
    while (groups[i] != i)
        i = groups[i] = groups[groups[i]];
    return i;
}

static void join(uint32_t *groups, uint32_t a, uint32_t b)
{
    a = root_of(groups, a);
    b = root_of(groups, b);
    if (a < b)
        groups[b] = a;
    else
        groups[a] = b;
}

struct ordering {
    const unsigned char (*looks)[ALIKE_LOOK_BYTES];
    unsigned part;
};

/* By the part, then by the whole, so that equal looks are neighbours. */
static int by_part(const void *a, const void *b, void *arg)
{
    const struct ordering *ordering = arg;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    unsigned at = ordering->part * PART_BYTES;
    int order = memcmp(ordering->looks[i] + at, ordering->looks[j] + at, PART_BYTES);
    if (order == 0)
        order = memcmp(ordering->looks[i], ordering->looks[j], ALIKE_LOOK_BYTES);
    return order != 0 ? order : i < j ? -1 : i > j;
}

static void join_sharing(const unsigned char (*looks)[ALIKE_LOOK_BYTES], const uint32_t *order, size_t count,
                         unsigned part, uint32_t *groups)
{
    for (size_t i = 1; i < count; i++)
        for (size_t back = 1; back <= NEIGHBOURS && back <= i; back++) {
            uint32_t a = order[i], b = order[i - back];
            if (memcmp(looks[a] + part * PART_BYTES, looks[b] + part * PART_BYTES, PART_BYTES) != 0)
                break;
            if (difference(looks[a], looks[b]) <= ALIKE_BITS)
                join(groups, a, b);
        }
}

void alike_groups(const unsigned char (*looks)[ALIKE_LOOK_BYTES], size_t count, uint32_t *ret_groups)
{
    static const unsigned char nothing[ALIKE_LOOK_BYTES];
    uint32_t *order = mem_alloc((count + 1) * sizeof *order);
    size_t seen = 0;
    for (uint32_t i = 0; i < count; i++) {
        ret_groups[i] = i;
        if (difference(looks[i], nothing) >= SEEN_BITS)
            order[seen++] = i;
    }
    for (unsigned part = 0; part < PARTS; part++) {
        struct ordering ordering = { looks, part };
        qsort_r(order, seen, sizeof *order, by_part, &ordering);
        join_sharing(looks, order, seen, part, ret_groups);
    }
    for (uint32_t i = 0; i < count; i++)
        ret_groups[i] = root_of(ret_groups, i);
    free(order);
}
