/* backup_models: see backup_models.h for the contract. */
#include "store/backup_models.h"

#include <stdlib.h>

#include "db/db.h"
#include "store/version.h"

struct backup_models {
    struct db *db;
};

bool backup_models_open(struct span place, struct backup_models **ret_models, struct err *err)
{
    struct db *db;
    if (!db_open(place, DB_WRITE, &db, err))
        return false;
    if (!db_begin(db, DB_WRITE, err) ||
        !db_script(
            db,
            "CREATE TABLE IF NOT EXISTS model_file (version_id INTEGER NOT NULL, name TEXT NOT NULL, part INTEGER "
            "NOT NULL, content BLOB NOT NULL, PRIMARY KEY (version_id, name, part))",
            err)) {
        db_close(db);
        return false;
    }
    *ret_models = mem_zero(1, sizeof **ret_models);
    (*ret_models)->db = db;
    return true;
}

bool backup_models_close(struct backup_models *models, bool done, struct err *err)
{
    if (!done)
        db_rollback(models->db);
    done = done && db_commit(models->db, err) && db_checkpoint(models->db, true, err);
    db_close(models->db);
    free(models);
    return done;
}

bool backup_models_versions(struct backup_models *models, struct arena *arena, int64_t **ret_ids, size_t *ret_count,
                            struct err *err)
{
    struct db_query *q = db_query(models->db, "SELECT count(*) FROM project_version");
    size_t room = db_next(q, err) == DB_ROW ? (size_t)db_int(q, 0) : 0, count = 0;
    if (!db_end(q, err))
        return false;
    int64_t *ids = arena_alloc(arena, (room + 1) * sizeof *ids);
    q = db_query(models->db, "SELECT id FROM project_version WHERE status NOT IN (?1, ?2, ?3, ?4) ORDER BY id");
    db_bind_int(q, 1, VERSION_TRAINING_IN_PROGRESS);
    db_bind_int(q, 2, VERSION_TRAINING_FAILED);
    db_bind_int(q, 3, VERSION_COPYING_IN_PROGRESS);
    db_bind_int(q, 4, VERSION_COPYING_FAILED);
    while (db_next(q, err) == DB_ROW) {
        CHECK(count < room);
        ids[count++] = db_int(q, 0);
    }
    if (!db_end(q, err))
        return false;
    *ret_ids = ids;
    *ret_count = count;
    return true;
}

bool backup_models_put(struct backup_models *models, int64_t version_id, struct span name, int64_t part,
                       struct span content, struct err *err)
{
    struct db_query *q =
        db_query(models->db, "INSERT INTO model_file (version_id, name, part, content) VALUES (?1, ?2, ?3, ?4)");
    db_bind_int(q, 1, version_id);
    db_bind_text(q, 2, name);
    db_bind_int(q, 3, part);
    db_bind_blob(q, 4, content);
    return db_run(q, err);
}

bool backup_models_each(struct backup_models *models, backup_part_taker *take, void *ctx, struct err *err)
{
    struct db_query *q = db_query(models->db, "SELECT version_id, name, part, content FROM model_file "
                                              "ORDER BY version_id, name, part");
    struct err why = { 0 };
    bool taken = true;
    while (taken && db_next(q, err) == DB_ROW)
        taken = take(ctx, db_int(q, 0), db_text(q, 1), db_int(q, 2), db_blob(q, 3), &why);
    bool done = db_end(q, err);
    return done && (taken || fail(err, why.code, "%s", why.text));
}

bool backup_models_strip(struct span place, struct err *err)
{
    struct db *db;
    if (!db_open(place, DB_WRITE, &db, err))
        return false;
    bool done = db_script(db, "DROP TABLE model_file; VACUUM", err) && db_checkpoint(db, true, err);
    db_close(db);
    return done;
}
