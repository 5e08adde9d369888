/*
 * tune_trial: fine-tunes the last layers of a backbone on a folder of labelled images, for bench/tune.py.
 *
 *     tune_trial BACKBONE FOLDER WEIGHTS [cut N] [epochs N] [rate R] [seed N] [multi 0|1]
 *
 * FOLDER is as for classify_trial. The layers behind cut N (0 is the nearest to the end: vision/tail.h) and a logistic
 * layer on the mean of the last tap are trained together by AdamW on the training images and their mirror images, one
 * thread; the logistic layer first alone, so that it does not push the layers about while it knows nothing. What comes
 * before the cut is computed once. Writes the tuned layers' weights, which are the last of the backbone's file, to the
 * file WEIGHTS; prints `figure NAME VALUE`.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trial.h"
#include "vision/adamw.h"
#include "vision/label_loss.h"
#include "vision/scale.h"
#include "vision/tail.h"

enum { SIDE = 224, BATCH = 16, CUTS_MOST = 64, HEAD_EPOCHS = 10 };

static const float HEAD_RATE = 0.02f, DECAY = 1e-4f;

struct tune {
    struct trial trial;
    bool multi;
    unsigned long cut_number, epochs;
    float rate;
    const struct backbone *backbone;
    struct cut cut;
    struct tail *tail;
    size_t floats, channels; /* of the cut's output; of the last tap */
    float *kept;             /* [image][mirrored][floats] */
    struct adamw of_tail, of_head;
    float *head, *head_gradient; /* [label][channel], then biases */
};

static struct adamw adamw_for(size_t count, float decay)
{
    unsigned char *decays = mem_alloc(count);
    memset(decays, 1, count);
    return (struct adamw){ .beta1 = 0.9f,
                           .beta2 = 0.99f,
                           .epsilon = 1e-8f,
                           .decay = decay,
                           .count = count,
                           .first = mem_zero(count, sizeof(float)),
                           .second = mem_zero(count, sizeof(float)),
                           .decays = decays };
}

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
        if (strcmp(set, "train") == 0)
            trial_add(trial, set, name, &image);
    }
    fclose(list);
}

/* What the cut gives for every image and its mirror image. */
static void look(struct tune *tune)
{
    struct err err;
    struct trunk *trunk;
    struct tap out;
    struct image picture, square = image_new(SIDE, SIDE);
    if (!trunk_new(tune->backbone, SIDE, SIDE, &trunk, &err))
        trial_stop(&tune->trial, "trunk", err.text);
    for (size_t i = 0; i < 2 * tune->trial.train.count; i++) {
        if (!trial_pixels(&tune->trial, false, i / 2, SIDE, &picture, &err))
            trial_stop(&tune->trial, "image", err.text);
        scale_resize(&picture, &square);
        image_free(&picture);
        if (i % 2)
            scale_flip(&square);
        trunk_run_to(trunk, &square, &tune->cut, &out);
        tune->floats = (size_t)(out.channels * out.height * out.width);
        if (!tune->kept)
            tune->kept = mem_alloc(2 * tune->trial.train.count * tune->floats * sizeof(float));
        memcpy(tune->kept + i * tune->floats, out.data, tune->floats * sizeof(float));
    }
    image_free(&square);
    trunk_free(trunk);
}

/* Adds one image's loss and the head's gradient; its slopes in the tap go to ret_slopes. */
static double add_image(struct tune *tune, const struct learn_image *image, const struct tap *tap, const float *data,
                        float *ret_slopes)
{
    size_t labels = tune->trial.labels, channels = tune->channels, places = (size_t)(tap->height * tap->width);
    float *mean = mem_zero(channels, sizeof *mean), *back = mem_zero(channels, sizeof *back);
    float scores[TRIAL_LABELS_MOST], truth[TRIAL_LABELS_MOST] = { 0 };
    for (size_t p = 0; p < places; p++)
        for (size_t k = 0; k < channels; k++)
            mean[k] += data[p * channels + k] / (float)places;
    for (size_t k = 0; k < image->label_count; k++)
        truth[image->labels[k]] = 1;
    for (size_t c = 0; c < labels; c++) {
        scores[c] = tune->head[labels * channels + c];
        for (size_t k = 0; k < channels; k++)
            scores[c] += tune->head[c * channels + k] * mean[k];
    }
    double loss = label_loss(scores, truth, labels, tune->multi, scores);
    for (size_t c = 0; c < labels; c++) {
        float residual = scores[c] / BATCH;
        tune->head_gradient[labels * channels + c] += residual;
        for (size_t k = 0; k < channels; k++) {
            tune->head_gradient[c * channels + k] += residual * mean[k];
            back[k] += residual * tune->head[c * channels + k] / (float)places;
        }
    }
    for (size_t p = 0; p < places; p++)
        memcpy(ret_slopes + p * channels, back, channels * sizeof *back);
    free(mean);
    free(back);
    return loss;
}

