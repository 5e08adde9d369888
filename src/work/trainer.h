/*
 * trainer: `placard train` as a child of the server, for one training, until it ends or is told to.
 *
 * The child has its own process group, so that a terminal's Ctrl-C is the server's alone to hear, no descriptor of ours
 * but standard error, and a pipe as its standard input that ends when this process does, however that comes.
 */
#ifndef PLACARD_WORK_TRAINER_H
#define PLACARD_WORK_TRAINER_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/span.h"

struct trainer_watch {
    const char *folder;
    const atomic_bool *stop;                                      /* either ends the child with SIGTERM, */
    const atomic_bool *cancel;                                    /* after a while with SIGKILL */
    bool (*progress)(void *ctx, const char *phase, double share); /* false: likewise */
    void *ctx;
};

/* True: the child has left a result. False: E_LOST_LEASE when it was told to end, else E_INTERNAL with what it said. */
bool trainer_run(const struct trainer_watch *watch, struct err *err) MUST_CHECK;

#endif
