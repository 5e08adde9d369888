/* version_rows: see version_rows.h for the contract. */
#include "store/version_rows.h"

#include "base/clock.h"
#include "store/dataset_rows.h"
#include "store/internal.h"
#include "store/messages.h"

#define SELECT                                                                                                         \
    "SELECT v.id, v.project_id, v.arn, v.name, p.name, p.account, v.status, v.message, v.created_ms, v.ended_ms, "     \
    "v.billable_s, v.f1, v.outputs, v.output_bucket, v.output_prefix, v.kms_key, v.description, v.mode, "              \
    "v.train_dataset_id, v.test_dataset_id, v.split, v.min_units, v.max_units, v.source_arn "                          \
    "FROM project_version v JOIN project p ON p.id = v.project_id "

static void row_read(struct db_query *q, struct arena *arena, struct version *ret_version)
{
    uint32_t f1_bits = (uint32_t)db_int(q, 11);
    *ret_version = (struct version){
        .id = db_int(q, 0),
        .project_id = db_int(q, 1),
        .arn = arena_copy(arena, db_text(q, 2)),
        .name = arena_copy(arena, db_text(q, 3)),
        .project = arena_copy(arena, db_text(q, 4)),
        .account = arena_copy(arena, db_text(q, 5)),
        .status = (enum version_status)db_int(q, 6),
        .message = arena_copy(arena, db_text(q, 7)),
        .created_ms = db_int(q, 8),
        .ended_ms = db_int(q, 9),
        .billable_s = db_int(q, 10),
        .outputs = (unsigned)db_int(q, 12),
        .output_bucket = arena_copy(arena, db_text(q, 13)),
        .output_prefix = arena_copy(arena, db_text(q, 14)),
        .kms_key = arena_copy(arena, db_text(q, 15)),
        .description = arena_copy(arena, db_text(q, 16)),
        .mode = (enum version_mode)db_int(q, 17),
        .train_dataset_id = db_int(q, 18),
        .test_dataset_id = db_int(q, 19),
        .split = db_int(q, 20) != 0,
        .min_units = db_int(q, 21),
        .max_units = db_int(q, 22),
        .source_arn = arena_copy(arena, db_text(q, 23)),
    };
    memcpy(&ret_version->f1, &f1_bits, sizeof f1_bits);
}

/* --- the manifests it was given ----------------------------------------------------------------------------------- */

static bool side_read(struct db *db, struct arena *arena, int64_t id, unsigned side, struct version_side *ret_side,
                      struct err *err)
{
    struct db_query *q = db_query(db, "SELECT count(*) FROM version_asset WHERE version_id = ?1 AND side = ?2");
    db_bind_int(q, 1, id);
    db_bind_int(q, 2, side);
    size_t room = db_next(q, err) == DB_ROW ? (size_t)db_int(q, 0) : 0, count = 0;
    if (!db_end(q, err))
        return false;
    struct version_asset *assets = arena_alloc(arena, (room + 1) * sizeof *assets);
    q = db_query(db, "SELECT bucket, key, version FROM version_asset WHERE version_id = ?1 AND side = ?2 "
                     "ORDER BY place");
    db_bind_int(q, 1, id);
    db_bind_int(q, 2, side);
    enum db_step step;
    while ((step = db_next(q, err)) == DB_ROW) {
        CHECK(count < room); /* both queries see one state */
        assets[count++] = (struct version_asset){ arena_copy(arena, db_text(q, 0)), arena_copy(arena, db_text(q, 1)),
                                                  arena_copy(arena, db_text(q, 2)) };
    }
    if (!db_end(q, step == DB_FAILED ? NULL : err) || step == DB_FAILED)
        return false;
    *ret_side = (struct version_side){ assets, count };
    return true;
}

