/* unpacked: see unpacked.h for the contract. */
#include "work/unpacked.h"

#include <stdlib.h>

enum { LINES_MAX = 1 << 30 };

void unpacked_init(struct unpacked *unpacked)
{
    *unpacked = (struct unpacked){ 0 };
    block_init(&unpacked->block);
    buf_init(&unpacked->lines, LINES_MAX);
    arena_init(&unpacked->arena);
}

void unpacked_free(struct unpacked *unpacked)
{
    block_free(&unpacked->block);
    buf_free(&unpacked->lines);
    free(unpacked->uses);
    arena_free(&unpacked->arena);
}

bool unpacked_from(struct unpacked *unpacked, struct block_packer *packer, const struct block_row *row, struct err *err)
{
    unpacked->row = *row;
    return block_decode(row->index, row->first_seq, &unpacked->block, err) &&
           block_unpack(packer, &unpacked->block, row->data, &unpacked->lines, err);
}

bool unpacked_load(struct unpacked *unpacked, struct run *run, struct block_packer *packer, int64_t dataset_id,
                   int64_t generation, int64_t seq, bool *ret_found, struct err *err)
{
    struct block_row row;
    arena_reset(&unpacked->arena);
    if (!stage_block_at(run->store, &unpacked->arena, dataset_id, generation, seq, &row, ret_found, err))
        return false;
    return !*ret_found || unpacked_from(unpacked, packer, &row, err);
}

struct span unpacked_line(const struct unpacked *unpacked, unsigned i)
{
    const struct block_entry *entry = &unpacked->block.entries[i];
    return span_of(unpacked->lines.ptr + entry->offset, entry->bytes);
}

const struct block_use *unpacked_uses(struct unpacked *unpacked, unsigned i, size_t *ret_count)
{
    if (unpacked->use_room < unpacked->block.label_count) {
        unpacked->use_room = unpacked->block.label_count;
        unpacked->uses = mem_grow(unpacked->uses, unpacked->use_room * sizeof *unpacked->uses);
    }
    *ret_count = block_uses(&unpacked->block, i, unpacked->uses, unpacked->use_room);
    return unpacked->uses;
}
