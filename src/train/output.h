/*
 * output: the contents of the six objects that a training leaves in its output bucket (spec E.2.1 to E.2.4). Pure.
 *
 * The summary and the validation manifests can be written once lines are judged, of a training that fails too; the rest
 * needs an evaluation.
 */
#ifndef PLACARD_TRAIN_OUTPUT_H
#define PLACARD_TRAIN_OUTPUT_H

#include "train/choose.h"
#include "vision/evaluate.h"

struct output {
    const struct train_request *request;
    const struct side *sides; /* TRAIN_SIDES of them */
    const struct chosen *chosen;
    int64_t now_ms;
    const struct evaluation *evaluation;
    const float *confidences;           /* classification: [test image][label] */
    const struct evaluation_box *found; /* detection: as evaluate_detection leaves them */
    size_t found_count;
};

void output_summary(const struct output *output, struct buf *out);
void output_validation(const struct output *output, unsigned side, struct buf *out);
void output_truth(const struct output *output, unsigned side, struct buf *out); /* predictions on the test side */
void output_evaluation(const struct output *output, struct buf *out);

#endif
