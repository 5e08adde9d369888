/*
 * block: up to 128 entries, or as many as fit in about 1 MiB of lines, as one zstd frame and a small index. Pure.
 *
 * The index says of every entry its sequence number, length, hash and flags, and of every label which entries use, box
 * and declare it, so that counting, filtering and finding need not unpack the lines. Layout (little-endian, varints as
 * in LEB128):
 *
 *     u8 version (1) · u8 count · varint raw_bytes
 *     count × { varint seq - previous seq (the first: 0, relative to the block's first_seq) · varint line bytes · u8
 * flags } count × u64 hash varint labels · labels × { varint id · 3 × set }     set: u8 n < 16: n × u8 entry, or u8
 * 255: 16 bytes of bits
 *
 * Making one: block_init, block_add for each entry with its labels, block_pack once; then block_encode_entries and,
 * when the labels have their ids, block_encode_labels behind it. Reading one: block_decode the index; block_unpack the
 * lines where needed. A struct block may be reused (block_clear).
 */
#ifndef PLACARD_BLOCK_BLOCK_H
#define PLACARD_BLOCK_BLOCK_H

#include "base/buf.h"
#include "base/err.h"

#define BLOCK_ENTRIES_MAX 128
#define BLOCK_BYTES_MAX (1024 * 1024)

enum { BLOCK_LABELED = 1, BLOCK_ERROR = 2 };                  /* of an entry */
enum { BLOCK_USED = 1, BLOCK_BOXED = 2, BLOCK_DECLARED = 4 }; /* of a label in an entry */

struct block_set {
    uint64_t word[2]; /* bit i: entry i */
};

struct block_entry {
    int64_t seq;
    uint64_t hash;
    uint32_t offset; /* of the line in the unpacked bytes */
    uint32_t bytes;
    uint8_t flags;
};

struct block_label {
    uint32_t id;
    struct block_set used, boxed, declared;
};

struct block {
    unsigned count;
    uint32_t raw_bytes;
    struct block_entry entries[BLOCK_ENTRIES_MAX];
    struct block_label *labels; /* owned */
    unsigned label_count;
    unsigned label_room;
    uint16_t *slots; /* label id -> 1 + place in labels, open addressing; owned, only while making */
    unsigned slot_count;
};

struct block_use {
    uint32_t label;
    uint8_t flags;
};

void block_init(struct block *block);
void block_clear(struct block *block);
void block_free(struct block *block);

/* Whether an entry of that many bytes still belongs here; an empty block takes any. */
bool block_fits(const struct block *block, size_t line_bytes);

/* Appends; seqs must rise. `lines` gathers the raw bytes and is the caller's, cleared with the block. */
void block_add(struct block *block, struct buf *lines, int64_t seq, uint64_t hash, unsigned flags, struct span line,
               const struct block_use *uses, size_t use_count);

/* Compresses `lines` into ret_data (appended). */
struct block_packer;
struct block_packer *block_packer_new(void); /* one per thread */
void block_packer_free(struct block_packer *packer);
void block_pack(struct block_packer *packer, struct span lines, struct buf *ret_data);

/* Append the two halves of the index, in this order. Labels go out under the ids they have in block->labels. */
void block_encode_entries(const struct block *block, struct buf *ret_index);
void block_encode_labels(const struct block *block, struct buf *ret_index);

/* E_INTERNAL when the bytes are not an index (a damaged database). first_seq is the row's. */
bool block_decode(struct span index, int64_t first_seq, struct block *ret_block, struct err *err) MUST_CHECK;

/* Unpacks into ret_lines (cleared first); entry i is entries[i].offset, .bytes. */
bool block_unpack(struct block_packer *packer, const struct block *block, struct span data, struct buf *ret_lines,
                  struct err *err) MUST_CHECK;

/* The label uses of entry `i`, at most `room`; returns how many there are. */
size_t block_uses(const struct block *block, unsigned i, struct block_use *ret_uses, size_t room);

static inline bool block_set_has(const struct block_set *set, unsigned i)
{
    return set->word[i >> 6] >> (i & 63) & 1;
}

static inline void block_set_add(struct block_set *set, unsigned i)
{
    set->word[i >> 6] |= (uint64_t)1 << (i & 63);
}

static inline unsigned block_set_count(const struct block_set *set)
{
    return (unsigned)(__builtin_popcountll(set->word[0]) + __builtin_popcountll(set->word[1]));
}

#endif
