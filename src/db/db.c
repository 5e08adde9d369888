/* db: see db.h for the contract. Dispatch to the engine, and the place where tests break things. */
#include "db/db.h"

#include <stdatomic.h>

#include "db/driver.h"

static const struct db_driver *const drivers[] = { &db_sqlite, &db_postgres };

static _Atomic(db_fault_hook *) fault_hook;
static void *fault_ctx;

void db_set_fault(db_fault_hook *hook, void *ctx)
{
    fault_ctx = ctx;
    atomic_store(&fault_hook, hook);
}

static bool broken(enum db_call call, const char *what, struct err *err)
{
    db_fault_hook *hook = atomic_load_explicit(&fault_hook, memory_order_acquire);
    if (!hook || !hook(fault_ctx, call, what))
        return false;
    fail(err, E_STORE, "injected fault");
    return true;
}

static bool takes(const struct db_driver *driver, struct span place)
{
    for (unsigned i = 0; driver->schemes[i]; i++)
        if (span_starts(place, span_str(driver->schemes[i])))
            return true;
    return false;
}

bool db_open(struct span place, enum db_mode mode, struct db **ret_db, struct err *err)
{
    for (unsigned i = 0; i < COUNT_OF(drivers); i++) {
        if (!takes(drivers[i], place))
            continue;
        if (!drivers[i]->open(place, mode, ret_db, err))
            return false;
        (*ret_db)->driver = drivers[i];
        return true;
    }
    return fail(err, E_CONFIG, "The store `" SPAN_FMT "` is of no known kind; use sqlite:PATH or postgres://….",
                SPAN_ARG(place));
}

bool db_is_shared(const struct db *db)
{
    return db->driver->shared;
}

void db_show_place(struct span place, struct buf *out)
{
    struct span options = place;
    if (!takes(&db_postgres, place)) {
        buf_add(out, place);
        return;
    }
    struct span rest =
        span_from(span_cut(&options, '?'), (size_t)((const char *)memchr(place.ptr, '/', place.len) - place.ptr) + 2);
    for (size_t at = rest.len; at-- > 0;)
        if (rest.ptr[at] == '@') {
            rest = span_from(rest, at + 1);
            break;
        }
    buf_add_str(out, "postgres://");
    buf_add(out, rest);
}

void db_close(struct db *db)
{
    if (db)
        db->driver->close(db);
}

bool db_begin(struct db *db, enum db_mode mode, struct err *err)
{
    CHECK(!db->in_transaction);
    if (broken(DB_CALL_BEGIN, "", err) || !db->driver->begin(db, mode, err))
        return false;
    db->in_transaction = true;
    return true;
}

bool db_commit_at(struct db *db, const char *point, struct err *err)
{
    CHECK(db->in_transaction);
    bool done = !broken(DB_CALL_COMMIT, point, err) && db->driver->commit(db, err);
    if (!done)
        db->driver->rollback(db);
    db->in_transaction = false;
    if (done)
        (void)broken(DB_CALL_COMMITTED, point, NULL); /* too late to fail */
    return done;
}

void db_rollback(struct db *db)
{
    if (db->in_transaction)
        db->driver->rollback(db);
    db->in_transaction = false;
}

bool db_in_transaction(const struct db *db)
{
    return db->in_transaction;
}

struct db_query *db_query(struct db *db, const char *sql_literal)
{
    struct db_query *q = db->driver->query(db, sql_literal, false);
    q->broken = false;
    return q;
}

struct db_query *db_walk(struct db *db, const char *sql_literal)
{
    CHECK(db->in_transaction);
    struct db_query *q = db->driver->query(db, sql_literal, true);
    q->broken = false;
    return q;
}

void db_bind_int(struct db_query *q, int at, int64_t value)
{
    q->db->driver->bind_int(q, at, value);
}

void db_bind_text(struct db_query *q, int at, struct span text)
{
    q->db->driver->bind_text(q, at, text);
}

void db_bind_blob(struct db_query *q, int at, struct span bytes)
{
    q->db->driver->bind_blob(q, at, bytes);
}

void db_bind_null(struct db_query *q, int at)
{
    q->db->driver->bind_null(q, at);
}

enum db_step db_next(struct db_query *q, struct err *err)
{
    q->broken = q->broken || broken(DB_CALL_STEP, q->db->driver->text(q), err);
    return q->broken ? DB_FAILED : q->db->driver->next(q, err);
}

bool db_end(struct db_query *q, struct err *err)
{
    bool done = q->db->driver->end(q, err);
    return q->broken ? fail(err, E_STORE, "injected fault") : done;
}

bool db_run(struct db_query *q, struct err *err)
{
    enum db_step step = db_next(q, err);
    bool ended = db_end(q, step == DB_FAILED ? NULL : err);
    return step != DB_FAILED && ended;
}

bool db_number(struct db_query *q, int64_t *ret_number, struct err *err)
{
    enum db_step step = db_next(q, err);
    int64_t number = step == DB_ROW ? db_int(q, 0) : 0;
    if (!db_end(q, step == DB_FAILED ? NULL : err) || step == DB_FAILED)
        return false;
    *ret_number = number;
    return true;
}

struct db_query *db_append(struct db *db, const char *sql_literal)
{
    CHECK(db->in_transaction);
    struct db_query *q = db->driver->append(db, sql_literal);
    q->broken = false;
    return q;
}

bool db_append_row(struct db_query *q, struct err *err)
{
    return !broken(DB_CALL_STEP, q->db->driver->text(q), err) && q->db->driver->append_row(q, err);
}

bool db_append_end(struct db *db, struct err *err)
{
    return db->driver->append_end(db, err);
}

int64_t db_int(struct db_query *q, int column)
{
    return q->db->driver->column_int(q, column);
}

struct span db_text(struct db_query *q, int column)
{
    return q->db->driver->column_text(q, column);
}

struct span db_blob(struct db_query *q, int column)
{
    return q->db->driver->column_blob(q, column);
}

bool db_is_null(struct db_query *q, int column)
{
    return q->db->driver->column_is_null(q, column);
}

int64_t db_changes(const struct db *db)
{
    return db->changes;
}

bool db_script(struct db *db, const char *sql, struct err *err)
{
    return !broken(DB_CALL_STEP, sql, err) && db->driver->script(db, sql, err);
}

bool db_has_table(struct db *db, const char *name, bool *ret_has, struct err *err)
{
    return db->driver->has_table(db, name, ret_has, err);
}

bool db_last_id(struct db *db, const char *table, int64_t *ret_id, struct err *err)
{
    return db->driver->last_id(db, table, ret_id, err);
}

bool db_raise_last_id(struct db *db, const char *table, int64_t id, struct err *err)
{
    CHECK(db->in_transaction);
    return id == 0 || db->driver->raise_last_id(db, table, id, err);
}

bool db_others(struct db *db, int64_t *ret_count, struct err *err)
{
    return db->driver->others(db, ret_count, err);
}

bool db_end_stuck(struct db *db, struct err *err)
{
    return db->driver->end_stuck(db, err);
}

bool db_copy(struct db *db, const char *path, struct err *err)
{
    return db->driver->copy(db, path, err);
}

unsigned db_log_pages(const struct db *db)
{
    return db->log_pages;
}

uint64_t db_log_commits(const struct db *db)
{
    return db->log_commits;
}

struct db_moved db_moved(const struct db *db)
{
    return db->moved;
}

bool db_checkpoint(struct db *db, bool truncate, struct err *err)
{
    return !broken(DB_CALL_CHECKPOINT, "", err) && db->driver->checkpoint(db, truncate, err);
}
