/* store: see store.h for the contract. The writer's queue, the readers' pool, and what must be published with a commit.
 */
#include "store/store.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/clock.h"
#include "base/ident.h"
#include "base/log.h"
#include "db/migrate.h"
#include "store/dataset_rows.h"
#include "store/internal.h"
#include "store/migration.h"
#include "store/tidier.h"

enum { JOB_PATIENCE_MS = 250, SECRET_BYTES = 32, TIDY_PAGES = 512, PREPARE_TRIES = 50, PREPARE_AGAIN_MS = 50 };

/* Reads a secret of the database, making it at the first start. */
static bool secret_load(struct db *db, const char *name, unsigned char ret_secret[SECRET_BYTES], struct err *err)
{
    unsigned char fresh[SECRET_BYTES];
    ident_random(fresh, sizeof fresh);
    struct db_query *q = db_query(db, "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING");
    db_bind_text(q, 1, span_str(name));
    db_bind_blob(q, 2, span_of(fresh, sizeof fresh));
    if (!db_run(q, err))
        return false;
    q = db_query(db, "SELECT value FROM meta WHERE key = ?1");
    db_bind_text(q, 1, span_str(name));
    enum db_step step = db_next(q, err);
    if (step == DB_ROW && db_blob(q, 0).len == SECRET_BYTES)
        memcpy(ret_secret, db_blob(q, 0).ptr, SECRET_BYTES);
    else if (step != DB_FAILED)
        step = DB_DONE;
    if (!db_end(q, step == DB_FAILED ? NULL : err) || step == DB_FAILED)
        return false;
    return step == DB_ROW || fail(err, E_STORE, "the database's secret %s is damaged", name);
}

static bool prepare_once(struct store *store, bool create, struct err *err)
{
    struct db *db = store->writer;
    if (!db_begin(db, create ? DB_WRITE : DB_READ, err))
        return false;
    if (!migration_refuse_marked(db, err) || !secret_load(db, "hash_secret", store->hash_secret, err) ||
        !secret_load(db, "token_secret", store->token_secret, err) ||
        (!store->shared && !dataset_rows_load(db, store->catalog, err))) {
        db_rollback(db);
        return false;
    }
    return db_commit(db, err);
}

/* Several servers may begin at once on a database that is new. */
static bool prepare(struct store *store, bool create, struct err *err)
{
    const struct timespec pause = { .tv_nsec = PREPARE_AGAIN_MS * 1000000L };
    struct err why;
    if (!db_migrate(store->writer, create, err))
        return false;
    for (unsigned tries = 0; !prepare_once(store, create, &why); tries++) {
        if (why.code != E_CONFLICT || tries == PREPARE_TRIES)
            return fail(err, why.code, "%s", why.text);
        nanosleep(&pause, NULL);
    }
    return true;
}

static bool readers_open(struct store *store, const struct store_options *options, struct err *err)
{
    for (unsigned i = 0; i < options->readers; i++) {
        struct store_reader *reader = &store->readers[i];
        if (!db_open(options->place, DB_READ, &reader->db, err))
            return false;
        reader->packer = block_packer_new();
        reader->json = json_parser_new();
        store->reader_count++;
        store->idle[store->idle_count++] = reader;
    }
    return true;
}

bool store_open(const struct store_options *options, struct store **ret_store, struct err *err)
{
    CHECK(options->readers >= 1 && options->readers <= STORE_READERS_MAX);
    struct store *store = mem_zero(1, sizeof *store);
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->api_turn, NULL);
    clock_cond_init(&store->job_turn);
    pthread_mutex_init(&store->reader_lock, NULL);
    pthread_mutex_init(&store->watch_lock, NULL);
    pthread_cond_init(&store->reader_free, NULL);
    arena_init(&store->published);
    store->catalog = catalog_new();
    store->partition = options->partition;
    bool done = db_open(options->place, DB_WRITE, &store->writer, err);
    store->shared = done && db_is_shared(store->writer);
    if (!done || !prepare(store, options->create, err) || !readers_open(store, options, err) ||
        (store->shared && !db_open(options->place, DB_WRITE, &store->keeper, err))) {
        store_close(store);
        return false;
    }
    if (!store->shared)
        store->tidier = tidier_new(store, options->place);
    *ret_store = store;
    return true;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    tidier_free(store->tidier);
    for (unsigned i = 0; i < store->reader_count; i++) {
        db_close(store->readers[i].db);
        block_packer_free(store->readers[i].packer);
        json_parser_free(store->readers[i].json);
    }
    if (store->writer) {
        if (!db_checkpoint(store->writer, true, NULL))
            log_line(LOG_WARN, "checkpoint failed"); /* only space is at stake */
        db_close(store->writer);
    }
    db_close(store->keeper);
    catalog_free(store->catalog);
    arena_free(&store->published);
    pthread_mutex_destroy(&store->lock);
    pthread_cond_destroy(&store->api_turn);
    pthread_cond_destroy(&store->job_turn);
    pthread_mutex_destroy(&store->reader_lock);
    pthread_mutex_destroy(&store->watch_lock);
    pthread_cond_destroy(&store->reader_free);
    memset(store->token_secret, 0, sizeof store->token_secret);
    free(store);
}

