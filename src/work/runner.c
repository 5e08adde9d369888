/* runner: see runner.h for the contract. */
#include "work/runner.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ident.h"
#include "base/log.h"
#include "store/messages.h"
#include "store/version_rows.h"
#include "work/kinds.h"

enum {
    THREADS_MAX = 16,
    MODELS_THREADS = 2,
    WORKERS_MAX = 2 * THREADS_MAX + MODELS_THREADS,
    IDLE_MS = 60000,
    IDLE_SHARED_MS = 1000
};

/* One thread and the job it is at. */
struct worker {
    struct runner *runner;
    enum job_lane lane;
    pthread_t thread;
    atomic_bool cancel;
    int64_t job_id;    /* this and the two below under the runner's lock; 0: none */
    const char *phase; /* of a training; NULL: it has not said */
    double share;
};

struct runner {
    struct runner_options options;
    char owner[37];
    pthread_mutex_t lock;
    pthread_cond_t wake;
    uint64_t wakes; /* counts runner_wake, so that none is missed between a look and a sleep */
    bool ending;
    atomic_bool stopping;
    struct worker workers[WORKERS_MAX];
    unsigned worker_count;
    atomic_uint_least64_t finished[JOB_KINDS], retried[JOB_KINDS];
    atomic_uint_least64_t lines_read, entries_written;
    pthread_t keeper; /* of the leases, where the store is shared */
};

static bool run_phase(struct run *run, struct err *err)
{
    if (run->job->phase == JOB_GIVING_UP)
        return run_giving_up(run, err);
    if (run->job->phase == JOB_SETTLING)
        return run_settling(run, err);
    switch (run->job->kind) {
    case JOB_CREATE_EMPTY:
        return run_create_empty(run, err);
    case JOB_CREATE_MANIFEST:
        return run_create_manifest(run, err);
    case JOB_CREATE_COPY:
        return run_create_copy(run, err);
    case JOB_UPDATE:
        return run_update(run, err);
    case JOB_DISTRIBUTE:
        return run_distribute(run, err);
    case JOB_DELETE:
        return run_delete(run, err);
    case JOB_TRAIN:
        return run_train(run, err);
    case JOB_COPY_VERSION:
        return run_copy_version(run, err);
    case JOB_START_VERSION:
        return run_start_version(run, err);
    case JOB_STOP_VERSION:
        return run_stop_version(run, err);
    case JOB_DELETE_VERSION:
        return run_delete_version(run, err);
    case JOB_KINDS:
        break;
    }
    CHECK(false);
    return false;
}

/* Turns a job that failed too often into one that is given up with SERVICE_ERROR. A deletion is never given up. */
static bool lose_hope(struct run *run, struct err *err)
{
    struct progress why = { .message_code = DATASET_SERVICE_ERROR, .message = SPAN_LIT(MESSAGE_SERVICE_ERROR) };
    struct db *db;
    if (!store_write_begin(run->store, STORE_JOB, &db, err))
        return false;
    run->job->phase = JOB_GIVING_UP;
    run->job->progress = progress_encode(run->arena, &why);
    if (job_checkpoint(db, run->job, err))
        return store_write_commit(run->store, err);
    store_write_abort(run->store);
    return false;
}

static bool hopeless(const struct job *job)
{
    bool endless = job->kind == JOB_DELETE || job->kind == JOB_STOP_VERSION || job->kind == JOB_DELETE_VERSION;
    return job->phase == JOB_STAGING && !endless && job->failures >= RUNNER_FAILURES;
}

static bool attempt(struct run *run, struct err *err)
{
    if (!hopeless(run->job))
        return run_phase(run, err);
    if (run->job->kind >= JOB_TRAIN)
        return run_hopeless_version(run, err);
    return lose_hope(run, err) && run_phase(run, err);
}

static int64_t retry_delay_ms(const struct runner *runner, int64_t failures)
{
    int64_t delay = runner->options.retry_ms;
    for (int64_t i = 0; i < failures && delay < JOB_POSTPONED_MOST_MS; i++)
        delay *= 2;
    return delay < JOB_POSTPONED_MOST_MS ? delay : JOB_POSTPONED_MOST_MS;
}

