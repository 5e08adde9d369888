/*
 * remove: what takes rows away in small transactions: a deleted dataset, what an operation given up had staged, and
 * what died in a committed generation. Each may be stopped and begun again anywhere.
 */
#include "store/messages.h"
#include "work/kinds.h"
#include "work/unpacked.h"

/* One short transaction: `some` removes a part; then `last` runs in the same transaction when nothing is left. */
typedef bool some(struct run *run, struct db *db, bool *ret_more, struct err *err);
typedef bool last(struct run *run, struct db *db, struct err *err);

static bool one_part(struct run *run, const char *point, some *remove_some, last *then, bool *ret_more, struct err *err)
{
    struct db *db;
    if (atomic_load_explicit(run->stopping, memory_order_relaxed))
        return fail(err, E_LOST_LEASE, "stopping");
    if (!store_write_begin(run->store, STORE_JOB, &db, err))
        return false;
    if (!remove_some(run, db, ret_more, err) || !(*ret_more ? job_checkpoint(db, run->job, err) : then(run, db, err))) {
        store_write_abort(run->store);
        return false;
    }
    return store_write_commit_at(run->store, point, err);
}

static bool all_parts(struct run *run, const char *point, some *remove_some, last *then, struct err *err)
{
    bool more = true;
    while (more)
        if (!one_part(run, point, remove_some, then, &more, err))
            return false;
    return true;
}

static bool finish_job(struct run *run, struct db *db, struct err *err)
{
    return job_finish(db, run->job, err);
}

/* --- a deleted dataset ---------------------------------------------------------------------------------------------
 */

static bool delete_some(struct run *run, struct db *db, bool *ret_more, struct err *err)
{
    run->job->cursor++;
    return stage_remove_some(run->store, db, run->job->dataset_id, run->job->id, ret_more, err);
}

bool run_delete(struct run *run, struct err *err)
{
    return all_parts(run, __func__, delete_some, finish_job, err);
}

/* --- an operation given up -----------------------------------------------------------------------------------------
 */

static bool generation_of(struct db *db, struct arena *arena, int64_t dataset_id, int64_t *ret_staged, struct err *err)
{
    struct dataset_row row;
    bool found;
    if (!dataset_row_by_id(db, arena, dataset_id, &row, &found, err))
        return false;
    *ret_staged = found ? row.generation + 1 : 0;
    return true;
}

static bool undo_some(struct run *run, struct db *db, bool *ret_more, struct err *err)
{
    const int64_t ids[2] = { run->job->dataset_id, run->job->kind == JOB_DISTRIBUTE ? run->job->other_id : 0 };
    *ret_more = false;
    for (unsigned i = 0; i < 2 && !*ret_more; i++) {
        int64_t staged;
        if (ids[i] && (!generation_of(db, run->arena, ids[i], &staged, err) ||
                       !stage_undo_some(db, ids[i], staged, ret_more, err)))
            return false;
    }
    return true;
}

static bool fail_datasets(struct run *run, struct db *db, struct err *err)
{
    const struct job *job = run->job;
    struct progress why;
    if (!progress_decode(job->progress, &why, err))
        return false;
    bool creating = job->kind == JOB_CREATE_EMPTY || job->kind == JOB_CREATE_MANIFEST || job->kind == JOB_CREATE_COPY;
    enum dataset_status status = creating ? DATASET_CREATE_FAILED : DATASET_UPDATE_FAILED;
    enum dataset_message_code code = (enum dataset_message_code)why.message_code;
    return stage_fail(run->store, db, job->dataset_id, status, code, why.message, err) &&
           (job->kind != JOB_DISTRIBUTE || stage_fail(run->store, db, job->other_id, status, code, why.message, err)) &&
           job_finish(db, job, err);
}

bool run_giving_up(struct run *run, struct err *err)
{
    return all_parts(run, __func__, undo_some, fail_datasets, err);
}

/* --- what died -----------------------------------------------------------------------------------------------------
 */

static bool settle_some(struct run *run, struct db *db, bool *ret_more, struct err *err)
{
    return stage_settle_some(db, run->job->dataset_id, run->job->cursor, ret_more, err);
}

/* Whether the block visible now still holds that entry. */
static bool still_there(struct run *run, struct unpacked *live, const struct block_entry *entry, int64_t generation,
                        bool *ret_there, struct err *err)
{
    bool found = live->block.count > 0 && live->row.first_seq <= entry->seq && entry->seq <= live->row.last_seq;
    if (!found) {
        arena_reset(&live->arena);
        if (!stage_block_at(run->store, &live->arena, run->job->dataset_id, generation, entry->seq, &live->row, &found,
                            err) ||
            (found && !block_decode(live->row.index, live->row.first_seq, &live->block, err)))
            return false;
    }
    *ret_there = false;
    for (unsigned i = 0; found && i < live->block.count && !*ret_there; i++)
        *ret_there = live->block.entries[i].seq == entry->seq;
    return true;
}

/* The refs of a dead block's entries that left the dataset with it. */
static bool settle_refs_of(struct run *run, const struct block_row *row, struct unpacked *live, int64_t generation,
                           struct err *err)
{
    struct block dead;
    struct db *db;
    uint64_t hashes[BLOCK_ENTRIES_MAX];
    int64_t seqs[BLOCK_ENTRIES_MAX];
    unsigned gone = 0;
    block_init(&dead);
    bool done = block_decode(row->index, row->first_seq, &dead, err);
    for (unsigned i = 0; done && i < dead.count; i++) {
        bool there;
        done = still_there(run, live, &dead.entries[i], generation, &there, err);
        if (done && !there) {
            hashes[gone] = dead.entries[i].hash;
            seqs[gone++] = dead.entries[i].seq;
        }
    }
    block_free(&dead);
    if (!done || !store_write_begin(run->store, STORE_JOB, &db, err))
        return false;
    for (unsigned i = 0; done && i < gone; i++)
        done = stage_ref_remove(db, run->job->dataset_id, hashes[i], seqs[i], err);
    if (done && job_checkpoint(db, run->job, err))
        return store_write_commit(run->store, err);
    store_write_abort(run->store);
    return false;
}

/* After a distribution: walks the blocks that died in it, before they are removed. */
static bool settle_refs(struct run *run, struct err *err)
{
    enum { AT_ONCE = 16 };
    struct block_row rows[AT_ONCE];
    struct unpacked live;
    struct dataset_row dataset;
    size_t count = AT_ONCE;
    int64_t after = INT64_MIN;
    bool found, done = stage_dataset(run->store, run->arena, run->job->dataset_id, &dataset, &found, err);
    if (!done || !found)
        return done;
    unpacked_init(&live);
    while (done && count == AT_ONCE) {
        struct arena arena;
        arena_init(&arena);
        if (atomic_load_explicit(run->stopping, memory_order_relaxed))
            done = fail(err, E_LOST_LEASE, "stopping");
        done = done && stage_dead_blocks(run->store, &arena, run->job->dataset_id, run->job->cursor, after, rows,
                                         AT_ONCE, &count, err);
        for (size_t i = 0; done && i < count; i++) {
            done = settle_refs_of(run, &rows[i], &live, dataset.generation, err);
            after = rows[i].first_seq;
        }
        arena_free(&arena);
    }
    unpacked_free(&live);
    return done;
}

bool run_settling(struct run *run, struct err *err)
{
    run->job->progress = SPAN_NONE;
    return (run->job->kind != JOB_DISTRIBUTE || settle_refs(run, err)) &&
           all_parts(run, __func__, settle_some, finish_job, err);
}
