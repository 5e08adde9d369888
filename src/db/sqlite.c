/*
 * sqlite: the embedded engine. WAL, synchronous=FULL: a commit that returned is on the disk. Automatic checkpoints are
 * off; the owner of the store says when (db_checkpoint), so that no commit pays for one by surprise.
 *
 * Statements are kept per connection in a small open table keyed by the SQL literal's address; a connection belongs to
 * one thread at a time, so SQLite's own mutexes are off.
 */
#include <sqlite3.h>
#include <stdlib.h>

#include "base/clock.h"
#include "db/driver.h"
#include "db/scripts_sqlite.h"

enum { STATEMENTS = 256, BUSY_MS = 10000 };

struct sqlite_query {
    struct db_query base;
    const char *sql;
    sqlite3_stmt *statement;
    bool failed;
    struct err error; /* of preparing or stepping; reported by next and end */
};

struct sqlite_db {
    struct db base;
    sqlite3 *handle;
    struct sqlite_query queries[STATEMENTS]; /* by hashed literal address; sql == NULL is free */
};

static bool engine_fail(sqlite3 *handle, const char *what, struct err *err)
{
    return fail(err, E_STORE, "%s: %s", what, handle ? sqlite3_errmsg(handle) : "out of memory");
}

static bool sqlite_script(struct db *base, const char *sql, struct err *err)
{
    struct sqlite_db *db = (struct sqlite_db *)base;
    if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
        return engine_fail(db->handle, "script", err);
    return true;
}

