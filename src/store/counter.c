/* counter: numbers of the database that only grow, and the row that probes write; see store.h. */
#include "base/clock.h"
#include "store/internal.h"

bool store_next_number(struct store *store, struct db *db, int64_t *ret_number, struct err *err)
{
    CHECK(db == store->writer);
    struct db_query *q = db_query(db, "INSERT INTO counter (name, value) VALUES ('last_number', ?1) ON CONFLICT (name) "
                                      "DO UPDATE SET value = CASE WHEN excluded.value > counter.value THEN "
                                      "excluded.value ELSE counter.value + 1 END RETURNING value");
    db_bind_int(q, 1, clock_wall_ms());
    enum db_step step = db_next(q, err);
    int64_t number = step == DB_ROW ? db_int(q, 0) : 0;
    if (step == DB_ROW)
        step = db_next(q, err);
    if (!db_end(q, step == DB_FAILED ? NULL : err) || step == DB_FAILED)
        return false;
    *ret_number = number;
    return true;
}

static const char *const counter_names[] = { [STORE_COUNT_KEYS] = "keys", [STORE_COUNT_VERSIONS] = "versions" };

bool store_count(struct db *db, enum store_counter counter, struct err *err)
{
    struct db_query *q = db_query(db, "INSERT INTO counter (name, value) VALUES (?1, 1) ON CONFLICT (name) "
                                      "DO UPDATE SET value = counter.value + 1");
    db_bind_text(q, 1, span_str(counter_names[counter]));
    return db_run(q, err);
}

bool store_changes(struct store *store, struct store_changes *ret_changes, struct err *err)
{
    struct db *db;
    struct store_changes changes = { 0, 0 };
    if (!store_read_begin_one(store, &db, err))
        return false;
    struct db_query *q = db_query(db, "SELECT name, value FROM counter WHERE name IN ('keys', 'versions')");
    enum db_step step;
    while ((step = db_next(q, err)) == DB_ROW)
        *(span_is(db_text(q, 0), "keys") ? &changes.keys : &changes.versions) = db_int(q, 1);
    bool done = db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
    store_read_end(store, db);
    if (done)
        *ret_changes = changes;
    return done;
}

/* The row is the same for every server that shares the store, and their probes must not spoil each other's writes. */
bool store_ping(struct store *store, struct err *err)
{
    struct db *db;
    if (!store_write_begin(store, STORE_JOB, &db, err))
        return false;
    struct db_query *q = db_query(db, "INSERT INTO counter (name, value) VALUES ('ping', ?1) "
                                      "ON CONFLICT (name) DO UPDATE SET value = excluded.value");
    db_bind_int(q, 1, clock_wall_ms());
    bool done = db_run(q, err);
    if (!done) {
        store_write_abort(store);
        return false;
    }
    return store_write_commit(store, err);
}
