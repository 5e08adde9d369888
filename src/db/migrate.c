/* migrate: see migrate.h for the contract. */
#include "db/migrate.h"

#include "db/scripts.h"

/* Whether the database has ever been ours. */
static bool has_versions(struct db *db, bool *ret_has, struct err *err)
{
    struct db_query *q = db_query(db, "SELECT 1 FROM sqlite_master WHERE name = 'schema_version'");
    enum db_step step = db_next(q, err);
    *ret_has = step == DB_ROW;
    return db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
}

static bool schema_version(struct db *db, bool make, int64_t *ret_version, struct err *err)
{
    bool has = true;
    *ret_version = 0;
    if (make ? !db_script(db, "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)", err)
             : !has_versions(db, &has, err))
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
    if (!db_script(db, script, err))
        goto undo;
    q = db_query(db, "INSERT INTO schema_version (version) VALUES (?1)");
    db_bind_int(q, 1, version);
    if (!db_run(q, err))
        goto undo;
    return db_commit(db, err);
undo:
    db_rollback(db);
    return false;
}

bool db_migrate(struct db *db, bool allowed, struct err *err)
{
    const int64_t newest = (int64_t)COUNT_OF(db_scripts_sqlite);
    int64_t version;
    if (!schema_version(db, allowed, &version, err))
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
        if (!apply(db, version + 1, db_scripts_sqlite[version], err))
            return false;
    return true;
}
