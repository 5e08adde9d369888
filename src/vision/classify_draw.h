/* classify_draw: which images are used, and which fold each is in. The inner side of classify_data. Pure. */
#ifndef PLACARD_VISION_CLASSIFY_DRAW_H
#define PLACARD_VISION_CLASSIFY_DRAW_H

#include "vision/learn.h"
#include "vision/near.h"

/*
 * The images of a set in a random order in which each label's first image comes before any label's second: any first
 * part of it is even over the labels. An image counts for its first label. Free it.
 */
uint32_t *classify_draw(const struct learn_set *set, size_t label_count, uint64_t seed);

/*
 * A fold for each of `count` images, given their looks and first labels (label_count for none). A group of near
 * duplicates is in one fold; labels are spread evenly. Where that would leave a fold's training part empty, groups are
 * not heeded.
 */
void classify_folds(const struct near_look *looks, const uint32_t *first_labels, size_t count, size_t label_count,
                    size_t folds, unsigned char *ret_folds);

#endif
