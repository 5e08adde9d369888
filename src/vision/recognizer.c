/* recognizer: see recognizer.h for the contract. */
#include "vision/recognizer.h"

#include <stdlib.h>

#include "vision/classify.h"
#include "vision/detect.h"
#include "vision/detect_view.h"

struct recognizer {
    enum model_kind kind;
    size_t label_count;
    struct classifier *classifier; /* one of the two */
    struct detector *detector;
};

struct recognizer_worker {
    const struct recognizer *recognizer;
    struct classify_worker *classify;
    struct detect_worker *detect;
    float *confidences; /* of a classifier, one a label */
    struct detection *found;
};

bool recognizer_train(enum model_kind kind, const struct learn_job *job, struct buf *ret_payload, struct err *err)
{
    if (kind == MODEL_DETECTION)
        return detect_train(job, ret_payload, err);
    return classify_train(job, kind == MODEL_MULTI_LABEL, ret_payload, err);
}

bool recognizer_open(const struct model *model, const struct backbone *backbone, struct recognizer **ret_recognizer,
                     struct err *err)
{
    if (!model_fits(model, backbone_id(backbone), backbone_sha256(backbone), err))
        return false;
    struct recognizer *recognizer = mem_zero(1, sizeof *recognizer);
    recognizer->kind = model->kind;
    recognizer->label_count = model->label_count;
    bool done = model->kind == MODEL_DETECTION
                    ? detector_open(model->payload, backbone, model->label_count, &recognizer->detector, err)
                    : classifier_open(model->payload, backbone, model->label_count, &recognizer->classifier, err);
    if (!done) {
        free(recognizer);
        return false;
    }
    *ret_recognizer = recognizer;
    return true;
}

void recognizer_free(struct recognizer *recognizer)
{
    if (!recognizer)
        return;
    if (recognizer->kind == MODEL_DETECTION)
        detector_free(recognizer->detector);
    else
        classifier_free(recognizer->classifier);
    free(recognizer);
}

size_t recognizer_most(const struct recognizer *recognizer)
{
    return recognizer->kind == MODEL_DETECTION ? DETECT_MOST : recognizer->label_count;
}

int recognizer_side(const struct recognizer *recognizer)
{
    struct canvas canvas;
    if (recognizer->kind != MODEL_DETECTION)
        return CLASSIFY_SIDE;
    detector_canvas(recognizer->detector, &canvas.width, &canvas.height);
    return canvas_side(canvas);
}

bool recognizer_worker_new(const struct recognizer *recognizer, struct recognizer_worker **ret_worker, struct err *err)
{
    struct recognizer_worker *worker = mem_zero(1, sizeof *worker);
    worker->recognizer = recognizer;
    bool done = recognizer->kind == MODEL_DETECTION
                    ? detect_worker_new(recognizer->detector, &worker->detect, err)
                    : classify_worker_new(recognizer->classifier, &worker->classify, err);
    if (!done) {
        free(worker);
        return false;
    }
    worker->confidences = mem_zero(recognizer->label_count + 1, sizeof *worker->confidences);
    worker->found = mem_zero(DETECT_MOST, sizeof *worker->found);
    *ret_worker = worker;
    return true;
}

void recognizer_worker_free(struct recognizer_worker *worker)
{
    if (!worker)
        return;
    if (worker->recognizer->kind == MODEL_DETECTION)
        detect_worker_free(worker->detect);
    else
        classify_worker_free(worker->classify);
    free(worker->confidences);
    free(worker->found);
    free(worker);
}

static int by_confidence(const void *a, const void *b)
{
    const struct recognition *x = a, *y = b;
    if (x->confidence != y->confidence)
        return x->confidence > y->confidence ? -1 : 1;
    return x->label < y->label ? -1 : x->label > y->label;
}

size_t recognizer_run(struct recognizer_worker *worker, const struct image *image, float min_confidence,
                      struct recognition *ret_list)
{
    size_t count = 0;
    if (worker->recognizer->kind == MODEL_DETECTION) {
        count = detect_run(worker->detect, image, min_confidence, worker->found, DETECT_MOST);
        for (size_t i = 0; i < count; i++)
            ret_list[i] =
                (struct recognition){ worker->found[i].box.label, worker->found[i].confidence, worker->found[i].box };
        return count;
    }
    classify_run(worker->classify, image, worker->confidences);
    for (uint32_t l = 0; l < worker->recognizer->label_count; l++)
        if (worker->confidences[l] >= min_confidence)
            ret_list[count++] = (struct recognition){ .label = l, .confidence = worker->confidences[l] };
    qsort(ret_list, count, sizeof *ret_list, by_confidence);
    return count;
}
