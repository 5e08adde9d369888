/*
 * classify_trial: trains a classifier on a folder of images, runs it on others, and prints what it said. For
 * bench/classify.py.
 *
 *     classify_trial BACKBONE FOLDER [threads N] [seed N] [multi 0|1] [cache FOLDER] [repeat N] [pooled 0|1]
 *
 * FOLDER/list has `labels N`, then for each image `train|test FILE COUNT LABEL…`. Prints `said IMAGE CONFIDENCE…` (one
 * number a label) for test image number IMAGE, and figures as `figure NAME VALUE`. `pooled 1`: instead of the classifier
 * a plain logistic head on the mean of c5, its ridge by cross-validation, which is what the classifier is measured
 * against; the images are seen first and the figures are of the head alone. `repeat`: how often the test images are run
 * for timing, from the bytes of the file to confidences. `cache` keeps features between runs.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include <xxhash.h>

#include "vision/classify.h"
#include "vision/classify_data.h"
#include "vision/label_loss.h"
#include "vision/scale.h"

enum { PATH_MOST = 1024, FILE_MOST = 32 << 20, LABELS_MOST = 250 };

struct pile {
    struct learn_image *images;
    char (*paths)[PATH_MOST];
    size_t count;
};

struct trial {
    const char *folder, *cache;
    struct pile train, test;
    size_t labels;
    unsigned long repeat;
    bool multi, pooled;
};

static void stop(const char *why, const char *what)
{
    fprintf(stderr, "classify_trial: %s: %s\n", why, what);
    exit(2);
}

static double now_seconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static bool read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    char part[65536];
    size_t got;
    if (!file)
        return false;
    while ((got = fread(part, 1, sizeof part, file)) > 0)
        buf_add(out, span_of(part, got));
    fclose(file);
    return !out->overflow;
}

static void key_of(const char *path, unsigned char key[LEARN_KEY_BYTES])
{
    struct buf bytes;
    buf_init(&bytes, FILE_MOST);
    if (!read_file(path, &bytes))
        stop("cannot be read", path);
    for (int part = 0; part < 2; part++) {
        XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.ptr, bytes.len, (XXH64_hash_t)part);
        memcpy(key + part * 16, &hash, 16);
    }
    buf_free(&bytes);
}

static void read_list(struct trial *trial)
{
    char path[PATH_MOST], set[8], name[256];
    struct learn_image image = { 0 };
    snprintf(path, sizeof path, "%s/list", trial->folder);
    FILE *list = fopen(path, "r");
    if (!list || fscanf(list, "labels %zu", &trial->labels) != 1 || trial->labels > LABELS_MOST)
        stop("is not a list", path);
    while (fscanf(list, "%7s %255s %zu", set, name, &image.label_count) == 3) {
        struct pile *pile = strcmp(set, "test") == 0 ? &trial->test : &trial->train;
        uint32_t *labels = mem_zero(image.label_count + 1, sizeof *labels);
        for (size_t k = 0; k < image.label_count; k++)
            if (fscanf(list, "%u", &labels[k]) != 1)
                stop("a label is missing", path);
        image.labels = labels;
        pile->images = mem_grow(pile->images, (pile->count + 1) * sizeof *pile->images);
        pile->paths = mem_grow(pile->paths, (pile->count + 1) * sizeof *pile->paths);
        snprintf(pile->paths[pile->count], PATH_MOST, "%s/%s", trial->folder, name);
        key_of(pile->paths[pile->count], image.key);
        pile->images[pile->count++] = image;
    }
    fclose(list);
}

static bool decode(struct trial *trial, bool test, size_t i, int side, struct image *ret_image, struct err *err)
{
    const char *path = (test ? &trial->test : &trial->train)->paths[i];
    struct buf bytes;
    enum image_fault fault;
    buf_init(&bytes, FILE_MOST);
    bool done = read_file(path, &bytes) &&
                image_decode_near(buf_span(&bytes), &image_limits_s3, side, ret_image, &fault);
    buf_free(&bytes);
    return done || fail(err, E_INVALID, "%s is no image.", path);
}

static bool pixels(void *ctx, bool test, size_t i, struct image *ret_image, struct err *err)
{
    return decode(ctx, test, i, CLASSIFY_SIDE, ret_image, err);
}

static void cache_path(const struct trial *trial, const unsigned char key[LEARN_KEY_BYTES], const char *what,
                       char path[PATH_MOST])
{
    int at = snprintf(path, PATH_MOST, "%s/", trial->cache);
    for (int k = 0; k < 16; k++)
        at += snprintf(path + at, PATH_MOST - (size_t)at, "%02x", key[k]);
    snprintf(path + at, PATH_MOST - (size_t)at, ".%s", what);
}

static bool cached(void *ctx, const unsigned char key[LEARN_KEY_BYTES], const char *what, struct buf *ret_bytes)
{
    char path[PATH_MOST];
    cache_path(ctx, key, what, path);
    return read_file(path, ret_bytes);
}

static void cache(void *ctx, const unsigned char key[LEARN_KEY_BYTES], const char *what, struct span bytes)
{
    char path[PATH_MOST];
    cache_path(ctx, key, what, path);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes.ptr, 1, bytes.len, file) != bytes.len || fclose(file) != 0)
        stop("cannot be written", path);
}

static void progress(void *ctx, const char *phase, double share)
{
    static double begun;
    (void)ctx;
    double now = now_seconds(CLOCK_MONOTONIC);
    if (begun == 0)
        begun = now;
    if (share >= 1)
        printf("figure %s_end_seconds %.2f\n", phase, now - begun);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
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
    float confidences[LABELS_MOST];
    struct image image;
    struct err err;
    double begun = now_seconds(CLOCK_MONOTONIC);
    if (!pixels(trial, true, i, &image, &err))
        stop("test image", err.text);
    classify_run(worker, &image, confidences);
    double took = now_seconds(CLOCK_MONOTONIC) - begun;
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
        stop("worker", err.text);
    double *took = mem_zero(trial->test.count + 1, sizeof *took);
    for (unsigned long round = 0; round <= trial->repeat; round++)
        for (size_t i = 0; i < trial->test.count; i++)
            took[i] = run_one(trial, worker, i, round == 0);
    if (trial->test.count) {
        qsort(took, trial->test.count, sizeof *took, by_value);
        printf("figure classify_p50_ms %.2f\n", took[trial->test.count / 2] * 1e3);
        printf("figure classify_p99_ms %.2f\n", took[trial->test.count * 99 / 100] * 1e3);
    }
    free(took);
    classify_worker_free(worker);
}

static void train_and_run(struct trial *trial, const struct learn_job *job)
{
    struct err err;
    struct buf payload;
    struct classifier *classifier;
    struct rusage usage;
    double begun = now_seconds(CLOCK_MONOTONIC), worked = now_seconds(CLOCK_PROCESS_CPUTIME_ID);
    buf_init(&payload, 64u << 20);
    if (!classify_train(job, trial->multi, &payload, &err))
        stop("training", err.text);
    getrusage(RUSAGE_SELF, &usage);
    printf("figure train_seconds %.2f\n", now_seconds(CLOCK_MONOTONIC) - begun);
    printf("figure train_cpu_seconds %.2f\n", now_seconds(CLOCK_PROCESS_CPUTIME_ID) - worked);
    printf("figure train_peak_mib %.0f\n", (double)usage.ru_maxrss / 1024);
    printf("figure model_bytes %zu\n", payload.len);
    printf("figure model_hash %016llx\n", (unsigned long long)XXH3_64bits(payload.ptr, payload.len));
    if (!classifier_open(buf_span(&payload), job->backbone, job->label_count, &classifier, &err))
        stop("model", err.text);
    printf("figure parts %02x\nfigure uses_places %u\n", (unsigned char)payload.ptr[16], (unsigned char)payload.ptr[24]);
    run_tests(trial, classifier);
    classifier_free(classifier);
    buf_free(&payload);
}

/* --- the pooled baseline ------------------------------------------------------------------------------------------- */

