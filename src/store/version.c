/* version: see version.h for the contract. Every verb is one transaction: check the state, change it, promise the job.
 */
#include "store/version.h"

#include "store/dataset_rows.h"
#include "store/internal.h"
#include "store/job.h"
#include "store/messages.h"
#include "store/project.h"
#include "store/version_rows.h"

/* --- names -------------------------------------------------------------------------------------------------------- */

const char *version_status_name(enum version_status status)
{
    static const char *const names[] = {
        [VERSION_TRAINING_IN_PROGRESS] = "TRAINING_IN_PROGRESS",
        [VERSION_TRAINING_COMPLETED] = "TRAINING_COMPLETED",
        [VERSION_TRAINING_FAILED] = "TRAINING_FAILED",
        [VERSION_STARTING] = "STARTING",
        [VERSION_RUNNING] = "RUNNING",
        [VERSION_FAILED] = "FAILED",
        [VERSION_STOPPING] = "STOPPING",
        [VERSION_STOPPED] = "STOPPED",
        [VERSION_DELETING] = "DELETING",
        [VERSION_COPYING_IN_PROGRESS] = "COPYING_IN_PROGRESS",
        [VERSION_COPYING_COMPLETED] = "COPYING_COMPLETED",
        [VERSION_COPYING_FAILED] = "COPYING_FAILED",
        [VERSION_DEPRECATED] = "DEPRECATED",
        [VERSION_EXPIRED] = "EXPIRED",
    };
    CHECK((unsigned)status < COUNT_OF(names));
    return names[status];
}

static const char *output_stem(enum version_output output)
{
    switch (output) {
    case VERSION_EVALUATION:
        return "EvaluationResultSummary";
    case VERSION_MANIFEST_SUMMARY:
        return "ManifestSummary";
    case VERSION_TRAINING_TRUTH:
        return "TrainingGroundTruth";
    case VERSION_TESTING_TRUTH:
        return "TestingGroundTruth";
    case VERSION_TRAINING_VALIDATION:
        return "TrainingManifestWithValidation";
    case VERSION_TESTING_VALIDATION:
        return "TestingManifestWithValidation";
    }
    CHECK(!"one bit of enum version_output");
    return "";
}

/* No slash in front, and one between. */
struct span version_output_key(struct arena *arena, const struct version *version, enum version_output output)
{
    struct span prefix = version->output_prefix;
    while (prefix.len > 0 && prefix.ptr[prefix.len - 1] == '/')
        prefix.len--;
    while (prefix.len > 0 && prefix.ptr[0] == '/')
        prefix = span_from(prefix, 1);
    return arena_printf(arena, SPAN_FMT "%s%s-" SPAN_FMT "-" SPAN_FMT ".json", SPAN_ARG(prefix), prefix.len ? "/" : "",
                        output_stem(output), SPAN_ARG(version->project), SPAN_ARG(version->name));
}

/* --- what must hold ----------------------------------------------------------------------------------------------- */

/* How many versions in one of two states the project's account has in its region. */
static bool count_in_state(struct db *db, int64_t project_id, enum version_status status, enum version_status or_status,
                           int64_t *ret_count, struct err *err)
{
    struct db_query *q = db_query(db, "SELECT count(*) FROM project_version v JOIN project p ON p.id = v.project_id "
                                      "JOIN project o ON o.account = p.account AND o.region = p.region "
                                      "WHERE v.status IN (?2, ?3) AND o.id = ?1");
    db_bind_int(q, 1, project_id);
    db_bind_int(q, 2, status);
    db_bind_int(q, 3, or_status);
    return db_number(q, ret_count, err);
}

static bool room_for_version(struct db *db, int64_t project_id, const struct version_quotas *quotas, struct err *err)
{
    int64_t versions;
    if (!version_rows_count(db, project_id, &versions, err))
        return false;
    return quotas->versions == 0 || versions < quotas->versions ||
           fail(err, E_QUOTA, "A project has at most %lld model versions.", (long long)quotas->versions);
}

