/*
 * duplicates: the entries of a manifest whose source-ref an earlier line has (spec D.5.2: the first one stays).
 *
 * Entries with equal 64-bit hashes are candidates. Their blocks are read once each, in order, and the source-refs
 * themselves compared by a keyed 128-bit hash, so that a collision of the short hash never costs an entry.
 */
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "work/ingest.h"
#include "work/unpacked.h"

struct candidate {
    int64_t seq;
    uint64_t hash;
    XXH128_hash_t source;
};

struct candidates {
    struct candidate *list;
    size_t count;
    size_t room;
};

void seqs_add(struct seqs *seqs, int64_t seq)
{
    if (seqs->count == seqs->room) {
        seqs->room = seqs->room ? seqs->room * 2 : 256;
        seqs->list = mem_grow(seqs->list, seqs->room * sizeof *seqs->list);
    }
    seqs->list[seqs->count++] = seq;
}

void seqs_free(struct seqs *seqs)
{
    free(seqs->list);
    *seqs = (struct seqs){ 0 };
}

static void candidates_add(struct candidates *candidates, const struct ref *ref)
{
    if (candidates->count == candidates->room) {
        candidates->room = candidates->room ? candidates->room * 2 : 256;
        candidates->list = mem_grow(candidates->list, candidates->room * sizeof *candidates->list);
    }
    candidates->list[candidates->count++] = (struct candidate){ .seq = ref->seq, .hash = ref->hash };
}

static void gather(const struct refs *refs, struct candidates *candidates)
{
    for (size_t i = 0; i < refs->count; i++) {
        bool before = i > 0 && refs->list[i - 1].hash == refs->list[i].hash;
        bool behind = i + 1 < refs->count && refs->list[i + 1].hash == refs->list[i].hash;
        if (before || behind)
            candidates_add(candidates, &refs->list[i]);
    }
}

static int by_seq(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int by_source_and_seq(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    int order = XXH128_cmp(&x->source, &y->source);
    return order ? order : by_seq(a, b);
}

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Reads the blocks of the candidates, which are in order of seq, and notes what their source-refs are. */
static bool look(struct ingest *ingest, struct candidates *candidates, struct err *err)
{
    struct stage *stage = &ingest->stage;
    struct manifest_limits lifted = { 0 };
    struct manifest_reader *reader = manifest_reader_new(&lifted);
    struct unpacked unpacked;
    unpacked_init(&unpacked);
    bool done = true;
    unsigned at = 0;
    for (size_t i = 0; done && i < candidates->count; i++) {
        struct candidate *candidate = &candidates->list[i];
        bool found = true;
        if (i == 0 || candidate->seq > unpacked.row.last_seq) {
            done = unpacked_load(&unpacked, ingest->run, stage->packer, stage->dataset_id, stage->generation,
                                 candidate->seq, &found, err);
            at = 0;
            if (!done)
                break;
        }
        CHECK(found);
        while (unpacked.block.entries[at].seq != candidate->seq)
            CHECK(++at < unpacked.block.count);
        struct manifest_verdict verdict;
        manifest_read(reader, unpacked_line(&unpacked, at), &verdict);
        CHECK(verdict.fate == MANIFEST_KEPT);
        candidate->source = XXH3_128bits_withSeed(verdict.source_ref.ptr, verdict.source_ref.len, candidate->hash);
    }
    unpacked_free(&unpacked);
    manifest_reader_free(reader);
    return done;
}

bool duplicates_find(struct ingest *ingest, struct seqs *ret_repeated, struct err *err)
{
    struct candidates candidates = { 0 };
    gather(&ingest->refs, &candidates);
    if (candidates.count == 0)
        return true;
    qsort(candidates.list, candidates.count, sizeof *candidates.list, by_seq);
    bool done = look(ingest, &candidates, err);
    if (done) {
        qsort(candidates.list, candidates.count, sizeof *candidates.list, by_source_and_seq);
        for (size_t i = 1; i < candidates.count; i++)
            if (XXH128_isEqual(candidates.list[i - 1].source, candidates.list[i].source))
                seqs_add(ret_repeated, candidates.list[i].seq);
        if (ret_repeated->count)
            qsort(ret_repeated->list, ret_repeated->count, sizeof *ret_repeated->list, by_value);
    }
    free(candidates.list);
    return done;
}

static bool report(struct ingest *ingest, struct manifest_reader *reader, struct unpacked *unpacked, unsigned i,
                   struct err *err)
{
    struct stage *stage = &ingest->stage;
    const struct block_entry *entry = &unpacked->block.entries[i];
    struct manifest_verdict verdict;
    manifest_read(reader, unpacked_line(unpacked, i), &verdict);
    size_t use_count;
    const struct block_use *uses = unpacked_uses(unpacked, i, &use_count);
    stage_count(stage, entry->flags, uses, use_count, -1);
    stage->progress.dropped++;
    return stage_rejected_put(stage->db, stage->dataset_id, entry->seq, MANIFEST_DUPLICATE_SOURCE_REF,
                              span_first(verdict.source_ref, 256), err);
}

/* Writes the loaded block anew without its repeated entries; *at moves behind those it held. */
static bool rewrite(struct ingest *ingest, struct manifest_reader *reader, struct unpacked *unpacked,
                    const struct seqs *repeated, size_t *at, struct err *err)
{
    struct stage *stage = &ingest->stage;
    if (!stage_turn(stage, err) ||
        !stage_block_drop(stage->db, stage->dataset_id, unpacked->row.first_seq, stage->generation, err))
        return false;
    for (unsigned i = 0; i < unpacked->block.count; i++) {
        const struct block_entry *entry = &unpacked->block.entries[i];
        bool out = *at < repeated->count && repeated->list[*at] == entry->seq;
        size_t use_count;
        if (out) {
            (*at)++;
            if (!report(ingest, reader, unpacked, i, err))
                return false;
            continue;
        }
        const struct block_use *uses = unpacked_uses(unpacked, i, &use_count);
        if (!stage_put(stage, entry, unpacked_line(unpacked, i), uses, use_count, false, err))
            return false;
    }
    return stage_flush(stage, err) && stage_pause(stage, false, err);
}

static void forget_refs(struct refs *refs, const struct seqs *repeated)
{
    size_t kept = 0;
    for (size_t i = 0; i < refs->count; i++)
        if (!bsearch(&refs->list[i].seq, repeated->list, repeated->count, sizeof *repeated->list, by_value))
            refs->list[kept++] = refs->list[i];
    refs->count = kept;
}

bool duplicates_remove(struct ingest *ingest, const struct seqs *repeated, struct err *err)
{
    if (repeated->count == 0)
        return true;
    struct stage *stage = &ingest->stage;
    struct manifest_limits lifted = { 0 };
    struct manifest_reader *reader = manifest_reader_new(&lifted);
    struct unpacked unpacked;
    unpacked_init(&unpacked);
    bool done = true;
    for (size_t at = 0; done && at < repeated->count;) {
        bool found;
        /* reading beside the open turn is right: no block is rewritten twice */
        done = unpacked_load(&unpacked, ingest->run, stage->packer, stage->dataset_id, stage->generation,
                             repeated->list[at], &found, err);
        CHECK(!done || found);
        done = done && rewrite(ingest, reader, &unpacked, repeated, &at, err);
    }
    unpacked_free(&unpacked);
    manifest_reader_free(reader);
    if (done)
        forget_refs(&ingest->refs, repeated);
    return done;
}
