/*
 * choose: what kind of model the lines ask for, which of them it learns from, and what is wrong with a whole side
 * (spec D.5.4, E.1).
 *
 * Image-level labels alone make a classification model, of several labels an image where any image has several; boxes
 * alone a detection model. Where both are there, what more training lines have decides, and lines of the other kind are
 * ignored. A test set of boxes alone may test a classification model: an image shows what is in its boxes.
 *
 *     choose_rows(…)    each side, after its images were checked
 *     choose_labels(…)  the kind, the labels, the fifth that is split off; then the sets
 *
 * Errors are bits of side->errors, those of both sides of chosen->errors. Everything is the same for the same content.
 */
#ifndef PLACARD_TRAIN_CHOOSE_H
#define PLACARD_TRAIN_CHOOSE_H

#include "train/side.h"
#include "vision/model_file.h"

struct chosen {
    bool known; /* the kind is */
    enum model_kind kind;
    unsigned errors;
    struct span *labels; /* the model's, in the order of their bytes */
    size_t label_count;
    uint32_t *place_of; /* of an intern's number among them; UINT32_MAX: not one of them */
    struct learn_set sets[TRAIN_SIDES];
    uint32_t *lines[TRAIN_SIDES]; /* of each image of a set: the line of the side */
    uint64_t seed;
    struct arena arena;
};

void chosen_init(struct chosen *chosen);
void chosen_free(struct chosen *chosen);

/* Shares of invalid lines, buckets. */
void choose_rows(struct side *side, const struct train_request *request);

/* Fills all of `chosen`; the sets only where no side has an error. */
void choose_labels(struct side sides[TRAIN_SIDES], const struct train_request *request, const struct intern *names,
                   struct chosen *chosen);

/* The first message of what is wrong, or NULL: of the training side, of the test side, of both. */
const char *choose_message(const struct side sides[TRAIN_SIDES], const struct chosen *chosen);

#endif