static void sqlite_close(struct db *base)
{
    struct sqlite_db *db = (struct sqlite_db *)base;
    for (unsigned i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(db->queries[i].statement);
    CHECK(sqlite3_close(db->handle) == SQLITE_OK);
    free(db);
}

static int on_commit(void *base, sqlite3 *handle, const char *schema, int pages)
{
    (void)handle, (void)schema;
    struct db *db = base;
    db->log_pages = (unsigned)pages;
    db->log_commits++;
    return SQLITE_OK;
}

/* now_ms() of the dialect. */
static void now_ms(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count, (void)values;
    sqlite3_result_int64(context, clock_wall_ms());
}

static bool sqlite_open(struct span place, enum db_mode mode, struct db **ret_db, struct err *err)
{
    struct sqlite_db *db = mem_zero(1, sizeof *db);
    struct span path = span_from(place, strlen(db_sqlite.schemes[0]));
    char *name = mem_dup(path.ptr, path.len);
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | (mode == DB_WRITE ? SQLITE_OPEN_CREATE : 0);
    bool done = sqlite3_open_v2(name, &db->handle, flags, NULL) == SQLITE_OK;
    free(name);
    if (!done) {
        fail(err, E_STORE, "The database cannot be opened: %s.", db->handle ? sqlite3_errmsg(db->handle) : "no memory");
        sqlite3_close(db->handle);
        free(db);
        return false;
    }
    sqlite3_busy_timeout(db->handle, BUSY_MS);
    sqlite3_extended_result_codes(db->handle, 1);
    CHECK(sqlite3_create_function(db->handle, "now_ms", 0, SQLITE_UTF8, NULL, now_ms, NULL, NULL) == SQLITE_OK);
    db->base.driver = &db_sqlite;
    const char *setup = mode == DB_WRITE
                            ? "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                              "PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=8388608;"
                              "PRAGMA cache_size=-16384; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
                            : "PRAGMA query_only=ON; PRAGMA cache_size=-2048; PRAGMA wal_autocheckpoint=0;";
    if (!sqlite_script(&db->base, setup, err)) {
        sqlite_close(&db->base);
        return false;
    }
    sqlite3_wal_hook(db->handle, on_commit, &db->base); /* behind the pragma, which has a hook of its own */
    *ret_db = &db->base;
    return true;
}

static bool sqlite_begin(struct db *db, enum db_mode mode, struct err *err)
{
    return sqlite_script(db, mode == DB_WRITE || mode == DB_WRITE_CLAIMED ? "BEGIN IMMEDIATE" : "BEGIN", err);
}

static bool sqlite_commit(struct db *db, struct err *err)
{
    return sqlite_script(db, "COMMIT", err);
}

static void sqlite_rollback(struct db *base)
{
    struct sqlite_db *db = (struct sqlite_db *)base;
    if (!sqlite3_get_autocommit(db->handle)) /* some errors have rolled back already */
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

/* Without the locks of single rows, which the one writer has no use for. */
static int bytes_of(const char *sql)
{
#define SPAN_OF(text)                                                                                                  \
    {                                                                                                                  \
        (text), sizeof(text) - 1                                                                                       \
    }
    static const struct span locks[] = { SPAN_OF(" FOR UPDATE SKIP LOCKED"), SPAN_OF(" FOR UPDATE") };
    struct span text = span_str(sql);
    for (unsigned i = 0; i < COUNT_OF(locks); i++)
        if (span_ends(text, locks[i]))
            return (int)(text.len - locks[i].len);
    return (int)text.len;
}

static struct db_query *sqlite_query(struct db *base, const char *sql, bool walk)
{
    (void)walk; /* rows come one by one anyway */
    struct sqlite_db *db = (struct sqlite_db *)base;
    unsigned at = (unsigned)(((uintptr_t)sql * 0x9E3779B97F4A7C15u) >> 40) % STATEMENTS;
    for (unsigned tried = 0; db->queries[at].sql && db->queries[at].sql != sql; tried++) {
        CHECK(tried < STATEMENTS);
        at = (at + 1) % STATEMENTS;
    }
    struct sqlite_query *q = &db->queries[at];
    q->base.db = base;
    q->failed = false;
    if (!q->sql) {
        q->sql = sql;
        if (sqlite3_prepare_v3(db->handle, sql, bytes_of(sql), SQLITE_PREPARE_PERSISTENT, &q->statement, NULL) !=
            SQLITE_OK) {
            q->failed = true;
            engine_fail(db->handle, sql, &q->error);
            q->sql = NULL; /* tried anew next time */
            q->statement = NULL;
        }
    }
    CHECK(!q->statement || !sqlite3_stmt_busy(q->statement)); /* the same literal twice at once is our mistake */
    return &q->base;
}

static const char *sqlite_text(const struct db_query *q)
{
    const char *sql = ((const struct sqlite_query *)q)->sql;
    return sql ? sql : ""; /* it could not be prepared */
}

static sqlite3_stmt *statement_of(struct db_query *q)
{
    return ((struct sqlite_query *)q)->statement;
}

static void sqlite_bind_int(struct db_query *q, int at, int64_t value)
{
    if (statement_of(q))
        CHECK(sqlite3_bind_int64(statement_of(q), at, value) == SQLITE_OK);
}

static void sqlite_bind_text(struct db_query *q, int at, struct span text)
{
    if (statement_of(q))
        CHECK(sqlite3_bind_text64(statement_of(q), at, text.ptr ? text.ptr : "", text.len, SQLITE_STATIC,
                                  SQLITE_UTF8) == SQLITE_OK);
}

static void sqlite_bind_blob(struct db_query *q, int at, struct span bytes)
{
    if (statement_of(q))
        CHECK(sqlite3_bind_blob64(statement_of(q), at, bytes.ptr ? bytes.ptr : "", bytes.len, SQLITE_STATIC) ==
              SQLITE_OK);
}

static void sqlite_bind_null(struct db_query *q, int at)
{
    if (statement_of(q))
        CHECK(sqlite3_bind_null(statement_of(q), at) == SQLITE_OK);
}

static enum db_step sqlite_next(struct db_query *base, struct err *err)
{
    struct sqlite_query *q = (struct sqlite_query *)base;
    struct sqlite_db *db = (struct sqlite_db *)base->db;
    if (!q->failed) {
        switch (sqlite3_step(q->statement)) {
        case SQLITE_ROW:
            return DB_ROW;
        case SQLITE_DONE:
            base->db->changes = sqlite3_changes64(db->handle);
            return DB_DONE;
        default:
            q->failed = true;
            engine_fail(db->handle, "step", &q->error);
        }
    }
    if (err)
        *err = q->error;
    return DB_FAILED;
}

static bool sqlite_end(struct db_query *base, struct err *err)
{
    struct sqlite_query *q = (struct sqlite_query *)base;
    if (q->statement) {
        sqlite3_reset(q->statement);
        sqlite3_clear_bindings(q->statement);
    }
    if (q->failed && err)
        *err = q->error;
    return !q->failed;
}

static struct db_query *sqlite_append(struct db *db, const char *sql)
{
    return sqlite_query(db, sql, false);
}

/* A row is written as it comes: there is no way to a file to be spared. */
static bool sqlite_append_row(struct db_query *q, struct err *err)
{
    bool done = sqlite_next(q, err) == DB_DONE;
    if (statement_of(q))
        sqlite3_reset(statement_of(q));
    return done;
}

static bool sqlite_append_end(struct db *db, struct err *err)
{
    (void)db, (void)err;
    return true;
}

static int64_t sqlite_column_int(struct db_query *q, int column)
{
    return sqlite3_column_int64(statement_of(q), column);
}

static struct span sqlite_column_text(struct db_query *q, int column)
{
    const void *text = sqlite3_column_text(statement_of(q), column);
    return span_of(text, (size_t)sqlite3_column_bytes(statement_of(q), column));
}

static struct span sqlite_column_blob(struct db_query *q, int column)
{
    const void *bytes = sqlite3_column_blob(statement_of(q), column);
    return span_of(bytes, (size_t)sqlite3_column_bytes(statement_of(q), column));
}

static bool sqlite_column_is_null(struct db_query *q, int column)
{
    return sqlite3_column_type(statement_of(q), column) == SQLITE_NULL;
}

static bool sqlite_has_table(struct db *db, const char *name, bool *ret_has, struct err *err)
{
    struct db_query *q = db_query(db, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1");
    db_bind_text(q, 1, span_str(name));
    enum db_step step = db_next(q, err);
    *ret_has = step == DB_ROW;
    return db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
}

static bool sqlite_last_id(struct db *db, const char *table, int64_t *ret_id, struct err *err)
{
    struct db_query *q = db_query(db, "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?1");
    db_bind_text(q, 1, span_str(table));
    return db_number(q, ret_id, err);
}

static bool sqlite_raise_last_id(struct db *db, const char *table, int64_t id, struct err *err)
{
    struct db_query *q = db_query(db, "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, 0 WHERE NOT EXISTS (SELECT 1 "
                                      "FROM sqlite_sequence WHERE name = ?1)");
    db_bind_text(q, 1, span_str(table));
    if (!db_run(q, err))
        return false;
    q = db_query(db, "UPDATE sqlite_sequence SET seq = ?2 WHERE name = ?1 AND seq < ?2");
    db_bind_text(q, 1, span_str(table));
    db_bind_int(q, 2, id);
    return db_run(q, err);
}

/* Who uses a file sees to that himself. */
static bool sqlite_others(struct db *db, int64_t *ret_count, struct err *err)
{
    (void)db, (void)err;
    *ret_count = 0;
    return true;
}

/* There is one process. */
static bool sqlite_end_stuck(struct db *db, struct err *err)
{
    (void)db, (void)err;
    return true;
}

static bool sqlite_checkpoint(struct db *base, bool truncate, struct err *err)
{
    struct sqlite_db *db = (struct sqlite_db *)base;
    int mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
    sqlite3_busy_timeout(db->handle, 0); /* a reader in the way is no reason to hold the writer up */
    int pages = 0, moved = 0;
    int result = sqlite3_wal_checkpoint_v2(db->handle, NULL, mode, &pages, &moved);
    db->base.moved = (struct db_moved){ result == SQLITE_OK && pages > 0 ? (unsigned)pages : 0,
                                        result == SQLITE_OK && pages == moved };
    sqlite3_busy_timeout(db->handle, BUSY_MS);
    if (result != SQLITE_OK && (result & 0xff) != SQLITE_BUSY)
        return engine_fail(db->handle, "checkpoint", err);
    return true;
}

/* In one step, and so in one read transaction: a copy made in several begins anew whenever somebody writes. */
static bool sqlite_copy(struct db *base, const char *path, struct err *err)
{
    struct sqlite_db *db = (struct sqlite_db *)base;
    sqlite3 *to = NULL;
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    bool done = sqlite3_open_v2(path, &to, flags, NULL) == SQLITE_OK &&
                sqlite3_exec(to, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;", NULL, NULL, NULL) == SQLITE_OK;
    if (done) {
        sqlite3_backup *backup = sqlite3_backup_init(to, "main", db->handle, "main");
        done = backup && sqlite3_backup_step(backup, -1) == SQLITE_DONE;
        done = sqlite3_backup_finish(backup) == SQLITE_OK && done;
    }
    if (!done)
        engine_fail(to, "copy", err);
    sqlite3_close(to);
    return done;
}

const struct db_driver db_sqlite = {
    .schemes = { "sqlite:" },
    .scripts = db_scripts_sqlite,
    .script_count = COUNT_OF(db_scripts_sqlite),
    .open = sqlite_open,
    .close = sqlite_close,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .query = sqlite_query,
    .text = sqlite_text,
    .bind_int = sqlite_bind_int,
    .bind_text = sqlite_bind_text,
    .bind_blob = sqlite_bind_blob,
    .bind_null = sqlite_bind_null,
    .next = sqlite_next,
    .end = sqlite_end,
    .append = sqlite_append,
    .append_row = sqlite_append_row,
    .append_end = sqlite_append_end,
    .column_int = sqlite_column_int,
    .column_text = sqlite_column_text,
    .column_blob = sqlite_column_blob,
    .column_is_null = sqlite_column_is_null,
    .script = sqlite_script,
    .has_table = sqlite_has_table,
    .last_id = sqlite_last_id,
    .raise_last_id = sqlite_raise_last_id,
    .others = sqlite_others,
    .end_stuck = sqlite_end_stuck,
    .checkpoint = sqlite_checkpoint,
    .copy = sqlite_copy,
};
