/*
 * classify_trial: trains a classifier on a folder of images, runs it on others, and prints what it said. For
 * bench/classify.py.
 *
 *     classify_trial BACKBONE FOLDER [threads N] [seed N] [multi 0|1] [cache FOLDER] [repeat N] [pooled 0|1]
 *
 * FOLDER/list has `labels N`, then for each image `train|test FILE COUNT LABEL…`. Prints `said IMAGE CONFIDENCE…` (one
 * number a label) for test image number IMAGE, and figures as `figure NAME VALUE`. `pooled 1`: instead of the
 * classifier a plain logistic head on the mean of c5, its ridge by cross-validation, which is what the classifier is
 * measured against; the images are seen first and the figures are of the head alone. `repeat`: how often the test
 * images are run for timing, from the bytes of the file to confidences. `cache` keeps features between runs.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trial.h"
#include "vision/classify.h"
#include "vision/classify_data.h"
#include "vision/label_loss.h"
#include "vision/scale.h"

struct classify_trial {
    struct trial trial;
    bool multi, pooled;
};

static void read_list(struct trial *trial)
{
    char set[8], name[256];
    struct learn_image image = { 0 };
    FILE *list = trial_open_list(trial);
    while (fscanf(list, "%7s %255s %zu", set, name, &image.label_count) == 3) {
        uint32_t *labels = mem_zero(image.label_count + 1, sizeof *labels);
        for (size_t k = 0; k < image.label_count; k++)
            if (fscanf(list, "%u", &labels[k]) != 1)
                trial_stop(trial, "a label is missing", name);
        image.labels = labels;
        trial_add(trial, set, name, &image);
    }
    fclose(list);
}

static void say(size_t i, const float *confidences, size_t labels)
{
    printf("said %zu", i);
    for (size_t c = 0; c < labels; c++)
        printf(" %.5f", (double)confidences[c]);
    printf("\n");
}

/* One image from its bytes to confidences, as a request is served. */
static double run_one(struct trial *trial, struct classify_worker *worker, size_t i, bool print)
{
    float confidences[TRIAL_LABELS_MOST];
    struct image image;
    struct err err;
    double begun = trial_now(CLOCK_MONOTONIC);
    if (!trial_pixels(trial, true, i, CLASSIFY_SIDE, &image, &err))
        trial_stop(trial, "test image", err.text);
    classify_run(worker, &image, confidences);
    double took = trial_now(CLOCK_MONOTONIC) - begun;
    image_free(&image);
    if (print)
        say(i, confidences, trial->labels);
    return took;
}

static void run_tests(struct trial *trial, const struct classifier *classifier)
{
    struct classify_worker *worker;
    struct err err;
    if (!classify_worker_new(classifier, &worker, &err))
        trial_stop(trial, "worker", err.text);
    double *took = mem_zero(trial->test.count + 1, sizeof *took);
    for (unsigned long round = 0; round <= trial->repeat; round++)
        for (size_t i = 0; i < trial->test.count; i++)
            took[i] = run_one(trial, worker, i, round == 0);
    trial_print_times("classify", took, trial->test.count);
    free(took);
    classify_worker_free(worker);
}

static void train_and_run(struct classify_trial *it, const struct learn_job *job)
{
    struct err err;
    struct buf payload;
    struct classifier *classifier;
    double begun = trial_now(CLOCK_MONOTONIC), worked = trial_now(CLOCK_PROCESS_CPUTIME_ID);
    buf_init(&payload, 64u << 20);
    if (!classify_train(job, it->multi, &payload, &err))
        trial_stop(&it->trial, "training", err.text);
    trial_print_training(begun, worked, buf_span(&payload));
    if (!classifier_open(buf_span(&payload), job->backbone, job->label_count, &classifier, &err))
        trial_stop(&it->trial, "model", err.text);
    printf("figure parts %02x\nfigure uses_places %u\n", (unsigned char)payload.ptr[16],
           (unsigned char)payload.ptr[24]);
    run_tests(&it->trial, classifier);
    classifier_free(classifier);
    buf_free(&payload);
}

/* --- the pooled baseline -------------------------------------------------------------------------------------------
 */

