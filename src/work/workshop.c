/* workshop: see workshop.h for the contract. */
#include "work/workshop.h"

#include <stdlib.h>

#include "work/hosting.h"
#include "work/training.h"

struct workshop {
    struct workshop_options options;
    struct trainings trainings;
    struct hosting *hosting;
    struct models models;
};

static bool train(void *ctx, const struct models_training *training, struct arena *arena,
                  struct models_outcome *ret_outcome, struct err *err)
{
    struct workshop *workshop = ctx;
    return trainings_run(&workshop->trainings, training, arena, ret_outcome, err);
}

static bool copy(void *ctx, const struct version *from, const struct version *to, const atomic_bool *stop,
                 unsigned *ret_outputs, struct err *err)
{
    struct workshop *workshop = ctx;
    (void)stop; /* a few files */
    return shelf_copy(&workshop->options.shelf, from, to, ret_outputs, err);
}

static bool drop(void *ctx, const struct version *version, struct err *err)
{
    struct workshop *workshop = ctx;
    return shelf_drop(&workshop->options.shelf, version, err);
}

static bool load(void *ctx, const struct version *version, struct err *err)
{
    struct workshop *workshop = ctx;
    return hosting_load(workshop->hosting, version, err);
}

static void unload(void *ctx, int64_t version_id)
{
    struct workshop *workshop = ctx;
    hosting_unload(workshop->hosting, version_id);
}

static bool follow(void *ctx, bool all, struct err *err)
{
    struct workshop *workshop = ctx;
    return hosting_follow(workshop->hosting, all, err);
}

static bool detect(void *ctx, int64_t version_id, struct models_detection *detection, struct err *err)
{
    struct workshop *workshop = ctx;
    return hosting_detect(workshop->hosting, version_id, detection, err);
}

struct workshop *workshop_new(const struct workshop_options *options)
{
    struct workshop *workshop = mem_zero(1, sizeof *workshop);
    workshop->options = *options;
    trainings_init(&workshop->trainings, &workshop->options);
    workshop->hosting = hosting_new(&workshop->options);
    workshop->models = (struct models){ .ctx = workshop,
                                        .train = train,
                                        .copy = copy,
                                        .drop = drop,
                                        .load = load,
                                        .unload = unload,
                                        .follow = follow,
                                        .detect = detect };
    return workshop;
}

void workshop_free(struct workshop *workshop)
{
    if (!workshop)
        return;
    hosting_free(workshop->hosting);
    trainings_free(&workshop->trainings);
    free(workshop);
}

const struct models *workshop_models(struct workshop *workshop)
{
    return &workshop->models;
}

void workshop_metrics(struct workshop *workshop, struct buf *out)
{
    trainings_metrics(&workshop->trainings, out);
    hosting_metrics(workshop->hosting, out);
}
