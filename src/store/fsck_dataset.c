/*
 * fsck_dataset: recounts one dataset from its blocks and lines.
 *
 * Every number is found twice: from the index of a block, and from the line itself. Refs are gathered in memory
 * (24 bytes an entry) and compared in key order with those that are stored (16 bytes each).
 */
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "store/fsck_walk.h"
#include "store/ref_pages.h"

enum { LINES_BYTES_MAX = 1 << 30 };

struct found_ref {
    struct ref ref;
    uint64_t other_hash; /* tells two source-refs apart that share the first */
};

struct label {
    int64_t id;
    struct span name;
    struct label_numbers {
        int64_t entries, boxed, declared;
    } said, counted;
};

struct recount {
    struct fsck_walk *walk;
    const struct dataset_row *dataset;
    struct arena arena;
    struct label *labels; /* by id */
    size_t label_count;
    struct found_ref *refs;
    size_t ref_count, ref_room;
    struct ref *stored;
    size_t stored_count, stored_room;
    struct dataset_stats stats;
    int64_t last_seq;
    struct block block;
    struct buf lines;
    struct block_use *uses;
    size_t use_room;
};

static void recount_free(struct recount *r)
{
    free(r->refs);
    free(r->stored);
    free(r->uses);
    block_free(&r->block);
    buf_free(&r->lines);
    arena_free(&r->arena);
}

static bool load_labels(struct recount *r, struct err *err)
{
    int64_t id = r->dataset->view.id, count;
    struct db_query *q = db_query(r->walk->db, "SELECT count(*) FROM label WHERE dataset_id = ?1");
    db_bind_int(q, 1, id);
    if (!db_number(q, &count, err))
        return false;
    r->labels = arena_alloc(&r->arena, ((size_t)count + 1) * sizeof *r->labels);
    q = db_query(r->walk->db, "SELECT id, name, entries, boxed, declared FROM label WHERE dataset_id = ?1 ORDER BY id");
    db_bind_int(q, 1, id);
    enum db_step step;
    while ((step = db_next(q, err)) == DB_ROW && r->label_count < (size_t)count)
        r->labels[r->label_count++] = (struct label){ .id = db_int(q, 0),
                                                      .name = arena_copy(&r->arena, db_text(q, 1)),
                                                      .said = { db_int(q, 2), db_int(q, 3), db_int(q, 4) } };
    return db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
}

static int compare_label(const void *key, const void *row)
{
    int64_t id = *(const int64_t *)key, other = ((const struct label *)row)->id;
    return id < other ? -1 : id > other;
}

static struct label *label_of(struct recount *r, int64_t id)
{
    return r->label_count ? bsearch(&id, r->labels, r->label_count, sizeof *r->labels, compare_label) : NULL;
}

static void count_labels(struct recount *r)
{
    for (unsigned i = 0; i < r->block.label_count; i++) {
        const struct block_label *in_block = &r->block.labels[i];
        struct label *label = label_of(r, in_block->id);
        if (!label) {
            fsck_fault(r->walk, r->dataset->view.arn, "the block at %lld names label %u, which has no row",
                       (long long)r->block.entries[0].seq, in_block->id);
            continue;
        }
        label->counted.entries += block_set_count(&in_block->used);
        label->counted.boxed += block_set_count(&in_block->boxed);
        label->counted.declared += block_set_count(&in_block->declared);
    }
}

static void keep_ref(struct recount *r, const struct block_entry *entry, struct span source_ref)
{
    if (r->ref_count == r->ref_room) {
        r->ref_room = r->ref_room ? r->ref_room * 2 : 1024;
        r->refs = mem_grow(r->refs, r->ref_room * sizeof *r->refs);
    }
    r->refs[r->ref_count++] =
        (struct found_ref){ { entry->hash, entry->seq }, XXH3_64bits(source_ref.ptr, source_ref.len) };
}

