/*
 * job: rows of promised work, and the claims on them.
 *
 * A job row is inserted in the transaction that promises it. A runner claims it (owner, attempt), and every later write
 * for it carries `owner = me AND attempt = mine`: a write that touches no row means the lease was lost (E_LOST_LEASE).
 * Where the store is shared a claim is a lease of JOB_LEASE_MS by the database's clock, renewed by job_renew and by
 * each checkpoint; one that has run out is anybody's, and counts as a failure if the cursor has not moved. Elsewhere a
 * claim holds until job_void_leases. A subject that is being read by an unfinished copy is not deleted or tidied until
 * the copy is done: such jobs are not claimable before. Nor is a training before the distribution that its version
 * promised.
 */
#ifndef PLACARD_STORE_JOB_H
#define PLACARD_STORE_JOB_H

#include "store/store.h"

enum job_kind {
    JOB_CREATE_EMPTY,
    JOB_CREATE_MANIFEST,
    JOB_CREATE_COPY,
    JOB_UPDATE,
    JOB_DISTRIBUTE,
    JOB_DELETE,
    JOB_TRAIN, /* of versions from here on */
    JOB_COPY_VERSION,
    JOB_START_VERSION,
    JOB_STOP_VERSION,
    JOB_DELETE_VERSION,
    JOB_KINDS
};

/* Which threads do what: a training takes long, and nothing else shall wait for one. */
enum job_lane { JOB_LANE_DATASETS, JOB_LANE_TRAINING, JOB_LANE_MODELS, JOB_LANES };

enum job_phase {
    JOB_STAGING,   /* preparing generation + 1 */
    JOB_GIVING_UP, /* removing what was staged; the subject then fails with the message in `progress` */
    JOB_SETTLING   /* the flip is done; what died in it is being removed */
};

struct job {
    int64_t id;
    enum job_kind kind;
    enum job_phase phase;
    int64_t dataset_id;        /* 0 for a version's */
    int64_t other_id;          /* copy: the source; distribute: the test dataset */
    int64_t other_gen;         /* copy: the pinned generation */
    int64_t version_id;        /* 0 for a dataset's */
    int64_t source_version_id; /* copy of a version: what it reads */
    int64_t attempt;
    int64_t failures;
    int64_t cursor;
    struct span source;   /* manifest: bucket, key, version, etag, size (job_source_*); update: the changes */
    struct span progress; /* the kind's own */
    struct span owner;
};

/* Inside a write. */
bool job_insert(struct db *db, enum job_kind kind, int64_t dataset_id, int64_t other_id, int64_t other_gen,
                struct span source, struct span progress, struct err *err) MUST_CHECK;

/* Likewise, for a version. */
bool job_insert_version(struct db *db, enum job_kind kind, int64_t version_id, int64_t source_version_id,
                        struct err *err) MUST_CHECK;

#define JOB_LEASE_MS 10000
#define JOB_RENEW_MS 3000

/* Renews all leases of an owner, and tells of each of its jobs that an operator has cancelled. Of a shared store, by
   one thread; does not wait for the store's writer. */
bool job_renew(struct store *store, struct span owner, void (*cancelled)(void *ctx, int64_t job_id), void *ctx,
               struct err *err) MUST_CHECK;

/* Likewise: ends what a process that is stopped keeps from the others (db_end_stuck), so that its jobs can be claimed.
 */
bool job_end_stuck(struct store *store, struct err *err) MUST_CHECK;

/* For an engine whose data directory we hold alone: all leases are void; one that made no progress counts as failed. */
bool job_void_leases(struct store *store, struct err *err) MUST_CHECK;

/* The oldest job of the lane that may run now; *ret_found false when none. Its spans live in the arena. */
bool job_claim(struct store *store, struct arena *arena, enum job_lane lane, struct span owner, struct job *ret_job,
               bool *ret_found, struct err *err) MUST_CHECK;

/* Marks a training as to be given up. E_NOT_FOUND: no such job; E_INVALID: it is no training. */
bool job_cancel(struct store *store, int64_t id, struct err *err) MUST_CHECK;
bool job_cancelled(struct store *store, int64_t id, bool *ret_cancelled, struct err *err) MUST_CHECK;

/* The longest that a job may be postponed: one that seems to be due later was postponed before the clock was set back,
   and may run now. */
#define JOB_POSTPONED_MOST_MS 30000

/* How long until the next postponed job of the lane may run: milliseconds, 0 for now, INT64_MAX for none. */
bool job_next_due(struct store *store, enum job_lane lane, int64_t *ret_wait_ms, struct err *err) MUST_CHECK;

/* Inside a write: cursor, phase and progress as they are in *job now. E_LOST_LEASE. */
bool job_checkpoint(struct db *db, const struct job *job, struct err *err) MUST_CHECK;

/* Inside a write: the job is done. E_LOST_LEASE. */
bool job_finish(struct db *db, const struct job *job, struct err *err) MUST_CHECK;

/* Gives a claimed job back: counts a failure if `failed`, not to run before then. */
bool job_release(struct store *store, const struct job *job, bool failed, int64_t not_before_ms,
                 struct err *err) MUST_CHECK;

/* Rows for the operator. */
struct job_row {
    int64_t id;
    enum job_kind kind;
    enum job_phase phase;
    struct span arn; /* of the dataset or the version */
    bool running;
    int64_t failures;
    int64_t cursor;
    int64_t created_ms;
};
bool job_list(struct store *store, struct arena *arena, struct job_row **ret_rows, size_t *ret_count,
              struct err *err) MUST_CHECK;
bool job_count(struct store *store, int64_t *ret_pending, struct err *err) MUST_CHECK;
const char *job_kind_name(enum job_kind kind);
const char *job_phase_name(enum job_phase phase);

#endif
