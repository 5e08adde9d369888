/* migrate: see migrate.h for the contract. */
#include "db/migrate.h"

#include <time.h>

#include "db/driver.h"

enum { TRIES = 50, AGAIN_MS = 100 };

/* 0 where the database has never been ours. */
static bool schema_version(struct db *db, int64_t *ret_version, struct err *err)
{
    bool has;
    *ret_version = 0;
    if (!db_has_table(db, "schema_version", &has, err))
        return false;
    if (!has)
        return true;
    struct db_query *q = db_query(db, "SELECT coalesce(max(version), 0) FROM schema_version");
    int64_t version = db_next(q, err) == DB_ROW ? db_int(q, 0) : -1;
    if (!db_end(q, err) || version < 0)
        return false;
    *ret_version = version;
    return true;
}

static bool apply(struct db *db, int64_t version, const char *script, struct err *err)
{
    if (!db_begin(db, DB_WRITE, err))
        return false;
    struct db_query *q;
    if (version == 1 && !db_script(db, "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)", err))
        goto undo;
    q = db_query(db, "INSERT INTO schema_version (version) VALUES (?1)"); /* first: another server waits for it */
    db_bind_int(q, 1, version);
    if (!db_run(q, err) || !db_script(db, script, err))
        goto undo;
    return db_commit(db, err);
undo:
    db_rollback(db);
    return false;
}

static bool migrate(struct db *db, bool allowed, struct err *err)
{
    const int64_t newest = db->driver->script_count;
    int64_t version;
    if (!schema_version(db, &version, err))
        return false;
    if (version > newest)
        return fail(err, E_CONFIG,
                    "The database has schema %lld and this program knows up to %lld: it was written by a newer "
                    "placard. Use that version, or another data directory.",
                    (long long)version, (long long)newest);
    if (version < newest && !allowed)
        return fail(err, E_CONFIG,
                    "The database has schema %lld and this program needs %lld: start `placard serve` once "
                    "to bring it up to date.",
                    (long long)version, (long long)newest);
    for (; version < newest; version++)
        if (!apply(db, version + 1, db->driver->scripts[version], err))
            return false;
    return true;
}

/* Of several servers that begin at once one does it; the others find it done. */
bool db_migrate(struct db *db, bool allowed, struct err *err)
{
    const struct timespec pause = { .tv_nsec = AGAIN_MS * 1000000L };
    struct err why;
    for (unsigned tries = 0; !migrate(db, allowed, &why); tries++) {
        if (why.code != E_CONFLICT || tries == TRIES)
            return fail(err, why.code, "%s", why.text);
        nanosleep(&pause, NULL);
    }
    return true;
}
