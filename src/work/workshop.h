/*
 * workshop: the table of models.h for one machine: trainings as child processes, models in memory behind workers.
 *
 *     workshop_new(&options) -> workshop_models(…), handed to the runner and the gate -> workshop_free
 *
 * workshop_free unloads what is loaded; nobody calls the table any more.
 */
#ifndef PLACARD_WORK_WORKSHOP_H
#define PLACARD_WORK_WORKSHOP_H

#include "base/buf.h"
#include "work/models.h"
#include "work/shelf.h"

struct workshop;

/* The texts outlive the workshop. */
struct workshop_options {
    struct store *store;
    struct span objects_place; /* as the trainer opens it */
    struct span default_account;
    struct shelf shelf;       /* for models; kept features go to its DATA/features */
    const char *backbones;    /* the folder of installed ones */
    const char *backbone;     /* the id of the one to train on */
    int64_t features_bytes;   /* 0: none are kept */
    int64_t training_threads; /* 0: as many as cores are idle */
    unsigned detect_queue;    /* images that may wait for each inference unit */
    int64_t detect_idle_ms;   /* how long a worker beyond the least waits for work before it goes */
    bool log_json;
    int64_t log_level;
};

struct workshop *workshop_new(const struct workshop_options *options);
void workshop_free(struct workshop *workshop);

const struct models *workshop_models(struct workshop *workshop);

/* Prometheus text: trainings that ended, models, workers, images waiting and answered. */
void workshop_metrics(struct workshop *workshop, struct buf *out);

#endif
