/*
 * version: rows of model versions, their states (spec B.1.3) and their messages.
 *
 * Every verb that starts a job changes the status, writes the job row and commits before it returns; the caller wakes
 * the runner. What watches the store (store_watch) hears of every change of a version after its COMMIT.
 */
#ifndef PLACARD_STORE_VERSION_H
#define PLACARD_STORE_VERSION_H

#include "store/store.h"
#include "store/tag.h"

/* In the model's order. The last two are never ours. */
enum version_status {
    VERSION_TRAINING_IN_PROGRESS,
    VERSION_TRAINING_COMPLETED,
    VERSION_TRAINING_FAILED,
    VERSION_STARTING,
    VERSION_RUNNING,
    VERSION_FAILED,
    VERSION_STOPPING,
    VERSION_STOPPED,
    VERSION_DELETING,
    VERSION_COPYING_IN_PROGRESS,
    VERSION_COPYING_COMPLETED,
    VERSION_COPYING_FAILED,
    VERSION_DEPRECATED,
    VERSION_EXPIRED
};

/* What it is trained on. */
enum version_mode {
    VERSION_OF_DATASETS,
    VERSION_OF_MANIFESTS,
    VERSION_OF_SPLIT_MANIFESTS /* a fifth of the training manifests tests it (AutoCreate) */
};

/* The output objects (spec E.2), a bit each of the set in struct version. */
enum version_output {
    VERSION_EVALUATION = 1,
    VERSION_MANIFEST_SUMMARY = 2,
    VERSION_TRAINING_TRUTH = 4,
    VERSION_TESTING_TRUTH = 8,
    VERSION_TRAINING_VALIDATION = 16,
    VERSION_TESTING_VALIDATION = 32
};

struct version_asset {
    struct span bucket;
    struct span key;
    struct span version; /* empty: current */
};

struct version_side {
    const struct version_asset *assets;
    size_t count;
};

struct version {
    int64_t id;
    int64_t project_id;
    struct span arn;
    struct span name;
    struct span project; /* its name */
    struct span account;
    enum version_status status;
    struct span message;
    int64_t created_ms;
    int64_t ended_ms;   /* of the training; 0: it has not ended */
    int64_t billable_s; /* 0: none */
    float f1;
    unsigned outputs; /* those that were written: bits of enum version_output */
    struct span output_bucket;
    struct span output_prefix;
    struct span kms_key;     /* empty: none */
    struct span description; /* empty: none */
    enum version_mode mode;
    struct version_side train; /* of manifests */
    struct version_side test;
    int64_t train_dataset_id; /* of datasets; 0 for a copy */
    int64_t test_dataset_id;
    bool split;        /* the test dataset was made when the version was, to take a fifth of the training dataset */
    int64_t min_units; /* 0: never started */
    int64_t max_units; /* 0: none given */
    struct span source_arn; /* of a copy; else empty */
};

/* The key of an output object: PREFIX/EvaluationResultSummary-PROJECT-VERSION.json and so on. */
struct span version_output_key(struct arena *arena, const struct version *version, enum version_output output);

/* Quotas of what is asked for, 0: lifted. E_QUOTA past the number of versions, E_LIMIT past the others. */
struct version_quotas {
    int64_t versions;  /* of one project */
    int64_t trainings; /* at once, of an account in a region; the next likewise */
    int64_t running;   /* versions */
    int64_t units;     /* inference units of one version */
};

struct version_new {
    struct span project_arn;
    struct span name;
    struct span output_bucket;
    struct span output_prefix;
    struct span kms_key;
    struct span description;
    enum version_mode mode;
    struct version_side train; /* of manifests */
    struct version_side test;
    const struct tag *tags;
    size_t tag_count;
    struct version_quotas quotas;
};

/*
 * A training: TRAINING_IN_PROGRESS. Of datasets without a test one: makes it and the promise to distribute, which runs
 * first. E_NOT_FOUND: no such project; E_IN_USE: the name is taken, or a job works on a dataset of the project;
 * E_INVALID: of datasets, and there is no training dataset or its creation failed; of manifests, and the project has
 * datasets; E_LIMIT.
 */
bool version_create(struct store *store, struct arena *arena, const struct version_new *wish, struct span *ret_arn,
                    struct err *err) MUST_CHECK;

struct version_copy {
    struct span source_project_arn;
    struct span source_arn;
    struct span project_arn; /* where to */
    struct span name;
    struct span output_bucket;
    struct span output_prefix;
    struct span kms_key;
    const struct tag *tags;
    size_t tag_count;
    struct version_quotas quotas;
};

/*
 * COPYING_IN_PROGRESS. E_NOT_FOUND: one of the three is not there; E_INVALID: the version is of another project;
 * E_IN_USE: the name is taken, or the source has no model to copy in its state; E_LIMIT.
 */
bool version_copy(struct store *store, struct arena *arena, const struct version_copy *wish, struct span *ret_arn,
                  struct err *err) MUST_CHECK;

/* STARTING. E_NOT_FOUND; E_IN_USE in any state but TRAINING_COMPLETED, STOPPED, COPYING_COMPLETED, FAILED; E_LIMIT. */
bool version_start(struct store *store, struct span arn, int64_t min_units, int64_t max_units,
                   const struct version_quotas *quotas, struct err *err) MUST_CHECK;

/* STOPPING. E_NOT_FOUND; E_IN_USE in any state but RUNNING. */
bool version_stop(struct store *store, struct span arn, struct err *err) MUST_CHECK;

/* DELETING. E_NOT_FOUND; E_IN_USE while training, copying, starting, running, stopping or deleting. */
bool version_delete(struct store *store, struct span arn, struct err *err) MUST_CHECK;

/* E_NOT_FOUND. */
bool version_find(struct store *store, struct arena *arena, struct span arn, struct version *ret_version,
                  struct err *err) MUST_CHECK;

struct version_query {
    struct span project_arn;
    const struct span *names; /* any of these; none given: all */
    size_t name_count;
    int64_t before_id; /* ids below this; 0: from the newest */
    unsigned limit;
};

/* Newest first. E_NOT_FOUND: no such project. *ret_more tells whether older ones remain. */
bool version_list(struct store *store, struct arena *arena, const struct version_query *query,
                  struct version **ret_versions, size_t *ret_count, int64_t *ret_project_id, bool *ret_more,
                  struct err *err) MUST_CHECK;

/* Those that run or are being started. */
bool version_list_running(struct store *store, struct arena *arena, struct version **ret_versions, size_t *ret_count,
                          struct err *err) MUST_CHECK;

/* "TRAINING_IN_PROGRESS" and so on. */
const char *version_status_name(enum version_status status);

#endif