static bool assets_read(struct db *db, struct arena *arena, struct version *version, struct err *err)
{
    return version->mode == VERSION_OF_DATASETS || (side_read(db, arena, version->id, 0, &version->train, err) &&
                                                    side_read(db, arena, version->id, 1, &version->test, err));
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

/* The one row of a bound query, or none. */
static bool one_row(struct db *db, struct db_query *q, struct arena *arena, struct version *ret_version,
                    bool *ret_found, struct err *err)
{
    enum db_step step = db_next(q, err);
    if (step == DB_ROW)
        row_read(q, arena, ret_version);
    if (!db_end(q, step == DB_FAILED ? NULL : err) || step == DB_FAILED)
        return false;
    *ret_found = step == DB_ROW;
    return !*ret_found || assets_read(db, arena, ret_version, err);
}

bool version_row_by_arn(struct db *db, struct arena *arena, struct span arn, struct version *ret_version,
                        struct err *err)
{
    bool found;
    struct db_query *q = db_query(db, SELECT "WHERE v.arn = ?1");
    db_bind_text(q, 1, arn);
    return one_row(db, q, arena, ret_version, &found, err) &&
           (found || fail(err, E_NOT_FOUND, "The model version " SPAN_FMT " does not exist.", SPAN_ARG(arn)));
}

bool version_row_by_id(struct db *db, struct arena *arena, int64_t id, struct version *ret_version, bool *ret_found,
                       struct err *err)
{
    struct db_query *q = db_query(db, SELECT "WHERE v.id = ?1");
    db_bind_int(q, 1, id);
    return one_row(db, q, arena, ret_version, ret_found, err);
}

bool version_rows_of_project(struct db *db, struct arena *arena, int64_t project_id, struct span name,
                             int64_t before_id, struct version *ret_versions, size_t room, size_t *ret_count,
                             struct err *err)
{
    struct db_query *q = name.ptr ? db_query(db, SELECT "WHERE v.project_id = ?1 AND v.id < ?2 AND v.name = ?4 "
                                                        "ORDER BY v.id DESC LIMIT ?3")
                                  : db_query(db, SELECT "WHERE v.project_id = ?1 AND v.id < ?2 "
                                                        "ORDER BY v.id DESC LIMIT ?3");
    db_bind_int(q, 1, project_id);
    db_bind_int(q, 2, before_id);
    db_bind_int(q, 3, (int64_t)room);
    if (name.ptr)
        db_bind_text(q, 4, name);
    size_t count = 0;
    enum db_step step;
    while ((step = db_next(q, err)) == DB_ROW)
        row_read(q, arena, &ret_versions[count++]);
    if (!db_end(q, step == DB_FAILED ? NULL : err) || step == DB_FAILED)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!assets_read(db, arena, &ret_versions[i], err))
            return false;
    *ret_count = count;
    return true;
}

bool version_row_set_status(struct store *store, struct db *db, const struct version *version,
                            enum version_status status, struct span message, struct err *err)
{
    struct db_query *q = db_query(db, "UPDATE project_version SET status = ?2, message = ?3 WHERE id = ?1");
    db_bind_int(q, 1, version->id);
    db_bind_int(q, 2, status);
    db_bind_text(q, 3, message);
    store_tell(store, version->project_id);
    return db_run(q, err);
}

bool version_rows_count(struct db *db, int64_t project_id, int64_t *ret_count, struct err *err)
{
    struct db_query *q = db_query(db, "SELECT count(*) FROM project_version WHERE project_id = ?1");
    db_bind_int(q, 1, project_id);
    return db_number(q, ret_count, err);
}

bool version_rows_running(struct db *db, struct arena *arena, struct version **ret_versions, size_t *ret_count,
                          struct err *err)
{
    int64_t room;
    struct db_query *q = db_query(db, "SELECT count(*) FROM project_version WHERE status IN (?1, ?2)");
    db_bind_int(q, 1, VERSION_RUNNING);
    db_bind_int(q, 2, VERSION_STARTING);
    if (!db_number(q, &room, err))
        return false;
    struct version *versions = arena_alloc(arena, ((size_t)room + 1) * sizeof *versions);
    size_t count = 0;
    q = db_query(db, SELECT "WHERE v.status IN (?1, ?2) ORDER BY v.id");
    db_bind_int(q, 1, VERSION_RUNNING);
    db_bind_int(q, 2, VERSION_STARTING);
    enum db_step step;
    while ((step = db_next(q, err)) == DB_ROW) {
        CHECK(count < (size_t)room); /* both queries see one state */
        row_read(q, arena, &versions[count++]);
    }
    if (!db_end(q, step == DB_FAILED ? NULL : err) || step == DB_FAILED)
        return false;
    *ret_versions = versions;
    *ret_count = count;
    return true;
}

bool version_rows_training_on(struct db *db, int64_t dataset_id, bool *ret_training, struct err *err)
{
    int64_t count;
    struct db_query *q = db_query(db, "SELECT count(*) FROM project_version WHERE status = ?2 AND "
                                      "(train_dataset_id = ?1 OR test_dataset_id = ?1)");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, VERSION_TRAINING_IN_PROGRESS);
    if (!db_number(q, &count, err))
        return false;
    *ret_training = count > 0;
    return true;
}

/* --- the jobs' side ----------------------------------------------------------------------------------------------- */