static double held_out_loss(const struct classify_data *data, struct linear_task *task)
{
    float *scores = mem_alloc(data->rows * data->labels * sizeof *scores), residual[LABELS_MOST];
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
        stop("trunk", err.text);
    size_t width = data->features.begin[1];
    float *row = mem_alloc(width * sizeof *row), scores[LABELS_MOST];
    struct image image, square = image_new(SIGHT_SIDE, SIGHT_SIDE);
    for (size_t i = 0; i < trial->test.count; i++) {
        struct tap taps[BACKBONE_TAPS];
        if (!pixels(trial, true, i, &image, &err))
            stop("test image", err.text);
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

static void train_pooled(struct trial *trial, const struct learn_job *job)
{
    static const double ridges[] = { 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5 };
    struct classify_data data;
    struct err err;
    if (!classify_gather(job, trial->multi, &data, &err))
        stop("images", err.text);
    struct linear_task task = { .table = { data.whole, data.rows, data.features.begin[1], data.features.width },
                                .truth = data.truth, .labels = data.labels, .each = data.each, .iterations = 150 };
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
    run_pooled(trial, job, &data, weights);
    free(weights);
    classify_data_free(&data);
}

static void take_option(struct trial *trial, struct learn_job *job, const char *name, const char *value)
{
    unsigned long number = strtoul(value, NULL, 10);
    if (strcmp(name, "threads") == 0)
        job->threads = (unsigned)number;
    else if (strcmp(name, "seed") == 0)
        job->seed = number;
    else if (strcmp(name, "multi") == 0)
        trial->multi = number != 0;
    else if (strcmp(name, "repeat") == 0)
        trial->repeat = number;
    else if (strcmp(name, "pooled") == 0)
        trial->pooled = number != 0;
    else if (strcmp(name, "cache") == 0)
        trial->cache = value;
    else
        stop("unknown", name);
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc % 2 == 0)
        stop("usage", "see the top of classify_trial.c");
    struct trial trial = { .folder = argv[2] };
    struct learn_job job = { .seed = 1, .threads = 2, .pixels = pixels, .progress = progress, .ctx = &trial };
    for (int a = 3; a < argc; a += 2)
        take_option(&trial, &job, argv[a], argv[a + 1]);
    if (trial.cache && mkdir(trial.cache, 0777) != 0 && errno != EEXIST)
        stop("cannot be made", trial.cache);
    if (trial.cache) {
        job.cached = cached;
        job.cache = cache;
    }
    struct backbone *backbone;
    struct err err;
    if (!backbone_open(argv[1], &backbone, &err))
        stop("backbone", err.text);
    read_list(&trial);
    job.backbone = backbone;
    job.label_count = trial.labels;
    job.train = (struct learn_set){ trial.train.images, trial.train.count };
    job.test = (struct learn_set){ trial.test.images, trial.test.count };
    if (trial.pooled)
        train_pooled(&trial, &job);
    else
        train_and_run(&trial, &job);
    backbone_free(backbone);
    return 0;
}
