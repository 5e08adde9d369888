/*
 * update: lines of UpdateDatasetEntries (spec B.5) replace the entries of their source-refs or are appended.
 *
 * At most 5 MB of lines: all are read and judged first; then the blocks that hold replaced entries are rewritten once
 * each, in order, and the new entries appended to the last block. A crash begins the job anew: the runner has removed
 * what was staged. The last of several lines with one source-ref counts; those before it are reported as repeated, and
 * not held against the update.
 */
#define _GNU_SOURCE /* qsort_r */
#include <stdlib.h>

#include "store/messages.h"
#include "work/kinds.h"
#include "work/unpacked.h"

struct change {
    struct span source_ref;
    struct span line;
    struct span *labels; /* names, with flags beside them */
    uint8_t *label_flags;
    size_t label_count;
    uint64_t hash;
    unsigned flags;
    int64_t line_number;
    bool superseded;
    bool placed; /* it replaced an entry */
};

/* A line that does not count, for the report. */
struct drop {
    struct drop *next;
    int64_t line_number;
    enum manifest_code code;
    struct span value;
};

/* A change and an entry that may be the one it replaces. */
struct lead {
    int64_t seq;
    size_t change;
};

struct update {
    struct run *run;
    struct stage stage;
    struct change *changes;
    size_t change_count, change_room;
    struct drop *drops;
    struct lead *leads;
    size_t lead_count, lead_room;
    struct unpacked old;
    struct manifest_reader *reader;
    struct block_use *uses;
    const char *refused;
};

static void change_keep(struct update *update, const struct manifest_verdict *verdict, int64_t line_number)
{
    struct arena *arena = update->run->arena;
    if (update->change_count == update->change_room) { /* not by counting lines: five million may be blank */
        update->change_room = update->change_room ? update->change_room * 2 : 64;
        update->changes = mem_grow(update->changes, update->change_room * sizeof *update->changes);
    }
    struct change *change = &update->changes[update->change_count++];
    *change = (struct change){
        .source_ref = arena_copy(arena, verdict->source_ref),
        .line = arena_copy(arena, verdict->line),
        .labels = arena_alloc(arena, verdict->label_count * sizeof(struct span)),
        .label_flags = arena_alloc(arena, verdict->label_count),
        .label_count = verdict->label_count,
        .hash = store_hash(update->run->store, verdict->source_ref),
        .flags = (verdict->labeled ? BLOCK_LABELED : 0u) | (verdict->error ? BLOCK_ERROR : 0u),
        .line_number = line_number,
    };
    for (size_t i = 0; i < verdict->label_count; i++) {
        const struct manifest_label *label = &verdict->labels[i];
        change->labels[i] = arena_copy(arena, label->name);
        change->label_flags[i] = (uint8_t)((label->used ? BLOCK_USED : 0) | (label->boxed ? BLOCK_BOXED : 0) |
                                           (label->declared ? BLOCK_DECLARED : 0));
    }
}

static void drop(struct update *update, int64_t line_number, enum manifest_code code, struct span value)
{
    struct drop *drop = arena_alloc(update->run->arena, sizeof *drop);
    *drop = (struct drop){ update->drops, line_number, code, arena_copy(update->run->arena, value) };
    update->drops = drop;
}

/* Reads all lines, or one more than are allowed; nothing is written yet, for the writer is not held meanwhile. */
static void read_lines(struct update *update)
{
    struct progress *progress = &update->stage.progress;
    struct span rest = update->run->job->source;
    int64_t most = update->run->limits.manifest_lines;
    while (rest.ptr && (!most || progress->line <= most)) {
        struct manifest_verdict verdict;
        manifest_read(update->reader, span_cut(&rest, '\n'), &verdict);
        progress->line++;
        progress->nonblank += verdict.fate != MANIFEST_BLANK;
        if (verdict.fate == MANIFEST_KEPT)
            change_keep(update, &verdict, progress->line);
        if (verdict.fate != MANIFEST_DROPPED)
            continue;
        progress->dropped++;
        progress->unparsed += verdict.code == MANIFEST_INVALID_JSON_LINE;
        drop(update, progress->line, verdict.code, verdict.offending);
    }
    atomic_fetch_add_explicit(update->run->lines_read, (uint64_t)progress->line, memory_order_relaxed);
}

/* The report of this operation's dropped lines replaces the one before it. */
static bool write_drops(struct update *update, struct err *err)
{
    struct stage *stage = &update->stage;
    if (!stage_clear_rejected(stage, err))
        return false;
    for (const struct drop *one = update->drops; one; one = one->next) {
        if (!stage_turn(stage, err) ||
            !stage_rejected_put(stage->db, stage->dataset_id, one->line_number, one->code, one->value, err) ||
            !stage_pause(stage, false, err))
            return false;
    }
    return stage_pause(stage, true, err);
}

