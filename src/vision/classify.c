/* classify: running a trained classifier; see classify.h. */
#include "vision/classify.h"

#include <stdlib.h>
#include <string.h>

#include "vision/classify_model.h"
#include "vision/gemm.h"
#include "vision/label_loss.h"
#include "vision/places_head.h"
#include "vision/scale.h"

_Static_assert((int)CLASSIFY_SIDE == (int)SIGHT_SIDE, "the square that features are made for");

struct classifier {
    const struct backbone *backbone;
    struct sight features;
    struct classify_model model;
};

struct classify_worker {
    const struct classifier *classifier;
    struct trunk *trunk;
    struct image square;
    float *whole;
    float *values[SIGHT_MAPS]; /* [place][label] of each map */
    float *scores;
};

bool classifier_open(struct span payload, const struct backbone *backbone, size_t label_count,
                     struct classifier **ret_classifier, struct err *err)
{
    struct sight features = sight_of(backbone);
    struct classify_model model;
    if (!classify_model_read(payload, &features, label_count, &model, err))
        return false;
    struct classifier *classifier = mem_alloc(sizeof *classifier);
    *classifier = (struct classifier){ backbone, features, model };
    *ret_classifier = classifier;
    return true;
}

void classifier_free(struct classifier *classifier)
{
    if (!classifier)
        return;
    classify_model_free(&classifier->model);
    free(classifier);
}

bool classify_worker_new(const struct classifier *classifier, struct classify_worker **ret_worker, struct err *err)
{
    struct trunk *trunk;
    if (!trunk_new(classifier->backbone, SIGHT_SIDE, SIGHT_SIDE, &trunk, err))
        return false;
    struct classify_worker *worker = mem_zero(1, sizeof *worker);
    worker->classifier = classifier;
    worker->trunk = trunk;
    worker->square = image_new(SIGHT_SIDE, SIGHT_SIDE);
    worker->whole = mem_alloc((classifier->model.width + 1) * sizeof(float));
    worker->scores = mem_alloc(classifier->model.labels * sizeof(float));
    for (unsigned m = 0; m < SIGHT_MAPS; m++) {
        const struct sight_grid *map = &classifier->features.maps[m];
        worker->values[m] =
            mem_alloc((size_t)map->rows * (size_t)map->columns * classifier->model.labels * sizeof(float));
    }
    *ret_worker = worker;
    return true;
}

void classify_worker_free(struct classify_worker *worker)
{
    if (!worker)
        return;
    trunk_free(worker->trunk);
    image_free(&worker->square);
    free(worker->whole);
    free(worker->scores);
    for (unsigned m = 0; m < SIGHT_MAPS; m++)
        free(worker->values[m]);
    free(worker);
}

/* The coarser map's values are added beneath the finer's, as they were when the head was fitted. */
static void add_places(struct classify_worker *worker, const struct tap taps[BACKBONE_TAPS], float *scores)
{
    const struct classify_model *model = &worker->classifier->model;
    const struct sight *features = &worker->classifier->features;
    const struct sight_grid *fine = &features->maps[0];
    size_t labels = model->labels, places = (size_t)fine->rows * (size_t)fine->columns;
    for (unsigned m = 0; m < SIGHT_MAPS; m++) {
        const struct tap *tap = &taps[m + 1];
        gemm((struct matrix){ tap->data, tap->height * tap->width, tap->channels, false, 0 },
             (struct matrix){ model->maps[m], tap->channels, (int)labels, false, 0 }, false, worker->values[m]);
        for (size_t p = 0; m > 0 && p < places; p++) {
            int row = (int)p / fine->columns, column = (int)p % fine->columns;
            const float *from = worker->values[m] + sight_under(features, m, row, column) * labels;
            for (size_t c = 0; c < labels; c++)
                worker->values[0][p * labels + c] += from[c];
        }
    }
    places_soft_maximum(worker->values[0], places, labels, worker->scores);
    for (size_t c = 0; c < labels; c++)
        scores[c] += model->places_weight * worker->scores[c];
}

void classify_run(struct classify_worker *worker, const struct image *image, float *ret_confidences)
{
    const struct classify_model *model = &worker->classifier->model;
    const struct sight *features = &worker->classifier->features;
    struct tap taps[BACKBONE_TAPS];
    scale_resize(image, &worker->square);
    trunk_run(worker->trunk, &worker->square, taps);
    memcpy(ret_confidences, model->bias, model->labels * sizeof *ret_confidences);
    if (model->width > 0) {
        sight_whole(features, &worker->square, taps, model->parts, worker->whole);
        gemm((struct matrix){ worker->whole, 1, (int)model->width, false, 0 },
             (struct matrix){ model->whole, (int)model->width, (int)model->labels, false, 0 }, true, ret_confidences);
    }
    if (model->use_places)
        add_places(worker, taps, ret_confidences);
    label_confidences(ret_confidences, model->labels, model->each);
}