/* When the store itself fails. */
static void pause_before_retry(const struct runner *runner)
{
    usleep(runner->options.retry_ms ? (useconds_t)runner->options.retry_ms * 1000 : 1000);
}

static void log_job(enum log_level level, const char *message, const struct job *job, int64_t begun_us, const char *why)
{
    log_line(level, message, LOG_N("job", job->id), LOG_S("kind", job_kind_name(job->kind)),
             LOG_S("phase", job_phase_name(job->phase)),
             LOG_N(job->version_id ? "version" : "dataset", job->version_id ? job->version_id : job->dataset_id),
             LOG_N("attempt", job->attempt), LOG_N("us", clock_mono_us() - begun_us), LOG_S("why", why));
}

/*
 * Frees the job's row for the next claim, if it is there still (a phase may be left to do). A store that cannot even be
 * told this is asked until it can: a row that is never given back would be nobody's until the next start.
 */
static void give_back(const struct runner *runner, const struct job *job, bool failed, int64_t not_before_ms)
{
    struct err err;
    while (!job_release(runner->options.store, job, failed, not_before_ms, &err) && err.code != E_LOST_LEASE &&
           !atomic_load(&runner->stopping)) {
        log_line(LOG_ERROR, "job not released, to be tried again", LOG_N("job", job->id), LOG_S("why", err.text));
        pause_before_retry(runner);
    }
}

/* Whose job it is, for who wants to cancel it or to know how far it is. */
static void take_up(struct worker *worker, const struct job *job)
{
    pthread_mutex_lock(&worker->runner->lock);
    worker->job_id = job->id;
    worker->phase = NULL;
    atomic_store(&worker->cancel, false);
    pthread_mutex_unlock(&worker->runner->lock);
}

static void lay_down(struct worker *worker)
{
    pthread_mutex_lock(&worker->runner->lock);
    worker->job_id = 0;
    worker->phase = NULL;
    pthread_mutex_unlock(&worker->runner->lock);
}

static void tell(void *ctx, const char *phase, double share)
{
    struct worker *worker = ctx;
    pthread_mutex_lock(&worker->runner->lock);
    bool fresh = !worker->phase || strcmp(worker->phase, phase) != 0;
    worker->phase = phase;
    worker->share = share;
    int64_t job_id = worker->job_id;
    pthread_mutex_unlock(&worker->runner->lock);
    if (fresh)
        log_line(LOG_INFO, "training", LOG_N("job", job_id), LOG_S("phase", phase));
}

/* Runs a claimed job once, and gives it back unless it is finished. */
static void run_job(struct worker *worker, struct job *job, struct arena *arena)
{
    struct runner *runner = worker->runner;
    struct run run = {
        .store = runner->options.store,
        .objects = runner->options.objects,
        .models = runner->options.models,
        .limits = limits_box_get(runner->options.limits),
        .job = job,
        .arena = arena,
        .stopping = &runner->stopping,
        .cancel = &worker->cancel,
        .tell = tell,
        .tell_ctx = worker,
        .parsers = runner->options.parsers,
        .lines_read = &runner->lines_read,
        .entries_written = &runner->entries_written,
    };
    struct err err = { E_OK, "" };
    int64_t begun_us = clock_mono_us();
    bool done = attempt(&run, &err);
    if (done) {
        log_job(LOG_INFO, "job done", job, begun_us, "");
        atomic_fetch_add(&runner->finished[job->kind], 1);
        give_back(runner, job, false, 0);
        runner_wake(runner);
        return;
    }
    bool ours = err.code != E_LOST_LEASE, failed = ours && err.code != E_CONFLICT; /* others' doing is no failure */
    if (ours) {
        log_job(LOG_ERROR, "job failed, to be tried again", job, begun_us, err.text);
        atomic_fetch_add(&runner->retried[job->kind], 1);
    }
    int64_t not_before_ms = ours ? clock_wall_ms() + retry_delay_ms(runner, job->failures) : 0;
    give_back(runner, job, failed, not_before_ms);
}

