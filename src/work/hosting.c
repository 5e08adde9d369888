/*
 * hosting: see hosting.h for the contract. One lock for all: what is done under it is short, and images take
 * milliseconds outside of it.
 */
#include "work/hosted.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "train/check.h"
#include "train/file.h"

enum { WORKER_NICE = 1 };

/* --- backbones -----------------------------------------------------------------------------------------------------
 */

/* Opened once for all models on it; under the lock of loading. */
static bool share_backbone(struct hosting *hosting, const char *id, struct shared_backbone **ret_shared,
                           struct err *err)
{
    struct buf folder;
    struct backbone *backbone;
    for (struct shared_backbone *shared = hosting->backbones; shared; shared = shared->next)
        if (strcmp(backbone_id(shared->backbone), id) == 0) {
            shared->users++;
            *ret_shared = shared;
            return true;
        }
    buf_init(&folder, TRAIN_PATH_ROOM);
    bool done = backbone_open(file_path(&folder, hosting->options->backbones, id), &backbone, err);
    buf_free(&folder);
    if (!done)
        return false;
    struct shared_backbone *shared = mem_zero(1, sizeof *shared);
    *shared = (struct shared_backbone){ .next = hosting->backbones, .backbone = backbone, .users = 1 };
    hosting->backbones = shared;
    *ret_shared = shared;
    return true;
}

static void leave_backbone(struct hosting *hosting, struct shared_backbone *left)
{
    if (--left->users > 0)
        return;
    struct shared_backbone **at = &hosting->backbones;
    while (*at != left)
        at = &(*at)->next;
    *at = left->next;
    backbone_free(left->backbone);
    free(left);
}

/* --- workers -------------------------------------------------------------------------------------------------------
 */

/*
 * The next image, or NULL when the worker is to end; then it is counted no more, before anybody else has the lock: of
 * several whose time is up together none may go that is still needed, and an image that comes must find one of its own.
 * Under the lock.
 */
static struct models_detection *next_image(struct hosted *hosted)
{
    const int64_t patience_ms = hosted->hosting->options->detect_idle_ms;
    struct timespec until = clock_deadline(patience_ms);
    hosted->idle++;
    while (hosted->waiting == 0 && !hosted->closing) {
        int fault = pthread_cond_timedwait(&hosted->work, &hosted->hosting->lock, &until);
        if (fault != 0 && hosted->waiting == 0 && hosted->workers > hosted->least)
            break;
        if (fault != 0)
            until = clock_deadline(patience_ms);
    }
    hosted->idle--;
    if (hosted->waiting == 0) {
        hosted->workers--;
        return NULL;
    }
    struct models_detection *detection = hosted->queue[hosted->first];
    hosted->first = (hosted->first + 1) % hosted->room;
    hosted->waiting--;
    return detection;
}

static void *run_worker(void *arg)
{
    struct worker *worker = arg;
    struct hosted *hosted = worker->hosted;
    struct hosting *hosting = hosted->hosting;
    struct answerer answerer;
    /* this thread's alone, on Linux: the listener's calls go before images */
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), WORKER_NICE);
    answerer_init(&answerer, hosted);
    pthread_mutex_lock(&hosting->lock);
    struct models_detection *detection;
    while ((detection = next_image(hosted))) {
        pthread_mutex_unlock(&hosting->lock);
        int64_t begun_us = clock_mono_us();
        answerer_run(&answerer, detection);
        int64_t took_us = clock_mono_us() - begun_us;
        pthread_mutex_lock(&hosting->lock);
        hosting->answered++;
        hosting->answering_us += (uint64_t)took_us;
    }
    pthread_mutex_unlock(&hosting->lock);
    answerer_free(&answerer);
    pthread_mutex_lock(&hosting->lock);
    worker->over = true;
    pthread_mutex_unlock(&hosting->lock);
    return NULL;
}

/* Joins those that are over. Under the lock. */
static void join_ended(struct hosted *hosted)
{
    for (struct worker **at = &hosted->crew, *worker; (worker = *at);) {
        if (!worker->over) {
            at = &worker->next;
            continue;
        }
        *at = worker->next;
        pthread_join(worker->thread, NULL);
        free(worker);
    }
}

/* Ends and joins all, of what nobody can find (any more); without the lock. */
static void dismiss(struct hosted *hosted)
{
    pthread_mutex_lock(&hosted->hosting->lock);
    hosted->closing = true;
    pthread_cond_broadcast(&hosted->work);
    pthread_mutex_unlock(&hosted->hosting->lock);
    for (struct worker *worker; (worker = hosted->crew);) {
        hosted->crew = worker->next;
        pthread_join(worker->thread, NULL);
        free(worker);
    }
}

