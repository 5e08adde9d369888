/* dataset: see dataset.h for the contract. Every verb is one transaction: check the state, change it, promise the job.
 */
#include "store/dataset.h"

#include "base/clock.h"
#include "store/dataset_rows.h"
#include "store/internal.h"
#include "store/job.h"
#include "store/messages.h"
#include "store/progress.h"
#include "store/project.h"
#include "store/version_rows.h"

bool dataset_describe(struct store *store, struct arena *arena, struct span arn, struct dataset_view *ret_view,
                      struct err *err)
{
    struct db *db;
    struct dataset_row row;
    if (!store_is_shared(store))
        return catalog_get(store->catalog, arena, arn, ret_view) ||
               fail(err, E_NOT_FOUND, "The dataset " SPAN_FMT " does not exist.", SPAN_ARG(arn));
    if (!store_read_begin_one(store, &db, err))
        return false;
    bool done = dataset_row_by_arn(db, arena, arn, &row, err);
    store_read_end(store, db);
    if (done)
        *ret_view = row.view;
    return done;
}

/* --- create --------------------------------------------------------------------------------------------------------
 */

static bool type_free(struct db *db, struct arena *arena, int64_t project_id, enum dataset_type type, struct err *err)
{
    struct dataset_view datasets[2];
    unsigned count;
    if (!dataset_rows_of_project(db, arena, project_id, datasets, &count, err))
        return false;
    for (unsigned i = 0; i < count; i++)
        if (datasets[i].type == type)
            return fail(err, E_EXISTS, "The project already has a %s dataset%s.", dataset_type_name(type),
                        datasets[i].status == DATASET_DELETE_IN_PROGRESS ? ", which is still being deleted" : "");
    return true;
}

static bool readable(enum dataset_status status)
{
    return status == DATASET_CREATE_COMPLETE || status == DATASET_UPDATE_COMPLETE || status == DATASET_UPDATE_FAILED ||
           status == DATASET_UPDATE_IN_PROGRESS;
}

/* ".../project/NAME/NUMBER" and "train" -> ".../project/NAME/dataset/train/NUMBER" (spec B.0.1). */
static struct span arn_of(struct arena *arena, struct span project_arn, enum dataset_type type, int64_t number)
{
    size_t slash = project_arn.len;
    while (slash > 0 && project_arn.ptr[slash - 1] != '/')
        slash--;
    return arena_printf(arena, SPAN_FMT "dataset/%s/%lld", SPAN_ARG(span_first(project_arn, slash)),
                        type == DATASET_TRAIN ? "train" : "test", (long long)number);
}

static bool insert(struct db *db, struct span arn, int64_t project_id, enum dataset_type type, int64_t number,
                   int64_t *ret_id, struct err *err)
{
    struct db_query *q = db_query(db, "INSERT INTO dataset (arn, project_id, type, status, message_code, message, "
                                      "created_ms, updated_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7) RETURNING id");
    db_bind_text(q, 1, arn);
    db_bind_int(q, 2, project_id);
    db_bind_int(q, 3, type);
    db_bind_int(q, 4, DATASET_CREATE_IN_PROGRESS);
    db_bind_int(q, 5, DATASET_SUCCESS);
    db_bind_text(q, 6, SPAN_LIT(MESSAGE_CREATING));
    db_bind_int(q, 7, number);
    enum db_step step = db_next(q, err);
    if (step == DB_ROW) {
        *ret_id = db_int(q, 0);
        step = db_next(q, err);
    }
    return db_end(q, step == DB_FAILED ? NULL : err) && step == DB_DONE;
}

/* A job that moves the source on to another generation, and then tidies up behind itself, must see the copy's job. */
static bool stay(struct db *db, int64_t id, struct err *err)
{
    struct db_query *q = db_query(db, "SELECT id FROM dataset WHERE id = ?1 FOR UPDATE");
    db_bind_int(q, 1, id);
    enum db_step step = db_next(q, err);
    return db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
}

/* The copy's labels and counters are fixed now, with the generation it will read: the source may change meanwhile. */
static bool promise_copy(struct db *db, struct arena *arena, int64_t id, struct span source_arn, struct err *err)
{
    struct dataset_row source;
    if (!dataset_row_by_arn(db, arena, source_arn, &source, err) || !stay(db, source.view.id, err))
        return false;
    if (!readable(source.view.status))
        return fail(err, E_INVALID, "The source dataset is %s; it can be copied once it is complete.",
                    dataset_status_name(source.view.status));
    struct db_query *q = db_query(db, "INSERT INTO staged_label (dataset_id, id, name, entries, boxed, declared) "
                                      "SELECT ?1, id, name, entries, boxed, declared FROM label WHERE dataset_id = ?2");
    db_bind_int(q, 1, id);
    db_bind_int(q, 2, source.view.id);
    if (!db_run(q, err))
        return false;
    struct progress progress = {
        .total = source.view.stats.total,
        .labeled = source.view.stats.labeled,
        .errors = source.view.stats.errors,
        .next_seq = source.next_seq,
        .bucket = source.bucket,
    };
    return job_insert(db, JOB_CREATE_COPY, id, source.view.id, source.generation, SPAN_NONE,
                      progress_encode(arena, &progress), err);
}

