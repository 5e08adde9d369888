/* stage: see stage.h for the contract. */
#include "work/stage.h"

#include "base/clock.h"
#include "store/messages.h"

enum { TURN_US = 25000, LINES_MAX = 1 << 30, INDEX_MAX = 1 << 28 };

static bool load_labels(struct stage *stage, bool staged, struct err *err)
{
    struct label_count *labels;
    size_t count;
    struct arena arena;
    arena_init(&arena);
    bool done = stage_labels(stage->run->store, &arena, stage->dataset_id, staged, &labels, &count, err);
    for (size_t i = 0; done && i < count; i++)
        book_load(&stage->book, &labels[i], staged);
    arena_free(&arena);
    return done;
}

/* Part of it, if the job is ours still: what another runner has staged meanwhile is not to be taken from it. */
static bool undo_part(struct stage *stage, bool *ret_more, struct err *err)
{
    struct store *store = stage->run->store;
    struct db *db;
    if (!store_write_begin(store, STORE_JOB, &db, err))
        return false;
    if (stage_undo_some(db, stage->dataset_id, stage->generation, ret_more, err) &&
        job_checkpoint(db, stage->run->job, err))
        return store_write_commit(store, err);
    store_write_abort(store);
    return false;
}

static bool undo_leftovers(struct stage *stage, struct err *err)
{
    bool more = true;
    while (more)
        if (!undo_part(stage, &more, err))
            return false;
    return true;
}

bool stage_open(struct stage *stage, struct run *run, int64_t dataset_id, bool resume, struct err *err)
{
    *stage = (struct stage){ .run = run, .dataset_id = dataset_id, .packer = block_packer_new() };
    book_init(&stage->book);
    block_init(&stage->block);
    buf_init(&stage->lines, LINES_MAX);
    buf_init(&stage->data, LINES_MAX);
    buf_init(&stage->index, INDEX_MAX);
    struct dataset_row row;
    bool found;
    if (!stage_dataset(run->store, run->arena, dataset_id, &row, &found, err))
        goto failed;
    if (!found) {
        fail(err, E_LOST_LEASE, "the dataset is gone");
        goto failed;
    }
    stage->generation = row.generation + 1;
    if (resume) {
        if (!progress_decode(run->job->progress, &stage->progress, err) || !load_labels(stage, true, err))
            goto failed;
        if (stage->progress.next_seq == 0)
            stage->progress.next_seq = row.next_seq;
    } else {
        stage->progress = (struct progress){ .total = row.view.stats.total,
                                             .labeled = row.view.stats.labeled,
                                             .errors = row.view.stats.errors,
                                             .next_seq = row.next_seq,
                                             .bucket = row.bucket };
        if (!undo_leftovers(stage, err) || !load_labels(stage, false, err))
            goto failed;
    }
    return true;
failed:
    stage_close(stage);
    return false;
}

void stage_close(struct stage *stage)
{
    if (stage->db)
        store_write_abort(stage->run->store);
    stage->db = NULL;
    book_free(&stage->book);
    block_free(&stage->block);
    buf_free(&stage->lines);
    buf_free(&stage->data);
    buf_free(&stage->index);
    block_packer_free(stage->packer);
    stage->packer = NULL;
}

bool stage_turn(struct stage *stage, struct err *err)
{
    if (stage->db)
        return true;
    if (atomic_load_explicit(stage->run->stopping, memory_order_relaxed))
        return fail(err, E_LOST_LEASE, "stopping");
    if (!store_write_begin(stage->run->store, STORE_JOB, &stage->db, err)) {
        stage->db = NULL;
        return false;
    }
    stage->turn_us = clock_mono_us();
    return true;
}

/* The job row as this stage has it now; its progress bytes live in `arena` until the checkpoint is written. */
static bool checkpoint(struct stage *stage, struct err *err)
{
    struct arena arena;
    arena_init(&arena);
    struct job job = *stage->run->job;
    job.progress = progress_encode(&arena, &stage->progress);
    bool done = book_write(&stage->book, stage->db, stage->dataset_id, err) && job_checkpoint(stage->db, &job, err);
    arena_free(&arena);
    return done;
}

static bool abort_turn(struct stage *stage)
{
    store_write_abort(stage->run->store);
    stage->db = NULL;
    return false;
}

bool stage_pause(struct stage *stage, bool now, struct err *err)
{
    struct store *store = stage->run->store;
    if (!stage->db)
        return true;
    if (!now && clock_mono_us() - stage->turn_us < TURN_US && !store_write_wanted(store))
        return true;
    if (!checkpoint(stage, err))
        return abort_turn(stage);
    stage->db = NULL;
    return store_write_commit(store, err);
}

bool stage_clear_rejected(struct stage *stage, struct err *err)
{
    bool more = true;
    while (more)
        if (!stage_turn(stage, err) || !stage_rejected_clear_some(stage->db, stage->dataset_id, &more, err) ||
            !stage_pause(stage, !more, err))
            return false;
    return true;
}