/* Waits for a wake, a due job, or a while. */
static void rest(const struct worker *worker, uint64_t seen)
{
    struct runner *runner = worker->runner;
    int64_t wait_ms;
    struct err err;
    if (!job_next_due(runner->options.store, worker->lane, &wait_ms, &err))
        wait_ms = runner->options.retry_ms;
    int64_t most_ms = store_is_shared(runner->options.store) ? IDLE_SHARED_MS : IDLE_MS; /* others promise too */
    struct timespec until = clock_deadline(wait_ms < 1 ? 1 : wait_ms > most_ms ? most_ms : wait_ms);
    pthread_mutex_lock(&runner->lock);
    while (!runner->ending && runner->wakes == seen &&
           pthread_cond_timedwait(&runner->wake, &runner->lock, &until) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&runner->lock);
}

static void *run_jobs(void *arg)
{
    struct worker *worker = arg;
    struct runner *runner = worker->runner;
    struct arena arena;
    arena_init(&arena);
    while (!atomic_load(&runner->stopping)) {
        pthread_mutex_lock(&runner->lock);
        uint64_t seen = runner->wakes;
        pthread_mutex_unlock(&runner->lock);
        struct job job;
        struct err err = { E_OK, "" };
        bool found = false;
        arena_reset(&arena);
        if (!job_claim(runner->options.store, &arena, worker->lane, span_str(runner->owner), &job, &found, &err)) {
            log_line(LOG_ERROR, "no job can be claimed", LOG_S("why", err.text));
            pause_before_retry(runner);
        } else if (found) {
            take_up(worker, &job);
            run_job(worker, &job, &arena);
            lay_down(worker);
        } else {
            if (worker->lane == JOB_LANE_DATASETS)
                store_tidy(runner->options.store);
            rest(worker, seen);
        }
    }
    arena_free(&arena);
    return NULL;
}

static void start_workers(struct runner *runner, enum job_lane lane, unsigned count)
{
    if (runner->options.lanes_off & 1u << lane)
        return;
    for (unsigned i = 0; i < count; i++) {
        struct worker *worker = &runner->workers[runner->worker_count++];
        worker->runner = runner;
        worker->lane = lane;
        CHECK(pthread_create(&worker->thread, NULL, run_jobs, worker) == 0);
    }
}

static bool has_job(struct runner *runner)
{
    bool any = false;
    pthread_mutex_lock(&runner->lock);
    for (unsigned i = 0; i < runner->worker_count; i++)
        any = any || runner->workers[i].job_id != 0;
    pthread_mutex_unlock(&runner->lock);
    return any;
}

static void cancel_mine(void *ctx, int64_t job_id)
{
    struct runner *runner = ctx;
    pthread_mutex_lock(&runner->lock);
    for (unsigned i = 0; i < runner->worker_count; i++)
        if (runner->workers[i].job_id == job_id)
            atomic_store(&runner->workers[i].cancel, true);
    pthread_mutex_unlock(&runner->lock);
}

/* A lease that cannot be renewed in time is lost, which the next write of its job finds. */
static void *keep_leases(void *arg)
{
    struct runner *runner = arg;
    struct err err;
    pthread_mutex_lock(&runner->lock);
    while (!runner->ending) {
        struct timespec until = clock_deadline(JOB_RENEW_MS);
        while (!runner->ending && pthread_cond_timedwait(&runner->wake, &runner->lock, &until) != ETIMEDOUT)
            ;
        pthread_mutex_unlock(&runner->lock);
        if (has_job(runner) && !job_renew(runner->options.store, span_str(runner->owner), cancel_mine, runner, &err))
            log_line(LOG_WARN, "leases not renewed", LOG_S("why", err.text));
        if (!job_end_stuck(runner->options.store, &err))
            log_line(LOG_DEBUG, "stopped servers cannot be looked for", LOG_S("why", err.text));
        pthread_mutex_lock(&runner->lock);
    }
    pthread_mutex_unlock(&runner->lock);
    return NULL;
}

