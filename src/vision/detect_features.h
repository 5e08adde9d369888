/*
 * detect_features: the trunk's taps of every image and view, computed once, a byte a value.
 *
 * features_new, features_gather (all images, on the job's threads), then features_taps in any order, from as many
 * threads as the job has, each with its own number. What does not fit into KEPT bytes of memory comes from the job's
 * cache when it is asked for, or where there is none from the image itself, always the same bytes. Values are scaled to
 * 0..255 between the least and the largest of a tap; with ReLU6 a step is 0.02.
 */
#ifndef PLACARD_VISION_DETECT_FEATURES_H
#define PLACARD_VISION_DETECT_FEATURES_H

#include "vision/detect_view.h"
#include "vision/trunk.h"

enum { FEATURES_VIEWS_MOST = 16 };

struct features;

/* `shape` tells c3's size for the canvas. `kept_bytes`: of memory for features. */
struct features *features_new(const struct learn_job *job, struct canvas canvas, unsigned views, size_t kept_bytes);
void features_free(struct features *features);
const struct head_shape *features_shape(const struct features *features);

/* Computes or fetches every view of every training image; then mean and deviation of each channel are known. */
bool features_gather(struct features *features, struct err *err) MUST_CHECK;

/* [channels] of a tap, over view 0 of the first images of the set; a deviation of 0 is told as infinity's inverse, 0.
 */
const float *features_mean(const struct features *features, int tap);
const float *features_inverse_deviation(const struct features *features, int tap);

/*
 * The standardised taps of a view into ret_taps[t], [cells][channels], which the caller owns. Each channel is left out
 * (0, its mean) with the chance `drop`, and the others are made larger to make up for it: what is learnt then rests on
 * no single one (Tompson et al., spatial dropout, 2015).
 */
bool features_taps(struct features *features, unsigned thread, size_t image, unsigned view, float drop,
                   struct learn_random random, float *const ret_taps[HEAD_TAPS], struct err *err) MUST_CHECK;

#endif
