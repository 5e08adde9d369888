/* job: see job.h for the contract. */
#include "store/job.h"

#include "base/clock.h"
#include "store/internal.h"

/* Longer than any server runs. */
#define LEASE_UNTIL_VOID_MS ((int64_t)1 << 50)

static int64_t lease_ms(const struct db *db)
{
    return db_is_shared(db) ? JOB_LEASE_MS : LEASE_UNTIL_VOID_MS;
}

bool job_insert(struct db *db, enum job_kind kind, int64_t dataset_id, int64_t other_id, int64_t other_gen,
                struct span source, struct span progress, struct err *err)
{
    struct db_query *q = db_query(db, "INSERT INTO job (kind, dataset_id, other_id, other_gen, source, progress, "
                                      "created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    db_bind_int(q, 1, kind);
    db_bind_int(q, 2, dataset_id);
    db_bind_int(q, 3, other_id);
    db_bind_int(q, 4, other_gen);
    db_bind_blob(q, 5, source);
    db_bind_blob(q, 6, progress);
    db_bind_int(q, 7, clock_wall_ms());
    return db_run(q, err);
}

bool job_void_leases(struct store *store, struct err *err)
{
    struct db *db;
    if (!store_write_begin(store, STORE_JOB, &db, err))
        return false;
    struct db_query *q = db_query(db, "UPDATE job SET failures = CASE WHEN cursor = claim_cursor THEN failures + 1 "
                                      "ELSE 0 END, owner = '', lease_ms = 0, not_before_ms = 0 WHERE owner <> ''");
    if (db_run(q, err))
        return store_write_commit(store, err);
    store_write_abort(store);
    return false;
}

bool job_insert_version(struct db *db, enum job_kind kind, int64_t version_id, int64_t source_version_id,
                        struct err *err)
{
    struct db_query *q = db_query(db, "INSERT INTO job (kind, dataset_id, version_id, source_version_id, created_ms) "
                                      "VALUES (?1, 0, ?2, ?3, ?4)");
    db_bind_int(q, 1, kind);
    db_bind_int(q, 2, version_id);
    db_bind_int(q, 3, source_version_id);
    db_bind_int(q, 4, clock_wall_ms());
    return db_run(q, err);
}

/* The kinds of each lane, first and last. */
static const struct {
    enum job_kind first, last;
} lanes[JOB_LANES] = {
    [JOB_LANE_DATASETS] = { JOB_CREATE_EMPTY, JOB_DELETE },
    [JOB_LANE_TRAINING] = { JOB_TRAIN, JOB_TRAIN },
    [JOB_LANE_MODELS] = { JOB_COPY_VERSION, JOB_DELETE_VERSION },
};

/*
 * Of one dataset only one job stages at a time (its status sees to that); a settling job may stand beside it. What a
 * copy is reading is neither deleted nor tidied, and a training waits for what still changes its datasets. One that is
 * cancelled waits for no other training: it is given up among the models' jobs.
 */
#define FREE                                                                                                           \
    "(owner = '' OR lease_ms < now_ms()) AND CASE WHEN kind = 6 AND cancelled = 1 THEN ?5 WHEN kind BETWEEN ?3 AND "   \
    "?4 THEN 1 ELSE 0 END = 1 AND NOT ((kind = 5 OR "                                                                  \
    "phase = 2) AND EXISTS (SELECT 1 FROM job c WHERE c.kind = 2 AND c.phase = 0 "                                     \
    "AND c.other_id IN (job.dataset_id))) AND NOT (kind = 10 AND EXISTS (SELECT 1 FROM job c WHERE c.kind = 7 AND "    \
    "c.source_version_id = job.version_id)) AND NOT (kind = 6 AND EXISTS (SELECT 1 FROM job c JOIN project_version "   \
    "v ON v.id = job.version_id WHERE c.kind < 6 AND c.phase < 2 AND c.dataset_id IN (v.train_dataset_id, "            \
    "v.test_dataset_id)))"

_Static_assert(JOB_CREATE_COPY == 2 && JOB_DELETE == 5 && JOB_TRAIN == 6 && JOB_COPY_VERSION == 7 &&
                   JOB_DELETE_VERSION == 10 && JOB_SETTLING == 2,
               "FREE names them by number");

static void bind_lane(struct db_query *q, enum job_lane lane)
{
    db_bind_int(q, 3, lanes[lane].first);
    db_bind_int(q, 4, lanes[lane].last);
    db_bind_int(q, 5, lane == JOB_LANE_MODELS);
}

static void job_read(struct db_query *q, struct arena *arena, struct job *ret_job)
{
    *ret_job = (struct job){
        .id = db_int(q, 0),
        .kind = (enum job_kind)db_int(q, 1),
        .phase = (enum job_phase)db_int(q, 2),
        .dataset_id = db_int(q, 3),
        .other_id = db_int(q, 4),
        .other_gen = db_int(q, 5),
        .attempt = db_int(q, 6) + 1,
        .failures = db_int(q, 7),
        .cursor = db_int(q, 8),
        .source = arena_copy(arena, db_blob(q, 9)),
        .progress = arena_copy(arena, db_blob(q, 10)),
        .version_id = db_int(q, 11),
        .source_version_id = db_int(q, 12),
    };
}

static bool pick(struct db *db, struct arena *arena, enum job_lane lane, struct job *ret_job, bool *ret_found,
                 struct err *err)
{
    struct db_query *q = db_query(db, "SELECT id, kind, phase, dataset_id, other_id, other_gen, attempt, failures, "
                                      "cursor, source, progress, version_id, source_version_id FROM job WHERE " FREE
                                      " AND (not_before_ms <= ?1 OR not_before_ms > ?2) ORDER BY id LIMIT 1 "
                                      "FOR UPDATE SKIP LOCKED");
    int64_t now_ms = clock_wall_ms();
    db_bind_int(q, 1, now_ms);
    db_bind_int(q, 2, now_ms + JOB_POSTPONED_MOST_MS);
    bind_lane(q, lane);
    enum db_step step = db_next(q, err);
    if (step == DB_ROW)
        job_read(q, arena, ret_job);
    *ret_found = step == DB_ROW;
    return db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
}

/* From an owner whose lease has run out it is taken over. */
static bool take(struct db *db, struct job *job, struct err *err)
{
    struct db_query *q = db_query(db, "UPDATE job SET owner = ?2, attempt = ?3, lease_ms = now_ms() + ?4, failures = "
                                      "CASE WHEN owner = '' THEN failures WHEN cursor = claim_cursor THEN failures + 1 "
                                      "ELSE 0 END, claim_cursor = cursor WHERE id = ?1 RETURNING failures");
    db_bind_int(q, 1, job->id);
    db_bind_text(q, 2, job->owner);
    db_bind_int(q, 3, job->attempt);
    db_bind_int(q, 4, lease_ms(db));
    enum db_step step = db_next(q, err);
    if (step == DB_ROW) {
        job->failures = db_int(q, 0);
        step = db_next(q, err);
    }
    return db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
}

bool job_claim(struct store *store, struct arena *arena, enum job_lane lane, struct span owner, struct job *ret_job,
               bool *ret_found, struct err *err)
{
    struct db *db;
    if (!store_write_begin(store, STORE_JOB, &db, err))
        return false;
    struct job job;
    bool found;
    bool picked = pick(db, arena, lane, &job, &found, err);
    if (!picked || !found) {
        store_write_abort(store);
        *ret_found = false;
        return picked;
    }
    job.owner = arena_copy(arena, owner);
    if (!take(db, &job, err)) {
        store_write_abort(store);
        return false;
    }
    if (!store_write_commit(store, err))
        return false;
    *ret_job = job;
    *ret_found = true;
    return true;
}

static bool renew_in(struct db *db, struct span owner, void (*cancelled)(void *ctx, int64_t job_id), void *ctx,
                     struct err *err)
{
    struct db_query *q =
        db_query(db, "UPDATE job SET lease_ms = now_ms() + ?2 WHERE owner = ?1 RETURNING id, cancelled");
    db_bind_text(q, 1, owner);
    db_bind_int(q, 2, lease_ms(db));
    enum db_step step;
    while ((step = db_next(q, err)) == DB_ROW)
        if (db_int(q, 1) != 0)
            cancelled(ctx, db_int(q, 0));
    return db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
}

bool job_renew(struct store *store, struct span owner, void (*cancelled)(void *ctx, int64_t job_id), void *ctx,
               struct err *err)
{
    struct db *db = store->keeper;
    if (!db_begin(db, DB_WRITE_CLAIMED, err))
        return false;
    if (renew_in(db, owner, cancelled, ctx, err))
        return db_commit(db, err);
    db_rollback(db);
    return false;
}

bool job_end_stuck(struct store *store, struct err *err)
{
    struct db *db = store->keeper;
    if (!db_begin(db, DB_READ_ONE, err))
        return false;
    bool done = db_end_stuck(db, err);
    db_rollback(db);
    return done;
}

bool job_next_due(struct store *store, enum job_lane lane, int64_t *ret_wait_ms, struct err *err)
{
    struct db *db;
    if (!store_read_begin(store, &db, err))
        return false;
    struct db_query *q = db_query(db, "SELECT min(CASE WHEN not_before_ms > ?2 THEN ?1 ELSE not_before_ms END) "
                                      "FROM job WHERE " FREE " AND not_before_ms > 0");
    int64_t now_ms = clock_wall_ms();
    db_bind_int(q, 1, now_ms);
    db_bind_int(q, 2, now_ms + JOB_POSTPONED_MOST_MS);
    bind_lane(q, lane);
    int64_t due_ms = db_next(q, err) == DB_ROW && !db_is_null(q, 0) ? db_int(q, 0) : INT64_MAX;
    bool done = db_end(q, err);
    store_read_end(store, db);
    if (done)
        *ret_wait_ms = due_ms == INT64_MAX ? INT64_MAX : due_ms < now_ms ? 0 : due_ms - now_ms;
    return done;
}

static bool touched_mine(struct db *db, struct db_query *q, struct err *err)
{
    if (!db_run(q, err))
        return false;
    return db_changes(db) == 1 || fail(err, E_LOST_LEASE, "the job was taken over");
}

bool job_checkpoint(struct db *db, const struct job *job, struct err *err)
{
    struct db_query *q = db_query(db, "UPDATE job SET cursor = ?4, phase = ?5, progress = ?6, lease_ms = now_ms() + ?7 "
                                      "WHERE id = ?1 AND owner = ?2 AND attempt = ?3");
    db_bind_int(q, 1, job->id);
    db_bind_text(q, 2, job->owner);
    db_bind_int(q, 3, job->attempt);
    db_bind_int(q, 4, job->cursor);
    db_bind_int(q, 5, job->phase);
    db_bind_blob(q, 6, job->progress);
    db_bind_int(q, 7, lease_ms(db));
    return touched_mine(db, q, err);
}

bool job_finish(struct db *db, const struct job *job, struct err *err)
{
    struct db_query *q = db_query(db, "DELETE FROM job WHERE id = ?1 AND owner = ?2 AND attempt = ?3");
    db_bind_int(q, 1, job->id);
    db_bind_text(q, 2, job->owner);
    db_bind_int(q, 3, job->attempt);
    return touched_mine(db, q, err);
}

bool job_release(struct store *store, const struct job *job, bool failed, int64_t not_before_ms, struct err *err)
{
    struct db *db;
    if (!store_write_begin(store, STORE_JOB, &db, err))
        return false;
    struct db_query *q = db_query(db, "UPDATE job SET owner = '', lease_ms = 0, failures = failures + ?4, "
                                      "not_before_ms = ?5 WHERE id = ?1 AND owner = ?2 AND attempt = ?3");
    db_bind_int(q, 1, job->id);
    db_bind_text(q, 2, job->owner);
    db_bind_int(q, 3, job->attempt);
    db_bind_int(q, 4, failed);
    db_bind_int(q, 5, not_before_ms);
    if (touched_mine(db, q, err))
        return store_write_commit(store, err);
    store_write_abort(store);
    return false;
}

bool job_cancel(struct store *store, int64_t id, struct err *err)
{
    struct db *db;
    int64_t kind = -1;
    if (!store_write_begin(store, STORE_API, &db, err))
        return false;
    struct db_query *q =
        db_query(db, "UPDATE job SET cancelled = CASE WHEN kind = ?2 THEN 1 ELSE 0 END, not_before_ms = CASE "
                     "WHEN kind = ?2 THEN 0 ELSE not_before_ms END WHERE id = ?1 RETURNING kind");
    db_bind_int(q, 1, id);
    db_bind_int(q, 2, JOB_TRAIN);
    enum db_step step;
    while ((step = db_next(q, err)) == DB_ROW)
        kind = db_int(q, 0);
    bool done = db_end(q, step == DB_FAILED ? NULL : err) && step == DB_DONE;
    if (done && kind < 0)
        done = fail(err, E_NOT_FOUND, "there is no job %lld", (long long)id);
    else if (done && kind != JOB_TRAIN)
        done = fail(err, E_INVALID, "job %lld is no training; only a training can be cancelled", (long long)id);
    if (done)
        return store_write_commit(store, err);
    store_write_abort(store);
    return false;
}

bool job_cancelled(struct store *store, int64_t id, bool *ret_cancelled, struct err *err)
{
    struct db *db;
    if (!store_read_begin(store, &db, err))
        return false;
    struct db_query *q = db_query(db, "SELECT cancelled FROM job WHERE id = ?1");
    db_bind_int(q, 1, id);
    enum db_step step = db_next(q, err);
    bool cancelled = step == DB_ROW && db_int(q, 0) != 0;
    bool done = db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
    store_read_end(store, db);
    if (done)
        *ret_cancelled = cancelled;
    return done;
}

bool job_list(struct store *store, struct arena *arena, struct job_row **ret_rows, size_t *ret_count, struct err *err)
{
    enum { ROOM = 1000 };
    struct db *db;
    if (!store_read_begin(store, &db, err))
        return false;
    struct job_row *rows = arena_alloc(arena, ROOM * sizeof *rows);
    size_t count = 0;
    struct db_query *q = db_query(db, "SELECT j.id, j.kind, j.phase, coalesce(d.arn, v.arn, ''), j.owner <> '', "
                                      "j.failures, j.cursor, j.created_ms FROM job j "
                                      "LEFT JOIN dataset d ON d.id = j.dataset_id "
                                      "LEFT JOIN project_version v ON v.id = j.version_id ORDER BY j.id LIMIT ?1");
    db_bind_int(q, 1, ROOM);
    enum db_step step;
    while ((step = db_next(q, err)) == DB_ROW) {
        rows[count++] = (struct job_row){
            .id = db_int(q, 0),
            .kind = (enum job_kind)db_int(q, 1),
            .phase = (enum job_phase)db_int(q, 2),
            .arn = arena_copy(arena, db_text(q, 3)),
            .running = db_int(q, 4) != 0,
            .failures = db_int(q, 5),
            .cursor = db_int(q, 6),
            .created_ms = db_int(q, 7),
        };
    }
    bool done = db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
    store_read_end(store, db);
    if (!done)
        return false;
    *ret_rows = rows;
    *ret_count = count;
    return true;
}

bool job_count(struct store *store, int64_t *ret_pending, struct err *err)
{
    struct db *db;
    if (!store_read_begin(store, &db, err))
        return false;
    struct db_query *q = db_query(db, "SELECT count(*) FROM job");
    int64_t count = db_next(q, err) == DB_ROW ? db_int(q, 0) : 0;
    bool done = db_end(q, err);
    store_read_end(store, db);
    if (done)
        *ret_pending = count;
    return done;
}

const char *job_kind_name(enum job_kind kind)
{
    static const char *const names[JOB_KINDS] = { "create-empty",  "create-manifest", "create-copy",   "update",
                                                  "distribute",    "delete",          "train",         "copy-version",
                                                  "start-version", "stop-version",    "delete-version" };
    CHECK((unsigned)kind < COUNT_OF(names));
    return names[kind];
}

const char *job_phase_name(enum job_phase phase)
{
    static const char *const names[] = { "staging", "giving-up", "settling" };
    CHECK((unsigned)phase < COUNT_OF(names));
    return names[phase];
}
