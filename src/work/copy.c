/*
 * copy: a dataset made from another one (spec B.3). Blocks are copied as they are, under the same seqs and label ids,
 * from the generation pinned when the copy was promised; labels and counters were fixed in that transaction too.
 */
#include "store/messages.h"
#include "work/kinds.h"
#include "work/refs.h"

enum { BLOCKS_AT_ONCE = 16 };

static bool copy_blocks(struct run *run, struct stage *stage, struct refs *refs, struct err *err)
{
    struct arena arena;
    struct block block;
    struct block_row rows[BLOCKS_AT_ONCE];
    size_t count = BLOCKS_AT_ONCE;
    bool done = true;
    arena_init(&arena);
    block_init(&block);
    while (done && count == BLOCKS_AT_ONCE) {
        arena_reset(&arena);
        done = stage_blocks(run->store, &arena, run->job->other_id, run->job->other_gen, run->job->cursor, true, rows,
                            BLOCKS_AT_ONCE, &count, err);
        for (size_t i = 0; done && i < count; i++) {
            rows[i].born = stage->generation;
            done = block_decode(rows[i].index, rows[i].first_seq, &block, err) && stage_turn(stage, err) &&
                   stage_block_put(stage->db, stage->dataset_id, &rows[i], err);
            if (!done)
                break;
            refs_add_block(refs, &block);
            atomic_fetch_add_explicit(run->entries_written, block.count, memory_order_relaxed);
            run->job->cursor = rows[i].first_seq;
            done = stage_pause(stage, false, err);
        }
    }
    block_free(&block);
    arena_free(&arena);
    return done && stage_pause(stage, true, err);
}

bool run_create_copy(struct run *run, struct err *err)
{
    struct stage stage;
    struct refs refs = { 0 };
    if (!stage_open(&stage, run, run->job->dataset_id, true, err))
        return false;
    bool done = (run->job->cursor == 0 || refs_gather(&refs, run, stage.dataset_id, stage.generation, err)) &&
                copy_blocks(run, &stage, &refs, err);
    if (done) {
        refs_sort(&refs);
        done =
            refs_write(&refs, &stage, err) && stage_finish(&stage, NULL, DATASET_CREATE_COMPLETE, MESSAGE_CREATED, err);
    }
    refs_free(&refs);
    stage_close(&stage);
    return done;
}

bool run_create_empty(struct run *run, struct err *err)
{
    struct stage stage;
    if (!stage_open(&stage, run, run->job->dataset_id, false, err))
        return false;
    bool done = stage_finish(&stage, NULL, DATASET_CREATE_COMPLETE, MESSAGE_CREATED, err);
    stage_close(&stage);
    return done;
}
