/*
 * trunk: how long a backbone takes for one image on one thread, and how far two backbones are apart.
 *
 *     build/bench/trunk FOLDER [FOLDER] [--side N] [--runs N]
 *
 * Each backbone runs the same noise, once to warm up and then `runs` times (100), turn about, so that both see the same
 * machine. A line each: milliseconds an image (the median, the median of CPU time, the best, and the mean, in which it
 * counts when others had the core), milliseconds to make a trunk. With two, the largest difference between their
 * features, of those of the first; the exit status is 1 above 1e-4.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "vision/trunk.h"

enum { RUNS_MAX = 10000 };

struct runner {
    const char *folder;
    struct backbone *backbone;
    struct trunk *trunk;
    struct tap taps[BACKBONE_TAPS];
    double made_ms;
    double ms[RUNS_MAX], cpu_ms[RUNS_MAX];
};

static double now_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int stop(const char *folder, const struct err *err)
{
    fprintf(stderr, "trunk: %s: %s\n", folder, err->text);
    return 2;
}

static int by_size(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

static void print_runner(struct runner *runner, int side, int runs)
{
    double sum = 0;
    for (int i = 0; i < runs; i++)
        sum += runner->ms[i];
    qsort(runner->ms, (size_t)runs, sizeof runner->ms[0], by_size);
    qsort(runner->cpu_ms, (size_t)runs, sizeof runner->cpu_ms[0], by_size);
    printf(
        "%-28s %-11s %d x %d: median %.2f ms, of CPU %.2f ms, best %.2f ms, mean %.2f ms an image; made in %.0f ms\n",
        backbone_id(runner->backbone), backbone_engine(runner->backbone), side, side, runner->ms[runs / 2],
        runner->cpu_ms[runs / 2], runner->ms[0], sum / runs, runner->made_ms);
}

/* The largest difference of two outcomes of one image; infinite where their forms differ. */
static double difference(const struct runner *one, const struct runner *other)
{
    double largest = 0;
    for (int t = 0; t < BACKBONE_TAPS; t++) {
        const struct tap *a = &one->taps[t], *b = &other->taps[t];
        if (a->channels != b->channels || a->height != b->height || a->width != b->width)
            return INFINITY;
        for (long i = 0; i < (long)a->channels * a->height * a->width; i++)
            largest = fmax(largest, fabs((double)a->data[i] - (double)b->data[i]));
    }
    return largest;
}

static struct image noise(int side)
{
    struct image image = image_new(side, side);
    uint32_t seed = 1;
    for (int i = 0; i < side * side * 3; i++) {
        seed = seed * 1664525u + 1013904223u;
        image.rgb[i] = (unsigned char)(seed >> 24);
    }
    return image;
}

static bool open_runner(struct runner *runner, int side, struct err *err)
{
    if (!backbone_open(runner->folder, &runner->backbone, err))
        return false;
    double began = now_ms(CLOCK_MONOTONIC);
    bool done = trunk_new(runner->backbone, side, side, &runner->trunk, err);
    runner->made_ms = now_ms(CLOCK_MONOTONIC) - began;
    return done;
}

static void run(struct runner *runners, int count, int side, int runs)
{
    struct image image = noise(side);
    for (int i = -1; i < runs; i++)
        for (int r = 0; r < count; r++) {
            double began = now_ms(CLOCK_MONOTONIC), cpu = now_ms(CLOCK_THREAD_CPUTIME_ID);
            trunk_run(runners[r].trunk, &image, runners[r].taps);
            if (i < 0)
                continue;
            runners[r].ms[i] = now_ms(CLOCK_MONOTONIC) - began;
            runners[r].cpu_ms[i] = now_ms(CLOCK_THREAD_CPUTIME_ID) - cpu;
        }
    image_free(&image);
}

int main(int argc, char **argv)
{
    static struct runner runners[2];
    int count = 0, side = 224, runs = 100;
    struct err err;
    for (int i = 1; i < argc; i++) {
        if (i + 1 < argc && span_is(span_str(argv[i]), "--side"))
            side = (int)strtol(argv[++i], NULL, 10);
        else if (i + 1 < argc && span_is(span_str(argv[i]), "--runs"))
            runs = (int)strtol(argv[++i], NULL, 10);
        else if (count < 2)
            runners[count++].folder = argv[i];
    }
    if (count == 0 || side < 32 || side > 1280 || runs < 1 || runs > RUNS_MAX) {
        fprintf(stderr, "Usage: trunk FOLDER [FOLDER] [--side 32..1280] [--runs 1..%d]\n", RUNS_MAX);
        return 2;
    }
    for (int r = 0; r < count; r++)
        if (!open_runner(&runners[r], side, &err))
            return stop(runners[r].folder, &err);
    run(runners, count, side, runs);
    double apart = count == 2 ? difference(&runners[0], &runners[1]) : 0;
    for (int r = 0; r < count; r++)
        print_runner(&runners[r], side, runs);
    if (count == 2)
        printf("largest difference %.3g\n", apart);
    for (int r = 0; r < count; r++) {
        trunk_free(runners[r].trunk);
        backbone_free(runners[r].backbone);
    }
    return apart > 1e-4 ? 1 : 0;
}