static bool room_for_training(struct db *db, int64_t project_id, const struct version_quotas *quotas, struct err *err)
{
    int64_t trainings;
    if (!count_in_state(db, project_id, VERSION_TRAINING_IN_PROGRESS, VERSION_TRAINING_IN_PROGRESS, &trainings, err))
        return false;
    return quotas->trainings == 0 || trainings < quotas->trainings ||
           fail(err, E_LIMIT, "At most %lld models are trained at once.", (long long)quotas->trainings);
}

static bool name_free(struct db *db, struct arena *arena, int64_t project_id, struct span name, struct err *err)
{
    struct version version;
    size_t found;
    return version_rows_of_project(db, arena, project_id, name, INT64_MAX, &version, 1, &found, err) &&
           (found == 0 || fail(err, E_IN_USE, "A model version named " SPAN_FMT " already exists in this project%s.",
                               SPAN_ARG(name), version.status == VERSION_DELETING ? " and is being deleted" : ""));
}

/* --- a row -------------------------------------------------------------------------------------------------------- */

/* ".../project/NAME/NUMBER" and a name -> ".../project/NAME/version/VERSION/NUMBER" (spec B.0.1). */
static struct span arn_of(struct arena *arena, struct span project_arn, struct span name, int64_t number)
{
    size_t slash = project_arn.len;
    while (slash > 0 && project_arn.ptr[slash - 1] != '/')
        slash--;
    return arena_printf(arena, SPAN_FMT "version/" SPAN_FMT "/%lld", SPAN_ARG(span_first(project_arn, slash)),
                        SPAN_ARG(name), (long long)number);
}

/* What of a version its row gets at the beginning; id is filled. */
static bool insert(struct store *store, struct db *db, struct version *version, struct err *err)
{
    struct db_query *q =
        db_query(db, "INSERT INTO project_version (arn, project_id, name, status, message, created_ms, output_bucket, "
                     "output_prefix, kms_key, description, mode, split, train_dataset_id, test_dataset_id, source_arn, "
                     "ended_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) "
                     "RETURNING id");
    db_bind_text(q, 1, version->arn);
    db_bind_int(q, 2, version->project_id);
    db_bind_text(q, 3, version->name);
    db_bind_int(q, 4, version->status);
    db_bind_text(q, 5, version->message);
    db_bind_int(q, 6, version->created_ms);
    db_bind_text(q, 7, version->output_bucket);
    db_bind_text(q, 8, version->output_prefix);
    db_bind_text(q, 9, version->kms_key);
    db_bind_text(q, 10, version->description);
    db_bind_int(q, 11, version->mode);
    db_bind_int(q, 12, version->split);
    db_bind_int(q, 13, version->train_dataset_id);
    db_bind_int(q, 14, version->test_dataset_id);
    db_bind_text(q, 15, version->source_arn);
    db_bind_int(q, 16, version->ended_ms);
    enum db_step step = db_next(q, err);
    if (step == DB_ROW) {
        version->id = db_int(q, 0);
        step = db_next(q, err);
    }
    store_tell(store, version->project_id);
    return db_end(q, step == DB_FAILED ? NULL : err) && step == DB_DONE;
}

