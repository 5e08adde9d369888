/* fsck: see fsck.h for the contract. One read transaction; the datasets one by one, then the rows that belong to
 * nothing. */
#include "store/fsck.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "db/migrate.h"
#include "store/fsck_walk.h"
#include "store/job.h"
#include "store/version.h"

enum { SENTENCE_MAX = 1024 };

static void say(struct fsck_walk *walk, bool fault, struct span subject, const char *format, va_list args)
{
    char sentence[SENTENCE_MAX];
    vsnprintf(sentence, sizeof sentence, format, args);
    walk->options->say(walk->options->ctx, fault, subject, sentence);
    if (fault)
        walk->counts.faults++;
    else
        walk->counts.notes++;
}

void fsck_fault(struct fsck_walk *walk, struct span subject, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(walk, true, subject, format, args);
    va_end(args);
}

void fsck_note(struct fsck_walk *walk, struct span subject, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(walk, false, subject, format, args);
    va_end(args);
}

static bool load_hash_secret(struct fsck_walk *walk, struct err *err)
{
    struct db_query *q = db_query(walk->db, "SELECT value FROM meta WHERE key = 'hash_secret'");
    enum db_step step = db_next(q, err);
    struct span secret = step == DB_ROW ? db_blob(q, 0) : SPAN_NONE;
    bool whole = secret.len == sizeof walk->hasher.hash_secret;
    if (whole)
        memcpy(walk->hasher.hash_secret, secret.ptr, secret.len);
    if (!db_end(q, step == DB_FAILED ? NULL : err) || step == DB_FAILED)
        return false;
    return whole || fail(err, E_STORE, "The database has no hash secret; it was never started or is damaged.");
}

/* --- datasets ------------------------------------------------------------------------------------------------------
 */

static bool check_status(struct fsck_walk *walk, const struct dataset_row *row, bool *ret_pending, struct err *err)
{
    int64_t own, reading;
    struct db_query *q = db_query(walk->db, "SELECT count(*) FROM job WHERE dataset_id = ?1 OR "
                                            "(other_id = ?1 AND kind = ?2)");
    db_bind_int(q, 1, row->view.id);
    db_bind_int(q, 2, JOB_DISTRIBUTE);
    if (!db_number(q, &own, err))
        return false;
    q = db_query(walk->db, "SELECT count(*) FROM job WHERE other_id = ?1");
    db_bind_int(q, 1, row->view.id);
    if (!db_number(q, &reading, err))
        return false;
    *ret_pending = own > 0 || reading > 0;
    switch (row->view.status) {
    case DATASET_CREATE_IN_PROGRESS:
    case DATASET_UPDATE_IN_PROGRESS:
    case DATASET_DELETE_IN_PROGRESS:
        if (own == 0)
            fsck_fault(walk, row->view.arn, "it is %s and no job works on it", dataset_status_name(row->view.status));
        return true;
    default:
        return true;
    }
}

/* Blocks that no reader sees any more or yet are a job's; without one they are leftovers. */
static bool check_unseen(struct fsck_walk *walk, const struct dataset_row *row, struct err *err)
{
    int64_t blocks, labels;
    struct db_query *q = db_query(walk->db, "SELECT count(*) FROM block WHERE dataset_id = ?1 AND (born > ?2 OR died "
                                            "IS NOT NULL)");
    db_bind_int(q, 1, row->view.id);
    db_bind_int(q, 2, row->generation);
    if (!db_number(q, &blocks, err))
        return false;
    q = db_query(walk->db, "SELECT count(*) FROM staged_label WHERE dataset_id = ?1");
    db_bind_int(q, 1, row->view.id);
    if (!db_number(q, &labels, err))
        return false;
    if (blocks > 0)
        fsck_fault(walk, row->view.arn, "%lld blocks are staged or dying and no job works on it", (long long)blocks);
    if (labels > 0)
        fsck_fault(walk, row->view.arn, "%lld labels are staged and no job works on it", (long long)labels);
    return true;
}

static bool check_dataset(struct fsck_walk *walk, struct arena *arena, int64_t id, struct err *err)
{
    struct dataset_row row;
    bool found, pending;
    if (!dataset_row_by_id(walk->db, arena, id, &row, &found, err))
        return false;
    CHECK(found); /* listed in this transaction */
    walk->counts.datasets++;
    if (!check_status(walk, &row, &pending, err))
        return false;
    if (row.view.status == DATASET_DELETE_IN_PROGRESS) {
        fsck_note(walk, row.view.arn, "it is being deleted and was not counted");
        return true;
    }
    return fsck_dataset(walk, &row, pending, err) && (pending || check_unseen(walk, &row, err));
}

static bool check_datasets(struct fsck_walk *walk, struct err *err)
{
    struct arena arena;
    bool done = true, found = true;
    int64_t id = 0;
    arena_init(&arena);
    while (done && found) {
        struct db_query *q = db_query(walk->db, "SELECT id FROM dataset WHERE id > ?1 ORDER BY id LIMIT 1");
        db_bind_int(q, 1, id);
        enum db_step step = db_next(q, err);
        found = step == DB_ROW;
        id = found ? db_int(q, 0) : id;
        done = db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
        if (done && found)
            done = check_dataset(walk, &arena, id, err);
        arena_reset(&arena);
    }
    arena_free(&arena);
    return done;
}

/* --- rows that belong to nothing -----------------------------------------------------------------------------------
 */