static double held_out_loss(const struct classify_data *data, struct linear_task *task)
{
    float *scores = mem_alloc(data->rows * data->labels * sizeof *scores), residual[TRIAL_LABELS_MOST];
    double loss = 0;
    for (size_t f = 0; f < CLASSIFY_FOLDS; f++) {
        double *weights = mem_zero(linear_size(task->table.width, data->labels), sizeof *weights);
        task->held_begin = data->fold_begin[f];
        task->held_end = data->fold_begin[f + 1];
        linear_fit(task, weights);
        linear_scores(&task->table, task->held_begin, task->held_end, weights, data->labels,
                      scores + task->held_begin * data->labels);
        free(weights);
    }
    for (size_t i = 0; i < data->rows * data->labels; i += data->labels)
        loss += label_loss(scores + i, data->truth + i, data->labels, data->each, residual);
    task->held_begin = task->held_end = 0;
    free(scores);
    return loss;
}

static void run_pooled(struct trial *trial, const struct learn_job *job, const struct classify_data *data,
                       const double *weights)
{
    struct trunk *trunk;
    struct err err;
    if (!trunk_new(job->backbone, SIGHT_SIDE, SIGHT_SIDE, &trunk, &err))
        trial_stop(trial, "trunk", err.text);
    size_t width = data->features.begin[1];
    float *row = mem_alloc(width * sizeof *row), scores[TRIAL_LABELS_MOST];
    struct image image, square = image_new(SIGHT_SIDE, SIGHT_SIDE);
    for (size_t i = 0; i < trial->test.count; i++) {
        struct tap taps[BACKBONE_TAPS];
        if (!trial_pixels(trial, true, i, CLASSIFY_SIDE, &image, &err))
            trial_stop(trial, "test image", err.text);
        scale_resize(&image, &square);
        image_free(&image);
        trunk_run(trunk, &square, taps);
        sight_whole(&data->features, &square, taps, 1, row);
        for (size_t k = 0; k < width; k++)
            row[k] = (row[k] - data->mean[k]) * data->scale[0];
        const struct linear_table table = { row, 1, width, width };
        linear_scores(&table, 0, 1, weights, data->labels, scores);
        label_confidences(scores, data->labels, data->each);
        say(i, scores, data->labels);
    }
    free(row);
    image_free(&square);
    trunk_free(trunk);
}

static void train_pooled(struct classify_trial *it, const struct learn_job *job)
{
    static const double ridges[] = { 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5 };
    struct classify_data data;
    struct err err;
    if (!classify_gather(job, it->multi, &data, &err))
        trial_stop(&it->trial, "images", err.text);
    struct linear_task task = { .table = { data.whole, data.rows, data.features.begin[1], data.features.width },
                                .truth = data.truth,
                                .labels = data.labels,
                                .each = data.each,
                                .iterations = 150 };
    double best = INFINITY, best_ridge = 0;
    for (size_t r = 0; r < COUNT_OF(ridges); r++) {
        task.ridge = ridges[r];
        double loss = held_out_loss(&data, &task);
        if (loss < best) {
            best = loss;
            best_ridge = ridges[r];
        }
    }
    double *weights = mem_zero(linear_size(task.table.width, data.labels), sizeof *weights);
    task.ridge = best_ridge;
    linear_fit(&task, weights);
    run_pooled(&it->trial, job, &data, weights);
    free(weights);
    classify_data_free(&data);
}

static void take_option(struct classify_trial *it, struct learn_job *job, const char *name, const char *value)
{
    if (trial_take(&it->trial, job, name, value))
        return;
    if (strcmp(name, "multi") == 0)
        it->multi = strtoul(value, NULL, 10) != 0;
    else if (strcmp(name, "pooled") == 0)
        it->pooled = strtoul(value, NULL, 10) != 0;
    else
        trial_stop(&it->trial, "unknown", name);
}

int main(int argc, char **argv)
{
    struct classify_trial it = { .trial = { .program = "classify_trial" } };
    if (argc < 3 || argc % 2 == 0)
        trial_stop(&it.trial, "usage", "see the top of classify_trial.c");
    it.trial.folder = argv[2];
    struct learn_job job = trial_job(&it.trial);
    for (int a = 3; a < argc; a += 2)
        take_option(&it, &job, argv[a], argv[a + 1]);
    read_list(&it.trial);
    struct backbone *backbone = trial_open(&it.trial, &job, argv[1]);
    if (it.pooled)
        train_pooled(&it, &job);
    else
        train_and_run(&it, &job);
    backbone_free(backbone);
    return 0;
}
