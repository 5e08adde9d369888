/* detect_run: a trained detector at work; see detect.h. */
#include <stdlib.h>

#include "vision/detect.h"
#include "vision/detect_decode.h"
#include "vision/detect_kind.h"
#include "vision/detect_model.h"

struct detector {
    const struct backbone *backbone;
    struct detect_model model;
    struct head_params params;
};

struct detect_worker {
    const struct detector *detector;
    struct trunk *trunk;
    struct image canvas;
    struct head_pass pass;
    const float *taps[HEAD_TAPS]; /* of the image that is looked at */
    float *pooled, *chances;
};

bool detector_open(struct span payload, const struct backbone *backbone, size_t label_count,
                   struct detector **ret_detector, struct err *err)
{
    struct detect_model model;
    if (!detect_model_read(payload, backbone, label_count, &model, err))
        return false;
    struct detector *detector = mem_zero(1, sizeof *detector);
    *detector = (struct detector){ .backbone = backbone, .model = model };
    head_name(&detector->model.shape, detector->model.all, &detector->params);
    *ret_detector = detector;
    return true;
}

void detector_free(struct detector *detector)
{
    if (!detector)
        return;
    free(detector->model.all);
    free(detector);
}

void detector_canvas(const struct detector *detector, int *ret_width, int *ret_height)
{
    *ret_width = detector->model.canvas.width;
    *ret_height = detector->model.canvas.height;
}

bool detect_worker_new(const struct detector *detector, struct detect_worker **ret_worker, struct err *err)
{
    struct canvas canvas = detector->model.canvas;
    struct trunk *trunk;
    if (!trunk_new(detector->backbone, canvas.height, canvas.width, &trunk, err))
        return false;
    struct detect_worker *worker = mem_zero(1, sizeof *worker);
    *worker = (struct detect_worker){ .detector = detector,
                                      .trunk = trunk,
                                      .canvas = image_new(canvas.width, canvas.height) };
    head_pass_open(&worker->pass, &detector->model.shape, false);
    worker->pooled = mem_zero((size_t)kind_width(&detector->model.shape), sizeof(float));
    worker->chances = mem_zero((size_t)detector->model.shape.labels, sizeof(float));
    *ret_worker = worker;
    return true;
}

void detect_worker_free(struct detect_worker *worker)
{
    if (!worker)
        return;
    trunk_free(worker->trunk);
    image_free(&worker->canvas);
    head_pass_close(&worker->pass);
    free(worker->pooled);
    free(worker->chances);
    free(worker);
}

static const float *ask_kind(void *ctx, const struct cell_box *box)
{
    struct detect_worker *worker = ctx;
    const struct detect_model *model = &worker->detector->model;
    kind_pool(&model->shape, worker->taps, box, worker->pooled);
    for (int i = 0; i < kind_width(&model->shape); i++)
        worker->pooled[i] = (worker->pooled[i] - model->mean[i]) * model->inverse[i];
    kind_scale(&model->shape, worker->pooled);
    kind_chances(&model->shape, &worker->detector->params, worker->pooled, worker->chances);
    return worker->chances;
}

size_t detect_run(struct detect_worker *worker, const struct image *image, float min_confidence,
                  struct detection *ret_found, size_t room)
{
    static const unsigned char NO_KEY[LEARN_KEY_BYTES];
    struct tap taps[BACKBONE_TAPS];
    struct seen_box seen[DETECT_MOST];
    struct view view = view_of(worker->detector->model.canvas, image->width, image->height, NO_KEY, 0);
    view_draw(&view, image, &worker->canvas);
    trunk_run(worker->trunk, &worker->canvas, taps);
    for (int t = 0; t < HEAD_TAPS; t++)
        worker->taps[t] = taps[t].data;
    head_forward(&worker->pass, &worker->detector->params, worker->taps);
    size_t seen_count =
        detect_decode(&worker->pass, (struct decode_opinion){ ask_kind, worker }, min_confidence, seen, DETECT_MOST);
    size_t count = 0;
    for (size_t i = 0; i < seen_count && count < room; i++) {
        struct learn_box box;
        if (view_box_back(&view, &seen[i].box, &box))
            ret_found[count++] = (struct detection){ seen[i].confidence, box };
    }
    return count;
}
