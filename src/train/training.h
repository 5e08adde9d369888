/* training: the inner side of train: what its steps share. */
#ifndef PLACARD_TRAIN_TRAINING_H
#define PLACARD_TRAIN_TRAINING_H

#include "train/check.h"
#include "train/choose.h"
#include "train/output.h"
#include "train/train.h"
#include "vision/recognizer.h"

struct training {
    const struct train_run *run;
    const struct train_request *request;
    struct object_store *objects;
    struct backbone *backbone;
    struct features *features; /* NULL: none are kept */
    struct intern names;       /* labels */
    struct side sides[TRAIN_SIDES];
    struct chosen chosen;
    struct learn_job job;
    int64_t begun_us;  /* of this attempt */
    int64_t before_ms; /* what earlier ones took */
    unsigned outputs;  /* written so far */
    struct arena arena;
    unsigned threads;    /* 0: not looked yet */
    const char *message; /* why it cannot be trained; NULL: nothing is wrong so far */
};

/* The files of the folder that this process writes for itself. */
void training_fill_job(struct training *training);
int64_t training_spent_ms(const struct training *training);

/* What the model says of the test images; both outputs are the caller's to free, one of them is NULL. */
bool training_predict(struct training *training, const struct recognizer *recognizer, float **ret_confidences,
                      struct evaluation_box **ret_found, size_t *ret_found_count, struct err *err) MUST_CHECK;

/* How many threads to use over images: as asked for, or as many cores as are idle now. */
unsigned training_threads(const struct train_request *request);

#endif
