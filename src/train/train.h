/*
 * train: one training from its request to its result, in a process of its own (see request.h for the folder).
 *
 * train_run does all of it on the caller's thread and on as many others as are asked for; it may be killed at any
 * moment and run again on the same folder, and comes to the same model. True: the folder has a result.json, of a
 * training that succeeded or of one whose data cannot be learnt from. False: E_LOST_LEASE when *stop became true,
 * anything else for a failure after which it is worth another try.
 */
#ifndef PLACARD_TRAIN_TRAIN_H
#define PLACARD_TRAIN_TRAIN_H

#include <stdatomic.h>

#include "train/request.h"

struct train_run {
    const char *folder;
    const atomic_bool *stop;
    void (*progress)(void *ctx, const char *phase, double share); /* from any thread */
    void *ctx;
};

/* The folder's request, for who sets up a log. Lives in the arena. */
bool train_request_of(const char *folder, struct arena *arena, struct train_request *ret_request,
                      struct err *err) MUST_CHECK;

bool train_run(const struct train_run *run, const struct train_request *request, struct err *err) MUST_CHECK;

#endif