static bool promise(struct db *db, struct arena *arena, int64_t id, const struct dataset_new *wish, struct err *err)
{
    if (wish->source_arn.len)
        return promise_copy(db, arena, id, wish->source_arn, err);
    if (wish->manifest)
        return job_insert(db, JOB_CREATE_MANIFEST, id, 0, 0, manifest_source_encode(arena, wish->manifest), SPAN_NONE,
                          err);
    return job_insert(db, JOB_CREATE_EMPTY, id, 0, 0, SPAN_NONE, SPAN_NONE, err);
}

bool dataset_row_make(struct store *store, struct db *db, struct arena *arena, struct span project_arn,
                      int64_t project_id, enum dataset_type type, struct span *ret_arn, int64_t *ret_id,
                      struct err *err)
{
    int64_t number;
    if (!store_next_number(store, db, &number, err))
        return false;
    *ret_arn = arn_of(arena, project_arn, type, number);
    return insert(db, *ret_arn, project_id, type, number, ret_id, err);
}

bool dataset_create(struct store *store, struct arena *arena, const struct dataset_new *wish, struct span *ret_arn,
                    struct err *err)
{
    struct db *db;
    if (!store_write_begin(store, STORE_API, &db, err))
        return false;
    int64_t project_id, id = 0;
    struct span arn;
    if (!project_row_find(db, wish->project_arn, &project_id, err) ||
        !type_free(db, arena, project_id, wish->type, err) ||
        !dataset_row_make(store, db, arena, wish->project_arn, project_id, wish->type, &arn, &id, err) ||
        !tag_write(db, arn, wish->tags, wish->tag_count, err) || !promise(db, arena, id, wish, err) ||
        !store_publish(store, db, id, arn, err))
        goto undo;
    if (!store_write_commit(store, err))
        return false;
    *ret_arn = arn;
    return true;
undo:
    store_write_abort(store);
    return false;
}

/* --- update, distribute, delete ------------------------------------------------------------------------------------
 */

static bool settled(enum dataset_status status)
{
    return status == DATASET_CREATE_COMPLETE || status == DATASET_UPDATE_COMPLETE || status == DATASET_UPDATE_FAILED;
}

/* A training reads it from beginning to end, so it must not change meanwhile. */
static bool not_in_training(struct db *db, const struct dataset_view *view, enum err_code code, struct err *err)
{
    bool training;
    return version_rows_training_on(db, view->id, &training, err) &&
           (!training || fail(err, code, "A model is being trained on the %s dataset; wait until it is trained.",
                              dataset_type_name(view->type)));
}

/* Why a dataset in that state cannot be changed now. */
static bool refuse(enum err_code code, enum dataset_status status, struct err *err)
{
    return fail(err, code, "The dataset is %s%s.", dataset_status_name(status),
                status == DATASET_CREATE_FAILED ? "; delete it and create it anew" : "; wait until it is complete");
}

static bool begin_update(struct store *store, struct db *db, const struct dataset_view *view, struct err *err)
{
    return dataset_row_set_status(db, view->id, DATASET_UPDATE_IN_PROGRESS, DATASET_SUCCESS, SPAN_LIT(MESSAGE_UPDATING),
                                  err) &&
           store_publish(store, db, view->id, view->arn, err);
}

static bool update_in(struct store *store, struct db *db, struct arena *arena, struct span arn, struct span changes,
                      struct err *err)
{
    struct dataset_row row;
    if (!dataset_row_by_arn(db, arena, arn, &row, err))
        return false;
    if (!settled(row.view.status))
        return refuse(E_IN_USE, row.view.status, err);
    if (!not_in_training(db, &row.view, E_IN_USE, err))
        return false;
    return job_insert(db, JOB_UPDATE, row.view.id, 0, 0, changes, SPAN_NONE, err) &&
           begin_update(store, db, &row.view, err);
}

