/*
 * detect_trial: trains a detector on a folder of images, runs it on others, and prints what it saw. For
 * bench/detect.py.
 *
 *     detect_trial BACKBONE FOLDER [threads N] [seed N] [cache FOLDER] [repeat N]
 *
 * FOLDER/list has `labels N`, then for each image `train|test FILE WIDTH HEIGHT BOXES` and for each of its boxes `LABEL
 * LEFT TOP WIDTH HEIGHT`, in ratios. Prints `seen IMAGE LABEL CONFIDENCE LEFT TOP WIDTH HEIGHT` for each box found in
 * test image number IMAGE, and figures as `figure NAME VALUE`. `repeat`: how often the test images are run for timing,
 * from the bytes of the file to boxes. `cache` keeps features between runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <xxhash.h>

#include "vision/detect.h"

enum { PATH_MOST = 1024, FILE_MOST = 32 << 20 };

static const float LOW_CONFIDENCE = 0.01f;

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
};

static void stop(const char *why, const char *what)
{
    fprintf(stderr, "detect_trial: %s: %s\n", why, what);
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

static void read_boxes(FILE *list, struct learn_image *image)
{
    struct learn_box *boxes = mem_zero(image->box_count + 1, sizeof *boxes);
    for (size_t b = 0; b < image->box_count; b++)
        if (fscanf(list, "%u %f %f %f %f", &boxes[b].label, &boxes[b].left, &boxes[b].top, &boxes[b].width,
                   &boxes[b].height) != 5)
            stop("a box is not whole", "list");
    image->boxes = boxes;
}

static void read_list(struct trial *trial)
{
    char path[PATH_MOST], set[8], name[256];
    struct learn_image image = { 0 };
    snprintf(path, sizeof path, "%s/list", trial->folder);
    FILE *list = fopen(path, "r");
    if (!list || fscanf(list, "labels %zu", &trial->labels) != 1)
        stop("is not a list", path);
    while (fscanf(list, "%7s %255s %u %u %zu", set, name, &image.width, &image.height, &image.box_count) == 5) {
        struct pile *pile = strcmp(set, "test") == 0 ? &trial->test : &trial->train;
        read_boxes(list, &image);
        pile->images = mem_grow(pile->images, (pile->count + 1) * sizeof *pile->images);
        pile->paths = mem_grow(pile->paths, (pile->count + 1) * sizeof *pile->paths);
        snprintf(pile->paths[pile->count], PATH_MOST, "%s/%s", trial->folder, name);
        key_of(pile->paths[pile->count], image.key);
        pile->images[pile->count++] = image;
    }
    fclose(list);
}

static bool pixels(void *ctx, bool test, size_t i, struct image *ret_image, struct err *err)
{
    struct trial *trial = ctx;
    const char *path = (test ? &trial->test : &trial->train)->paths[i];
    struct buf bytes;
    enum image_fault fault;
    buf_init(&bytes, FILE_MOST);
    bool done = read_file(path, &bytes) && image_decode(buf_span(&bytes), &image_limits_s3, ret_image, &fault);
    buf_free(&bytes);
    return done || fail(err, E_INVALID, "%s is no image.", path);
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

/* One image from its bytes to boxes, as a request is served. */
static double run_one(struct trial *trial, struct detect_worker *worker, size_t i, bool print)
{
    struct detection found[DETECT_MOST];
    struct image image;
    struct err err;
    double begun = now_seconds(CLOCK_MONOTONIC);
    if (!pixels(trial, true, i, &image, &err))
        stop("test image", err.text);
    size_t count = detect_run(worker, &image, LOW_CONFIDENCE, found, DETECT_MOST);
    double took = now_seconds(CLOCK_MONOTONIC) - begun;
    image_free(&image);
    for (size_t f = 0; print && f < count; f++)
        printf("seen %zu %u %.6f %.6f %.6f %.6f %.6f\n", i, found[f].box.label, found[f].confidence, found[f].box.left,
               found[f].box.top, found[f].box.width, found[f].box.height);
    return took;
}

static void run_tests(struct trial *trial, const struct detector *detector)
{
    struct detect_worker *worker;
    struct err err;
    if (!detect_worker_new(detector, &worker, &err))
        stop("worker", err.text);
    double *took = mem_zero(trial->test.count + 1, sizeof *took);
    for (unsigned long round = 0; round <= trial->repeat; round++)
        for (size_t i = 0; i < trial->test.count; i++)
            took[i] = run_one(trial, worker, i, round == 0);
    if (trial->test.count) {
        qsort(took, trial->test.count, sizeof *took, by_value);
        printf("figure detect_p50_ms %.2f\n", took[trial->test.count / 2] * 1e3);
        printf("figure detect_p99_ms %.2f\n", took[trial->test.count * 99 / 100] * 1e3);
    }
    free(took);
    detect_worker_free(worker);
}

static double peak_mib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

static void train_and_run(struct trial *trial, const struct learn_job *job)
{
    struct err err;
    struct buf payload;
    struct detector *detector;
    int width, height;
    double begun = now_seconds(CLOCK_MONOTONIC), worked = now_seconds(CLOCK_PROCESS_CPUTIME_ID);
    buf_init(&payload, 64u << 20);
    if (!detect_train(job, &payload, &err))
        stop("training", err.text);
    printf("figure train_seconds %.2f\n", now_seconds(CLOCK_MONOTONIC) - begun);
    printf("figure train_cpu_seconds %.2f\n", now_seconds(CLOCK_PROCESS_CPUTIME_ID) - worked);
    printf("figure train_peak_mib %.0f\n", peak_mib());
    printf("figure model_bytes %zu\n", payload.len);
    printf("figure model_hash %016llx\n", (unsigned long long)XXH3_64bits(payload.ptr, payload.len));
    if (!detector_open(buf_span(&payload), job->backbone, job->label_count, &detector, &err))
        stop("model", err.text);
    detector_canvas(detector, &width, &height);
    printf("figure canvas %dx%d\n", width, height);
    run_tests(trial, detector);
    detector_free(detector);
    buf_free(&payload);
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc % 2 == 0)
        stop("usage", "detect_trial BACKBONE FOLDER [threads N] [seed N] [cache FOLDER] [repeat N]");
    struct trial trial = { .folder = argv[2] };
    struct learn_job job = { .seed = 1, .threads = 2, .pixels = pixels, .progress = progress, .ctx = &trial };
    for (int a = 3; a < argc; a += 2) {
        if (strcmp(argv[a], "threads") == 0)
            job.threads = (unsigned)strtoul(argv[a + 1], NULL, 10);
        else if (strcmp(argv[a], "seed") == 0)
            job.seed = strtoull(argv[a + 1], NULL, 10);
        else if (strcmp(argv[a], "repeat") == 0)
            trial.repeat = strtoul(argv[a + 1], NULL, 10);
        else if (strcmp(argv[a], "cache") == 0)
            trial.cache = argv[a + 1];
        else
            stop("unknown", argv[a]);
    }
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
    train_and_run(&trial, &job);
    backbone_free(backbone);
    return 0;
}
