/*
 * learn: what a training is given, and the few things that every training shares.
 *
 * A job is plain data and functions: who trains neither knows where images come from nor where a checkpoint goes. It
 * belongs to the caller, who fills it in and keeps it unchanged until the training returns; everything it points to
 * lives as long. `classify_train` and `detect_train` take one.
 *
 * Rules of a training: its budget is counted in steps and never in seconds, all chance comes from `seed`, and a sum
 * over images does not depend on which thread did which image. So the same job gives the same bytes on one instruction
 * set, whatever `threads` is, and also when it was killed and goes on from its last checkpoint. It looks at `stop` at
 * least once a second and then returns false with E_LOST_LEASE; every other failure is an error of the caller's
 * functions, handed on, or E_INVALID for data that cannot be learnt from.
 */
#ifndef PLACARD_VISION_LEARN_H
#define PLACARD_VISION_LEARN_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/err.h"

struct backbone;
struct image;

enum { LEARN_KEY_BYTES = 32 };

/* A box as ratios of the image's width and height, 0 to 1; within the frame, and of some size. */
struct learn_box {
    uint32_t label;
    float left, top, width, height;
};

/* What a detector looks at of an image is so large on its shorter side, or as large as its canvas; so is what is kept
   of it to find its like. */
enum { LEARN_SIDE = 640 };

/* Labels are places below the job's label_count. A classification image has `labels`, a detection image `boxes`. */
struct learn_image {
    unsigned char key[LEARN_KEY_BYTES]; /* SHA-256 of the image file: equal keys are equal images */
    uint32_t width, height;             /* pixels of the file */
    const uint32_t *labels;             /* rising, each once */
    size_t label_count;
    const struct learn_box *boxes;
    size_t box_count; /* 0: an image that shows none of the labels */
};

struct learn_set {
    const struct learn_image *images; /* in an order that the dataset's content alone decides */
    size_t count;
};

struct learn_job {
    const struct backbone *backbone;
    size_t label_count; /* at least 1; every label is used by an image of `train` */
    uint64_t seed;      /* from the dataset's content */
    unsigned threads;   /* own threads to use over images, at least 1; the caller's thread waits meanwhile */
    struct learn_set train;
    struct learn_set test; /* for what is chosen by results; nothing is fitted to it but temperature and thresholds */

    /* The decoded image i of `train` or `test`, which may come out smaller as long as its shorter side is not below
       `side`; the caller frees it. From any thread. */
    bool (*pixels)(void *ctx, bool test, size_t i, int side, struct image *ret_image, struct err *err);

    /*
     * Features kept from earlier trainings on the same backbone, by the image's key and a name for what they are (at
     * most 64 of [a-z0-9._-], a revision included: "c5-pooled-views5.1"). From any thread. A miss is no error, and
     * what is kept may be forgotten at any time. Both are NULL where nothing is kept.
     */
    bool (*cached)(void *ctx, const unsigned char key[LEARN_KEY_BYTES], const char *what, struct buf *ret_bytes);
    void (*cache)(void *ctx, const unsigned char key[LEARN_KEY_BYTES], const char *what, struct span bytes);

    /* The last checkpoint that this very job wrote, byte for byte; false when there is none. Both may be NULL. */
    bool (*resume)(void *ctx, struct buf *ret_checkpoint);
    bool (*checkpoint)(void *ctx, struct span bytes, struct err *err);

    /* How far it is: a phase in a word or two ("features", "head", "calibration") and its share done, 0 to 1. */
    void (*progress)(void *ctx, const char *phase, double share);

    const atomic_bool *stop; /* NULL: never */
    void *ctx;
};

/* Whether the job was asked to stop; if so *err (which may be NULL) says so with E_LOST_LEASE. */
bool learn_stopped(const struct learn_job *job, struct err *err);

/*
 * Calls each(ctx, thread, i, err) once for every i below `count`, on min(job->threads, count) threads numbered from 0.
 * After a failure or a stop no further i is begun; the failure of the lowest i is the one returned.
 */
bool learn_each(const struct learn_job *job, size_t count,
                bool (*each)(void *ctx, unsigned thread, size_t i, struct err *err), void *ctx,
                struct err *err) MUST_CHECK;

/*
 * Chance that is the same everywhere: SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
 * Generators", 2014). Streams of one seed are independent: with a stream per epoch (or per image and epoch) a training
 * that goes on from a checkpoint draws what it would have drawn. A value; copying it copies its state.
 */
struct learn_random {
    uint64_t state;
};
struct learn_random learn_random(uint64_t seed, uint64_t stream);
uint64_t learn_random_next(struct learn_random *random);
uint64_t learn_random_below(struct learn_random *random, uint64_t bound); /* evenly, 0 .. bound - 1; bound >= 1 */
float learn_random_unit(struct learn_random *random);                     /* 0 <= x < 1 */
float learn_random_normal(struct learn_random *random);                   /* mean 0, variance 1 */
void learn_random_shuffle(struct learn_random *random, uint32_t *places, size_t count);

#endif
