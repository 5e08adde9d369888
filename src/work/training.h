/* training: the training half of the workshop: models.h's train. */
#ifndef PLACARD_WORK_TRAINING_H
#define PLACARD_WORK_TRAINING_H

#include <pthread.h>

#include "work/workshop.h"

enum { TRAINING_WORDS = 32 };

struct trainings {
    const struct workshop_options *options;
    pthread_mutex_t lock; /* the rest */
    uint64_t trained, failed;
    char *words[TRAINING_WORDS]; /* phases that were told of */
};

void trainings_init(struct trainings *trainings, const struct workshop_options *options);
void trainings_free(struct trainings *trainings);

bool trainings_run(struct trainings *trainings, const struct models_training *training, struct arena *arena,
                   struct models_outcome *ret_outcome, struct err *err) MUST_CHECK;

void trainings_metrics(struct trainings *trainings, struct buf *out);

#endif
