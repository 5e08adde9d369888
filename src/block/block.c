/* block: see block.h for the contract and the layout. */
#include "block/block.h"

#include <stdlib.h>
#include <zstd.h>

enum { VERSION = 1, ZSTD_LEVEL = 1, SPARSE_MAX = 15, BITS_MARK = 255, VARINT_MOST = 10 };

_Static_assert(SPARSE_MAX <= sizeof(struct block_set), "a set listed takes no more room than its bits");

void block_init(struct block *block)
{
    memset(block, 0, sizeof *block);
}

void block_clear(struct block *block)
{
    block->count = 0;
    block->raw_bytes = 0;
    block->label_count = 0;
    if (block->slots)
        memset(block->slots, 0, block->slot_count * sizeof *block->slots);
}

void block_free(struct block *block)
{
    free(block->labels);
    free(block->slots);
    memset(block, 0, sizeof *block);
}

bool block_fits(const struct block *block, size_t line_bytes)
{
    return block->count == 0 || (block->count < BLOCK_ENTRIES_MAX && block->raw_bytes + line_bytes <= BLOCK_BYTES_MAX);
}

static unsigned slot_of(const struct block *block, uint32_t id)
{
    unsigned at = (id * 0x9E3779B1u) & (block->slot_count - 1);
    while (block->slots[at] && block->labels[block->slots[at] - 1].id != id)
        at = (at + 1) & (block->slot_count - 1);
    return at;
}

static void slots_grow(struct block *block)
{
    block->slot_count = block->slot_count ? block->slot_count * 4 : 512;
    free(block->slots);
    block->slots = mem_zero(block->slot_count, sizeof *block->slots);
    for (unsigned i = 0; i < block->label_count; i++)
        block->slots[slot_of(block, block->labels[i].id)] = (uint16_t)(i + 1);
}

static struct block_label *label_push(struct block *block, uint32_t id)
{
    if (block->label_count == block->label_room) {
        block->label_room = block->label_room ? block->label_room * 2 : 32;
        block->labels = mem_grow(block->labels, block->label_room * sizeof *block->labels);
    }
    struct block_label *label = &block->labels[block->label_count++];
    *label = (struct block_label){ .id = id };
    return label;
}

static struct block_label *label_of(struct block *block, uint32_t id)
{
    if (block->label_count * 2 >= block->slot_count)
        slots_grow(block);
    unsigned slot = slot_of(block, id);
    if (block->slots[slot])
        return &block->labels[block->slots[slot] - 1];
    CHECK(block->label_count < UINT16_MAX - 1);
    struct block_label *label = label_push(block, id);
    block->slots[slot] = (uint16_t)block->label_count;
    return label;
}

void block_add(struct block *block, struct buf *lines, int64_t seq, uint64_t hash, unsigned flags, struct span line,
               const struct block_use *uses, size_t use_count)
{
    CHECK(block_fits(block, line.len) && line.len <= UINT32_MAX / 4);
    CHECK(block->count == 0 || seq > block->entries[block->count - 1].seq);
    CHECK(lines->len == block->raw_bytes);
    unsigned at = block->count++;
    block->entries[at] = (struct block_entry){
        .seq = seq, .hash = hash, .offset = block->raw_bytes, .bytes = (uint32_t)line.len, .flags = (uint8_t)flags
    };
    buf_add(lines, line);
    CHECK(!lines->overflow);
    block->raw_bytes += (uint32_t)line.len;
    for (size_t i = 0; i < use_count; i++) {
        struct block_label *label = label_of(block, uses[i].label);
        if (uses[i].flags & BLOCK_USED)
            block_set_add(&label->used, at);
        if (uses[i].flags & BLOCK_BOXED)
            block_set_add(&label->boxed, at);
        if (uses[i].flags & BLOCK_DECLARED)
            block_set_add(&label->declared, at);
    }
}

struct block_packer {
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
};

struct block_packer *block_packer_new(void)
{
    struct block_packer *packer = mem_zero(1, sizeof *packer);
    packer->pack = ZSTD_createCCtx();
    packer->unpack = ZSTD_createDCtx();
    CHECK(packer->pack && packer->unpack);
    CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(packer->pack, ZSTD_c_compressionLevel, ZSTD_LEVEL)));
    CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(packer->pack, ZSTD_c_checksumFlag, 1)));
    return packer;
}

