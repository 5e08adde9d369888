/*
 * alike: which images look almost the same, so that a split keeps them on one side: a near copy of a training image in
 * the test set makes every figure too good.
 *
 * A look is 256 bits, each whether brightness rises between two neighbours of a 17x16 thumbnail (the "difference
 * hash"). Images whose looks differ in few bits are alike, and so is what is alike to one of them. Looks are compared
 * where they share one of 16 parts, which any two that differ in at most 15 bits do. Pure.
 */
#ifndef PLACARD_TRAIN_ALIKE_H
#define PLACARD_TRAIN_ALIKE_H

#include "vision/image.h"

enum { ALIKE_LOOK_BYTES = 32, ALIKE_BITS = 10 };

void alike_look(const struct image *image, unsigned char ret_look[ALIKE_LOOK_BYTES]);

/* groups[i] becomes the lowest place whose look is alike that of i, directly or by way of others. */
void alike_groups(const unsigned char (*looks)[ALIKE_LOOK_BYTES], size_t count, uint32_t *ret_groups);

#endif
