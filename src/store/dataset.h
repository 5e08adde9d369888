/*
 * dataset: rows of datasets, their states (spec B.1.2) and their counters (spec C.1).
 *
 * Every function that starts a job changes the status, writes the job row and commits before it returns; the caller
 * wakes the runner.
 */
#ifndef PLACARD_STORE_DATASET_H
#define PLACARD_STORE_DATASET_H

#include "store/store.h"
#include "store/tag.h"

enum dataset_type { DATASET_TRAIN, DATASET_TEST };

enum dataset_status {
    DATASET_CREATE_IN_PROGRESS,
    DATASET_CREATE_COMPLETE,
    DATASET_CREATE_FAILED,
    DATASET_UPDATE_IN_PROGRESS,
    DATASET_UPDATE_COMPLETE,
    DATASET_UPDATE_FAILED,
    DATASET_DELETE_IN_PROGRESS
};

enum dataset_message_code { DATASET_SUCCESS, DATASET_CLIENT_ERROR, DATASET_SERVICE_ERROR };

struct dataset_stats {
    int64_t total;
    int64_t labeled;
    int64_t labels;
    int64_t errors;
};

/* What DescribeDataset and DescribeProjects say of one dataset. The message is one of a fixed set or a copy. */
struct dataset_view {
    int64_t id;
    int64_t project_id;
    enum dataset_type type;
    enum dataset_status status;
    enum dataset_message_code message_code;
    int64_t created_ms;
    int64_t updated_ms;
    struct dataset_stats stats;
    struct span arn;     /* in the arena given */
    struct span message; /* likewise */
};

/* From memory, no I/O, but where the store is shared: E_NOT_FOUND. */
bool dataset_describe(struct store *store, struct arena *arena, struct span arn, struct dataset_view *ret_view,
                      struct err *err) MUST_CHECK;

/* Where a manifest lies, as it was when the call was made. */
struct dataset_manifest {
    struct span bucket;
    struct span key;
    struct span version; /* empty: current */
    struct span etag;
    uint64_t bytes;
};

struct dataset_new {
    struct span project_arn;
    enum dataset_type type;
    const struct dataset_manifest *manifest; /* from a manifest, */
    struct span source_arn;                  /* or a copy of this dataset, or (neither) empty */
    const struct tag *tags;
    size_t tag_count;
};

/*
 * E_NOT_FOUND: no such project, or no such source dataset; E_EXISTS: the project has a dataset of that type, also one
 * being deleted; E_INVALID: the source is not CREATE_COMPLETE or UPDATE_*. An empty dataset is CREATE_COMPLETE only
 * after its (trivial) job ran: CREATE_IN_PROGRESS is always seen first (spec B.1.2).
 */
bool dataset_create(struct store *store, struct arena *arena, const struct dataset_new *wish, struct span *ret_arn,
                    struct err *err) MUST_CHECK;

/* `changes` is the decoded blob. E_NOT_FOUND; E_IN_USE in any state but CREATE_COMPLETE, UPDATE_COMPLETE,
 * UPDATE_FAILED, and while a model is being trained on it. */
bool dataset_update(struct store *store, struct span arn, struct span changes, struct err *err) MUST_CHECK;

/*
 * E_INVALID: not one train and one test dataset of one project, the test dataset not empty or the training dataset
 * empty; E_NOT_READY: either is not CREATE_COMPLETE, UPDATE_COMPLETE or UPDATE_FAILED, or is in training.
 */
bool dataset_distribute(struct store *store, struct span arn_a, struct span arn_b, struct err *err) MUST_CHECK;

/* E_IN_USE while creating, updating, deleting or in training. */
bool dataset_delete(struct store *store, struct span arn, struct err *err) MUST_CHECK;

/* The names of spec M: "CREATE_IN_PROGRESS" …, "SUCCESS" …, "TRAIN"/"TEST". */
const char *dataset_status_name(enum dataset_status status);
const char *dataset_message_code_name(enum dataset_message_code code);
const char *dataset_type_name(enum dataset_type type);

#endif