static bool distribute_in(struct store *store, struct db *db, struct arena *arena, struct span arn_a, struct span arn_b,
                          struct err *err)
{
    struct dataset_row a, b;
    if (!dataset_row_by_arn(db, arena, arn_a, &a, err) || !dataset_row_by_arn(db, arena, arn_b, &b, err))
        return false;
    if (a.view.project_id != b.view.project_id || a.view.type == b.view.type)
        return fail(err, E_INVALID, "Name one training and one test dataset of the same project.");
    const struct dataset_row *train = a.view.type == DATASET_TRAIN ? &a : &b;
    const struct dataset_row *test = train == &a ? &b : &a;
    if (!settled(train->view.status))
        return refuse(E_NOT_READY, train->view.status, err);
    if (!settled(test->view.status))
        return refuse(E_NOT_READY, test->view.status, err);
    if (!not_in_training(db, &train->view, E_NOT_READY, err) || !not_in_training(db, &test->view, E_NOT_READY, err))
        return false;
    if (test->view.stats.total > 0)
        return fail(err, E_INVALID, "The test dataset is not empty.");
    if (train->view.stats.total == 0)
        return fail(err, E_INVALID, "The training dataset has no images to distribute.");
    return job_insert(db, JOB_DISTRIBUTE, train->view.id, test->view.id, 0, SPAN_NONE, SPAN_NONE, err) &&
           begin_update(store, db, &train->view, err) && begin_update(store, db, &test->view, err);
}

bool dataset_drop(struct store *store, struct db *db, const struct dataset_view *view, struct err *err)
{
    return dataset_row_set_status(db, view->id, DATASET_DELETE_IN_PROGRESS, DATASET_SUCCESS, SPAN_LIT(MESSAGE_DELETING),
                                  err) &&
           job_insert(db, JOB_DELETE, view->id, 0, 0, SPAN_NONE, SPAN_NONE, err) &&
           store_publish(store, db, view->id, view->arn, err);
}

static bool delete_in(struct store *store, struct db *db, struct arena *arena, struct span arn, struct err *err)
{
    struct dataset_row row;
    if (!dataset_row_by_arn(db, arena, arn, &row, err))
        return false;
    if (row.view.status == DATASET_DELETE_IN_PROGRESS)
        return fail(err, E_IN_USE, "The dataset is already being deleted.");
    if (!settled(row.view.status) && row.view.status != DATASET_CREATE_FAILED)
        return refuse(E_IN_USE, row.view.status, err);
    return not_in_training(db, &row.view, E_IN_USE, err) && dataset_drop(store, db, &row.view, err);
}

/* One write transaction around one of the three above. */
static bool write_one(struct store *store, const char *point, bool done, struct err *err)
{
    if (done)
        return store_write_commit_at(store, point, err);
    store_write_abort(store);
    return false;
}

bool dataset_update(struct store *store, struct span arn, struct span changes, struct err *err)
{
    struct db *db;
    struct arena arena;
    if (!store_write_begin(store, STORE_API, &db, err))
        return false;
    arena_init(&arena);
    bool done = write_one(store, __func__, update_in(store, db, &arena, arn, changes, err), err);
    arena_free(&arena);
    return done;
}

bool dataset_distribute(struct store *store, struct span arn_a, struct span arn_b, struct err *err)
{
    struct db *db;
    struct arena arena;
    if (!store_write_begin(store, STORE_API, &db, err))
        return false;
    arena_init(&arena);
    bool done = write_one(store, __func__, distribute_in(store, db, &arena, arn_a, arn_b, err), err);
    arena_free(&arena);
    return done;
}

bool dataset_delete(struct store *store, struct span arn, struct err *err)
{
    struct db *db;
    struct arena arena;
    if (!store_write_begin(store, STORE_API, &db, err))
        return false;
    arena_init(&arena);
    bool done = write_one(store, __func__, delete_in(store, db, &arena, arn, err), err);
    arena_free(&arena);
    return done;
}

/* --- names ---------------------------------------------------------------------------------------------------------
 */

const char *dataset_status_name(enum dataset_status status)
{
    static const char *const names[] = {
        [DATASET_CREATE_IN_PROGRESS] = "CREATE_IN_PROGRESS", [DATASET_CREATE_COMPLETE] = "CREATE_COMPLETE",
        [DATASET_CREATE_FAILED] = "CREATE_FAILED",           [DATASET_UPDATE_IN_PROGRESS] = "UPDATE_IN_PROGRESS",
        [DATASET_UPDATE_COMPLETE] = "UPDATE_COMPLETE",       [DATASET_UPDATE_FAILED] = "UPDATE_FAILED",
        [DATASET_DELETE_IN_PROGRESS] = "DELETE_IN_PROGRESS",
    };
    CHECK((unsigned)status < COUNT_OF(names));
    return names[status];
}

const char *dataset_message_code_name(enum dataset_message_code code)
{
    static const char *const names[] = { "SUCCESS", "CLIENT_ERROR", "SERVICE_ERROR" };
    CHECK((unsigned)code < COUNT_OF(names));
    return names[code];
}

const char *dataset_type_name(enum dataset_type type)
{
    return type == DATASET_TRAIN ? "TRAIN" : "TEST";
}
