/*
 * evaluate: how good a model is, from what it said of the test images and what is true of them (spec E.2.1, E.3).
 *
 * Per label: the assumed threshold is the one with the best F1 on the test set, in the middle between the confidences
 * it parts; at it precision = TP/(TP+FP), recall = TP/(TP+FN) and their harmonic mean, counted in images for
 * classification and in boxes for detection. The aggregates are unweighted means over the labels that the test set
 * shows; a label that it does not show has no figures of its own and the mean of the others' thresholds.
 *
 * A box is right when its intersection over union with a box of the same label is at least 0.5 and no more confident
 * box took that one. Average precision is the area under the interpolated precision at 101 recalls, as COCO computes it
 * at that overlap (Lin et al., "Microsoft COCO", 2014); average recall is the recall of all boxes that were found.
 *
 * evaluate_classification or evaluate_detection, then evaluation_free. Pure, one thread.
 */
#ifndef PLACARD_VISION_EVALUATE_H
#define PLACARD_VISION_EVALUATE_H

#include "vision/learn.h"

struct evaluation_label {
    size_t images; /* test images that show it */
    bool tested;   /* any do */
    float threshold;
    double precision, recall, f1;
    double average_precision, average_recall; /* detection */
};

struct evaluation {
    size_t label_count;
    struct evaluation_label *labels;
    double precision, recall, f1;
    double average_precision, average_recall;
    double *confusion; /* [truth][predicted], classification alone: the share of truth's images that got predicted */
};

/*
 * confidences[image * label_count + label], 0 to 1. In the confusion matrix an image counts for what it is taken for:
 * its true label where that is found, else the most confident of those that are; with one label an image the most
 * confident alone. Rows sum to at most 1, the rest is images in which nothing was found.
 */
void evaluate_classification(const struct learn_set *test, size_t label_count, const float *confidences,
                             bool multi_label, struct evaluation *ret_evaluation);

/* A box that a model found. */
struct evaluation_box {
    uint32_t image; /* of the test set */
    float confidence;
    struct learn_box box;
    bool matched; /* evaluate_detection sets it: a true box of that label is under it */
};

/* `found` in any order; it is sorted by label, falling confidence, then image. */
void evaluate_detection(const struct learn_set *test, size_t label_count, struct evaluation_box *found,
                        size_t found_count, struct evaluation *ret_evaluation);

void evaluation_free(struct evaluation *evaluation);

/* Intersection over union of two boxes, 0 to 1. */
double evaluation_overlap(const struct learn_box *a, const struct learn_box *b);

#endif
