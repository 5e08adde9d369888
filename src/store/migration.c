/* migration: see migration.h for the contract. */
#include "store/migration.h"

#include <stdlib.h>
#include <time.h>

#include "db/migrate.h"
#include "store/migration_tables.h"

/* Sessions of a server that has ended are gone within moments; one that stays is a server's. */
enum { TELL_EVERY = 1000, OTHERS_TRIES = 30, OTHERS_AGAIN_MS = 100 };

struct migration {
    struct migration_options options;
    struct db *from, *to;
};

/* --- whether it may be -------------------------------------------------------------------------------------------- */

static bool is_marked(struct db *db, bool *ret_marked, struct err *err)
{
    int64_t marks;
    if (!db_number(db_query(db, "SELECT count(*) FROM meta WHERE key = 'unfinished'"), &marks, err))
        return false;
    *ret_marked = marks > 0;
    return true;
}

bool migration_refuse_marked(struct db *db, struct err *err)
{
    bool marked;
    if (!is_marked(db, &marked, err))
        return false;
    return !marked || fail(err, E_CONFIG,
                           "The store is a copy that did not come to its end: run `placard migrate-store` again, with "
                           "the same source, or name another store.");
}

static bool check_source(struct db *from, struct err *err)
{
    return db_migrate(from, false, err) && migration_refuse_marked(from, err);
}

/* Whether any table that is there holds something that is nobody's leftover. */
static bool holds_something(struct db *db, bool *ret_holds, struct err *err)
{
    bool has, marked = false;
    *ret_holds = false;
    if (!db_has_table(db, "meta", &has, err) || (has && !is_marked(db, &marked, err)))
        return false;
    for (unsigned i = 0; i < MIGRATION_TABLES && !marked && !*ret_holds; i++) {
        const struct migration_table *table = &migration_tables[i];
        int64_t rows = 0;
        if (table->prepared)
            continue;
        if (!db_has_table(db, table->name, &has, err) || (has && !db_number(db_query(db, table->count), &rows, err)))
            return false;
        *ret_holds = rows > 0;
    }
    return true;
}

/* A target that holds something is left as it is, its schema too; one that is empty gets the newest. */
static bool check_target(struct db *to, struct err *err)
{
    bool holds;
    return holds_something(to, &holds, err) && db_migrate(to, !holds, err) &&
           (!holds || fail(err, E_CONFIG, "the target holds something already; name an empty one"));
}

static bool check_alone(struct db *db, const char *which, struct err *err)
{
    const struct timespec pause = { .tv_nsec = OTHERS_AGAIN_MS * 1000000L };
    int64_t others = 1;
    for (unsigned tries = 0; others > 0; tries++) {
        if (tries > 0)
            nanosleep(&pause, NULL);
        if (!db_others(db, &others, err))
            return false;
        if (others > 0 && tries == OTHERS_TRIES)
            return fail(err, E_IN_USE, "%lld connections of servers to the %s are open; stop the servers first",
                        (long long)others, which);
    }
    return true;
}

/* --- the mark ----------------------------------------------------------------------------------------------------- */

static bool migration_mark(struct db *to, struct err *err)
{
    if (!db_begin(to, DB_WRITE_CLAIMED, err))
        return false;
    struct db_query *q = db_query(to, "INSERT INTO meta (key, value) VALUES ('unfinished', ?1) ON CONFLICT (key) DO "
                                      "NOTHING");
    db_bind_blob(q, 1, SPAN_LIT("migrate-store"));
    if (db_run(q, err))
        return db_commit(to, err);
    db_rollback(to);
    return false;
}

static bool migration_unmark(struct db *to, struct err *err)
{
    if (!db_begin(to, DB_WRITE_CLAIMED, err))
        return false;
    if (db_run(db_query(to, "DELETE FROM meta WHERE key = 'unfinished'"), err))
        return db_commit(to, err);
    db_rollback(to);
    return false;
}

bool migration_open(const struct migration_options *options, struct migration **ret_migration, struct err *err)
{
    struct migration *migration = mem_zero(1, sizeof *migration);
    migration->options = *options;
    bool done = db_open(options->from, DB_READ, &migration->from, err) && check_source(migration->from, err) &&
                check_alone(migration->from, "source", err) && db_open(options->to, DB_WRITE, &migration->to, err) &&
                check_target(migration->to, err) && migration_mark(migration->to, err);
    /* behind the mark: a server that starts from now on sees it */
    struct err why;
    if (done && !check_alone(migration->to, "target", &why)) {
        done = migration_unmark(migration->to, err) && fail(err, why.code, "%s", why.text);
    }
    if (!done) {
        migration_close(migration);
        return false;
    }
    *ret_migration = migration;
    return true;
}

void migration_close(struct migration *migration)
{
    if (!migration)
        return;
    db_close(migration->from);
    db_close(migration->to);
    free(migration);
}

