/*
 * models: training and hosting as the runner and the operations see them, a table of functions that the server's start
 * fills and hands down. The rows of versions, their states and messages are the store's and the caller's business; the
 * bytes of models, checkpoints and what is loaded are the table's, found by the version's id, which no other version
 * ever gets.
 *
 *     train                        a version's first; ends with its model kept, or with why not
 *     copy                         of a trained or copied version, to another id
 *     load -> detect … -> unload   of one that has a model; any number of times
 *     drop                         at the end, of any id in any condition
 *
 * Any thread may call any function. Of one version the caller sees to the order above, and never has two of train,
 * copy, unload and drop at work at once. Each may be called again for the same id after the process was killed in
 * the middle of it: what had begun is taken up or replaced. All but detect may take long and run on threads kept for
 * them; what they are given lives until they return.
 */
#ifndef PLACARD_WORK_MODELS_H
#define PLACARD_WORK_MODELS_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/err.h"
#include "object/object.h"
#include "store/version.h"
#include "work/limits.h"

struct models_training {
    /* Its row says on what: of VERSION_OF_DATASETS the two datasets, which nobody changes while the training lasts;
       else the manifests of its sides. Its account must own the buckets of all that is read and written. */
    const struct version *version;
    struct limits limits;
    int64_t attempt;           /* from 1; more after a failure or an interruption: look for a checkpoint */
    const atomic_bool *stop;   /* the server ends: keep what was done for the next attempt, E_LOST_LEASE */
    const atomic_bool *cancel; /* give up: return true, not trained; the caller has the message */
    /* Tell of progress, some times a minute or oftener: a crash is held against a training only if it made none.
       `phase` is a word for the log and the metrics. False: E_LOST_LEASE as above. */
    bool (*progress)(void *ctx, const char *phase, double share);
    void *progress_ctx;
};

struct models_outcome {
    bool trained;
    struct span message;      /* where not: the StatusMessage, a text of spec D.5.3 or D.5.4 or a sentence of ours */
    float f1;                 /* where trained */
    int64_t billable_seconds; /* likewise; at least 1 */
    unsigned outputs;         /* the objects that were written, also where it failed: of enum version_output */
};

struct models_label {
    struct span name;
    float confidence; /* 0..100 */
    bool boxed;       /* of a detection model: where, as ratios of the image */
    float left, top, width, height;
};

/* One call of detect; the caller's, who keeps it and the image until `done`. */
struct models_detection {
    struct span image; /* the file's bytes, as they came, and no more than there may be */
    struct limits limits;
    bool by_threshold;    /* each label from its own assumed threshold on; else from */
    float min_confidence; /* 0..100, itself included */
    /* Exactly once, from any thread: with labels by falling confidence, which live until it returns; or with why. */
    void (*done)(struct models_detection *detection, const struct models_label *labels, size_t count,
                 const struct err *err);
};

struct models {
    void *ctx;

    /* False: E_LOST_LEASE (see `stop`), or a failure of ours after which it is tried again. The message is in `arena`.
     */
    bool (*train)(void *ctx, const struct models_training *training, struct arena *arena,
                  struct models_outcome *ret_outcome, struct err *err);

    /* The model and its output objects, to the destination's id, names and OutputConfig. E_OBJECT: they cannot be
       written there, with the sentence that the copy fails with. */
    bool (*copy)(void *ctx, const struct version *from, const struct version *to, const atomic_bool *stop,
                 unsigned *ret_outputs, struct err *err);

    /* Done too if nothing is kept of it. */
    bool (*drop)(void *ctx, const struct version *version, struct err *err);

    /* Serves the version with min_units workers, growing to max_units (0: not at all). Done too if it is loaded
       already. E_NOT_READY: it cannot be served (a damaged file, another backbone), with the sentence that the start
       fails with; other codes are tried again. */
    bool (*load)(void *ctx, const struct version *version, struct err *err);

    /* Takes no more for it and returns when those under way are done. Done too if it is not loaded. */
    void (*unload)(void *ctx, int64_t version_id);

    /*
     * False at once, and `done` is never called: E_NOT_READY when it is not loaded, E_RATE when all workers are busy
     * and as many wait as may. Else `done` follows, there with one of E_IMAGE_FORMAT, E_IMAGE_LARGE (too many pixels),
     * E_INVALID (too small, too long for its width) or a failure of ours.
     */
    bool (*detect)(void *ctx, int64_t version_id, struct models_detection *detection, struct err *err);

    /* For servers that share a store, when versions have changed: unloads those that do not run any more or run with
       other units, and loads, if `all`, those that run; others are loaded by who needs them. One thread at a time. */
    bool (*follow)(void *ctx, bool all, struct err *err);
};

#endif