/* One more; under the lock. */
static bool add_worker(struct hosted *hosted)
{
    struct worker *worker = mem_zero(1, sizeof *worker);
    join_ended(hosted);
    worker->hosted = hosted;
    if (pthread_create(&worker->thread, NULL, run_worker, worker) != 0) {
        free(worker);
        return false;
    }
    worker->next = hosted->crew;
    hosted->crew = worker;
    hosted->workers++;
    return true;
}

/* --- loading -------------------------------------------------------------------------------------------------------
 */

static struct hosted *find(struct hosting *hosting, int64_t version_id)
{
    struct hosted *hosted = hosting->first;
    while (hosted && hosted->id != version_id)
        hosted = hosted->next;
    return hosted;
}

static unsigned most_units(const struct version *version)
{
    return (unsigned)(version->max_units > version->min_units ? version->max_units : version->min_units);
}

/* Frees what nobody serves from any more. */
static void hosted_free(struct hosted *hosted)
{
    if (hosted->recognizer)
        recognizer_free(hosted->recognizer);
    if (hosted->backbone)
        leave_backbone(hosted->hosting, hosted->backbone);
    arena_free(&hosted->arena);
    free(hosted->queue);
    pthread_cond_destroy(&hosted->work);
    free(hosted);
}

/* The model's file into the hosted. What is wrong with it is E_NOT_READY. */
static bool read_model(struct hosted *hosted, const struct version *version, struct err *err)
{
    struct buf file;
    struct err why = { 0 };
    buf_init(&file, MODEL_FILE_MAX * 2ul);
    bool done = shelf_model(&hosted->hosting->options->shelf, version, &file, &why);
    /* what the labels are made of outlives the file's buffer */
    done = done && model_read(arena_copy(&hosted->arena, buf_span(&file)), &hosted->arena, &hosted->model, &why) &&
           share_backbone(hosted->hosting, arena_copy(&hosted->arena, hosted->model.backbone_id).ptr, &hosted->backbone,
                          &why) &&
           recognizer_open(&hosted->model, hosted->backbone->backbone, &hosted->recognizer, &why);
    buf_free(&file);
    if (done)
        return true;
    bool final = why.code == E_INVALID || why.code == E_NOT_FOUND || why.code == E_NOT_READY;
    return fail_sentence(err, final ? E_NOT_READY : why.code, &why);
}

static bool serve(struct hosting *hosting, struct hosted *hosted, struct err *err)
{
    pthread_mutex_lock(&hosting->lock);
    bool done = true;
    for (unsigned i = 0; done && i < hosted->least; i++)
        done = add_worker(hosted);
    if (done) {
        hosted->next = hosting->first;
        hosting->first = hosted;
    }
    pthread_mutex_unlock(&hosting->lock);
    if (!done)
        dismiss(hosted);
    return done || fail(err, E_INTERNAL, "no threads are to be had for a model");
}

static bool is_loaded(struct hosting *hosting, int64_t version_id)
{
    pthread_mutex_lock(&hosting->lock);
    bool loaded = find(hosting, version_id) != NULL;
    pthread_mutex_unlock(&hosting->lock);
    return loaded;
}

bool hosting_load(struct hosting *hosting, const struct version *version, struct err *err)
{
    int64_t begun_us = clock_mono_us();
    if (is_loaded(hosting, version->id))
        return true;
    struct hosted *hosted = mem_zero(1, sizeof *hosted);
    hosted->hosting = hosting;
    hosted->id = version->id;
    hosted->least = (unsigned)version->min_units;
    hosted->most = most_units(version);
    hosted->room = (size_t)hosting->options->detect_queue * hosted->most;
    hosted->queue = mem_zero(hosted->room + 1, sizeof(struct models_detection *));
    arena_init(&hosted->arena);
    clock_cond_init(&hosted->work);
    pthread_mutex_lock(&hosting->loading);
    bool late = is_loaded(hosting, version->id); /* by who loaded while we waited */
    bool done = late || (read_model(hosted, version, err) && serve(hosting, hosted, err));
    if (!done || late)
        hosted_free(hosted);
    pthread_mutex_unlock(&hosting->loading);
    if (done && !late)
        log_line(LOG_INFO, "a model is served", LOG_T("version", version->arn), LOG_N("units", hosted->least),
                 LOG_N("units-max", hosted->most), LOG_N("us", clock_mono_us() - begun_us));
    return done;
}

void hosting_unload(struct hosting *hosting, int64_t version_id)
{
    pthread_mutex_lock(&hosting->loading);
    pthread_mutex_lock(&hosting->lock);
    struct hosted **at = &hosting->first;
    while (*at && (*at)->id != version_id)
        at = &(*at)->next;
    struct hosted *hosted = *at;
    if (hosted)
        *at = hosted->next;
    pthread_mutex_unlock(&hosting->lock);
    if (hosted) {
        dismiss(hosted);
        hosted_free(hosted);
    }
    pthread_mutex_unlock(&hosting->loading);
}

/* --- other servers' doing ------------------------------------------------------------------------------------------
 */