static const char *judge(struct update *update)
{
    struct progress *progress = &update->stage.progress;
    int64_t percent = update->run->limits.dropped_percent;
    if (update->run->limits.manifest_lines && progress->line > update->run->limits.manifest_lines)
        return MESSAGE_MANIFEST_TOO_MANY_ROWS;
    if (progress->nonblank == 0)
        return MESSAGE_MANIFEST_EMPTY;
    if (progress->unparsed == progress->nonblank)
        return MESSAGE_MANIFEST_INVALID;
    if (percent && progress->dropped * 100 > progress->nonblank * percent)
        return MESSAGE_MANIFEST_TOO_MANY_ERRORS;
    for (size_t i = 0; i < update->change_count; i++) {
        struct span bucket = span_from(update->changes[i].source_ref, sizeof "s3://" - 1);
        bucket = span_cut(&bucket, '/');
        if (progress->bucket.len == 0)
            progress->bucket = bucket;
        else if (!span_eq(progress->bucket, bucket))
            return MESSAGE_MANIFEST_SEVERAL_BUCKETS;
    }
    return NULL;
}

/* Orders numbers of changes by hash, source-ref, and place. */
static int by_source(const void *a, const void *b, void *changes)
{
    const size_t *x = a, *y = b;
    const struct change *first = (const struct change *)changes + *x, *second = (const struct change *)changes + *y;
    if (first->hash != second->hash)
        return first->hash < second->hash ? -1 : 1;
    int order = span_compare(first->source_ref, second->source_ref);
    return order ? order : (*x < *y ? -1 : *x > *y);
}

/* Of several lines with one source-ref only the last stays. */
static void supersede(struct update *update)
{
    size_t *order = mem_alloc(update->change_count * sizeof *order);
    for (size_t i = 0; i < update->change_count; i++)
        order[i] = i;
    qsort_r(order, update->change_count, sizeof *order, by_source, update->changes);
    for (size_t i = 1; i < update->change_count; i++) {
        struct change *earlier = &update->changes[order[i - 1]];
        if (!span_eq(earlier->source_ref, update->changes[order[i]].source_ref))
            continue;
        earlier->superseded = true;
        drop(update, earlier->line_number, MANIFEST_DUPLICATE_SOURCE_REF, span_first(earlier->source_ref, 256));
    }
    free(order);
}