static bool check_none(struct fsck_walk *walk, struct db_query *q, const char *what, const char *lacks, struct err *err)
{
    int64_t count;
    if (!db_number(q, &count, err))
        return false;
    if (count > 0)
        fsck_fault(walk, span_str(what), "%lld of them have %s", (long long)count, lacks);
    return true;
}

#define WITHOUT_DATASET(table) "SELECT count(*) FROM " table " WHERE dataset_id NOT IN (SELECT id FROM dataset)"

static bool check_orphans(struct fsck_walk *walk, struct err *err)
{
    struct db *db = walk->db;
    const char *no_dataset = "no dataset", *no_project = "no project";
    return check_none(walk, db_query(db, WITHOUT_DATASET("block")), "blocks", no_dataset, err) &&
           check_none(walk, db_query(db, WITHOUT_DATASET("label")), "labels", no_dataset, err) &&
           check_none(walk, db_query(db, WITHOUT_DATASET("staged_label")), "staged labels", no_dataset, err) &&
           check_none(walk, db_query(db, WITHOUT_DATASET("entry_ref")), "refs", no_dataset, err) &&
           check_none(walk, db_query(db, WITHOUT_DATASET("ref_page")), "pages of refs", no_dataset, err) &&
           check_none(walk, db_query(db, WITHOUT_DATASET("rejected")), "rejected lines", no_dataset, err) &&
           check_none(walk, db_query(db, WITHOUT_DATASET("job") " AND version_id = 0"), "jobs", no_dataset, err) &&
           check_none(walk,
                      db_query(db, "SELECT count(*) FROM job WHERE other_id <> 0 AND other_id NOT IN (SELECT id FROM "
                                   "dataset) AND phase = 0"),
                      "jobs", "no second dataset", err) &&
           check_none(walk,
                      db_query(db, "SELECT count(*) FROM dataset WHERE project_id NOT IN (SELECT id FROM project)"),
                      "datasets", no_project, err) &&
           check_none(walk,
                      db_query(db, "SELECT count(*) FROM tag WHERE arn NOT IN (SELECT arn FROM project) AND arn NOT IN "
                                   "(SELECT arn FROM dataset) AND arn NOT IN (SELECT arn FROM project_version)"),
                      "tags", "no resource", err);
}

#define WITHOUT_VERSION(table, column)                                                                                 \
    "SELECT count(*) FROM " table " WHERE " column " > 0 AND " column " NOT IN (SELECT id FROM project_version)"

static bool check_versions(struct fsck_walk *walk, struct err *err)
{
    struct db *db = walk->db;
    const char *no_version = "no model version", *no_project = "no project";
    struct db_query *q = db_query(db, "SELECT count(*) FROM project_version v WHERE status IN (?1, ?2, ?3, ?4, ?5) AND "
                                      "NOT EXISTS (SELECT 1 FROM job WHERE version_id = v.id)");
    db_bind_int(q, 1, VERSION_TRAINING_IN_PROGRESS);
    db_bind_int(q, 2, VERSION_STARTING);
    db_bind_int(q, 3, VERSION_STOPPING);
    db_bind_int(q, 4, VERSION_DELETING);
    db_bind_int(q, 5, VERSION_COPYING_IN_PROGRESS);
    return check_none(walk, q, "model versions in progress", "no job", err) &&
           check_none(walk, db_query(db, WITHOUT_VERSION("job", "version_id")), "jobs", no_version, err) &&
           check_none(walk, db_query(db, WITHOUT_VERSION("job", "source_version_id")), "copies", no_version, err) &&
           check_none(walk, db_query(db, WITHOUT_VERSION("version_asset", "version_id")), "manifests of versions",
                      no_version, err) &&
           check_none(walk,
                      db_query(db, "SELECT count(*) FROM project_version WHERE project_id NOT IN (SELECT id FROM "
                                   "project)"),
                      "model versions", no_project, err) &&
           check_none(walk,
                      db_query(db, "SELECT count(*) FROM project_policy WHERE project_id NOT IN (SELECT id FROM "
                                   "project)"),
                      "policies", no_project, err);
}

static bool count_rows(struct fsck_walk *walk, struct err *err)
{
    return db_number(db_query(walk->db, "SELECT count(*) FROM project"), &walk->counts.projects, err) &&
           db_number(db_query(walk->db, "SELECT count(*) FROM project_version"), &walk->counts.versions, err) &&
           db_number(db_query(walk->db, "SELECT count(*) FROM job"), &walk->counts.jobs, err);
}

bool fsck_run(const struct fsck_options *options, struct fsck_counts *ret_counts, struct err *err)
{
    struct fsck_walk walk = { .options = options };
    bool done = db_open(options->place, DB_READ, &walk.db, err);
    if (!done)
        return false;
    walk.packer = block_packer_new();
    walk.readers = mem_zero(options->limit_count, sizeof *walk.readers);
    for (size_t i = 0; i < options->limit_count; i++)
        walk.readers[i] = manifest_reader_new(&options->limits[i]);
    done = db_migrate(walk.db, false, err) && db_begin(walk.db, DB_READ, err);
    if (done) {
        done = load_hash_secret(&walk, err) && check_datasets(&walk, err) && check_orphans(&walk, err) &&
               check_versions(&walk, err) && count_rows(&walk, err);
        db_rollback(walk.db);
    }
    for (size_t i = 0; i < options->limit_count; i++)
        manifest_reader_free(walk.readers[i]);
    free(walk.readers);
    block_packer_free(walk.packer);
    db_close(walk.db);
    if (done)
        *ret_counts = walk.counts;
    return done;
}
