/* refs: see refs.h for the contract. */
#include "work/refs.h"

#include <stdlib.h>

enum { ROWS_AT_ONCE = 64, PUTS_BETWEEN_PAUSES = 256 };

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

/* One stable pass of a radix sort, by one byte of a key. */
static void pass(const struct ref *from, struct ref *to, size_t count, unsigned shift, bool by_hash)
{
    size_t at[256] = { 0 };
    for (size_t i = 0; i < count; i++)
        at[((by_hash ? from[i].hash : (uint64_t)from[i].seq) >> shift) & 255]++;
    size_t sum = 0;
    for (unsigned b = 0; b < 256; b++) {
        size_t here = at[b];
        at[b] = sum;
        sum += here;
    }
    for (size_t i = 0; i < count; i++)
        to[at[((by_hash ? from[i].hash : (uint64_t)from[i].seq) >> shift) & 255]++] = from[i];
}

void refs_sort(struct refs *refs)
{
    const uint64_t sign = (uint64_t)1 << 63; /* so that unsigned bytes order as the store's signed integers do */
    if (refs->count < 2)
        return;
    struct ref *other = mem_alloc(refs->room * sizeof *other);
    struct ref *from = refs->list, *to = other;
    bool rising = true;
    for (size_t i = 0; i < refs->count; i++) {
        rising = rising && (i == 0 || from[i].seq > from[i - 1].seq);
        from[i].hash ^= sign;
    }
    for (unsigned round = rising ? 8 : 0; round < 16; round++) {
        pass(from, to, refs->count, round % 8 * 8, round >= 8);
        struct ref *swap = from;
        from = to;
        to = swap;
    }
    for (size_t i = 0; i < refs->count; i++)
        from[i].hash ^= sign;
    refs->list = from;
    free(to);
}

bool refs_write(const struct refs *refs, struct stage *stage, struct err *err)
{
    for (size_t i = 0; i < refs->count; i++) {
        if (i % PUTS_BETWEEN_PAUSES == 0 && (!stage_pause(stage, false, err) || !stage_turn(stage, err)))
            return false;
        if (!stage_ref_put(stage->db, stage->dataset_id, refs->list[i].hash, refs->list[i].seq, err))
            return false;
    }
    return stage_pause(stage, true, err);
}