bool store_is_shared(const struct store *store)
{
    return store->shared;
}

struct span store_token_key(const struct store *store)
{
    return span_of(store->token_secret, sizeof store->token_secret);
}

const char *store_partition(const struct store *store)
{
    return store->partition;
}

uint64_t store_hash(const struct store *store, struct span source_ref)
{
    uint64_t seed;
    memcpy(&seed, store->hash_secret, sizeof seed);
    return XXH3_64bits_withSeed(source_ref.ptr, source_ref.len, seed);
}

/* --- the writer ----------------------------------------------------------------------------------------------------
 */

const uint64_t store_wait_bounds_us[STORE_WAIT_BOUNDS] = { 100, 1000, 5000, 10000, 25000, 50000, 100000, 1000000 };

static void api_wait(struct store *store)
{
    int64_t since = clock_mono_us();
    store->api_waiting++;
    while (store->busy || store->job_due)
        pthread_cond_wait(&store->api_turn, &store->lock);
    store->api_waiting--;
    uint64_t waited = (uint64_t)(clock_mono_us() - since);
    unsigned bound = 0;
    while (bound < STORE_WAIT_BOUNDS && waited > store_wait_bounds_us[bound])
        bound++;
    store->waits.within[bound]++;
    store->waits.sum_us += waited;
    if (waited > store->waits.max_us)
        store->waits.max_us = waited;
}

/* A job gives way to API writers, but not for ever: after its patience it is next. */
static void job_wait(struct store *store)
{
    struct timespec until = clock_deadline(JOB_PATIENCE_MS);
    bool due = false;
    while (store->busy || (!due && (store->api_waiting > 0 || store->job_due))) {
        if (due || store->job_due)
            pthread_cond_wait(&store->job_turn, &store->lock);
        else if (pthread_cond_timedwait(&store->job_turn, &store->lock, &until) == ETIMEDOUT && !store->job_due)
            due = store->job_due = true;
    }
    if (due)
        store->job_due = false;
}

void store_gate_give(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    CHECK(store->busy);
    store->busy = false;
    if (store->job_due || store->api_waiting == 0)
        pthread_cond_broadcast(&store->job_turn);
    else
        pthread_cond_signal(&store->api_turn);
    pthread_mutex_unlock(&store->lock);
}

void store_gate_take(struct store *store, enum store_who who)
{
    pthread_mutex_lock(&store->lock);
    if (who == STORE_API)
        api_wait(store);
    else
        job_wait(store);
    store->busy = true;
    pthread_mutex_unlock(&store->lock);
}

bool store_write_begin(struct store *store, enum store_who who, struct db **ret_db, struct err *err)
{
    store_gate_take(store, who);
    if (!db_begin(store->writer, who == STORE_API ? DB_WRITE : DB_WRITE_CLAIMED, err)) {
        store_gate_give(store);
        return false;
    }
    CHECK(store->publications == NULL);
    *ret_db = store->writer;
    return true;
}

static void publications_drop(struct store *store)
{
    store->publications = NULL;
    store->told = NULL;
    arena_reset(&store->published);
}

bool store_publish(struct store *store, struct db *db, int64_t dataset_id, struct span arn, struct err *err)
{
    CHECK(db == store->writer);
    if (store->shared)
        return true; /* nobody looks there */
    struct publication *news = arena_alloc(&store->published, sizeof *news);
    bool found;
    if (!dataset_row_view(db, &store->published, dataset_id, &news->view, &found, err))
        return false;
    news->gone = !found;
    if (!found)
        news->view.arn = arena_copy(&store->published, arn);
    news->next = store->publications;
    store->publications = news;
    return true;
}

