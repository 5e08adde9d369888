/*
 * store: the rows. This room holds the only SQL text outside db/sql; it returns rows and pages, never JSON.
 *
 * One writer: every write goes through store_write_begin, which admits one thread at a time, callers of STORE_API
 * before those of STORE_JOB; a job's transaction ends after about 25 ms. Reads use a pool of connections that never
 * block the writer. Descriptions of datasets are answered from an immutable copy in memory (dataset_describe), which
 * is replaced after COMMIT and before the writer's caller goes on.
 *
 * Resources are named by their whole ARN text; whether the caller may name it is decided above. E_STORE is a failing
 * engine, E_CONFLICT one that is shared and could not do it this time (db.h): whoever made the call makes it again.
 * Everything else in an err is the caller's.
 *
 * A store that is shared (PostgreSQL) has other processes that write: no description is kept in memory, each is read
 * anew; numbers and secrets are the database's, and a counter says when keys or versions have changed elsewhere.
 */
#ifndef PLACARD_STORE_STORE_H
#define PLACARD_STORE_STORE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "db/db.h"

struct store;

struct store_options {
    struct span place;     /* "sqlite:DATA/placard.db", "postgres://…" */
    const char *partition; /* "aws" */
    unsigned readers;      /* read connections kept; more threads wait */
    bool create;           /* make and migrate the database; false refuses an absent or older one */
};

/* Opens, migrates, loads the descriptions. A database of a newer schema is E_CONFIG with a sentence. */
bool store_open(const struct store_options *options, struct store **ret_store, struct err *err) MUST_CHECK;
void store_close(struct store *store);

/* Whether other processes may write to it. Then no function of this room is for a thread that must not wait. */
bool store_is_shared(const struct store *store);

/* How often access keys and model versions have changed, by anybody; counted only where the store is shared. */
struct store_changes {
    int64_t keys;
    int64_t versions;
};
bool store_changes(struct store *store, struct store_changes *ret_changes, struct err *err) MUST_CHECK;

/* 32 bytes made with the database: signs pagination tokens. */
struct span store_token_key(const struct store *store);

/* Who hears, after each COMMIT and on the thread that made it, of every project a version of which has changed. Set
   once, before the store is used; NULL: nobody any more. `changed` must not wait. */
void store_watch(struct store *store, void (*changed)(void *ctx, int64_t project_id), void *ctx);

/* Whether a trivial read and write go through (for /readyz). */
bool store_ping(struct store *store, struct err *err) MUST_CHECK;

/* --- for the other files of this room and for work ---------------------------------------------------------------- */

enum store_who { STORE_API, STORE_JOB };

/* The writer's connection inside a transaction; end it with exactly one of commit and abort. What STORE_API has read
   still holds when it commits; STORE_JOB is for rows on which it holds a claim, and sees what others commit meanwhile.
 */
bool store_write_begin(struct store *store, enum store_who who, struct db **ret_db, struct err *err) MUST_CHECK;
#define store_write_commit(store, err) store_write_commit_at(store, __func__, err)
bool store_write_commit_at(struct store *store, const char *point, struct err *err) MUST_CHECK; /* db_commit_at's */
void store_write_abort(struct store *store);

/* True while somebody of STORE_API waits: a job ends its transaction early. */
bool store_write_wanted(struct store *store);

/* A read connection inside a read transaction (one consistent state); give it back with store_read_end. */
bool store_read_begin(struct store *store, struct db **ret_db, struct err *err) MUST_CHECK;
/* Likewise, for a single statement. */
bool store_read_begin_one(struct store *store, struct db **ret_db, struct err *err) MUST_CHECK;
void store_read_end(struct store *store, struct db *db);

/* Inside a write: one of store_changes. */
enum store_counter { STORE_COUNT_KEYS, STORE_COUNT_VERSIONS };
bool store_count(struct db *db, enum store_counter counter, struct err *err) MUST_CHECK;

/* Milliseconds now, strictly greater than any answered before (also across restarts): ids of ARNs. Inside a write. */
bool store_next_number(struct store *store, struct db *db, int64_t *ret_number, struct err *err) MUST_CHECK;

/* Nothing is to be done for now: gives the space of the write-ahead log back, soon. A log that grows is moved into the
   file as it does (store/tidier). */
void store_tidy(struct store *store);

/* Microseconds writers of STORE_API waited for the connection, since start: how often at most so long (the last: how
   often longer), the sum and the maximum (metrics). */
#define STORE_WAIT_BOUNDS 8
extern const uint64_t store_wait_bounds_us[STORE_WAIT_BOUNDS];
struct store_waits {
    uint64_t within[STORE_WAIT_BOUNDS + 1];
    uint64_t sum_us;
    uint64_t max_us;
};
struct store_waits store_api_waits(struct store *store);

const char *store_partition(const struct store *store);

/* The keyed 64-bit hash under which a source-ref is found. */
uint64_t store_hash(const struct store *store, struct span source_ref);

#endif
