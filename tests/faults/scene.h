/*
 * scene: every call and job that writes, each on the same small stock of projects, datasets and model versions, and
 * what can be seen of a store afterwards. Models are none: a table of functions that does nothing stands for them.
 *
 * set_make makes the stock in a folder, once. set_enter opens a fresh copy of it, with a runner; `act` makes the
 * scene's one call; set_settles waits until no job is left; set_leave closes. set_digest is everything a client
 * can see, without times and numbers, so that two outcomes can be compared.
 */
#ifndef PLACARD_TESTS_FAULTS_SCENE_H
#define PLACARD_TESTS_FAULTS_SCENE_H

#include "base/buf.h"
#include "store/dataset.h"
#include "work/runner.h"

struct set {
    char folder[64];
    struct store *store;
    struct object_store *objects;
    struct limits_box limits;
    struct runner *runner;
    struct arena arena;
    struct span plain, empty, pair; /* ARNs: a project with one full dataset; with none; with a full and an empty one */
    struct span full, train, test;  /* of `plain`; of `pair` */
    struct span models, trained;    /* a project without datasets, with a policy and a trained version */
    bool runs;                      /* set by the caller: set_enter opens the stock in which that version runs */
    struct object_info good, bad;   /* the manifests */
};

struct scene {
    const char *name;
    bool (*act)(struct set *set, struct err *err);
    bool has_job;
    bool insists; /* its job is never given up */
    bool runs;    /* see struct set */
};
extern const struct scene scenes[];
extern const size_t scene_count;

void set_make(struct set *set);
void set_remove(struct set *set);

/* Opens a copy of the stock as it was made. `again`: goes on with the copy that is there, as after a crash. */
void set_enter(struct set *set, bool again);
void set_leave(struct set *set);

/* Waits for the last job's end; false after a while. */
bool set_settles(struct set *set);

/* `statuses` false: only what the datasets hold. */
void set_digest(struct set *set, bool statuses, struct buf *out);

/* Recounts the closed database; what disagrees goes to standard error. */
bool set_agrees(const struct set *set);

#endif