/* The lowest id above `after` of a loaded model that does not run, or not with as many units; 0: none. */
static int64_t next_to_go(struct hosting *hosting, const struct version *running, size_t count, int64_t after)
{
    int64_t id = 0;
    pthread_mutex_lock(&hosting->lock);
    for (const struct hosted *hosted = hosting->first; hosted; hosted = hosted->next) {
        bool stays = hosted->id <= after;
        for (size_t i = 0; i < count && !stays; i++)
            stays = running[i].id == hosted->id && hosted->least == (unsigned)running[i].min_units &&
                    hosted->most == most_units(&running[i]);
        if (!stays && (id == 0 || hosted->id < id))
            id = hosted->id;
    }
    pthread_mutex_unlock(&hosting->lock);
    return id;
}

bool hosting_follow(struct hosting *hosting, bool all, struct err *err)
{
    struct arena arena;
    struct version *running;
    size_t count;
    arena_init(&arena);
    bool done = version_list_running(hosting->options->store, &arena, &running, &count, err);
    for (int64_t id = 0; done && (id = next_to_go(hosting, running, count, id)) != 0;)
        hosting_unload(hosting, id);
    for (size_t i = 0; done && all && i < count; i++) {
        struct err why;
        if (running[i].status == VERSION_RUNNING && !hosting_load(hosting, &running[i], &why))
            log_line(LOG_ERROR, "a running model cannot be loaded here", LOG_T("version", running[i].arn),
                     LOG_S("why", why.text));
    }
    arena_free(&arena);
    return done;
}

/* --- images --------------------------------------------------------------------------------------------------------
 */

bool hosting_detect(struct hosting *hosting, int64_t version_id, struct models_detection *detection, struct err *err)
{
    pthread_mutex_lock(&hosting->lock);
    struct hosted *hosted = find(hosting, version_id);
    bool full = hosted && hosted->waiting == hosted->room;
    if (hosted && !full) {
        hosted->queue[(hosted->first + hosted->waiting) % hosted->room] = detection;
        hosted->waiting++;
        if (hosted->idle < hosted->waiting && hosted->workers < hosted->most)
            add_worker(hosted); /* where none is to be had, those there are do it */
        pthread_cond_signal(&hosted->work);
    }
    hosting->refused += full;
    pthread_mutex_unlock(&hosting->lock);
    if (!hosted)
        return fail(err, E_NOT_READY, "The model is not running.");
    return !full || fail(err, E_RATE, "Provisioned Rate exceeded.");
}

/* --- life ----------------------------------------------------------------------------------------------------------
 */

struct hosting *hosting_new(const struct workshop_options *options)
{
    struct hosting *hosting = mem_zero(1, sizeof *hosting);
    hosting->options = options;
    pthread_mutex_init(&hosting->lock, NULL);
    pthread_mutex_init(&hosting->loading, NULL);
    return hosting;
}

void hosting_free(struct hosting *hosting)
{
    while (hosting->first)
        hosting_unload(hosting, hosting->first->id);
    pthread_mutex_destroy(&hosting->lock);
    pthread_mutex_destroy(&hosting->loading);
    free(hosting);
}

static void add_gauge(struct buf *out, const char *name, const char *help, uint64_t value)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %llu\n", name, help, name, name, (unsigned long long)value);
}

void hosting_metrics(struct hosting *hosting, struct buf *out)
{
    unsigned models = 0, workers = 0, idle = 0;
    size_t waiting = 0;
    pthread_mutex_lock(&hosting->lock);
    for (const struct hosted *hosted = hosting->first; hosted; hosted = hosted->next) {
        models++;
        workers += hosted->workers;
        idle += hosted->idle;
        waiting += hosted->waiting;
    }
    uint64_t answered = hosting->answered, refused = hosting->refused, us = hosting->answering_us;
    pthread_mutex_unlock(&hosting->lock);
    add_gauge(out, "placard_models_running", "Models that are loaded.", models);
    add_gauge(out, "placard_detect_workers", "Workers of all models.", workers);
    add_gauge(out, "placard_detect_workers_idle", "Those of them that have nothing to do.", idle);
    add_gauge(out, "placard_detect_waiting", "Images that wait for a worker.", waiting);
    buf_addf(out,
             "# HELP placard_detect_images_total Images that workers answered, and those refused over capacity.\n"
             "# TYPE placard_detect_images_total counter\n"
             "placard_detect_images_total{outcome=\"answered\"} %llu\n"
             "placard_detect_images_total{outcome=\"refused\"} %llu\n"
             "# HELP placard_detect_seconds_total Time that workers spent on images.\n"
             "# TYPE placard_detect_seconds_total counter\nplacard_detect_seconds_total %llu.%06llu\n",
             (unsigned long long)answered, (unsigned long long)refused, (unsigned long long)(us / 1000000),
             (unsigned long long)(us % 1000000));
}
