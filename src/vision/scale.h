/*
 * scale: resize, crop, flip and letterbox.
 *
 * Resizing is separable with a triangle filter that widens when it shrinks (antialiased bilinear), in fixed point, so
 * that the same pixels come out on every machine. Outputs are images of the caller, already of the size that is wanted
 * (image_new). Any thread; nothing is kept.
 */
#ifndef PLACARD_VISION_SCALE_H
#define PLACARD_VISION_SCALE_H

#include "vision/image.h"

/* Part of an image in pixels, fractions allowed; it lies inside of the image. */
struct crop {
    float left, top, width, height;
};

/* The part of `from` that `crop` names, stretched to the size of `into`. */
void scale_crop(const struct image *from, struct crop crop, struct image *into);

/* All of `from` stretched to the size of `into`. */
void scale_resize(const struct image *from, struct image *into);

/* Mirrors left and right, in place. */
void scale_flip(struct image *image);

/* Where the picture lies in a letterboxed image, in pixels of that: the ratio r of its width is at left + r * width. */
struct letterbox {
    int left, top, width, height;
};

/* `from` with its aspect kept, as large as fits, in the middle of `into`; the rest is `grey` (0 to 255). */
struct letterbox scale_letterbox(const struct image *from, unsigned char grey, struct image *into);

#endif
