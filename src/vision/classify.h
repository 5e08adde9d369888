/*
 * classify: which labels an image as a whole has, learnt on a frozen backbone.
 *
 *     classify_train(&job, multi_label, &payload, &err)             seconds to minutes, on job->threads threads
 *     classifier_open(payload, backbone, labels, &classifier, &err) immutable, shared by threads
 *     classify_worker_new(classifier, &worker, &err)                one thread's trunk and scratch
 *     classify_run(worker, &image, confidences)
 *
 * Two heads look at an image that is scaled once to CLASSIFY_SIDE: one at the whole (pooled features and the shapes and
 * colours of vision/hog.h), one at its places (vision/places_head.h), which finds what is small in a busy picture. What
 * each is fitted with and how much it counts is chosen by cross-validation on the training images, where images that
 * are nearly the same (vision/near.h) stay on one side; the same held-out scores calibrate the confidences.
 * docs/models.md has the method and its figures.
 *
 * A classifier keeps a pointer to the backbone, which must outlive it, as it must outlive its workers.
 */
#ifndef PLACARD_VISION_CLASSIFY_H
#define PLACARD_VISION_CLASSIFY_H

#include "vision/backbone.h"
#include "vision/image.h"
#include "vision/learn.h"

/* Images are stretched to a square of this many pixels; a JPEG decoded to no less (image_decode_near) loses nothing. */
enum { CLASSIFY_SIDE = 224 };

/*
 * Trains on job->train; job->test is not looked at. `multi_label`: an image may have any number of labels, none
 * included, and each is a yes or no of its own; otherwise every image has one label, and confidences sum to 1. Errors
 * as vision/learn.h says; E_INVALID where there is no image, or one that has not one label where it must. Phases:
 * "features", "choice", "head".
 */
bool classify_train(const struct learn_job *job, bool multi_label, struct buf *ret_payload, struct err *err) MUST_CHECK;

struct classifier;
struct classify_worker;

/* E_INVALID for bytes that are not classify_train's, or belong to another kind of backbone or number of labels. */
bool classifier_open(struct span payload, const struct backbone *backbone, size_t label_count,
                     struct classifier **ret_classifier, struct err *err) MUST_CHECK;
void classifier_free(struct classifier *classifier);

/* Fails only where the backbone cannot be run on the square (trunk_new). */
bool classify_worker_new(const struct classifier *classifier, struct classify_worker **ret_worker,
                         struct err *err) MUST_CHECK;
void classify_worker_free(struct classify_worker *worker);

/* Of each label how sure it is, 0 to 1, calibrated: of images with 0.7 about seven in ten show it. */
void classify_run(struct classify_worker *worker, const struct image *image, float *ret_confidences);

#endif
