/*
 * runner: claims jobs and runs them to their end.
 *
 * A few threads, each with one job at a time and of one lane (store/job.h); they sleep until runner_wake (a promise was
 * committed) or until a postponed job is due. runner_stop ends the threads: a job under way stops at its next
 * checkpoint and is resumed by the next runner from there. A job that failed inside is tried again later, longer each
 * time; after RUNNER_FAILURES of those its dataset fails with SERVICE_ERROR and a sentence in the log says why.
 */
#ifndef PLACARD_WORK_RUNNER_H
#define PLACARD_WORK_RUNNER_H

#include "base/buf.h"
#include "object/object.h"
#include "store/store.h"
#include "work/limits.h"

#define RUNNER_FAILURES 8
#define RUNNER_RETRY_MS 250

struct runner;

struct runner_options {
    struct store *store;
    struct object_store *objects;
    struct limits_box *limits;   /* the current limits; a reload is seen by the next job */
    unsigned threads;            /* jobs at a time */
    unsigned parsers;            /* threads that parse and pack one manifest; 0: as many as cores */
    unsigned trainings;          /* at a time */
    int64_t retry_ms;            /* after the first failure of a job; then twice as long each time */
    const struct models *models; /* NULL: jobs on versions are left alone */
    unsigned lanes_off;          /* bits of 1 << enum job_lane: left to other servers */
};

bool runner_start(const struct runner_options *options, struct runner **ret_runner, struct err *err) MUST_CHECK;
void runner_wake(struct runner *runner);

/* Tells the training to give up, if that job is under way; its row says so already (job_cancel). */
void runner_cancel(struct runner *runner, int64_t job_id);

void runner_stop(struct runner *runner);

/* Prometheus text: jobs by kind and outcome, lines read, entries written, jobs pending. */
void runner_metrics(struct runner *runner, struct buf *out);

#endif
