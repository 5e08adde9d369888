/* tidier: see tidier.h for the contract. */
#include "store/tidier.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "db/db.h"
#include "store/internal.h"

/* The second pass is for what came during the first, so that little is left when the writer is held. */
enum { PASSES = 2 };

struct tidier {
    struct store *store;
    char *place;
    struct db *db;    /* the thread's own */
    uint64_t settled; /* the writer's commits to the log when it was last moved whole */
    pthread_t thread;
    pthread_mutex_t lock; /* the three below */
    pthread_cond_t change;
    bool asked, shrink, ending;
};

/*
 * Whether there is surely something in the log that is not moved, and there will be until we move it. A commit has been
 * made since it was last moved whole; or, behind a pass, the log is not as long as that pass has found it: then it has
 * grown since, or begun anew and grown.
 */
static bool is_open(struct tidier *tidier, bool behind_a_pass)
{
    store_gate_take(tidier->store, STORE_JOB);
    const struct db *writer = tidier->store->writer;
    unsigned found = db_moved(tidier->db).log_pages; /* 0 of a pass that could not be */
    bool open = behind_a_pass ? found > 0 && db_log_pages(writer) != found : db_log_commits(writer) != tidier->settled;
    store_gate_give(tidier->store);
    return open;
}

static bool tidy(struct tidier *tidier, bool shrink, struct err *err)
{
    if (!tidier->db && !db_open(span_str(tidier->place), DB_WRITE, &tidier->db, err)) {
        tidier->db = NULL;
        return false;
    }
    for (unsigned pass = 0; pass < PASSES && is_open(tidier, pass > 0); pass++)
        if (!db_checkpoint(tidier->db, false, err))
            return false;
    store_gate_take(tidier->store, STORE_JOB);
    bool done = db_checkpoint(tidier->db, shrink, err);
    if (done && db_moved(tidier->db).whole)
        tidier->settled = db_log_commits(tidier->store->writer);
    store_gate_give(tidier->store);
    return done;
}

static void *work(void *arg)
{
    struct tidier *tidier = arg;
    pthread_mutex_lock(&tidier->lock);
    while (!tidier->ending) {
        if (!tidier->asked) {
            pthread_cond_wait(&tidier->change, &tidier->lock);
            continue;
        }
        bool shrink = tidier->shrink;
        tidier->asked = tidier->shrink = false;
        pthread_mutex_unlock(&tidier->lock);
        struct err err = { E_OK, "" };
        if (!tidy(tidier, shrink, &err))
            log_line(LOG_WARN, "checkpoint failed", LOG_S("why", err.text));
        pthread_mutex_lock(&tidier->lock);
    }
    pthread_mutex_unlock(&tidier->lock);
    return NULL;
}

struct tidier *tidier_new(struct store *store, struct span place)
{
    struct tidier *tidier = mem_zero(1, sizeof *tidier);
    tidier->store = store;
    tidier->place = mem_dup(place.ptr, place.len);
    pthread_mutex_init(&tidier->lock, NULL);
    pthread_cond_init(&tidier->change, NULL);
    CHECK(pthread_create(&tidier->thread, NULL, work, tidier) == 0);
    return tidier;
}

void tidier_free(struct tidier *tidier)
{
    if (!tidier)
        return;
    pthread_mutex_lock(&tidier->lock);
    tidier->ending = true;
    pthread_cond_signal(&tidier->change);
    pthread_mutex_unlock(&tidier->lock);
    pthread_join(tidier->thread, NULL);
    if (tidier->db)
        db_close(tidier->db);
    pthread_mutex_destroy(&tidier->lock);
    pthread_cond_destroy(&tidier->change);
    free(tidier->place);
    free(tidier);
}

void tidier_ask(struct tidier *tidier, bool shrink)
{
    pthread_mutex_lock(&tidier->lock);
    tidier->asked = true;
    tidier->shrink = tidier->shrink || shrink;
    pthread_cond_signal(&tidier->change);
    pthread_mutex_unlock(&tidier->lock);
}