bool runner_start(const struct runner_options *options, struct runner **ret_runner, struct err *err)
{
    CHECK(options->threads >= 1 && options->threads <= THREADS_MAX);
    CHECK(!options->models || (options->trainings >= 1 && options->trainings <= THREADS_MAX));
    bool shared = store_is_shared(options->store);
    if (!shared &&
        (!job_void_leases(options->store, err) || (options->models && !version_restart(options->store, err))))
        return false;
    struct runner *runner = mem_zero(1, sizeof *runner);
    runner->options = *options;
    if (runner->options.parsers == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        runner->options.parsers = cores < 1 ? 1 : (unsigned)cores;
    }
    ident_uuid(runner->owner);
    pthread_mutex_init(&runner->lock, NULL);
    clock_cond_init(&runner->wake);
    start_workers(runner, JOB_LANE_DATASETS, options->threads);
    if (options->models) {
        start_workers(runner, JOB_LANE_TRAINING, options->trainings);
        start_workers(runner, JOB_LANE_MODELS, MODELS_THREADS);
    }
    if (shared)
        CHECK(pthread_create(&runner->keeper, NULL, keep_leases, runner) == 0);
    *ret_runner = runner;
    return true;
}

void runner_wake(struct runner *runner)
{
    pthread_mutex_lock(&runner->lock);
    runner->wakes++;
    pthread_cond_broadcast(&runner->wake);
    pthread_mutex_unlock(&runner->lock);
}

void runner_cancel(struct runner *runner, int64_t job_id)
{
    cancel_mine(runner, job_id);
    runner_wake(runner); /* it may be waiting to be tried again */
}

void runner_stop(struct runner *runner)
{
    if (!runner)
        return;
    atomic_store(&runner->stopping, true);
    pthread_mutex_lock(&runner->lock);
    runner->ending = true;
    pthread_cond_broadcast(&runner->wake);
    pthread_mutex_unlock(&runner->lock);
    for (unsigned i = 0; i < runner->worker_count; i++)
        pthread_join(runner->workers[i].thread, NULL);
    if (store_is_shared(runner->options.store))
        pthread_join(runner->keeper, NULL);
    pthread_mutex_destroy(&runner->lock);
    pthread_cond_destroy(&runner->wake);
    free(runner);
}

static void training_metrics(struct runner *runner, struct buf *out)
{
    buf_add_str(out, "# HELP placard_training_share How far a training is in its phase, from 0 to 1.\n"
                     "# TYPE placard_training_share gauge\n");
    pthread_mutex_lock(&runner->lock);
    for (unsigned i = 0; i < runner->worker_count; i++)
        if (runner->workers[i].job_id && runner->workers[i].phase)
            buf_addf(out, "placard_training_share{job=\"%lld\",phase=\"%s\"} %.3f\n",
                     (long long)runner->workers[i].job_id, runner->workers[i].phase, runner->workers[i].share);
    pthread_mutex_unlock(&runner->lock);
}

void runner_metrics(struct runner *runner, struct buf *out)
{
    int64_t pending;
    struct err err;
    buf_add_str(out, "# HELP placard_jobs_total Jobs that ended, and attempts that failed.\n"
                     "# TYPE placard_jobs_total counter\n");
    for (unsigned kind = 0; kind < JOB_KINDS; kind++) {
        const char *name = job_kind_name((enum job_kind)kind);
        buf_addf(out, "placard_jobs_total{kind=\"%s\",outcome=\"done\"} %llu\n", name,
                 (unsigned long long)atomic_load(&runner->finished[kind]));
        buf_addf(out, "placard_jobs_total{kind=\"%s\",outcome=\"retried\"} %llu\n", name,
                 (unsigned long long)atomic_load(&runner->retried[kind]));
    }
    if (job_count(runner->options.store, &pending, &err))
        buf_addf(out,
                 "# HELP placard_jobs_pending Jobs promised and not yet done.\n# TYPE placard_jobs_pending "
                 "gauge\nplacard_jobs_pending %lld\n",
                 (long long)pending);
    buf_addf(out,
             "# HELP placard_ingest_lines_total Lines of manifests read.\n# TYPE placard_ingest_lines_total "
             "counter\nplacard_ingest_lines_total %llu\n",
             (unsigned long long)atomic_load(&runner->lines_read));
    buf_addf(out,
             "# HELP placard_entries_written_total Entries written into blocks.\n# TYPE placard_entries_written_total "
             "counter\nplacard_entries_written_total %llu\n",
             (unsigned long long)atomic_load(&runner->entries_written));
    if (runner->options.models)
        training_metrics(runner, out);
}
