/*
 * sight: what a classifier knows of an image: the whole as one row of numbers, its places as two maps, and
 * the look that tells near duplicates (vision/near.h).
 *
 * The whole is a row of parts, each of length 1: those that come from the trunk, then shapes and colours
 * (vision/hog.h). A seen image is one block of `bytes` bytes, which may be kept in a cache on the same machine;
 * maps are kept in 8 bits. The shape depends on the backbone alone.
 */
#ifndef PLACARD_VISION_SIGHT_H
#define PLACARD_VISION_SIGHT_H

#include "vision/near.h"
#include "vision/trunk.h"

enum { SIGHT_SIDE = 224, SIGHT_MAPS = 2, SIGHT_PARTS_MAX = 10 };

/* Under this name the block is kept; another name whenever its content changes. */
#define SIGHT_NAME "classify-224.2"

struct sight {
    size_t parts, trunk_parts;         /* behind the trunk's: shapes, colours */
    size_t begin[SIGHT_PARTS_MAX + 1]; /* part k of the whole is numbers begin[k] to begin[k + 1] */
    size_t width;                      /* numbers of the whole */
    struct sight_grid {
        int channels, rows, columns;
    } maps[SIGHT_MAPS]; /* c4, c5 */
    size_t bytes;       /* of a seen image */
};

struct sight sight_of(const struct backbone *backbone);

/*
 * The parts whose bits are set in `parts`, one behind the other. `image` is a square of SIGHT_SIDE, `taps` are what
 * the trunk made of it.
 */
void sight_whole(const struct sight *features, const struct image *image, const struct tap taps[BACKBONE_TAPS],
                 uint32_t parts, float *ret_whole);

/* Numbers in those parts. */
size_t sight_width(const struct sight *features, uint32_t parts);

/* Everything, into a block of features->bytes, aligned for floats. `trunk` is for squares of SIGHT_SIDE. */
void sight_see(const struct sight *features, struct trunk *trunk, const struct image *image, unsigned char *ret_seen);

/* What a block holds. */
const struct near_look *sight_look(const unsigned char *seen);
const float *sight_row(const unsigned char *seen);

/* A map as floats, [place][channel]. */
void sight_map(const struct sight *features, const unsigned char *seen, unsigned map, float *ret_values);

/* Which place of a map lies under the place (row, column) of map 0, the finest. */
static inline size_t sight_under(const struct sight *features, unsigned map, int row, int column)
{
    const struct sight_grid *fine = &features->maps[0], *coarse = &features->maps[map];
    int row_under = row * coarse->rows / fine->rows, column_under = column * coarse->columns / fine->columns;
    return (size_t)row_under * (size_t)coarse->columns + (size_t)column_under;
}

#endif