bool stage_write_block(struct stage *stage, const struct block *block, struct buf *index, struct span data,
                       struct err *err)
{
    CHECK(stage->db && block->count > 0);
    block_encode_labels(block, index);
    struct block_row row = {
        .first_seq = block->entries[0].seq,
        .born = stage->generation,
        .last_seq = block->entries[block->count - 1].seq,
        .entries = block->count,
        .index = buf_span(index),
        .data = data,
    };
    atomic_fetch_add_explicit(stage->run->entries_written, block->count, memory_order_relaxed);
    return stage_block_put(stage->db, stage->dataset_id, &row, err);
}

static bool write_refs(struct stage *stage, struct err *err)
{
    for (unsigned i = 0; i < stage->block.count; i++) {
        const struct block_entry *entry = &stage->block.entries[i];
        if (block_set_has(&stage->fresh, i) &&
            !stage_ref_put(stage->db, stage->dataset_id, entry->hash, entry->seq, err))
            return false;
    }
    return true;
}

bool stage_flush(struct stage *stage, struct err *err)
{
    if (stage->block.count == 0)
        return true;
    buf_clear(&stage->data);
    block_pack(stage->packer, buf_span(&stage->lines), &stage->data);
    buf_clear(&stage->index);
    block_encode_entries(&stage->block, &stage->index);
    bool done =
        stage_write_block(stage, &stage->block, &stage->index, buf_span(&stage->data), err) && write_refs(stage, err);
    block_clear(&stage->block);
    buf_clear(&stage->lines);
    stage->fresh = (struct block_set){ { 0, 0 } };
    return done;
}

bool stage_put(struct stage *stage, const struct block_entry *entry, struct span line, const struct block_use *uses,
               size_t use_count, bool fresh, struct err *err)
{
    if (!block_fits(&stage->block, line.len) && !stage_flush(stage, err))
        return false;
    block_add(&stage->block, &stage->lines, entry->seq, entry->hash, entry->flags, line, uses, use_count);
    if (fresh)
        block_set_add(&stage->fresh, stage->block.count - 1);
    return true;
}

bool stage_kill(struct stage *stage, const struct block_row *row, struct err *err)
{
    stage->killed = true;
    return stage_block_kill(stage->db, stage->dataset_id, row->first_seq, row->born, stage->generation, err);
}

void stage_count(struct stage *stage, unsigned flags, const struct block_use *uses, size_t use_count, int delta)
{
    stage->progress.total += delta;
    stage->progress.labeled += flags & BLOCK_LABELED ? delta : 0;
    stage->progress.errors += flags & BLOCK_ERROR ? delta : 0;
    for (size_t i = 0; i < use_count; i++)
        book_count(&stage->book, book_place_of_id(&stage->book, uses[i].label), uses[i].flags, delta);
}

const char *stage_over_limits(const struct stage *stage)
{
    const struct limits *limits = &stage->run->limits;
    if (limits->dataset_entries && stage->progress.total > limits->dataset_entries)
        return MESSAGE_MANIFEST_TOO_MANY_ROWS;
    if (limits->dataset_labels && book_live(&stage->book) > limits->dataset_labels)
        return MESSAGE_MANIFEST_TOO_MANY_LABELS;
    return NULL;
}

static bool flip(struct stage *stage, struct db *db, enum dataset_status status, const char *message, struct err *err)
{
    return book_write(&stage->book, db, stage->dataset_id, err) &&
           stage_flip(stage->run->store, db, stage->dataset_id, stage->generation, &stage->progress,
                      book_live(&stage->book), status, span_str(message), err);
}

bool stage_finish(struct stage *stage, struct stage *other, enum dataset_status status, const char *message,
                  struct err *err)
{
    if (!stage_turn(stage, err))
        return false;
    struct job *job = stage->run->job;
    struct job settling = *job;
    settling.phase = JOB_SETTLING;
    settling.cursor = stage->generation; /* what died up to here may be removed */
    settling.progress = SPAN_NONE;
    bool done = flip(stage, stage->db, status, message, err) &&
                (!other || flip(other, stage->db, status, message, err)) &&
                (stage->killed ? job_checkpoint(stage->db, &settling, err) : job_finish(stage->db, job, err));
    if (!done)
        return abort_turn(stage);
    stage->db = NULL;
    return store_write_commit(stage->run->store, err);
}

bool stage_give_up(struct stage *stage, const char *message, struct err *err)
{
    if (stage->db)
        abort_turn(stage);
    if (!stage_turn(stage, err))
        return false;
    struct job *job = stage->run->job;
    struct progress why = { .message_code = DATASET_CLIENT_ERROR, .message = span_str(message) };
    job->phase = JOB_GIVING_UP;
    job->progress = progress_encode(stage->run->arena, &why);
    if (!job_checkpoint(stage->db, job, err))
        return abort_turn(stage);
    stage->db = NULL;
    return store_write_commit(stage->run->store, err);
}
