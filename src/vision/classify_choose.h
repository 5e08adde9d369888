/*
 * classify_choose: what a classifier is made of, by cross-validation on its training images. The inner side of
 * classify_train.
 *
 * There are four heads: three linear ones that look at the whole (what the trunk makes of it, its shapes, its colours)
 * and the one that looks at places. Each is fitted on two folds and scores the third, with several ridges, of which the
 * one with the least cross-entropy is taken. The heads' held-out scores are then summed with weights fitted to the same
 * loss: that says how far each is to be trusted, leaves out those that add nothing, and calibrates the confidences (for
 * a head alone it is temperature scaling: Guo et al., "On calibration of modern neural networks", 2017).
 */
#ifndef PLACARD_VISION_CLASSIFY_CHOOSE_H
#define PLACARD_VISION_CLASSIFY_CHOOSE_H

#include "vision/classify_data.h"

enum { HEAD_TRUNK, HEAD_SHAPES, HEAD_COLOURS, HEAD_PLACES, HEADS, WHOLE_HEADS = HEAD_PLACES };

/* Plain data: it is kept as the training's checkpoint, byte for byte. */
struct classify_choice {
    double weight[HEADS]; /* of the head's scores in the sum; 0: there is no such head */
    double ridge[HEADS];
    double bias; /* where labels are each for themselves */
};

/* The parts of the whole that a head looks at, first to last (not included). */
static inline void classify_head_parts(const struct sight *features, size_t head, size_t *ret_first, size_t *ret_last)
{
    *ret_first = head == HEAD_TRUNK ? 0 : features->trunk_parts + head - HEAD_SHAPES;
    *ret_last = head == HEAD_TRUNK ? features->trunk_parts : *ret_first + 1;
}

/* The columns of the whole that those parts are. */
static inline void classify_head_columns(const struct classify_data *data, size_t head, size_t *ret_begin,
                                         size_t *ret_end)
{
    size_t first, last;
    classify_head_parts(&data->features, head, &first, &last);
    *ret_begin = data->features.begin[first];
    *ret_end = data->features.begin[last];
}

bool classify_choose(const struct learn_job *job, const struct classify_data *data, struct classify_choice *ret_choice,
                     struct err *err) MUST_CHECK;

/*
 * A narrower table for the columns begin to end of the whole, with the same products between rows: the factor of their
 * Gram matrix. A fit on it is the fit on the columns turned in space, which a ridge does not see, and is quicker where
 * there are fewer images than features. classify_widen brings weights back. `ret_factor` is [rows][rows].
 */
void classify_narrow(const struct classify_data *data, size_t begin, size_t end, float *ret_factor);
void classify_widen(const struct classify_data *data, size_t begin, size_t end, const float *factor,
                    const double *narrow_weights, double *ret_weights);

/* Whether that is worth its while. */
static inline bool classify_is_narrow(const struct classify_data *data)
{
    return data->rows <= 1500;
}

/*
 * Pairs of an image and a label up to which a head is fitted to all images at once, by L-BFGS. The time of that goes
 * with the pairs times the places, or times the columns of the whole; where there are more, the head is fitted by small
 * batches, in fewer epochs the more pairs there are.
 */
enum { FEW_PAIRS = 60000, PAIRS_LOOKED_AT = 2000000, EPOCHS_LEAST = 3, EPOCHS_MOST = 8 };

static inline bool classify_descends(const struct classify_data *data, size_t head)
{
    size_t images = head == HEAD_PLACES ? data->places.images : classify_is_narrow(data) ? 0 : data->rows;
    return images * data->labels > FEW_PAIRS;
}

/*
 * The fit of the places along ridges from strong to weak, down to `ridge`: each begins where the one before ended, for
 * the first is the easier problem. By small batches, with `ridge` alone. `weights` begin as zeros.
 */
void classify_fit_places(const struct classify_data *data, struct places_task *task, double ridge, double *weights);

/* The fit of another head, with the ridge and the iterations of the task, which small batches leave out. */
void classify_fit_whole(const struct classify_data *data, size_t head, struct linear_task *task, double *weights);

bool classify_choose(const struct learn_job *job, const struct classify_data *data, struct classify_choice *ret_choice,
                     struct err *err) MUST_CHECK;

#endif
