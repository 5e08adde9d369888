/*
 * recognizer: a trained model of either kind made ready to answer what an image shows.
 *
 *     recognizer_open(&model, backbone, …)        immutable, shared by threads; keeps a pointer to the backbone
 *     recognizer_worker_new(recognizer, …)        one thread's scratch, some 30 to 60 ms to make
 *     recognizer_run(worker, &image, …)           any number of times
 *
 * A recognizer outlives its workers, the backbone outlives both.
 */
#ifndef PLACARD_VISION_RECOGNIZER_H
#define PLACARD_VISION_RECOGNIZER_H

#include "vision/backbone.h"
#include "vision/image.h"
#include "vision/learn.h"
#include "vision/model_file.h"

struct recognizer;
struct recognizer_worker;

/* One thing that is seen. */
struct recognition {
    uint32_t label;
    float confidence;     /* 0 to 1, its own for each label */
    struct learn_box box; /* of a detection model, as ratios */
};

/* Trains a payload for the kind: classify_train or detect_train. */
bool recognizer_train(enum model_kind kind, const struct learn_job *job, struct buf *ret_payload,
                      struct err *err) MUST_CHECK;

/* E_INVALID: trained on another backbone, or a payload that is damaged. Nothing of `model` is needed afterwards. */
bool recognizer_open(const struct model *model, const struct backbone *backbone, struct recognizer **ret_recognizer,
                     struct err *err) MUST_CHECK;
void recognizer_free(struct recognizer *recognizer);

/* How many recognitions a run gives at the most. */
size_t recognizer_most(const struct recognizer *recognizer);

/* The shorter side that an image needs not be larger than, for a decoder that can make it smaller. */
int recognizer_side(const struct recognizer *recognizer);

bool recognizer_worker_new(const struct recognizer *recognizer, struct recognizer_worker **ret_worker,
                           struct err *err) MUST_CHECK;
void recognizer_worker_free(struct recognizer_worker *worker);

/* What is seen with at least that confidence, by falling confidence, then by label; how many. `ret_list` has room for
   recognizer_most. */
size_t recognizer_run(struct recognizer_worker *worker, const struct image *image, float min_confidence,
                      struct recognition *ret_list);

#endif
