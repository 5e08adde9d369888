/*
 * versions: the jobs of model versions: train, copy, start, stop, delete. What they do to bytes and memory is the table
 * of models.h; here are the states. Each may be stopped and begun again anywhere.
 */
#include "base/clock.h"
#include "store/dataset_rows.h"
#include "store/messages.h"
#include "store/stage_rows.h"
#include "store/version_rows.h"
#include "work/kinds.h"

enum { CHECKPOINT_EVERY_US = 3 * 1000 * 1000 };

/* The version as its row is now. A version with a job is not deleted but by that job. */
static bool find(struct run *run, int64_t id, struct version *ret_version, struct err *err)
{
    bool found;
    return version_of_job(run->store, run->arena, id, ret_version, &found, err) &&
           (found || fail(err, E_INTERNAL, "the version %lld of a job is gone", (long long)id));
}

/* --- train -------------------------------------------------------------------------------------------------------- */

struct telling {
    struct run *run;
    int64_t told_us;
};

/* Moves the job's cursor, so that a crash after this is not held against it. */
static bool tell(void *ctx, const char *phase, double share)
{
    struct telling *telling = ctx;
    struct run *run = telling->run;
    struct db *db;
    int64_t now_us = clock_mono_us();
    run->tell(run->tell_ctx, phase, share);
    if (now_us - telling->told_us < CHECKPOINT_EVERY_US)
        return true;
    telling->told_us = now_us;
    struct err err;
    if (!store_write_begin(run->store, STORE_JOB, &db, &err))
        return true; /* the store may recover; only the count of failures is at stake */
    run->job->cursor++;
    bool mine = job_checkpoint(db, run->job, &err) || err.code != E_LOST_LEASE;
    if (!store_write_commit(run->store, &err))
        run->job->cursor--;
    return mine;
}

/* The fifth that should have been split off before this job could be claimed. */
static bool split_has_failed(struct run *run, const struct version *version, bool *ret_failed, struct err *err)
{
    struct dataset_row test;
    bool found;
    *ret_failed = false;
    if (!version->split)
        return true;
    if (!stage_dataset(run->store, run->arena, version->test_dataset_id, &test, &found, err))
        return false;
    *ret_failed = found && test.view.stats.total == 0;
    return true;
}

/* What remains of it on the disk goes first: a failed training is not taken up again. */
static bool not_trained(struct run *run, const struct version *version, struct span message, unsigned outputs,
                        bool drop_test, struct err *err)
{
    const struct version_end end = { .status = VERSION_TRAINING_FAILED,
                                     .message = message,
                                     .trained_now = true,
                                     .drop_test = drop_test,
                                     .outputs = outputs };
    return run->models->drop(run->models->ctx, version, err) && version_finish(run->store, run->job, &end, err);
}

static bool train(struct run *run, const struct version *version, struct err *err)
{
    struct telling telling = { run, clock_mono_us() };
    struct models_outcome outcome = { .trained = false };
    const struct models_training training = {
        .version = version,
        .limits = run->limits,
        .attempt = run->job->attempt,
        .stop = run->stopping,
        .cancel = run->cancel,
        .progress = tell,
        .progress_ctx = &telling,
    };
    if (!run->models->train(run->models->ctx, &training, run->arena, &outcome, err))
        return false;
    if (!outcome.trained)
        return not_trained(run, version,
                           atomic_load(run->cancel) ? SPAN_LIT(MESSAGE_TRAINING_CANCELLED) : outcome.message,
                           outcome.outputs, false, err);
    const struct version_end end = { .status = VERSION_TRAINING_COMPLETED,
                                     .message = SPAN_LIT(MESSAGE_TRAINED),
                                     .trained_now = true,
                                     .f1 = outcome.f1,
                                     .billable_s = outcome.billable_seconds,
                                     .outputs = outcome.outputs };
    return version_finish(run->store, run->job, &end, err);
}

bool run_train(struct run *run, struct err *err)
{
    struct version version;
    bool split_failed, cancelled;
    if (!find(run, run->job->version_id, &version, err) || !job_cancelled(run->store, run->job->id, &cancelled, err))
        return false;
    if (!split_has_failed(run, &version, &split_failed, err))
        return false;
    if (split_failed)
        return not_trained(run, &version, SPAN_LIT(MESSAGE_TOO_FEW_TO_SPLIT), 0, true, err);
    if (cancelled)
        return not_trained(run, &version, SPAN_LIT(MESSAGE_TRAINING_CANCELLED), 0, false, err);
    return train(run, &version, err);
}

/* --- the others --------------------------------------------------------------------------------------------------- */

/* The end of a job but a training: the status, why, and nothing else. */
static bool finish(struct run *run, enum version_status status, struct span message, struct err *err)
{
    const struct version_end end = { .status = status, .message = message };
    return version_finish(run->store, run->job, &end, err);
}

/* Causes that trying again does not remove. */
static bool is_final(enum err_code code)
{
    return code == E_OBJECT || code == E_NOT_READY;
}

bool run_copy_version(struct run *run, struct err *err)
{
    struct version source, copy;
    struct err why;
    unsigned outputs = 0;
    if (!find(run, run->job->source_version_id, &source, err) || !find(run, run->job->version_id, &copy, err))
        return false;
    if (!run->models->copy(run->models->ctx, &source, &copy, run->stopping, &outputs, &why)) {
        if (!is_final(why.code))
            return fail(err, why.code, "%s", why.text);
        return run->models->drop(run->models->ctx, &copy, err) &&
               finish(run, VERSION_COPYING_FAILED, span_str(why.text), err);
    }
    const struct version_end end = {
        .status = VERSION_COPYING_COMPLETED, .message = SPAN_LIT(MESSAGE_COPIED), .f1 = source.f1, .outputs = outputs
    };
    return version_finish(run->store, run->job, &end, err);
}

bool run_start_version(struct run *run, struct err *err)
{
    struct version version;
    struct err why;
    if (!find(run, run->job->version_id, &version, err))
        return false;
    if (run->models->load(run->models->ctx, &version, &why))
        return finish(run, VERSION_RUNNING, SPAN_LIT(MESSAGE_RUNNING), err);
    if (is_final(why.code))
        return finish(run, VERSION_FAILED, span_str(why.text), err);
    return fail(err, why.code, "%s", why.text);
}

bool run_stop_version(struct run *run, struct err *err)
{
    run->models->unload(run->models->ctx, run->job->version_id);
    return finish(run, VERSION_STOPPED, SPAN_LIT(MESSAGE_STOPPED), err);
}

bool run_delete_version(struct run *run, struct err *err)
{
    struct version version;
    return find(run, run->job->version_id, &version, err) && run->models->drop(run->models->ctx, &version, err) &&
           version_remove(run->store, run->job, err);
}

bool run_hopeless_version(struct run *run, struct err *err)
{
    struct version version;
    switch (run->job->kind) {
    case JOB_TRAIN:
        return find(run, run->job->version_id, &version, err) &&
               not_trained(run, &version, SPAN_LIT(MESSAGE_SERVICE_ERROR), 0, false, err);
    case JOB_COPY_VERSION:
        return finish(run, VERSION_COPYING_FAILED, SPAN_LIT(MESSAGE_SERVICE_ERROR), err);
    case JOB_START_VERSION:
        return finish(run, VERSION_FAILED, SPAN_LIT(MESSAGE_START_FAILED), err);
    default:
        CHECK(!"stopping and deleting are tried for ever");
        return false;
    }
}