static int by_seq(const void *a, const void *b)
{
    const struct lead *x = a, *y = b;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static bool find_leads(struct update *update, struct err *err)
{
    enum { ENTRIES_PER_HASH = 16 };
    for (size_t i = 0; i < update->change_count; i++) {
        int64_t seqs[ENTRIES_PER_HASH];
        size_t count;
        if (update->changes[i].superseded)
            continue;
        if (!stage_refs_of(update->run->store, update->stage.dataset_id, update->changes[i].hash, seqs,
                           ENTRIES_PER_HASH, &count, err))
            return false;
        for (size_t s = 0; s < count; s++) {
            if (update->lead_count == update->lead_room) {
                update->lead_room = update->lead_room ? update->lead_room * 2 : 256;
                update->leads = mem_grow(update->leads, update->lead_room * sizeof *update->leads);
            }
            update->leads[update->lead_count++] = (struct lead){ seqs[s], i };
        }
    }
    if (update->lead_count)
        qsort(update->leads, update->lead_count, sizeof *update->leads, by_seq);
    return true;
}

/* The change that replaces entry i of the loaded block, among leads [from, to); NULL if none does. */
static struct change *replacement(struct update *update, unsigned i, size_t from, size_t to)
{
    int64_t seq = update->old.block.entries[i].seq;
    for (size_t l = from; l < to; l++) {
        if (update->leads[l].seq != seq)
            continue;
        struct change *change = &update->changes[update->leads[l].change];
        struct manifest_verdict verdict;
        manifest_read(update->reader, unpacked_line(&update->old, i), &verdict);
        if (verdict.fate == MANIFEST_KEPT && span_eq(verdict.source_ref, change->source_ref))
            return change;
    }
    return NULL;
}

/* The change's labels as uses of the dataset's ids; in update->uses. */
static const struct block_use *uses_of(struct update *update, const struct change *change)
{
    struct book *book = &update->stage.book;
    update->uses = mem_grow(update->uses, (change->label_count + 1) * sizeof *update->uses);
    for (size_t i = 0; i < change->label_count; i++)
        update->uses[i] = (struct block_use){ book_id(book, change->labels[i]), change->label_flags[i] };
    return update->uses;
}

/* Puts the change under that seq and counts it in. */
static bool place(struct update *update, struct change *change, int64_t seq, bool fresh, struct err *err)
{
    const struct block_use *uses = uses_of(update, change);
    struct block_entry entry = { .seq = seq, .hash = change->hash, .flags = (uint8_t)change->flags };
    stage_count(&update->stage, change->flags, uses, change->label_count, 1);
    change->placed = true;
    return stage_put(&update->stage, &entry, change->line, uses, change->label_count, fresh, err);
}

/* Rewrites the loaded block; `changed` names the replacement of each entry or NULL. */
static bool rewrite(struct update *update, struct change *const *changed, struct err *err)
{
    struct stage *stage = &update->stage;
    if (!stage_turn(stage, err) || !stage_kill(stage, &update->old.row, err))
        return false;
    for (unsigned i = 0; i < update->old.block.count; i++) {
        const struct block_entry *entry = &update->old.block.entries[i];
        size_t use_count;
        const struct block_use *uses = unpacked_uses(&update->old, i, &use_count);
        if (changed[i]) {
            stage_count(stage, entry->flags, uses, use_count, -1);
            if (!place(update, changed[i], entry->seq, false, err))
                return false;
        } else if (!stage_put(stage, entry, unpacked_line(&update->old, i), uses, use_count, false, err)) {
            return false;
        }
    }
    return true;
}

/* Rewrites every block that holds a replaced entry. *ret_tail tells that the block left open is the dataset's last. */
static bool replace(struct update *update, int64_t tail_first, bool *ret_tail, struct err *err)
{
    struct stage *stage = &update->stage;
    *ret_tail = false;
    for (size_t from = 0, to; from < update->lead_count; from = to) {
        bool found;
        if (!unpacked_load(&update->old, update->run, stage->packer, stage->dataset_id, stage->generation - 1,
                           update->leads[from].seq, &found, err))
            return false;
        to = from + 1;
        if (!found)
            continue;
        while (to < update->lead_count && update->leads[to].seq <= update->old.row.last_seq)
            to++;
        struct change *changed[BLOCK_ENTRIES_MAX] = { NULL };
        bool any = false;
        for (unsigned i = 0; i < update->old.block.count; i++) {
            changed[i] = replacement(update, i, from, to);
            any = any || changed[i];
        }
        if (!any)
            continue;
        if (!rewrite(update, changed, err))
            return false;
        *ret_tail = update->old.row.first_seq == tail_first;
        if (!*ret_tail && (!stage_flush(stage, err) || !stage_pause(stage, false, err)))
            return false;
    }
    return true;
}

/* The dataset's last block is filled up rather than followed by a small one. */
static bool reopen_tail(struct update *update, const struct block_row *tail, struct err *err)
{
    static struct change *const unchanged[BLOCK_ENTRIES_MAX];
    return unpacked_from(&update->old, update->stage.packer, tail, err) &&
           (!block_fits(&update->old.block, 1) || rewrite(update, unchanged, err));
}

static bool append(struct update *update, const struct block_row *tail, bool tail_open, struct err *err)
{
    struct stage *stage = &update->stage;
    for (size_t i = 0; i < update->change_count; i++) {
        struct change *change = &update->changes[i];
        if (change->superseded || change->placed)
            continue;
        if (!stage_turn(stage, err) || (!tail_open && tail && !reopen_tail(update, tail, err)) ||
            !place(update, change, stage->progress.next_seq++, true, err))
            return false;
        tail_open = true;
        if (stage->block.count == 1 && !stage_pause(stage, false, err)) /* the block before it was just written */
            return false;
    }
    return !stage->block.count || (stage_turn(stage, err) && stage_flush(stage, err));
}

static bool apply(struct update *update, struct err *err)
{
    struct stage *stage = &update->stage;
    struct block_row tail;
    bool any, tail_open;
    if (!stage_block_at(update->run->store, update->run->arena, stage->dataset_id, stage->generation - 1, INT64_MAX,
                        &tail, &any, err))
        return false;
    if (!find_leads(update, err) || !replace(update, any ? tail.first_seq : 0, &tail_open, err) ||
        !append(update, any ? &tail : NULL, tail_open, err))
        return false;
    update->refused = stage_over_limits(stage);
    return !update->refused && stage_finish(stage, NULL, DATASET_UPDATE_COMPLETE, MESSAGE_UPDATED, err);
}

static bool run_all(struct update *update, struct err *err)
{
    read_lines(update);
    update->refused = judge(update);
    supersede(update);
    if (!write_drops(update, err)) {
        update->refused = NULL; /* not given up without its report: tried again */
        return false;
    }
    return !update->refused && apply(update, err);
}

bool run_update(struct run *run, struct err *err)
{
    struct update update = { .run = run };
    struct manifest_limits line_limits = limits_of_line(&run->limits);
    if (!stage_open(&update.stage, run, run->job->dataset_id, false, err))
        return false;
    unpacked_init(&update.old);
    update.reader = manifest_reader_new(&line_limits);
    bool done = run_all(&update, err);
    if (!done && update.refused)
        done = stage_give_up(&update.stage, update.refused, err);
    manifest_reader_free(update.reader);
    unpacked_free(&update.old);
    free(update.changes);
    free(update.leads);
    free(update.uses);
    stage_close(&update.stage);
    return done;
}
