/* backup: see backup.h for the contract. */
#include "store/backup.h"

#include "db/migrate.h"

static bool close_folded(struct db *db, bool done, struct err *err)
{
    done = done && db_checkpoint(db, true, err);
    db_close(db);
    return done;
}

static bool put_credentials(struct db *db, struct span credentials, struct err *err)
{
    struct db_query *q = db_query(db, "INSERT INTO meta (key, value) VALUES ('credentials', ?1) "
                                      "ON CONFLICT (key) DO UPDATE SET value = excluded.value");
    db_bind_blob(q, 1, credentials);
    return db_run(q, err);
}

static struct span place_of(const char *path, struct buf *ret_place)
{
    buf_addf(ret_place, "sqlite:%s", path);
    return buf_span(ret_place);
}

bool backup_write(struct span place, const char *path, struct span credentials, struct err *err)
{
    enum { PLACE_MAX = 8192 };
    struct db *db;
    struct buf copy;
    if (!db_open(place, DB_READ, &db, err))
        return false;
    bool done = db_migrate(db, false, err) && db_copy(db, path, err);
    db_close(db);
    buf_init(&copy, PLACE_MAX);
    done = done && db_open(place_of(path, &copy), DB_WRITE, &db, err);
    buf_free(&copy);
    return done && close_folded(db, credentials.len == 0 || put_credentials(db, credentials, err), err);
}

/* Any SQLite file can be opened, and an empty one would be made a database of ours. */
static bool is_ours(struct db *db, struct err *err)
{
    struct db_query *q = db_query(db, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN "
                                      "('schema_version', 'meta', 'project', 'dataset', 'block')");
    int64_t tables = db_next(q, err) == DB_ROW ? db_int(q, 0) : 0;
    return db_end(q, err) && (tables == 5 || fail(err, E_CONFIG, "it is a database, and not one of placard"));
}

static bool take_credentials(struct db *db, struct buf *ret_credentials, struct err *err)
{
    struct db_query *q = db_query(db, "DELETE FROM meta WHERE key = 'credentials' RETURNING value");
    if (db_next(q, err) == DB_ROW) {
        buf_add(ret_credentials, db_blob(q, 0));
        (void)db_next(q, err); /* to its end: what went wrong is told by db_end */
    }
    return db_end(q, err);
}

bool backup_open(struct span place, struct buf *ret_credentials, struct err *err)
{
    struct db *db;
    return db_open(place, DB_WRITE, &db, err) &&
           close_folded(db, is_ours(db, err) && db_migrate(db, true, err) && take_credentials(db, ret_credentials, err),
                        err);
}

bool backup_fold_log(struct span place, struct err *err)
{
    struct db *db;
    return db_open(place, DB_WRITE, &db, err) && close_folded(db, true, err);
}
