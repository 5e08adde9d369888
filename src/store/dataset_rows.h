/* dataset_rows: how a dataset's row becomes a view; for the files of this room. */
#ifndef PLACARD_STORE_DATASET_ROWS_H
#define PLACARD_STORE_DATASET_ROWS_H

#include "store/catalog.h"

/* What jobs and pages need of a dataset beyond its view. */
struct dataset_row {
    struct dataset_view view;
    int64_t generation;
    int64_t next_seq;
    struct span bucket; /* of its images; empty while there are none */
};

bool dataset_row_by_arn(struct db *db, struct arena *arena, struct span arn, struct dataset_row *ret_row,
                        struct err *err) MUST_CHECK; /* E_NOT_FOUND */
bool dataset_row_by_id(struct db *db, struct arena *arena, int64_t id, struct dataset_row *ret_row, bool *ret_found,
                       struct err *err) MUST_CHECK;
bool dataset_row_view(struct db *db, struct arena *arena, int64_t id, struct dataset_view *ret_view, bool *ret_found,
                      struct err *err) MUST_CHECK;

/* The datasets of a project in creation order, at most two. */
bool dataset_rows_of_project(struct db *db, struct arena *arena, int64_t project_id, struct dataset_view ret_views[2],
                             unsigned *ret_count, struct err *err) MUST_CHECK;

/* Fills the catalog at start. */
bool dataset_rows_load(struct db *db, struct catalog *catalog, struct err *err) MUST_CHECK;

/* Inside a write: a row without a job, CREATE_IN_PROGRESS and not yet published. */
bool dataset_row_make(struct store *store, struct db *db, struct arena *arena, struct span project_arn,
                      int64_t project_id, enum dataset_type type, struct span *ret_arn, int64_t *ret_id,
                      struct err *err) MUST_CHECK;

/* Inside a write: DELETE_IN_PROGRESS and the promise, whatever state it is in; no other job may work on it. */
bool dataset_drop(struct store *store, struct db *db, const struct dataset_view *view, struct err *err) MUST_CHECK;

/* Sets status, its message and the time of the last update. */
bool dataset_row_set_status(struct db *db, int64_t id, enum dataset_status status, enum dataset_message_code code,
                            struct span message, struct err *err) MUST_CHECK;

#endif
