/*
 * distribute: a stratified fifth of the training dataset moves to the empty test dataset (spec B.3).
 *
 * The choice is made from the block indexes alone; then every block that loses an entry is rewritten without it while
 * the test dataset's blocks are filled, and both datasets flip in one transaction: an entry is in exactly one of them
 * at every commit. A crash begins the job anew.
 */
#include <stdlib.h>

#include "store/messages.h"
#include "work/kinds.h"
#include "train/split.h"
#include "work/unpacked.h"

struct distribute {
    struct run *run;
    struct stage train;
    struct stage test;
    struct split_entry *entries; /* of the training dataset in order of seq */
    size_t count, room;
    uint32_t *labels;
    size_t label_count, label_room;
    bool *chosen;
};

static void note_label(struct distribute *all, uint32_t place)
{
    if (all->label_count == all->label_room) {
        all->label_room = all->label_room ? all->label_room * 2 : 4096;
        all->labels = mem_grow(all->labels, all->label_room * sizeof *all->labels);
    }
    all->labels[all->label_count++] = place;
}

static void note_block(struct distribute *all, struct unpacked *old)
{
    for (unsigned i = 0; i < old->block.count; i++) {
        if (all->count == all->room) {
            all->room = all->room ? all->room * 2 : 4096;
            all->entries = mem_grow(all->entries, all->room * sizeof *all->entries);
        }
        struct split_entry *entry = &all->entries[all->count++];
        *entry = (struct split_entry){ .hash = old->block.entries[i].hash, .first_label = (uint32_t)all->label_count };
        size_t use_count;
        const struct block_use *uses = unpacked_uses(old, i, &use_count);
        for (size_t u = 0; u < use_count; u++)
            if (uses[u].flags & BLOCK_USED)
                note_label(all, (uint32_t)book_place_of_id(&all->train.book, uses[u].label));
        entry->label_count = (uint32_t)all->label_count - entry->first_label;
    }
}

/* Visits the training dataset's committed blocks in order. */
typedef bool visit(struct distribute *all, struct unpacked *old, struct err *err);

static bool each_block(struct distribute *all, bool with_data, visit *visit_block, struct err *err)
{
    enum { AT_ONCE = 16 };
    struct block_row rows[AT_ONCE];
    struct unpacked old;
    size_t count = AT_ONCE;
    int64_t after = INT64_MIN;
    bool done = true;
    unpacked_init(&old);
    while (done && count == AT_ONCE) {
        arena_reset(&old.arena);
        done = stage_blocks(all->run->store, &old.arena, all->train.dataset_id, all->train.generation - 1, after,
                            with_data, rows, AT_ONCE, &count, err);
        for (size_t i = 0; done && i < count; i++) {
            old.row = rows[i];
            done = (with_data ? unpacked_from(&old, all->train.packer, &rows[i], err)
                              : block_decode(rows[i].index, rows[i].first_seq, &old.block, err)) &&
                   visit_block(all, &old, err);
            after = rows[i].first_seq;
        }
    }
    unpacked_free(&old);
    return done;
}

static bool look(struct distribute *all, struct unpacked *old, struct err *err)
{
    (void)err;
    note_block(all, old);
    return true;
}

/* Moves one entry: out of the training counters, in under the test dataset's own seq and label ids. */
static bool move(struct distribute *all, struct unpacked *old, unsigned i, struct err *err)
{
    struct stage *train = &all->train, *test = &all->test;
    const struct block_entry *entry = &old->block.entries[i];
    size_t use_count;
    const struct block_use *uses = unpacked_uses(old, i, &use_count);
    stage_count(train, entry->flags, uses, use_count, -1);
    struct block_use *theirs = mem_alloc((use_count + 1) * sizeof *theirs);
    for (size_t u = 0; u < use_count; u++) {
        struct span name = train->book.labels[book_place_of_id(&train->book, uses[u].label)].name;
        theirs[u] = uses[u];
        theirs[u].label = book_id(&test->book, name);
    }
    struct block_entry moved = *entry;
    moved.seq = test->progress.next_seq++;
    stage_count(test, entry->flags, theirs, use_count, 1);
    bool done = stage_put(test, &moved, unpacked_line(old, i), theirs, use_count, true, err);
    free(theirs);
    return done;
}

static bool rewrite(struct distribute *all, struct unpacked *old, struct err *err)
{
    struct stage *train = &all->train;
    const bool *chosen = all->chosen + all->count; /* all->count walks behind the blocks in this pass */
    bool any = false;
    for (unsigned i = 0; i < old->block.count; i++)
        any = any || chosen[i];
    all->count += old->block.count;
    if (!any)
        return true;
    if (!stage_turn(train, err))
        return false;
    all->test.db = train->db; /* one transaction for both; it is the training stage's to end */
    bool done = stage_kill(train, &old->row, err);
    for (unsigned i = 0; done && i < old->block.count; i++) {
        size_t use_count;
        const struct block_use *uses = unpacked_uses(old, i, &use_count);
        done = chosen[i] ? move(all, old, i, err)
                         : stage_put(train, &old->block.entries[i], unpacked_line(old, i), uses, use_count, false, err);
    }
    done = done && stage_flush(train, err) && stage_pause(train, false, err);
    all->test.db = NULL;
    return done;
}

static bool choose(struct distribute *all)
{
    all->chosen = mem_zero(all->count, sizeof *all->chosen);
    struct split split = { all->entries, all->count, all->labels, all->train.book.count };
    return split_choose(&split, all->chosen);
}

static bool last_block(struct distribute *all, struct err *err)
{
    if (!stage_turn(&all->train, err))
        return false;
    all->test.db = all->train.db;
    bool done = stage_flush(&all->test, err);
    all->test.db = NULL;
    return done;
}

bool run_distribute(struct run *run, struct err *err)
{
    struct distribute all = { .run = run };
    if (!stage_open(&all.train, run, run->job->dataset_id, false, err))
        return false;
    if (!stage_open(&all.test, run, run->job->other_id, false, err)) {
        stage_close(&all.train);
        return false;
    }
    bool done = each_block(&all, false, look, err);
    if (done && !choose(&all)) {
        done = stage_give_up(&all.train, MESSAGE_TOO_FEW_TO_DISTRIBUTE, err);
    } else if (done) {
        all.count = 0;
        all.test.progress.bucket = all.train.progress.bucket;
        done = each_block(&all, true, rewrite, err) && last_block(&all, err) &&
               stage_finish(&all.train, &all.test, DATASET_UPDATE_COMPLETE, MESSAGE_UPDATED, err);
    }
    free(all.entries);
    free(all.labels);
    free(all.chosen);
    stage_close(&all.test);
    stage_close(&all.train);
    return done;
}
