/* sets: the inner side of choose: which lines go where once the kind and the labels are known. */
#ifndef PLACARD_TRAIN_SETS_H
#define PLACARD_TRAIN_SETS_H

#include "train/choose.h"

/* Ignores the lines that have none of the model's labels in the model's kind. `boxes_test`: see choose.h. */
void sets_settle(struct side *side, const struct chosen *chosen, bool boxes_test);

/* Moves a stratified fifth of the usable lines to the test side, images that look alike together. False: a label cannot
   be on both. */
bool sets_split(struct side sides[TRAIN_SIDES], struct chosen *chosen);

/* The sets, in the order of the images' hashes, and the seed. */
void sets_fill(struct side sides[TRAIN_SIDES], struct chosen *chosen, bool boxes_test);

#endif
