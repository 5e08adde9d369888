/* trial: see trial.h. */
#include "trial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <xxhash.h>

enum { FILE_MOST = 32 << 20 };

void trial_stop(const struct trial *trial, const char *why, const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", trial->program, why, what);
    exit(2);
}

double trial_now(clockid_t clock)
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

bool trial_pixels(void *ctx, bool test, size_t i, int side, struct image *ret_image, struct err *err)
{
    const struct trial *trial = ctx;
    const char *path = (test ? &trial->test : &trial->train)->paths[i];
    struct buf bytes;
    enum image_fault fault;
    buf_init(&bytes, FILE_MOST);
    bool done = read_file(path, &bytes);
    done = done && image_decode_near(buf_span(&bytes), &image_limits_s3, side, ret_image, &fault);
    buf_free(&bytes);
    return done || fail(err, E_INVALID, "%s is no image.", path);
}

/* --- kept features ------------------------------------------------------------------------------------------------ */

static void cache_path(const struct trial *trial, const unsigned char key[LEARN_KEY_BYTES], const char *what,
                       char path[TRIAL_PATH_MOST])
{
    int at = snprintf(path, TRIAL_PATH_MOST, "%s/", trial->cache);
    for (int k = 0; k < 16; k++)
        at += snprintf(path + at, TRIAL_PATH_MOST - (size_t)at, "%02x", key[k]);
    snprintf(path + at, TRIAL_PATH_MOST - (size_t)at, ".%s", what);
}

static bool cached(void *ctx, const unsigned char key[LEARN_KEY_BYTES], const char *what, struct buf *ret_bytes)
{
    char path[TRIAL_PATH_MOST];
    cache_path(ctx, key, what, path);
    return read_file(path, ret_bytes);
}

static void cache(void *ctx, const unsigned char key[LEARN_KEY_BYTES], const char *what, struct span bytes)
{
    char path[TRIAL_PATH_MOST];
    cache_path(ctx, key, what, path);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes.ptr, 1, bytes.len, file) != bytes.len || fclose(file) != 0)
        trial_stop(ctx, "cannot be written", path);
}

/* --- the job ------------------------------------------------------------------------------------------------------ */

static void progress(void *ctx, const char *phase, double share)
{
    static double begun;
    (void)ctx;
    double now = trial_now(CLOCK_MONOTONIC);
    if (begun == 0)
        begun = now;
    if (share >= 1)
        printf("figure %s_end_seconds %.2f\n", phase, now - begun);
}

struct learn_job trial_job(struct trial *trial)
{
    return (struct learn_job){ .seed = 1, .threads = 2, .pixels = trial_pixels, .progress = progress, .ctx = trial };
}

bool trial_take(struct trial *trial, struct learn_job *job, const char *name, const char *value)
{
    if (strcmp(name, "threads") == 0)
        job->threads = (unsigned)strtoul(value, NULL, 10);
    else if (strcmp(name, "seed") == 0)
        job->seed = strtoull(value, NULL, 10);
    else if (strcmp(name, "repeat") == 0)
        trial->repeat = strtoul(value, NULL, 10);
    else if (strcmp(name, "cache") == 0)
        trial->cache = value;
    else
        return false;
    if (trial->cache && mkdir(trial->cache, 0777) != 0 && errno != EEXIST)
        trial_stop(trial, "cannot be made", trial->cache);
    job->cached = trial->cache ? cached : NULL;
    job->cache = trial->cache ? cache : NULL;
    return true;
}

FILE *trial_open_list(struct trial *trial)
{
    char path[TRIAL_PATH_MOST];
    snprintf(path, sizeof path, "%s/list", trial->folder);
    FILE *list = fopen(path, "r");
    if (!list || fscanf(list, "labels %zu", &trial->labels) != 1 || trial->labels > TRIAL_LABELS_MOST)
        trial_stop(trial, "is not a list", path);
    return list;
}

static void key_of(const struct trial *trial, const char *path, unsigned char key[LEARN_KEY_BYTES])
{
    struct buf bytes;
    buf_init(&bytes, FILE_MOST);
    if (!read_file(path, &bytes))
        trial_stop(trial, "cannot be read", path);
    for (int part = 0; part < 2; part++) {
        XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.ptr, bytes.len, (XXH64_hash_t)part);
        memcpy(key + part * 16, &hash, 16);
    }
    buf_free(&bytes);
}

void trial_add(struct trial *trial, const char *set, const char *name, const struct learn_image *image)
{
    struct trial_pile *pile = strcmp(set, "test") == 0 ? &trial->test : &trial->train;
    pile->images = mem_grow(pile->images, (pile->count + 1) * sizeof *pile->images);
    pile->paths = mem_grow(pile->paths, (pile->count + 1) * sizeof *pile->paths);
    snprintf(pile->paths[pile->count], TRIAL_PATH_MOST, "%s/%s", trial->folder, name);
    pile->images[pile->count] = *image;
    key_of(trial, pile->paths[pile->count], pile->images[pile->count].key);
    pile->count++;
}

struct backbone *trial_open(struct trial *trial, struct learn_job *job, const char *backbone_folder)
{
    struct backbone *backbone;
    struct err err;
    if (!backbone_open(backbone_folder, &backbone, &err))
        trial_stop(trial, "backbone", err.text);
    job->backbone = backbone;
    job->label_count = trial->labels;
    job->train = (struct learn_set){ trial->train.images, trial->train.count };
    job->test = (struct learn_set){ trial->test.images, trial->test.count };
    return backbone;
}

/* --- figures ------------------------------------------------------------------------------------------------------ */

/* Of this program alone: what getrusage says begins with the one that started it. */
static double peak_mib(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    double kib = 0;
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtod(line + 6, NULL);
    if (file)
        fclose(file);
    return kib / 1024;
}

void trial_print_training(double begun, double worked, struct span payload)
{
    printf("figure train_seconds %.2f\n", trial_now(CLOCK_MONOTONIC) - begun);
    printf("figure train_cpu_seconds %.2f\n", trial_now(CLOCK_PROCESS_CPUTIME_ID) - worked);
    printf("figure train_peak_mib %.0f\n", peak_mib());
    printf("figure model_bytes %zu\n", payload.len);
    printf("figure model_hash %016llx\n", (unsigned long long)XXH3_64bits(payload.ptr, payload.len));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void trial_print_times(const char *what, double *took, size_t count)
{
    if (count == 0)
        return;
    qsort(took, count, sizeof *took, by_value);
    printf("figure %s_p50_ms %.2f\n", what, took[count / 2] * 1e3);
    printf("figure %s_p99_ms %.2f\n", what, took[count * 99 / 100] * 1e3);
}