static double step(struct tune *tune, const uint32_t *images, struct learn_random *random, bool with_tail, float share)
{
    float *input = mem_alloc(BATCH * tune->floats * sizeof *input);
    struct tap taps[BACKBONE_TAPS];
    double loss = 0;
    for (size_t b = 0; b < BATCH; b++)
        memcpy(input + b * tune->floats, tune->kept + (images[b] * 2 + learn_random_below(random, 2)) * tune->floats,
               tune->floats * sizeof *input);
    tail_forward(tune->tail, input, taps);
    const struct tap *last = &taps[BACKBONE_TAPS - 1];
    size_t each = (size_t)(last->height * last->width * last->channels);
    float *slopes = mem_alloc(BATCH * each * sizeof *slopes);
    memset(tune->head_gradient, 0, tune->of_head.count * sizeof(float));
    for (size_t b = 0; b < BATCH; b++)
        loss += add_image(tune, &tune->trial.train.images[images[b]], last, last->data + b * each, slopes + b * each);
    adamw_step(&tune->of_head, HEAD_RATE * share, tune->head_gradient, tune->head);
    if (with_tail) {
        const float *const all[BACKBONE_TAPS] = { [BACKBONE_TAPS - 1] = slopes };
        tail_clear(tune->tail);
        tail_backward(tune->tail, all);
        adamw_step(&tune->of_tail, tune->rate * share, tail_gradients(tune->tail), tail_weights(tune->tail));
    }
    free(slopes);
    free(input);
    return loss / BATCH;
}

static void learn(struct tune *tune, uint64_t seed)
{
    size_t count = tune->trial.train.count, batches = count / BATCH, steps = (HEAD_EPOCHS + tune->epochs) * batches;
    uint32_t *order = mem_alloc(count * sizeof *order);
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    for (size_t at = 0; at < steps; at++) {
        struct learn_random random = learn_random(seed, at);
        if (at % batches == 0)
            learn_random_shuffle(&random, order, count);
        bool with_tail = at >= HEAD_EPOCHS * batches;
        float share = with_tail ? one_cycle(1, 0.15, at - HEAD_EPOCHS * batches, tune->epochs * batches) : 1;
        double loss = step(tune, order + at % batches * BATCH, &random, with_tail, share);
        if ((at + 1) % batches == 0)
            fprintf(stderr, "epoch %zu loss of its last batch %.4f\n", at / batches, loss);
    }
    free(order);
}

static void take_option(struct tune *tune, struct learn_job *job, const char *name, const char *value)
{
    if (strcmp(name, "cut") == 0)
        tune->cut_number = strtoul(value, NULL, 10);
    else if (strcmp(name, "epochs") == 0)
        tune->epochs = strtoul(value, NULL, 10);
    else if (strcmp(name, "rate") == 0)
        tune->rate = strtof(value, NULL);
    else if (strcmp(name, "multi") == 0)
        tune->multi = strtoul(value, NULL, 10) != 0;
    else if (!trial_take(&tune->trial, job, name, value))
        trial_stop(&tune->trial, "unknown", name);
}

static void write_weights(struct tune *tune, const char *path)
{
    FILE *file = fopen(path, "wb");
    size_t count = tune->cut.weight_count;
    if (!file || fwrite(tail_weights(tune->tail), sizeof(float), count, file) != count || fclose(file) != 0)
        trial_stop(&tune->trial, "cannot be written", path);
}

static void choose_cut(struct tune *tune)
{
    struct cut cuts[CUTS_MOST];
    int count = tail_cuts(tune->backbone, cuts, CUTS_MOST);
    if (tune->cut_number >= (unsigned long)count)
        trial_stop(&tune->trial, "there is no such", "cut");
    tune->cut = cuts[tune->cut_number];
    tune->channels = (size_t)backbone_channels(tune->backbone, BACKBONE_TAPS - 1);
    tune->tail = tail_new(tune->backbone, &tune->cut, BATCH, SIDE, SIDE);
    tune->of_tail = adamw_for(tune->cut.weight_count, 0);
    tune->of_head = adamw_for((tune->channels + 1) * tune->trial.labels, DECAY);
    tune->head = mem_zero(tune->of_head.count, sizeof(float));
    tune->head_gradient = mem_zero(tune->of_head.count, sizeof(float));
}

int main(int argc, char **argv)
{
    struct tune tune = { .trial = { .program = "tune_trial" }, .epochs = 10, .rate = 3e-4f };
    if (argc < 4 || argc % 2)
        trial_stop(&tune.trial, "usage", "see the top of tune_trial.c");
    tune.trial.folder = argv[2];
    struct learn_job job = trial_job(&tune.trial);
    for (int a = 4; a < argc; a += 2)
        take_option(&tune, &job, argv[a], argv[a + 1]);
    read_list(&tune.trial);
    struct backbone *backbone = trial_open(&tune.trial, &job, argv[1]);
    tune.backbone = backbone;
    if (tune.trial.train.count < BATCH)
        trial_stop(&tune.trial, "too few images", tune.trial.folder);
    choose_cut(&tune);
    double begun = trial_now(CLOCK_PROCESS_CPUTIME_ID);
    look(&tune);
    double looked = trial_now(CLOCK_PROCESS_CPUTIME_ID);
    learn(&tune, job.seed);
    printf("figure look_cpu_seconds %.2f\nfigure tune_cpu_seconds %.2f\nfigure weights %zu\n", looked - begun,
           trial_now(CLOCK_PROCESS_CPUTIME_ID) - looked, tune.cut.weight_count);
    write_weights(&tune, argv[3]);
    tail_free(tune.tail);
    backbone_free(backbone);
    return 0;
}