/* Whether the labels that the index gives the entry are those that the line has. */
static bool same_labels(struct recount *r, unsigned at, const struct manifest_verdict *verdict)
{
    if (r->use_room < r->block.label_count) {
        r->use_room = r->block.label_count;
        r->uses = mem_grow(r->uses, r->use_room * sizeof *r->uses);
    }
    size_t count = block_uses(&r->block, at, r->uses, r->use_room);
    if (count != verdict->label_count)
        return false;
    for (size_t u = 0; u < count; u++) {
        const struct label *label = label_of(r, r->uses[u].label);
        bool same = false;
        for (size_t v = 0; label && !same && v < count; v++) {
            const struct manifest_label *in_line = &verdict->labels[v];
            unsigned flags = (in_line->used ? BLOCK_USED : 0) | (in_line->boxed ? BLOCK_BOXED : 0) |
                             (in_line->declared ? BLOCK_DECLARED : 0);
            same = flags == r->uses[u].flags && span_eq(in_line->name, label->name);
        }
        if (!same)
            return false;
    }
    return true;
}

/* What disagrees between the index and the line under one set of limits; NULL when nothing does. */
static const char *disagreement(struct recount *r, unsigned at, struct span line,
                                const struct manifest_verdict *verdict)
{
    const struct block_entry *entry = &r->block.entries[at];
    if (verdict->fate != MANIFEST_KEPT)
        return "its line would not be kept";
    if (verdict->labeled != ((entry->flags & BLOCK_LABELED) != 0))
        return "its line and the index differ on whether it is labelled";
    if (verdict->error != ((entry->flags & BLOCK_ERROR) != 0))
        return "its line and the index differ on whether it has errors";
    if (entry->hash != store_hash(&r->walk->hasher, verdict->source_ref))
        return "its hash is not that of its source-ref";
    if (!same_labels(r, at, verdict))
        return "its line and the index differ on its labels";
    if (!span_eq(verdict->line, line))
        return "its line, read anew, would be stored otherwise";
    return NULL;
}

static void check_entry(struct recount *r, unsigned at)
{
    const struct block_entry *entry = &r->block.entries[at];
    struct span line = span_of(r->lines.ptr + entry->offset, entry->bytes);
    struct manifest_verdict verdict = { .fate = MANIFEST_DROPPED };
    const char *first = NULL;
    bool good = false;
    for (size_t i = 0; !good && i < r->walk->options->limit_count; i++) {
        manifest_read(r->walk->readers[i], line, &verdict);
        const char *problem = disagreement(r, at, line, &verdict);
        good = !problem;
        first = first ? first : problem;
    }
    if (!good)
        fsck_fault(r->walk, r->dataset->view.arn, "entry %lld: %s", (long long)entry->seq, first);
    keep_ref(r, entry, verdict.fate == MANIFEST_KEPT ? verdict.source_ref : line);
    if (entry->seq <= r->last_seq)
        fsck_fault(r->walk, r->dataset->view.arn, "entry %lld does not follow entry %lld", (long long)entry->seq,
                   (long long)r->last_seq);
    if (entry->seq >= r->dataset->next_seq)
        fsck_fault(r->walk, r->dataset->view.arn, "entry %lld is not below the next number, %lld",
                   (long long)entry->seq, (long long)r->dataset->next_seq);
    r->last_seq = entry->seq;
    r->stats.total++;
    r->stats.labeled += (entry->flags & BLOCK_LABELED) != 0;
    r->stats.errors += (entry->flags & BLOCK_ERROR) != 0;
}

/* The row's columns are first_seq, last_seq, entries, idx, data. */
static void check_block(struct recount *r, struct db_query *q)
{
    struct err err;
    int64_t first_seq = db_int(q, 0);
    r->walk->counts.blocks++;
    if (!block_decode(db_blob(q, 3), first_seq, &r->block, &err) ||
        !block_unpack(r->walk->packer, &r->block, db_blob(q, 4), &r->lines, &err)) {
        fsck_fault(r->walk, r->dataset->view.arn, "the block at %lld cannot be read: %s", (long long)first_seq,
                   err.text);
        return;
    }
    if (r->block.count == 0) {
        fsck_fault(r->walk, r->dataset->view.arn, "the block at %lld is empty", (long long)first_seq);
        return;
    }
    if (r->block.count != db_int(q, 2) || r->block.entries[0].seq != first_seq ||
        r->block.entries[r->block.count - 1].seq != db_int(q, 1))
        fsck_fault(r->walk, r->dataset->view.arn, "the block at %lld holds other entries than its row says",
                   (long long)first_seq);
    count_labels(r);
    for (unsigned i = 0; i < r->block.count; i++)
        check_entry(r, i);
}

