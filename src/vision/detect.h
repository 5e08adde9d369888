/*
 * detect: an object detector trained on a frozen backbone, and what it sees in an image.
 *
 *     detect_train(&job, &payload, &err)                          minutes, on job->threads threads
 *     detector_open(payload, backbone, labels, &detector, &err)   immutable, shared by threads
 *     detect_worker_new(detector, &worker, &err)                  one thread's trunk and scratch
 *     detect_run(worker, &image, 0.5f, found, COUNT_OF(found))
 *
 * Images are laid into a canvas whose size and shape are chosen from the training images and boxes, once for a model;
 * the trunk's features of each image, and of some views of it (mirrored, nearer, further off), are computed once and
 * kept, and a small head is trained on them (vision/detect_head.h). docs/models.md has the method and its figures.
 *
 * A detector keeps a pointer to the backbone, which must outlive it, as it must outlive its workers.
 */
#ifndef PLACARD_VISION_DETECT_H
#define PLACARD_VISION_DETECT_H

#include "vision/backbone.h"
#include "vision/image.h"
#include "vision/learn.h"

/* As many as detect_run ever finds in an image. */
enum { DETECT_MOST = 100 };

struct detection {
    float confidence; /* 0 to 1, its own for each box */
    struct learn_box box;
};

/*
 * Trains on job->train; images without boxes are learnt as background, which needs no label. Boxes that leave the frame
 * count for what lies within it; boxes without extent, or too small to be seen in the canvas, are passed over. Errors
 * as vision/learn.h says; E_INVALID where no box is left. Phases: "features", "head".
 */
bool detect_train(const struct learn_job *job, struct buf *ret_payload, struct err *err) MUST_CHECK;

/* The same with another budget than the one that the number of images asks for; 1 step is 8 images looked at. */
bool detect_train_steps(const struct learn_job *job, size_t steps, struct buf *ret_payload, struct err *err) MUST_CHECK;

struct detector;
struct detect_worker;

/* E_INVALID for bytes that are not detect_train's, or belong to another kind of backbone or number of labels. */
bool detector_open(struct span payload, const struct backbone *backbone, size_t label_count,
                   struct detector **ret_detector, struct err *err) MUST_CHECK;
void detector_free(struct detector *detector);

/* The size in pixels that images are scaled into. */
void detector_canvas(const struct detector *detector, int *ret_width, int *ret_height);

/* Fails only where the backbone cannot be run on the canvas (trunk_new). */
bool detect_worker_new(const struct detector *detector, struct detect_worker **ret_worker, struct err *err) MUST_CHECK;
void detect_worker_free(struct detect_worker *worker);

/*
 * What the worker finds in the image with at least that confidence, the surest first, at most `room` and DETECT_MOST;
 * how many. Boxes are ratios of the image and within it. Boxes of one label overlap by less than half (IoU); a thing
 * may be found under two labels. Evaluation asks with a low confidence, 0.01, and applies thresholds itself.
 */
size_t detect_run(struct detect_worker *worker, const struct image *image, float min_confidence,
                  struct detection *ret_found, size_t room);

#endif
