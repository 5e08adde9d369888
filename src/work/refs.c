/* refs: see refs.h for the contract. */
#include "work/refs.h"

#include <stdlib.h>

enum { ROWS_AT_ONCE = 64, BUCKET_BITS_MOST = 20, BUCKET_FEW = 64 };

void refs_free(struct refs *refs)
{
    free(refs->list);
    *refs = (struct refs){ 0 };
}

void refs_add_block(struct refs *refs, const struct block *block)
{
    if (refs->count + block->count > refs->room) {
        refs->room = refs->room ? refs->room * 2 : 4096;
        refs->list = mem_grow(refs->list, refs->room * sizeof *refs->list);
    }
    for (unsigned i = 0; i < block->count; i++)
        refs->list[refs->count++] = (struct ref){ block->entries[i].hash, block->entries[i].seq };
}

bool refs_gather(struct refs *refs, struct run *run, int64_t dataset_id, int64_t generation, struct err *err)
{
    struct arena arena;
    struct block block;
    struct block_row rows[ROWS_AT_ONCE];
    size_t count;
    int64_t after = INT64_MIN;
    bool done = true;
    arena_init(&arena);
    block_init(&block);
    do {
        arena_reset(&arena);
        done = stage_blocks(run->store, &arena, dataset_id, generation, after, false, rows, ROWS_AT_ONCE, &count, err);
        for (size_t i = 0; done && i < count; i++) {
            done = block_decode(rows[i].index, rows[i].first_seq, &block, err);
            if (done)
                refs_add_block(refs, &block);
            after = rows[i].first_seq;
        }
    } while (done && count == ROWS_AT_ONCE);
    block_free(&block);
    arena_free(&arena);
    return done;
}

static int compare(const void *a, const void *b)
{
    const struct ref *x = a, *y = b;
    if (x->hash != y->hash)
        return (int64_t)x->hash < (int64_t)y->hash ? -1 : 1;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* Few by insertion, many (whose hashes are equal or nearly so) by the library. */
static void bucket_sort(struct ref *list, size_t count)
{
    if (count > BUCKET_FEW) {
        qsort(list, count, sizeof *list, compare);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct ref moving = list[i];
        size_t at = i;
        for (; at > 0 && compare(&moving, &list[at - 1]) < 0; at--)
            list[at] = list[at - 1];
        list[at] = moving;
    }
}

/* Hashes are even: by their first bits they fall into buckets of a few, each of which is sorted alone. */
void refs_sort(struct refs *refs)
{
    unsigned bits = 1;
    if (refs->count < 2)
        return;
    while (bits < BUCKET_BITS_MOST && (size_t)1 << bits < refs->count / 4)
        bits++;
    const uint64_t sign = (uint64_t)1 << 63; /* the store orders hashes as signed integers */
    const unsigned shift = 64 - bits;
    const size_t buckets = (size_t)1 << bits;
    struct ref *to = mem_alloc(refs->room * sizeof *to);
    size_t *ends = mem_zero(buckets + 1, sizeof *ends);
    for (size_t i = 0; i < refs->count; i++)
        ends[((refs->list[i].hash ^ sign) >> shift) + 1]++;
    for (size_t b = 1; b <= buckets; b++)
        ends[b] += ends[b - 1];
    for (size_t i = 0; i < refs->count; i++) /* from here on ends[b] moves from the bucket's beginning to its end */
        to[ends[(refs->list[i].hash ^ sign) >> shift]++] = refs->list[i];
    for (size_t b = 0, from = 0; b < buckets; from = ends[b++])
        bucket_sort(to + from, ends[b] - from);
    free(ends);
    free(refs->list);
    refs->list = to;
}

/* Pages of an attempt that did not come to its end. */
static bool clear_pages(struct stage *stage, struct err *err)
{
    bool more = true;
    while (more)
        if (!stage_turn(stage, err) || !ref_page_clear_some(stage->db, stage->dataset_id, &more, err) ||
            !stage_pause(stage, false, err))
            return false;
    return true;
}

bool refs_write(const struct refs *refs, struct stage *stage, struct err *err)
{
    if (!clear_pages(stage, err))
        return false;
    for (size_t at = 0; at < refs->count;) {
        size_t count = ref_page_take(refs->list, refs->count, at);
        if (!stage_turn(stage, err) || !ref_page_put(stage->db, stage->dataset_id, refs->list + at, count, err) ||
            !stage_pause(stage, false, err))
            return false;
        at += count;
    }
    return stage_pause(stage, true, err);
}
