/*
 * Fuzz target for block. The input is the first seq (8 bytes), the length of an index (2 bytes), the index, and a
 * packed frame. An index that is taken for one holds together and is written the same again; lines come out of a frame
 * only whole. And what the bytes make by way of block_add comes back as it went in.
 */
#include <stdlib.h>

#include "block/block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINES_MAX = 1 << 22, INDEX_MAX = 1 << 22, USES = 4, LINE_MAX = 40 };

struct work {
    struct block block, again;
    struct buf lines, packed, index, unpacked;
    struct block_packer *packer;
};

static struct work *work_new(void)
{
    struct work *work = mem_zero(1, sizeof *work);
    block_init(&work->block);
    block_init(&work->again);
    buf_init(&work->lines, LINES_MAX);
    buf_init(&work->packed, LINES_MAX);
    buf_init(&work->index, INDEX_MAX);
    buf_init(&work->unpacked, LINES_MAX);
    work->packer = block_packer_new();
    return work;
}

static void check_set(const struct block_set *set, unsigned count)
{
    for (unsigned i = count; i < BLOCK_ENTRIES_MAX; i++)
        CHECK(!block_set_has(set, i));
}

static void check_sound(const struct block *block, int64_t first_seq)
{
    uint64_t offset = 0;
    CHECK(block->count > 0 && block->count <= BLOCK_ENTRIES_MAX);
    for (unsigned i = 0; i < block->count; i++) {
        const struct block_entry *entry = &block->entries[i];
        CHECK(entry->seq >= (i ? block->entries[i - 1].seq + 1 : first_seq));
        CHECK(entry->offset == offset);
        offset += entry->bytes;
    }
    CHECK(offset == block->raw_bytes);
    for (unsigned i = 0; i < block->label_count; i++) {
        check_set(&block->labels[i].used, block->count);
        check_set(&block->labels[i].boxed, block->count);
        check_set(&block->labels[i].declared, block->count);
    }
}

static void check_same(const struct block *a, const struct block *b)
{
    CHECK(a->count == b->count && a->raw_bytes == b->raw_bytes && a->label_count == b->label_count);
    for (unsigned i = 0; i < a->count; i++) {
        CHECK(a->entries[i].seq == b->entries[i].seq && a->entries[i].hash == b->entries[i].hash);
        CHECK(a->entries[i].offset == b->entries[i].offset && a->entries[i].bytes == b->entries[i].bytes);
        CHECK(a->entries[i].flags == b->entries[i].flags);
    }
    for (unsigned i = 0; i < a->label_count; i++) {
        const struct block_label *x = &a->labels[i], *y = &b->labels[i];
        CHECK(x->id == y->id && memcmp(&x->used, &y->used, sizeof x->used) == 0);
        CHECK(memcmp(&x->boxed, &y->boxed, sizeof x->boxed) == 0);
        CHECK(memcmp(&x->declared, &y->declared, sizeof x->declared) == 0);
    }
}

static void read_bytes(struct work *work, int64_t first_seq, struct span index, struct span frame)
{
    struct err err = { .code = E_OK };
    struct block_use uses[USES];
    if (!block_decode(index, first_seq, &work->block, &err)) {
        CHECK(err.code == E_INTERNAL && work->block.count == 0);
        return;
    }
    check_sound(&work->block, first_seq);
    buf_clear(&work->index);
    block_encode_entries(&work->block, &work->index);
    block_encode_labels(&work->block, &work->index);
    CHECK(block_decode(buf_span(&work->index), work->block.entries[0].seq, &work->again, &err));
    check_same(&work->block, &work->again);
    for (unsigned i = 0; i < work->block.count; i++)
        CHECK(block_uses(&work->block, i, uses, USES) <= work->block.label_count);
    if (block_unpack(work->packer, &work->block, frame, &work->unpacked, &err))
        CHECK(work->unpacked.len == work->block.raw_bytes);
    else
        CHECK(err.code == E_INTERNAL);
}

/* Each byte says how far the seq goes on, the next how long the line is and what uses it; the line is what follows. */
static void make_block(struct work *work, struct span bytes)
{
    int64_t seq = 0;
    block_clear(&work->block);
    buf_clear(&work->lines);
    for (size_t at = 0; at + 2 < bytes.len; at += 2) {
        unsigned step = (uint8_t)bytes.ptr[at], shape = (uint8_t)bytes.ptr[at + 1];
        struct span line = span_first(span_from(bytes, at + 2), shape % LINE_MAX);
        struct block_use uses[USES];
        for (unsigned i = 0; i < USES; i++)
            uses[i] = (struct block_use){ .label = step * (i + 1) * 0x10001u, .flags = (uint8_t)(shape >> i & 7) };
        if (!block_fits(&work->block, line.len))
            break;
        seq += 1 + step;
        block_add(&work->block, &work->lines, seq, (uint64_t)shape * 0x9e3779b97f4a7c15u, shape & 3, line, uses,
                  shape % (USES + 1));
    }
}

static void write_block(struct work *work)
{
    struct err err;
    if (work->block.count == 0)
        return;
    buf_clear(&work->index);
    buf_clear(&work->packed);
    block_encode_entries(&work->block, &work->index);
    block_encode_labels(&work->block, &work->index);
    block_pack(work->packer, buf_span(&work->lines), &work->packed);
    CHECK(block_decode(buf_span(&work->index), work->block.entries[0].seq, &work->again, &err));
    check_same(&work->block, &work->again);
    CHECK(block_unpack(work->packer, &work->again, buf_span(&work->packed), &work->unpacked, &err));
    CHECK(span_eq(buf_span(&work->unpacked), buf_span(&work->lines)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct work *work;
    if (!work)
        work = work_new();
    int64_t first_seq = 0;
    uint16_t index_len = 0;
    struct span rest = span_of(data, size);
    if (size >= sizeof first_seq + sizeof index_len) {
        memcpy(&first_seq, data, sizeof first_seq);
        memcpy(&index_len, data + sizeof first_seq, sizeof index_len);
        struct span index = span_from(rest, sizeof first_seq + sizeof index_len);
        read_bytes(work, first_seq, span_first(index, index_len), span_from(index, index_len));
    }
    make_block(work, rest);
    write_block(work);
    return 0;
}
