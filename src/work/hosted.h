/* hosted: the inner side of hosting: one model in memory, and how one of its workers answers an image. */
#ifndef PLACARD_WORK_HOSTED_H
#define PLACARD_WORK_HOSTED_H

#include <pthread.h>

#include "vision/recognizer.h"
#include "work/hosting.h"

struct shared_backbone {
    struct shared_backbone *next;
    struct backbone *backbone;
    unsigned users;
};

struct hosting {
    const struct workshop_options *options;
    pthread_mutex_t loading; /* one loads or unloads at a time; it guards the backbones, and comes before `lock` */
    struct shared_backbone *backbones;
    pthread_mutex_t lock; /* the rest, and what changes of each hosted */
    struct hosted *first;
    uint64_t answered, refused, answering_us;
};

struct worker {
    struct worker *next;
    struct hosted *hosted;
    pthread_t thread;
    bool over; /* nothing of the hosted is used any more; joining does not wait */
};

struct hosted {
    struct hosted *next;
    struct hosting *hosting;
    int64_t id; /* of the version */
    struct arena arena;
    struct model model; /* its labels and thresholds; in the arena */
    struct shared_backbone *backbone;
    struct recognizer *recognizer;
    unsigned least, most;   /* workers */
    unsigned workers, idle; /* those that take images, and those of them that have none */
    struct worker *crew;    /* their threads, and those that have ended and are not joined yet */
    bool closing;
    pthread_cond_t work;
    struct models_detection **queue; /* a ring of `room` */
    size_t room, first, waiting;
};

/* What one worker needs; its own thread's. */
struct answerer {
    const struct hosted *hosted;
    struct recognizer_worker *worker; /* NULL: `why` says why */
    struct recognition *seen;
    struct models_label *labels;
    struct err why;
};
void answerer_init(struct answerer *answerer, const struct hosted *hosted);
void answerer_run(struct answerer *answerer, struct models_detection *detection);
void answerer_free(struct answerer *answerer);

#endif