/* --- the rows ----------------------------------------------------------------------------------------------------- */

static bool clear(struct db *to, struct err *err)
{
    for (unsigned i = MIGRATION_TABLES; i-- > 0;)
        if (!db_run(db_query(to, migration_tables[i].clear), err))
            return false;
    return db_run(db_query(to, "DELETE FROM meta WHERE key = 'root_key'"), err);
}

static bool copy_row(struct db_query *row, const struct migration_table *table, struct db *to, struct err *err)
{
    struct db_query *q = db_append(to, table->insert);
    for (int i = 0; table->kinds[i]; i++) {
        if (db_is_null(row, i))
            db_bind_null(q, i + 1);
        else if (table->kinds[i] == 'i')
            db_bind_int(q, i + 1, db_int(row, i));
        else if (table->kinds[i] == 't')
            db_bind_text(q, i + 1, db_text(row, i));
        else
            db_bind_blob(q, i + 1, db_blob(row, i));
    }
    return db_append_row(q, err);
}

/* The highest id that the source has ever given out is the target's, too. */
static bool copy_last_id(struct migration *migration, const struct migration_table *table, struct err *err)
{
    int64_t last;
    return !table->numbered || (db_last_id(migration->from, table->name, &last, err) &&
                                db_raise_last_id(migration->to, table->name, last, err));
}

static bool copy_table(struct migration *migration, const struct migration_table *table, int64_t *ret_rows,
                       struct err *err)
{
    const struct migration_options *options = &migration->options;
    struct db_query *q = db_walk(migration->from, table->select);
    int64_t rows = 0;
    enum db_step step;
    bool good = true;
    while (good && (step = db_next(q, err)) == DB_ROW) {
        good = copy_row(q, table, migration->to, err);
        if (++rows % TELL_EVERY == 0)
            options->tell(options->ctx, table->name, rows, false);
    }
    bool done = db_end(q, good && step != DB_FAILED ? err : NULL) && good && step != DB_FAILED;
    if (!done || !db_append_end(migration->to, err) || !copy_last_id(migration, table, err))
        return false;
    options->tell(options->ctx, table->name, rows, true);
    *ret_rows = rows;
    return true;
}

/* What arrived is counted where it is, and held against what the snapshot has. */
static bool compare(struct migration *migration, const struct migration_table *table, struct err *err)
{
    int64_t sent, arrived;
    return db_number(db_query(migration->from, table->count), &sent, err) &&
           db_number(db_query(migration->to, table->count), &arrived, err) &&
           (sent == arrived || fail(err, E_INTERNAL, "of table %s %lld rows were to be copied and %lld have arrived",
                                    table->name, (long long)sent, (long long)arrived));
}

static bool find_root_key(struct db *from, struct buf *root_key, struct err *err)
{
    struct db_query *q = db_query(from, "SELECT value FROM meta WHERE key = 'root_key'");
    enum db_step step = db_next(q, err);
    if (step == DB_ROW) {
        buf_clear(root_key);
        buf_add(root_key, db_blob(q, 0));
    }
    return db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
}

static bool put_root_key(struct db *to, struct span root_key, struct err *err)
{
    if (!db_is_shared(to) || root_key.len == 0)
        return true;
    struct db_query *q = db_query(to, "INSERT INTO meta (key, value) VALUES ('root_key', ?1)");
    db_bind_blob(q, 1, root_key);
    return db_run(q, err);
}

static bool copy_all(struct migration *migration, struct buf *root_key, int64_t *ret_rows, struct err *err)
{
    int64_t rows;
    *ret_rows = 0;
    if (!clear(migration->to, err))
        return false;
    for (unsigned i = 0; i < MIGRATION_TABLES; i++) {
        if (!copy_table(migration, &migration_tables[i], &rows, err) || !compare(migration, &migration_tables[i], err))
            return false;
        *ret_rows += rows;
    }
    return find_root_key(migration->from, root_key, err) && put_root_key(migration->to, buf_span(root_key), err);
}

bool migration_copy(struct migration *migration, struct buf *root_key, int64_t *ret_rows, unsigned *ret_tables,
                    struct err *err)
{
    if (!db_begin(migration->from, DB_READ, err))
        return false;
    bool done = db_begin(migration->to, DB_WRITE_CLAIMED, err);
    if (done && !copy_all(migration, root_key, ret_rows, err)) {
        db_rollback(migration->to);
        done = false;
    }
    db_rollback(
        migration->from); /* before the commit, which may take longer than an engine lets a snapshot stand idle */
    *ret_tables = MIGRATION_TABLES;
    return done && db_commit(migration->to, err) && db_checkpoint(migration->to, true, err);
}

bool migration_finish(struct migration *migration, struct err *err)
{
    return migration_unmark(migration->to, err);
}
