/*
 * kinds: one function per kind of job. Each returns true when its part is done: finished, given up (the phase says so)
 * or moved to settling; false with E_LOST_LEASE when the job is not ours any more or the runner stops, with any other
 * code when it should be tried again.
 */
#ifndef PLACARD_WORK_KINDS_H
#define PLACARD_WORK_KINDS_H

#include "work/stage.h"

bool run_create_empty(struct run *run, struct err *err) MUST_CHECK;
bool run_create_manifest(struct run *run, struct err *err) MUST_CHECK;
bool run_create_copy(struct run *run, struct err *err) MUST_CHECK;
bool run_update(struct run *run, struct err *err) MUST_CHECK;
bool run_distribute(struct run *run, struct err *err) MUST_CHECK;
bool run_delete(struct run *run, struct err *err) MUST_CHECK;

/* Of versions. */
bool run_train(struct run *run, struct err *err) MUST_CHECK;
bool run_copy_version(struct run *run, struct err *err) MUST_CHECK;
bool run_start_version(struct run *run, struct err *err) MUST_CHECK;
bool run_stop_version(struct run *run, struct err *err) MUST_CHECK;
bool run_delete_version(struct run *run, struct err *err) MUST_CHECK;

/* Ends a training, a copy or a start of which too many attempts failed. */
bool run_hopeless_version(struct run *run, struct err *err) MUST_CHECK;

/* The other two phases, of any kind. */
bool run_giving_up(struct run *run, struct err *err) MUST_CHECK;
bool run_settling(struct run *run, struct err *err) MUST_CHECK;

#endif