void block_packer_free(struct block_packer *packer)
{
    if (!packer)
        return;
    ZSTD_freeCCtx(packer->pack);
    ZSTD_freeDCtx(packer->unpack);
    free(packer);
}

void block_pack(struct block_packer *packer, struct span lines, struct buf *ret_data)
{
    size_t bound = ZSTD_compressBound(lines.len);
    CHECK(buf_reserve(ret_data, bound));
    size_t packed = ZSTD_compress2(packer->pack, ret_data->ptr + ret_data->len, bound, lines.ptr, lines.len);
    CHECK(!ZSTD_isError(packed));
    ret_data->len += packed;
}

/* Writing goes straight into room that was reserved for the worst case. */
static char *put_varint(char *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (char)(value | 0x80);
        value >>= 7;
    }
    *at++ = (char)value;
    return at;
}

static char *put_set(char *at, const struct block_set *set)
{
    unsigned members = block_set_count(set);
    if (members > SPARSE_MAX) {
        *at++ = (char)BITS_MARK;
        memcpy(at, set, sizeof *set);
        return at + sizeof *set;
    }
    *at++ = (char)members;
    for (unsigned half = 0; half < 2; half++)
        for (uint64_t left = set->word[half]; left; left &= left - 1)
            *at++ = (char)(half * 64 + (unsigned)__builtin_ctzll(left));
    return at;
}

void block_encode_entries(const struct block *block, struct buf *ret_index)
{
    enum { HEAD_MOST = 2 + VARINT_MOST, ENTRY_MOST = 2 * VARINT_MOST + 1 + sizeof(uint64_t) };
    CHECK(block->count > 0 && buf_reserve(ret_index, HEAD_MOST + (size_t)block->count * ENTRY_MOST));
    char *at = ret_index->ptr + ret_index->len;
    *at++ = VERSION;
    *at++ = (char)block->count;
    at = put_varint(at, block->raw_bytes);
    int64_t before = block->entries[0].seq;
    for (unsigned i = 0; i < block->count; i++) {
        const struct block_entry *entry = &block->entries[i];
        at = put_varint(at, (uint64_t)(entry->seq - before));
        at = put_varint(at, entry->bytes);
        *at++ = (char)entry->flags;
        before = entry->seq;
    }
    for (unsigned i = 0; i < block->count; i++, at += sizeof(uint64_t))
        memcpy(at, &block->entries[i].hash, sizeof(uint64_t));
    ret_index->len = (size_t)(at - ret_index->ptr);
}

void block_encode_labels(const struct block *block, struct buf *ret_index)
{
    enum { LABEL_MOST = VARINT_MOST + 3 * (1 + sizeof(struct block_set)) };
    CHECK(buf_reserve(ret_index, VARINT_MOST + (size_t)block->label_count * LABEL_MOST));
    char *at = put_varint(ret_index->ptr + ret_index->len, block->label_count);
    for (unsigned i = 0; i < block->label_count; i++) {
        const struct block_label *label = &block->labels[i];
        at = put_varint(at, label->id);
        at = put_set(at, &label->used);
        at = put_set(at, &label->boxed);
        at = put_set(at, &label->declared);
    }
    ret_index->len = (size_t)(at - ret_index->ptr);
}

/* Reading: every get_ checks what is left, and a damaged index ends in `bad`, never in a read beyond it. */
struct cursor {
    const unsigned char *at;
    const unsigned char *end;
    bool bad;
};

static unsigned get_u8(struct cursor *in)
{
    if (in->at == in->end) {
        in->bad = true;
        return 0;
    }
    return *in->at++;
}

static uint64_t get_varint(struct cursor *in)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        unsigned byte = get_u8(in);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    in->bad = true;
    return 0;
}

static void get_bytes(struct cursor *in, void *into, size_t len)
{
    if ((size_t)(in->end - in->at) < len) {
        in->bad = true;
        return;
    }
    memcpy(into, in->at, len);
    in->at += len;
}

