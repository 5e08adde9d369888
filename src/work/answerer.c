/* answerer: an image's bytes to the labels that are answered (spec E.5). */
#include <stdlib.h>

#include "base/log.h"
#include "train/check.h"
#include "work/hosted.h"

void answerer_init(struct answerer *answerer, const struct hosted *hosted)
{
    size_t most = recognizer_most(hosted->recognizer) + 1;
    *answerer = (struct answerer){ .hosted = hosted,
                                   .seen = mem_alloc(most * sizeof *answerer->seen),
                                   .labels = mem_alloc(most * sizeof *answerer->labels) };
    if (!recognizer_worker_new(hosted->recognizer, &answerer->worker, &answerer->why)) {
        log_line(LOG_ERROR, "a model cannot be run", LOG_S("why", answerer->why.text));
        answerer->worker = NULL;
    }
}

void answerer_free(struct answerer *answerer)
{
    recognizer_worker_free(answerer->worker);
    free(answerer->seen);
    free(answerer->labels);
}

static bool fail_image(enum image_fault fault, struct err *err)
{
    switch (fault) {
    case IMAGE_TOO_LARGE:
        return fail(err, E_IMAGE_LARGE, "Image size is too large.");
    case IMAGE_TOO_SMALL:
    case IMAGE_ASPECT:
        return fail(err, E_INVALID, "Request has invalid parameters");
    default:
        return fail(err, E_IMAGE_FORMAT, "Request has invalid image format");
    }
}

/* The labels to answer, by falling confidence; how many. */
static size_t choose(struct answerer *answerer, const struct models_detection *detection, size_t seen)
{
    const struct model *model = &answerer->hosted->model;
    bool boxed = model->kind == MODEL_DETECTION;
    size_t count = 0;
    for (size_t i = 0; i < seen; i++) {
        const struct recognition *one = &answerer->seen[i];
        float percent = one->confidence * 100;
        if (detection->by_threshold ? one->confidence < model->labels[one->label].threshold
                                    : percent < detection->min_confidence)
            continue;
        answerer->labels[count++] = (struct models_label){ .name = model->labels[one->label].name,
                                                           .confidence = percent,
                                                           .boxed = boxed,
                                                           .left = one->box.left,
                                                           .top = one->box.top,
                                                           .width = one->box.width,
                                                           .height = one->box.height };
    }
    return count;
}

/* Below this nothing will be answered: the least of the thresholds, or what is asked for. */
static float least_confidence(const struct answerer *answerer, const struct models_detection *detection)
{
    const struct model *model = &answerer->hosted->model;
    if (!detection->by_threshold)
        return detection->min_confidence / 100 - 1e-6f; /* the comparison above decides, not this rounding */
    float least = 1;
    for (size_t i = 0; i < model->label_count; i++)
        least = model->labels[i].threshold < least ? model->labels[i].threshold : least;
    return least;
}

void answerer_run(struct answerer *answerer, struct models_detection *detection)
{
    /* the caller has held the file against its limit */
    const struct image_limits limits =
        image_limits_of(0, detection->limits.image_side_min_px, detection->limits.image_side_max_px);
    struct image image;
    enum image_fault fault;
    struct err err;
    if (!answerer->worker) {
        fail(&err, E_INTERNAL, "%s", answerer->why.text);
        detection->done(detection, NULL, 0, &err);
        return;
    }
    if (!image_decode_near(detection->image, &limits, recognizer_side(answerer->hosted->recognizer), &image, &fault)) {
        fail_image(fault, &err);
        detection->done(detection, NULL, 0, &err);
        return;
    }
    size_t seen = recognizer_run(answerer->worker, &image, least_confidence(answerer, detection), answerer->seen);
    image_free(&image);
    detection->done(detection, answerer->labels, choose(answerer, detection, seen), NULL);
}
