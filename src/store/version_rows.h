/* version_rows: how a version's row is read and changed, and the jobs' side of it; for this room and for work. */
#ifndef PLACARD_STORE_VERSION_ROWS_H
#define PLACARD_STORE_VERSION_ROWS_H

#include "store/job.h"
#include "store/version.h"

/* The rows that a clause names, in the arena; a version's assets are read with it. */
bool version_row_by_arn(struct db *db, struct arena *arena, struct span arn, struct version *ret_version,
                        struct err *err) MUST_CHECK; /* E_NOT_FOUND */
bool version_row_by_id(struct db *db, struct arena *arena, int64_t id, struct version *ret_version, bool *ret_found,
                       struct err *err) MUST_CHECK;

/* At most `room` versions of a project with ids below before_id, newest first; with a name, at most the one. */
bool version_rows_of_project(struct db *db, struct arena *arena, int64_t project_id, struct span name,
                             int64_t before_id, struct version *ret_versions, size_t room, size_t *ret_count,
                             struct err *err) MUST_CHECK;

/* Inside a write; the watcher hears of it. */
bool version_row_set_status(struct store *store, struct db *db, const struct version *version,
                            enum version_status status, struct span message, struct err *err) MUST_CHECK;

/* How many versions a project has, in any state. */
bool version_rows_count(struct db *db, int64_t project_id, int64_t *ret_count, struct err *err) MUST_CHECK;

/* Whether a training under way reads the dataset. */
/* VERSION_RUNNING and VERSION_STARTING. */
bool version_rows_running(struct db *db, struct arena *arena, struct version **ret_versions, size_t *ret_count,
                          struct err *err) MUST_CHECK;

bool version_rows_training_on(struct db *db, int64_t dataset_id, bool *ret_training, struct err *err) MUST_CHECK;

/* --- the jobs' side, each a transaction of its own ---------------------------------------------------------------- */

/* *ret_found false: it is gone. */
bool version_of_job(struct store *store, struct arena *arena, int64_t id, struct version *ret_version, bool *ret_found,
                    struct err *err) MUST_CHECK;

/* What a job leaves of its version. */
struct version_end {
    enum version_status status;
    struct span message;
    bool trained_now; /* the training ended: its time, and the four below */
    bool drop_test;   /* the test dataset, which was made for it, is to be deleted */
    float f1;
    int64_t billable_s;
    unsigned outputs; /* also of a copy */
};

/* The end of a job: the version as it says, the job gone. E_LOST_LEASE. */
bool version_finish(struct store *store, const struct job *job, const struct version_end *end,
                    struct err *err) MUST_CHECK;

/* The end of a deletion: no row of it is left. E_LOST_LEASE. */
bool version_remove(struct store *store, const struct job *job, struct err *err) MUST_CHECK;

/* At the server's start: what was running is to be started again. */
bool version_restart(struct store *store, struct err *err) MUST_CHECK;

#endif