static bool insert_side(struct db *db, int64_t id, unsigned side, const struct version_side *given, struct err *err)
{
    for (size_t i = 0; i < given->count; i++) {
        struct db_query *q = db_query(db, "INSERT INTO version_asset (version_id, side, place, bucket, key, version) "
                                          "VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
        db_bind_int(q, 1, id);
        db_bind_int(q, 2, side);
        db_bind_int(q, 3, (int64_t)i);
        db_bind_text(q, 4, given->assets[i].bucket);
        db_bind_text(q, 5, given->assets[i].key);
        db_bind_text(q, 6, given->assets[i].version);
        if (!db_run(q, err))
            return false;
    }
    return true;
}

/* --- create ------------------------------------------------------------------------------------------------------- */

static bool trainable(const struct dataset_view *dataset, struct err *err)
{
    switch (dataset->status) {
    case DATASET_CREATE_COMPLETE:
    case DATASET_UPDATE_COMPLETE:
    case DATASET_UPDATE_FAILED:
        return true;
    case DATASET_CREATE_FAILED:
        return fail(err, E_INVALID, "The creation of the %s dataset failed; delete it and create it anew.",
                    dataset_type_name(dataset->type));
    default:
        return fail(err, E_IN_USE, "The %s dataset is %s; wait until it is complete.", dataset_type_name(dataset->type),
                    dataset_status_name(dataset->status));
    }
}

/* The test dataset that a training without one gets, and the promise to fill it before the training begins. */
static bool split_off(struct store *store, struct db *db, struct arena *arena, struct span project_arn,
                      const struct dataset_view *train, int64_t *ret_test_id, struct err *err)
{
    struct span arn;
    int64_t id;
    if (train->stats.total == 0)
        return fail(err, E_INVALID, "The training dataset has no images.");
    if (!dataset_row_make(store, db, arena, project_arn, train->project_id, DATASET_TEST, &arn, &id, err) ||
        !job_insert(db, JOB_DISTRIBUTE, train->id, id, 0, SPAN_NONE, SPAN_NONE, err) ||
        !dataset_row_set_status(db, train->id, DATASET_UPDATE_IN_PROGRESS, DATASET_SUCCESS, SPAN_LIT(MESSAGE_UPDATING),
                                err) ||
        !store_publish(store, db, train->id, train->arn, err) || !store_publish(store, db, id, arn, err))
        return false;
    *ret_test_id = id;
    return true;
}

static bool take_datasets(struct store *store, struct db *db, struct arena *arena, struct span project_arn,
                          struct version *version, struct err *err)
{
    struct dataset_view datasets[2];
    const struct dataset_view *train = NULL, *test = NULL;
    unsigned known;
    if (!dataset_rows_of_project(db, arena, version->project_id, datasets, &known, err))
        return false;
    if (version->mode != VERSION_OF_DATASETS)
        return known == 0 || fail(err, E_INVALID,
                                  "The project has datasets; leave TrainingData and TestingData out to train on them, "
                                  "or delete them to train on manifests.");
    for (unsigned i = 0; i < known; i++)
        *(datasets[i].type == DATASET_TRAIN ? &train : &test) = &datasets[i];
    if (!train)
        return fail(err, E_INVALID,
                    "The project has no training dataset; create one, or give TrainingData and "
                    "TestingData.");
    if (!trainable(train, err) || (test && !trainable(test, err)))
        return false;
    version->train_dataset_id = train->id;
    version->split = !test;
    if (!test)
        return split_off(store, db, arena, project_arn, train, &version->test_dataset_id, err);
    version->test_dataset_id = test->id;
    return true;
}

static bool create_in(struct store *store, struct db *db, struct arena *arena, const struct version_new *wish,
                      struct span *ret_arn, struct err *err)
{
    struct version version = {
        .name = wish->name,
        .status = VERSION_TRAINING_IN_PROGRESS,
        .message = SPAN_LIT(MESSAGE_TRAINING),
        .output_bucket = wish->output_bucket,
        .output_prefix = wish->output_prefix,
        .kms_key = wish->kms_key,
        .description = wish->description,
        .mode = wish->mode,
    };
    if (!project_row_find(db, wish->project_arn, &version.project_id, err) ||
        !name_free(db, arena, version.project_id, wish->name, err) ||
        !room_for_version(db, version.project_id, &wish->quotas, err) ||
        !room_for_training(db, version.project_id, &wish->quotas, err) ||
        !take_datasets(store, db, arena, wish->project_arn, &version, err) ||
        !store_next_number(store, db, &version.created_ms, err))
        return false;
    version.arn = arn_of(arena, wish->project_arn, wish->name, version.created_ms);
    if (!insert(store, db, &version, err) || !insert_side(db, version.id, 0, &wish->train, err) ||
        !insert_side(db, version.id, 1, &wish->test, err) ||
        !tag_write(db, version.arn, wish->tags, wish->tag_count, err) ||
        !job_insert_version(db, JOB_TRAIN, version.id, 0, err))
        return false;
    *ret_arn = version.arn;
    return true;
}

/* Ends a write transaction by how what was done in it went. */
static bool ended(struct store *store, bool done, struct err *err)
{
    if (done)
        return store_write_commit(store, err);
    store_write_abort(store);
    return false;
}

bool version_create(struct store *store, struct arena *arena, const struct version_new *wish, struct span *ret_arn,
                    struct err *err)
{
    struct db *db;
    struct span arn;
    if (!store_write_begin(store, STORE_API, &db, err) ||
        !ended(store, create_in(store, db, arena, wish, &arn, err), err))
        return false;
    *ret_arn = arn;
    return true;
}

/* --- copy --------------------------------------------------------------------------------------------------------- */

/* Whether it has a model. */
static bool is_whole(enum version_status status)
{
    switch (status) {
    case VERSION_TRAINING_COMPLETED:
    case VERSION_STARTING:
    case VERSION_RUNNING:
    case VERSION_FAILED:
    case VERSION_STOPPING:
    case VERSION_STOPPED:
    case VERSION_COPYING_COMPLETED:
        return true;
    default:
        return false;
    }
}

/* A deletion of the source must see the copy's job. */
static bool stay(struct db *db, int64_t id, struct err *err)
{
    struct db_query *q = db_query(db, "SELECT id FROM project_version WHERE id = ?1 FOR UPDATE");
    db_bind_int(q, 1, id);
    enum db_step step = db_next(q, err);
    return db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
}

static bool copy_in(struct store *store, struct db *db, struct arena *arena, const struct version_copy *wish,
                    struct span *ret_arn, struct err *err)
{
    struct version source, copy = {
        .name = wish->name,
        .status = VERSION_COPYING_IN_PROGRESS,
        .message = SPAN_LIT(MESSAGE_COPYING),
        .output_bucket = wish->output_bucket,
        .output_prefix = wish->output_prefix,
        .kms_key = wish->kms_key,
        .source_arn = wish->source_arn,
    };
    int64_t source_project;
    if (!project_row_find(db, wish->source_project_arn, &source_project, err) ||
        !version_row_by_arn(db, arena, wish->source_arn, &source, err) || !stay(db, source.id, err) ||
        !project_row_find(db, wish->project_arn, &copy.project_id, err))
        return false;
    if (source.project_id != source_project)
        return fail(err, E_INVALID, "SourceProjectVersionArn is not a version of SourceProjectArn.");
    if (!is_whole(source.status))
        return fail(err, E_IN_USE, "The source version is %s; a trained or copied version can be copied.",
                    version_status_name(source.status));
    if (!name_free(db, arena, copy.project_id, wish->name, err) ||
        !room_for_version(db, copy.project_id, &wish->quotas, err) ||
        !store_next_number(store, db, &copy.created_ms, err))
        return false;
    copy.arn = arn_of(arena, wish->project_arn, wish->name, copy.created_ms);
    copy.description = source.description;
    copy.ended_ms = source.ended_ms;
    if (!insert(store, db, &copy, err) || !tag_write(db, copy.arn, wish->tags, wish->tag_count, err) ||
        !job_insert_version(db, JOB_COPY_VERSION, copy.id, source.id, err))
        return false;
    *ret_arn = copy.arn;
    return true;
}

bool version_copy(struct store *store, struct arena *arena, const struct version_copy *wish, struct span *ret_arn,
                  struct err *err)
{
    struct db *db;
    struct span arn;
    if (!store_write_begin(store, STORE_API, &db, err) ||
        !ended(store, copy_in(store, db, arena, wish, &arn, err), err))
        return false;
    *ret_arn = arn;
    return true;
}

/* --- start, stop, delete ------------------------------------------------------------------------------------------ */

/* Changes a version's state and promises the job that ends it. */
static bool promise(struct store *store, struct db *db, const struct version *version, enum version_status status,
                    struct span message, enum job_kind kind, struct err *err)
{
    return version_row_set_status(store, db, version, status, message, err) &&
           job_insert_version(db, kind, version->id, 0, err);
}

static bool room_to_run(struct db *db, const struct version *version, int64_t units,
                        const struct version_quotas *quotas, struct err *err)
{
    int64_t running;
    if (quotas->units && units > quotas->units)
        return fail(err, E_LIMIT, "A model version has at most %lld inference units.", (long long)quotas->units);
    if (!count_in_state(db, version->project_id, VERSION_RUNNING, VERSION_STARTING, &running, err))
        return false;
    return quotas->running == 0 || running < quotas->running ||
           fail(err, E_LIMIT, "At most %lld models run at once.", (long long)quotas->running);
}

static bool start_in(struct store *store, struct db *db, struct arena *arena, struct span arn, int64_t min_units,
                     int64_t max_units, const struct version_quotas *quotas, struct err *err)
{
    struct version version;
    if (!version_row_by_arn(db, arena, arn, &version, err))
        return false;
    if (version.status != VERSION_TRAINING_COMPLETED && version.status != VERSION_STOPPED &&
        version.status != VERSION_COPYING_COMPLETED && version.status != VERSION_FAILED)
        return fail(err, E_IN_USE, "The model version is %s; it cannot be started now.",
                    version_status_name(version.status));
    if (!room_to_run(db, &version, max_units > min_units ? max_units : min_units, quotas, err))
        return false;
    struct db_query *q = db_query(db, "UPDATE project_version SET min_units = ?2, max_units = ?3 WHERE id = ?1");
    db_bind_int(q, 1, version.id);
    db_bind_int(q, 2, min_units);
    db_bind_int(q, 3, max_units);
    return db_run(q, err) &&
           promise(store, db, &version, VERSION_STARTING, SPAN_LIT(MESSAGE_STARTING), JOB_START_VERSION, err);
}

bool version_start(struct store *store, struct span arn, int64_t min_units, int64_t max_units,
                   const struct version_quotas *quotas, struct err *err)
{
    struct db *db;
    struct arena arena;
    if (!store_write_begin(store, STORE_API, &db, err))
        return false;
    arena_init(&arena);
    bool done = ended(store, start_in(store, db, &arena, arn, min_units, max_units, quotas, err), err);
    arena_free(&arena);
    return done;
}

static bool stop_in(struct store *store, struct db *db, struct arena *arena, struct span arn, struct err *err)
{
    struct version version;
    if (!version_row_by_arn(db, arena, arn, &version, err))
        return false;
    if (version.status != VERSION_RUNNING)
        return fail(err, E_IN_USE, "The model version is %s; only a running one can be stopped.",
                    version_status_name(version.status));
    return promise(store, db, &version, VERSION_STOPPING, SPAN_LIT(MESSAGE_STOPPING), JOB_STOP_VERSION, err);
}

bool version_stop(struct store *store, struct span arn, struct err *err)
{
    struct db *db;
    struct arena arena;
    if (!store_write_begin(store, STORE_API, &db, err))
        return false;
    arena_init(&arena);
    bool done = ended(store, stop_in(store, db, &arena, arn, err), err);
    arena_free(&arena);
    return done;
}

static bool delete_in(struct store *store, struct db *db, struct arena *arena, struct span arn, struct err *err)
{
    struct version version;
    if (!version_row_by_arn(db, arena, arn, &version, err))
        return false;
    switch (version.status) {
    case VERSION_TRAINING_COMPLETED:
    case VERSION_TRAINING_FAILED:
    case VERSION_STOPPED:
    case VERSION_FAILED:
    case VERSION_COPYING_COMPLETED:
    case VERSION_COPYING_FAILED:
        return promise(store, db, &version, VERSION_DELETING, SPAN_LIT(MESSAGE_VERSION_DELETING), JOB_DELETE_VERSION,
                       err);
    default:
        return fail(err, E_IN_USE, "The model version is %s; it cannot be deleted now.",
                    version_status_name(version.status));
    }
}

bool version_delete(struct store *store, struct span arn, struct err *err)
{
    struct db *db;
    struct arena arena;
    if (!store_write_begin(store, STORE_API, &db, err))
        return false;
    arena_init(&arena);
    bool done = ended(store, delete_in(store, db, &arena, arn, err), err);
    arena_free(&arena);
    return done;
}