void store_tell(struct store *store, int64_t project_id)
{
    struct told *told = arena_alloc(&store->published, sizeof *told);
    *told = (struct told){ .next = store->told, .project_id = project_id };
    store->told = told;
}

void store_watch(struct store *store, void (*changed)(void *ctx, int64_t project_id), void *ctx)
{
    pthread_mutex_lock(&store->watch_lock);
    store->watch = changed;
    store->watch_ctx = ctx;
    pthread_mutex_unlock(&store->watch_lock);
}

static void tell_watcher(struct store *store)
{
    pthread_mutex_lock(&store->watch_lock);
    for (const struct told *told = store->told; store->watch && told; told = told->next)
        store->watch(store->watch_ctx, told->project_id);
    pthread_mutex_unlock(&store->watch_lock);
}

/* The log's length tells when it is worth it; a log that began anew is counted from its start. */
static void ask_to_tidy(struct store *store)
{
    unsigned pages = db_log_pages(store->writer);
    if (pages < store->tidied_pages)
        store->tidied_pages = 0;
    if (!store->tidier || pages - store->tidied_pages < TIDY_PAGES)
        return;
    store->tidied_pages = pages;
    tidier_ask(store->tidier, false);
}

bool store_write_commit_at(struct store *store, const char *point, struct err *err)
{
    bool counted = !store->shared || !store->told || store_count(store->writer, STORE_COUNT_VERSIONS, err);
    if (!counted)
        db_rollback(store->writer);
    bool done = counted && db_commit_at(store->writer, point, err);
    if (done) {
        for (const struct publication *news = store->publications; news; news = news->next) {
            if (news->gone)
                catalog_remove(store->catalog, news->view.arn);
            else
                catalog_put(store->catalog, &news->view);
        }
        if (store->told)
            tell_watcher(store);
    }
    publications_drop(store);
    ask_to_tidy(store);
    store_gate_give(store);
    return done;
}

void store_write_abort(struct store *store)
{
    db_rollback(store->writer);
    publications_drop(store);
    store_gate_give(store);
}

bool store_write_wanted(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    bool wanted = store->api_waiting > 0;
    pthread_mutex_unlock(&store->lock);
    return wanted;
}

void store_tidy(struct store *store)
{
    if (store->tidier)
        tidier_ask(store->tidier, true);
}

struct store_waits store_api_waits(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    struct store_waits waits = store->waits;
    pthread_mutex_unlock(&store->lock);
    return waits;
}

/* --- readers -------------------------------------------------------------------------------------------------------
 */

static bool read_begin(struct store *store, enum db_mode mode, struct db **ret_db, struct err *err)
{
    pthread_mutex_lock(&store->reader_lock);
    while (store->idle_count == 0)
        pthread_cond_wait(&store->reader_free, &store->reader_lock);
    struct store_reader *reader = store->idle[--store->idle_count];
    pthread_mutex_unlock(&store->reader_lock);
    if (!db_begin(reader->db, mode, err)) {
        store_read_end(store, reader->db);
        return false;
    }
    *ret_db = reader->db;
    return true;
}

bool store_read_begin(struct store *store, struct db **ret_db, struct err *err)
{
    return read_begin(store, DB_READ, ret_db, err);
}

bool store_read_begin_one(struct store *store, struct db **ret_db, struct err *err)
{
    return read_begin(store, DB_READ_ONE, ret_db, err);
}

static struct store_reader *reader_of(struct store *store, const struct db *db)
{
    for (unsigned i = 0; i < store->reader_count; i++)
        if (store->readers[i].db == db)
            return &store->readers[i];
    return NULL;
}

void store_read_end(struct store *store, struct db *db)
{
    struct store_reader *reader = reader_of(store, db);
    CHECK(reader);
    db_rollback(db);
    pthread_mutex_lock(&store->reader_lock);
    store->idle[store->idle_count++] = reader;
    pthread_cond_signal(&store->reader_free);
    pthread_mutex_unlock(&store->reader_lock);
}

struct block_packer *store_reader_packer(struct store *store, const struct db *db)
{
    struct store_reader *reader = reader_of(store, db);
    CHECK(reader);
    return reader->packer;
}

struct json_parser *store_reader_json(struct store *store, const struct db *db)
{
    struct store_reader *reader = reader_of(store, db);
    CHECK(reader);
    return reader->json;
}
