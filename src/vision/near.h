/*
 * near: which images are nearly the same picture, so that a split does not put one in training and its twin in test.
 *
 *     for each image: near_look(&image, &looks[i]);      cheap: 16 x 16 pixels; from any thread
 *     near_groups(looks, count, groups);                 one thread; 20,000 images take about a second
 *
 * Near are copies in another size, format or quality, copies that are mirrored, somewhat lighter or darker or cropped
 * by a little, and frames of a camera that stands still while something small moves. Not near are two things of a kind
 * on different grounds, nor one scene from two places: that needs a person who names groups.
 *
 * An image is near to a leader when their thumbnails' correlation is at least NEAR_CORRELATION (or is, with one of them
 * mirrored) and their colours are alike. Leaders are taken in the order given: an image joins the first leader that it
 * is near to, or leads a new group. So members are near to their leader, and a chain of small changes does not draw a
 * whole dataset into one group. The same looks in the same order give the same groups.
 */
#ifndef PLACARD_VISION_NEAR_H
#define PLACARD_VISION_NEAR_H

#include "vision/image.h"

enum { NEAR_SIDE = 16, NEAR_COARSE = 4 };
#define NEAR_CORRELATION 0.95f

/* What is kept of an image: 1.2 KB. */
struct near_look {
    float grey[NEAR_SIDE * NEAR_SIDE];       /* of mean 0 and length 1; all 0 of a picture of one colour */
    float coarse[NEAR_COARSE * NEAR_COARSE]; /* grey averaged over 4 x 4, scaled so that its products bound grey's */
    float rest;                              /* the length of what coarse leaves out */
    float colour[3];                         /* means, 0 to 1 */
    float contrast;                          /* standard deviation of the thumbnail, 0 to 1 */
};

void near_look(const struct image *image, struct near_look *ret_look);

/* The group of each image: the place of its leader, so groups[leader] == leader. */
void near_groups(const struct near_look *looks, size_t count, uint32_t *ret_groups);

/* Whether two are near by the rule above. */
bool near_alike(const struct near_look *a, const struct near_look *b);

#endif