static void get_set(struct cursor *in, struct block_set *set, unsigned count)
{
    unsigned members = get_u8(in);
    if (members == BITS_MARK) {
        get_bytes(in, set, sizeof *set);
        for (unsigned i = count; i < BLOCK_ENTRIES_MAX; i++)
            in->bad = in->bad || block_set_has(set, i);
        return;
    }
    for (unsigned i = 0; i < members && !in->bad; i++) {
        unsigned entry = get_u8(in);
        if (entry >= count)
            in->bad = true;
        else
            block_set_add(set, entry);
    }
}

static void get_entries(struct cursor *in, int64_t first_seq, struct block *block)
{
    int64_t seq = first_seq;
    uint64_t offset = 0;
    for (unsigned i = 0; i < block->count && !in->bad; i++) {
        struct block_entry *entry = &block->entries[i];
        uint64_t step = get_varint(in);
        uint64_t bytes = get_varint(in);
        if (step > INT32_MAX * (uint64_t)1024 || bytes > UINT32_MAX || (i > 0 && step == 0))
            in->bad = true;
        if (__builtin_add_overflow(seq, (int64_t)step, &seq))
            in->bad = true;
        *entry = (struct block_entry){
            .seq = seq, .offset = (uint32_t)offset, .bytes = (uint32_t)bytes, .flags = (uint8_t)get_u8(in)
        };
        offset += bytes;
    }
    if (offset != block->raw_bytes)
        in->bad = true;
    for (unsigned i = 0; i < block->count && !in->bad; i++)
        get_bytes(in, &block->entries[i].hash, sizeof(uint64_t));
}

bool block_decode(struct span index, int64_t first_seq, struct block *ret_block, struct err *err)
{
    const unsigned char *bytes = (const unsigned char *)index.ptr;
    struct cursor in = { bytes, bytes + index.len, false };
    block_clear(ret_block);
    if (get_u8(&in) != VERSION)
        in.bad = true;
    ret_block->count = get_u8(&in);
    uint64_t raw = get_varint(&in);
    if (ret_block->count == 0 || ret_block->count > BLOCK_ENTRIES_MAX || raw > UINT32_MAX)
        in.bad = true;
    ret_block->raw_bytes = (uint32_t)raw;
    if (!in.bad)
        get_entries(&in, first_seq, ret_block);
    uint64_t labels = in.bad ? 0 : get_varint(&in);
    for (uint64_t i = 0; i < labels && !in.bad; i++) {
        uint64_t id = get_varint(&in);
        if (id > UINT32_MAX)
            in.bad = true;
        struct block_label *label = label_push(ret_block, (uint32_t)id);
        get_set(&in, &label->used, ret_block->count);
        get_set(&in, &label->boxed, ret_block->count);
        get_set(&in, &label->declared, ret_block->count);
    }
    if (in.bad || in.at != in.end) {
        block_clear(ret_block);
        return fail(err, E_INTERNAL, "a block's index is damaged");
    }
    return true;
}

bool block_unpack(struct block_packer *packer, const struct block *block, struct span data, struct buf *ret_lines,
                  struct err *err)
{
    buf_clear(ret_lines);
    if (!buf_reserve(ret_lines, block->raw_bytes))
        return fail(err, E_INTERNAL, "a block is larger than any block can be");
    size_t got = ZSTD_decompressDCtx(packer->unpack, ret_lines->ptr, block->raw_bytes, data.ptr, data.len);
    if (ZSTD_isError(got) || got != block->raw_bytes)
        return fail(err, E_INTERNAL, "a block's lines are damaged");
    ret_lines->len = got;
    return true;
}

size_t block_uses(const struct block *block, unsigned i, struct block_use *ret_uses, size_t room)
{
    size_t count = 0;
    for (unsigned l = 0; l < block->label_count; l++) {
        const struct block_label *label = &block->labels[l];
        unsigned flags = (block_set_has(&label->used, i) ? BLOCK_USED : 0u) |
                         (block_set_has(&label->boxed, i) ? BLOCK_BOXED : 0u) |
                         (block_set_has(&label->declared, i) ? BLOCK_DECLARED : 0u);
        if (!flags)
            continue;
        if (count < room)
            ret_uses[count] = (struct block_use){ label->id, (uint8_t)flags };
        count++;
    }
    return count;
}