bool version_of_job(struct store *store, struct arena *arena, int64_t id, struct version *ret_version, bool *ret_found,
                    struct err *err)
{
    struct db *db;
    if (!store_read_begin(store, &db, err))
        return false;
    bool done = version_row_by_id(db, arena, id, ret_version, ret_found, err);
    store_read_end(store, db);
    return done;
}

static bool end_write(struct db *db, const struct version *version, const struct version_end *end, struct err *err)
{
    uint32_t f1_bits;
    memcpy(&f1_bits, &end->f1, sizeof f1_bits);
    struct db_query *q = db_query(db, "UPDATE project_version SET outputs = ?2, f1 = ?3, billable_s = ?4, "
                                      "ended_ms = CASE WHEN ?5 = 0 THEN ended_ms WHEN ?5 > created_ms THEN ?5 ELSE "
                                      "created_ms END "
                                      "WHERE id = ?1");
    db_bind_int(q, 1, version->id);
    db_bind_int(q, 2, end->outputs);
    db_bind_int(q, 3, f1_bits);
    db_bind_int(q, 4, end->billable_s);
    db_bind_int(q, 5, end->trained_now ? clock_wall_ms() : 0);
    return db_run(q, err);
}

static bool finish_in(struct store *store, struct db *db, struct arena *arena, const struct job *job,
                      const struct version_end *end, struct err *err)
{
    struct version version;
    bool found, known = false;
    struct dataset_view test;
    if (!version_row_by_id(db, arena, job->version_id, &version, &found, err))
        return false;
    CHECK(found); /* its deletion is refused while a job works on it */
    if ((job->kind == JOB_TRAIN || job->kind == JOB_COPY_VERSION) && !end_write(db, &version, end, err))
        return false;
    if (end->drop_test && (!dataset_row_view(db, arena, version.test_dataset_id, &test, &known, err) ||
                           (known && !dataset_drop(store, db, &test, err))))
        return false;
    return version_row_set_status(store, db, &version, end->status, end->message, err) && job_finish(db, job, err);
}

bool version_finish(struct store *store, const struct job *job, const struct version_end *end, struct err *err)
{
    struct db *db;
    struct arena arena;
    if (!store_write_begin(store, STORE_JOB, &db, err))
        return false;
    arena_init(&arena);
    bool done = finish_in(store, db, &arena, job, end, err);
    arena_free(&arena);
    if (done)
        return store_write_commit(store, err);
    store_write_abort(store);
    return false;
}

static bool remove_rows(struct store *store, struct db *db, const struct version *version, struct err *err)
{
    struct db_query *q = db_query(db, "DELETE FROM version_asset WHERE version_id = ?1");
    db_bind_int(q, 1, version->id);
    if (!tag_clear(db, version->arn, err) || !db_run(q, err))
        return false;
    q = db_query(db, "DELETE FROM project_version WHERE id = ?1");
    db_bind_int(q, 1, version->id);
    store_tell(store, version->project_id);
    return db_run(q, err);
}

bool version_remove(struct store *store, const struct job *job, struct err *err)
{
    struct db *db;
    struct arena arena;
    struct version version;
    bool found = false;
    if (!store_write_begin(store, STORE_JOB, &db, err))
        return false;
    arena_init(&arena);
    bool done = version_row_by_id(db, &arena, job->version_id, &version, &found, err) &&
                (!found || remove_rows(store, db, &version, err)) && job_finish(db, job, err);
    arena_free(&arena);
    if (done)
        return store_write_commit(store, err);
    store_write_abort(store);
    return false;
}

bool version_restart(struct store *store, struct err *err)
{
    struct db *db;
    if (!store_write_begin(store, STORE_JOB, &db, err))
        return false;
    struct db_query *q = db_query(db, "INSERT INTO job (kind, dataset_id, version_id, created_ms) "
                                      "SELECT ?1, 0, id, ?2 FROM project_version WHERE status = ?3");
    db_bind_int(q, 1, JOB_START_VERSION);
    db_bind_int(q, 2, clock_wall_ms());
    db_bind_int(q, 3, VERSION_RUNNING);
    bool done = db_run(q, err);
    if (done) {
        q = db_query(db, "UPDATE project_version SET status = ?1, message = ?2 WHERE status = ?3");
        db_bind_int(q, 1, VERSION_STARTING);
        db_bind_text(q, 2, SPAN_LIT(MESSAGE_STARTING));
        db_bind_int(q, 3, VERSION_RUNNING);
        done = db_run(q, err);
    }
    if (done)
        return store_write_commit(store, err);
    store_write_abort(store);
    return false;
}
