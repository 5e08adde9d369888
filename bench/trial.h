/*
 * trial: what classify_trial and detect_trial share: a folder of images with its list, a job over it, kept features,
 * and the figures they print. A trial is plain data; one that goes wrong ends the program with status 2.
 *
 *     struct trial trial = { .program = "…", .folder = folder };
 *     struct learn_job job = trial_job(&trial);             then trial_take(&trial, &job, name, value) of options
 *     FILE *list = trial_open_list(&trial);                  the program reads lines of its own form:
 *     trial_add(&trial, "train", "a.jpg", &image);           and adds each image
 *     trial_open(&trial, &job, backbone_folder);             the job is whole
 */
#ifndef PLACARD_BENCH_TRIAL_H
#define PLACARD_BENCH_TRIAL_H

#include <stdio.h>
#include <time.h>

#include "vision/backbone.h"
#include "vision/image.h"
#include "vision/learn.h"

enum { TRIAL_PATH_MOST = 1024, TRIAL_LABELS_MOST = 250 };

struct trial_pile {
    struct learn_image *images;
    char (*paths)[TRIAL_PATH_MOST];
    size_t count;
};

struct trial {
    const char *program, *folder, *cache; /* cache NULL: features are not kept */
    struct trial_pile train, test;
    size_t labels;
    unsigned long repeat; /* how often more the test images are run, for timing */
};

_Noreturn void trial_stop(const struct trial *trial, const char *why, const char *what);
double trial_now(clockid_t clock); /* seconds */

/* A job over the trial, which it points to: seed 1, two threads. */
struct learn_job trial_job(struct trial *trial);

/* Takes threads, seed, repeat or cache; false: another option. */
bool trial_take(struct trial *trial, struct learn_job *job, const char *name, const char *value);

/* FOLDER/list behind its first line `labels N`. The caller closes it. */
FILE *trial_open_list(struct trial *trial);

/* Adds an image to the set; its key is of the file's bytes. What it points to must last. */
void trial_add(struct trial *trial, const char *set, const char *name, const struct learn_image *image);

/* Fills the job's backbone (the caller's to free), labels and sets. */
struct backbone *trial_open(struct trial *trial, struct learn_job *job, const char *backbone_folder);

bool trial_pixels(void *ctx, bool test, size_t i, int side, struct image *ret_image, struct err *err);

/* `figure NAME VALUE` of a training that was begun at these times and gave `payload`. */
void trial_print_training(double begun, double worked, struct span payload);

/* Of the seconds that each image took, which are sorted, the median and the 99th of a hundred. */
void trial_print_times(const char *what, double *took, size_t count);

#endif
