/*
 * hog: shapes and colours of a whole image without a network: histograms of oriented gradients (Dalal and Triggs,
 * "Histograms of oriented gradients for human detection", 2005) on 8 x 8 cells of 64 x 64 pixels, 18 signed directions,
 * blocks of 2 x 2 cells clipped at 0.2; and histograms of colour of the whole and its four quarters. Best on small
 * centred things on plain ground, where a trunk that was trained on scenes sees little.
 *
 * Pure; any thread.
 */
#ifndef PLACARD_VISION_HOG_H
#define PLACARD_VISION_HOG_H

#include "vision/image.h"

enum {
    HOG_CELLS = 8,
    HOG_DIRECTIONS = 18,
    HOG_SHAPES = (HOG_CELLS - 1) * (HOG_CELLS - 1) * 4 * HOG_DIRECTIONS, /* 3528 */
    HOG_COLOURS = 5 * 64
};

/* ret_shapes[block row][block column][cell of the block][direction], each block of length at most 1. */
void hog_shapes(const struct image *image, float ret_shapes[HOG_SHAPES]);

/* ret_colours[whole, upper left, upper right, lower left, lower right][4 reds][4 greens][4 blues]: square roots of
 * shares. */
void hog_colours(const struct image *image, float ret_colours[HOG_COLOURS]);

#endif