static bool walk_blocks(struct recount *r, struct err *err)
{
    struct db_query *q = db_walk(r->walk->db, "SELECT first_seq, last_seq, entries, idx, data FROM block "
                                              "WHERE dataset_id = ?1 AND born <= ?2 AND (died IS NULL OR died > ?2) "
                                              "ORDER BY first_seq, born");
    db_bind_int(q, 1, r->dataset->view.id);
    db_bind_int(q, 2, r->dataset->generation);
    enum db_step step;
    while ((step = db_next(q, err)) == DB_ROW)
        check_block(r, q);
    return db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
}

static int compare_ref(const void *a, const void *b)
{
    const struct ref *x = a, *y = b;
    if (x->hash != y->hash)
        return (int64_t)x->hash < (int64_t)y->hash ? -1 : 1;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void check_repeats(struct recount *r)
{
    for (size_t i = 1; i < r->ref_count; i++)
        if (r->refs[i].ref.hash == r->refs[i - 1].ref.hash && r->refs[i].other_hash == r->refs[i - 1].other_hash)
            fsck_fault(r->walk, r->dataset->view.arn, "entries %lld and %lld have the same source-ref",
                       (long long)r->refs[i - 1].ref.seq, (long long)r->refs[i].ref.seq);
}

static void missing_ref(struct recount *r, const struct ref *ref)
{
    fsck_fault(r->walk, r->dataset->view.arn, "entry %lld has no ref", (long long)ref->seq);
}

static void store_refs(struct recount *r, const struct ref *refs, size_t count)
{
    while (r->stored_count + count > r->stored_room) {
        r->stored_room = r->stored_room ? r->stored_room * 2 : 1024;
        r->stored = mem_grow(r->stored, r->stored_room * sizeof *r->stored);
    }
    if (count > 0)
        memcpy(r->stored + r->stored_count, refs, count * sizeof *refs);
    r->stored_count += count;
}

static bool load_ref_rows(struct recount *r, struct err *err)
{
    struct db_query *q = db_walk(r->walk->db, "SELECT hash, seq FROM entry_ref WHERE dataset_id = ?1");
    db_bind_int(q, 1, r->dataset->view.id);
    enum db_step step;
    while ((step = db_next(q, err)) == DB_ROW)
        store_refs(r, &(struct ref){ (uint64_t)db_int(q, 0), db_int(q, 1) }, 1);
    return db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
}

/* A page may begin anywhere from its key on, and must end before the next one's: else its pairs are not found. */
static void check_page(struct recount *r, int64_t first_hash, int64_t before, bool first, struct span pairs)
{
    const struct ref *refs;
    size_t count;
    if (!ref_page_read(pairs, &refs, &count) || count == 0) {
        fsck_fault(r->walk, r->dataset->view.arn, "the page of refs at %lld is damaged", (long long)first_hash);
        return;
    }
    if ((int64_t)refs[0].hash < first_hash || (!first && first_hash <= before))
        fsck_fault(r->walk, r->dataset->view.arn, "the page of refs at %lld holds others than its row says",
                   (long long)first_hash);
    store_refs(r, refs, count);
}

static bool load_ref_pages(struct recount *r, struct err *err)
{
    int64_t before = 0;
    struct arena arena;
    arena_init(&arena);
    struct db_query *q = db_walk(r->walk->db, "SELECT first_hash, pairs FROM ref_page WHERE dataset_id = ?1 "
                                              "ORDER BY first_hash");
    db_bind_int(q, 1, r->dataset->view.id);
    enum db_step step;
    for (bool first = true; (step = db_next(q, err)) == DB_ROW; first = false) {
        size_t held = r->stored_count;
        arena_reset(&arena);
        check_page(r, db_int(q, 0), before, first, arena_copy(&arena, db_blob(q, 1)));
        if (r->stored_count > held)
            before = (int64_t)r->stored[r->stored_count - 1].hash;
    }
    arena_free(&arena);
    return db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
}

/* Merges the refs found with those stored: every entry has its own, and every ref its entry unless a job is at work. */
static bool check_refs(struct recount *r, bool pending, struct err *err)
{
    if (!load_ref_rows(r, err) || !load_ref_pages(r, err))
        return false;
    int64_t extra = 0;
    size_t at = 0;
    if (r->ref_count > 0)
        qsort(r->refs, r->ref_count, sizeof *r->refs, compare_ref);
    if (r->stored_count > 0)
        qsort(r->stored, r->stored_count, sizeof *r->stored, compare_ref);
    check_repeats(r);
    r->walk->counts.refs += (int64_t)r->stored_count;
    for (size_t i = 0; i < r->stored_count; i++) {
        while (at < r->ref_count && compare_ref(&r->refs[at].ref, &r->stored[i]) < 0)
            missing_ref(r, &r->refs[at++].ref);
        if (at < r->ref_count && compare_ref(&r->refs[at].ref, &r->stored[i]) == 0)
            at++;
        else if (extra++, !pending)
            fsck_fault(r->walk, r->dataset->view.arn, "a ref names entry %lld, which is not there",
                       (long long)r->stored[i].seq);
    }
    while (at < r->ref_count)
        missing_ref(r, &r->refs[at++].ref);
    if (pending && extra > 0)
        fsck_note(r->walk, r->dataset->view.arn, "%lld refs more than entries, which the pending job explains",
                  (long long)extra);
    return true;
}

static void check_number(struct recount *r, const char *what, int64_t said, int64_t counted)
{
    if (said != counted)
        fsck_fault(r->walk, r->dataset->view.arn, "%s: the row says %lld, and there are %lld", what, (long long)said,
                   (long long)counted);
}

static void check_labels(struct recount *r)
{
    for (size_t i = 0; i < r->label_count; i++) {
        const struct label *label = &r->labels[i];
        const struct label_numbers *said = &label->said, *counted = &label->counted;
        if (said->entries != counted->entries || said->boxed != counted->boxed || said->declared != counted->declared)
            fsck_fault(r->walk, r->dataset->view.arn,
                       "label `" SPAN_FMT "`: the row says %lld entries, %lld boxed, %lld declared, and there are "
                       "%lld, %lld, %lld",
                       SPAN_ARG(label->name), (long long)said->entries, (long long)said->boxed,
                       (long long)said->declared, (long long)counted->entries, (long long)counted->boxed,
                       (long long)counted->declared);
        if (counted->entries + counted->boxed + counted->declared > 0)
            r->stats.labels++;
        else
            fsck_fault(r->walk, r->dataset->view.arn, "label `" SPAN_FMT "` has a row and no entry",
                       SPAN_ARG(label->name));
    }
}

bool fsck_dataset(struct fsck_walk *walk, const struct dataset_row *dataset, bool pending, struct err *err)
{
    struct recount r = { .walk = walk, .dataset = dataset };
    const struct dataset_stats *said = &dataset->view.stats;
    arena_init(&r.arena);
    block_init(&r.block);
    buf_init(&r.lines, LINES_BYTES_MAX);
    bool done = load_labels(&r, err) && walk_blocks(&r, err) && check_refs(&r, pending, err);
    if (done) {
        check_labels(&r);
        check_number(&r, "entries", said->total, r.stats.total);
        check_number(&r, "labelled entries", said->labeled, r.stats.labeled);
        check_number(&r, "entries with errors", said->errors, r.stats.errors);
        check_number(&r, "labels", said->labels, r.stats.labels);
        walk->counts.entries += r.stats.total;
        walk->counts.labels += r.stats.labels;
    }
    recount_free(&r);
    return done;
}
