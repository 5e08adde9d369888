/*
 * entry: see entry.h for the contract.
 *
 * A page walks the visible blocks from the one that holds from_seq. The index of a block alone decides ContainsLabels,
 * Labeled and HasErrors; lines are unpacked only where something matches. A filtered page stops after a bounded number
 * of blocks and says where to go on.
 */
#include "store/entry.h"

#include "json/json.h"
#include "manifest/manifest.h"
#include "store/dataset_rows.h"
#include "store/internal.h"

enum { INDEXES_PER_PAGE = 512, UNPACKED_PER_PAGE = 64, LINES_BYTES_MAX = 1 << 30 };

static bool readable_row(struct db *db, struct arena *arena, struct span arn, struct dataset_row *ret_row,
                         struct err *err)
{
    if (!dataset_row_by_arn(db, arena, arn, ret_row, err))
        return false;
    switch (ret_row->view.status) {
    case DATASET_CREATE_IN_PROGRESS:
        return fail(err, E_NOT_READY, "The dataset is still being created.");
    case DATASET_CREATE_FAILED:
        return fail(err, E_NOT_READY, "The dataset could not be created; there is nothing to read.");
    case DATASET_DELETE_IN_PROGRESS:
        return fail(err, E_IN_USE, "The dataset is being deleted.");
    default:
        return true;
    }
}

/* One walk over the blocks of a page. */
struct walk {
    struct store *store;
    struct db *db;
    struct arena *arena;
    const struct entry_filter *filter;
    uint32_t *label_ids; /* the filter's labels that the dataset knows */
    size_t label_count;
    int64_t from_seq;
    unsigned limit;
    unsigned unpacked;
    struct block block;
    struct buf lines;
    struct entry_page page;
};

static bool label_ids_of(struct walk *walk, int64_t dataset_id, struct err *err)
{
    walk->label_ids = arena_alloc(walk->arena, (walk->filter->label_count + 1) * sizeof *walk->label_ids);
    for (size_t i = 0; i < walk->filter->label_count; i++) {
        struct db_query *q = db_query(walk->db, "SELECT id FROM label WHERE dataset_id = ?1 AND name = ?2");
        db_bind_int(q, 1, dataset_id);
        db_bind_text(q, 2, walk->filter->labels[i]);
        enum db_step step = db_next(q, err);
        if (step == DB_ROW)
            walk->label_ids[walk->label_count++] = (uint32_t)db_int(q, 0);
        if (!db_end(q, step == DB_FAILED ? NULL : err) || step == DB_FAILED)
            return false;
    }
    return true;
}

static struct block_set matches(const struct walk *walk)
{
    const struct block *block = &walk->block;
    struct block_set set = { { 0, 0 } };
    for (unsigned i = 0; i < block->count; i++) {
        unsigned flags = block->entries[i].flags;
        if (block->entries[i].seq < walk->from_seq || (walk->filter->labeled_only && !(flags & BLOCK_LABELED)) ||
            (walk->filter->unlabeled_only && (flags & BLOCK_LABELED)) ||
            (walk->filter->errors_only && !(flags & BLOCK_ERROR)))
            continue;
        block_set_add(&set, i);
    }
    if (walk->filter->label_count == 0)
        return set;
    struct block_set wanted = { { 0, 0 } };
    for (unsigned l = 0; l < block->label_count; l++)
        for (size_t w = 0; w < walk->label_count; w++)
            if (block->labels[l].id == walk->label_ids[w])
                for (unsigned k = 0; k < 2; k++)
                    wanted.word[k] |= block->labels[l].used.word[k];
    return (struct block_set){ { set.word[0] & wanted.word[0], set.word[1] & wanted.word[1] } };
}

/* Decides SourceRefContains on the unescaped value; the raw bytes answer first where they can. */
static bool source_matches(struct walk *walk, struct span line)
{
    struct span needle = walk->filter->source_contains;
    if (needle.len == 0)
        return true;
    if (!memchr(line.ptr, '\\', line.len) && !span_contains(line, needle))
        return false;
    struct json root, value;
    struct json_parser *parser = store_reader_json(walk->store, walk->db);
    return json_parse(parser, line, &root, NULL) && json_kind(root) == JSON_OBJECT &&
           json_member(root, SPAN_LIT("source-ref"), &value) && json_kind(value) == JSON_STRING &&
           span_contains(json_string(value), needle);
}

/* Takes what matches of the current block; *ret_full when the page is, with next_seq set if the block has more. */
static bool take_block(struct walk *walk, struct db_query *q, bool *ret_full, struct err *err)
{
    struct block_set set = matches(walk);
    *ret_full = false;
    if (block_set_count(&set) == 0)
        return true;
    struct block_packer *packer = store_reader_packer(walk->store, walk->db);
    if (!block_unpack(packer, &walk->block, db_blob(q, 2), &walk->lines, err))
        return false;
    walk->unpacked++;
    for (unsigned i = 0; i < walk->block.count; i++) {
        if (!block_set_has(&set, i))
            continue;
        const struct block_entry *entry = &walk->block.entries[i];
        if (walk->page.count == walk->limit) {
            walk->page.more = *ret_full = true;
            walk->page.next_seq = entry->seq;
            return true;
        }
        struct span line = span_of(walk->lines.ptr + entry->offset, entry->bytes);
        if (source_matches(walk, line))
            walk->page.lines[walk->page.count++] = arena_copy(walk->arena, line);
    }
    return true;
}

/* The first_seq of the visible block that holds or precedes from_seq; 0 when there is none. */
static bool first_block(struct walk *walk, const struct dataset_row *row, int64_t *ret_first, struct err *err)
{
    struct db_query *q =
        db_query(walk->db, "SELECT first_seq FROM block WHERE dataset_id = ?1 AND first_seq <= ?2 AND "
                           "born <= ?3 AND (died IS NULL OR died > ?3) ORDER BY first_seq DESC LIMIT 1");
    db_bind_int(q, 1, row->view.id);
    db_bind_int(q, 2, walk->from_seq);
    db_bind_int(q, 3, row->generation);
    int64_t first = db_next(q, err) == DB_ROW ? db_int(q, 0) : 0;
    if (!db_end(q, err))
        return false;
    *ret_first = first;
    return true;
}

static bool walk_blocks(struct walk *walk, const struct dataset_row *row, struct err *err)
{
    int64_t first;
    if (!first_block(walk, row, &first, err))
        return false;
    struct db_query *q = db_walk(walk->db, "SELECT first_seq, idx, data FROM block WHERE dataset_id = ?1 AND "
                                           "first_seq >= ?2 AND born <= ?3 AND (died IS NULL OR died > ?3) "
                                           "ORDER BY first_seq");
    db_bind_int(q, 1, row->view.id);
    db_bind_int(q, 2, first);
    db_bind_int(q, 3, row->generation);
    unsigned scanned = 0;
    bool full = false, good = true;
    enum db_step step = DB_DONE;
    while (good && !full && (step = db_next(q, err)) == DB_ROW) {
        bool spent =
            walk->page.count == walk->limit || scanned == INDEXES_PER_PAGE || walk->unpacked == UNPACKED_PER_PAGE;
        if (spent) {
            walk->page.more = true;
            walk->page.next_seq = db_int(q, 0);
            break;
        }
        scanned++;
        good = block_decode(db_blob(q, 1), db_int(q, 0), &walk->block, err) && take_block(walk, q, &full, err);
    }
    return db_end(q, step == DB_FAILED || !good ? NULL : err) && step != DB_FAILED && good;
}

bool entry_list(struct store *store, struct arena *arena, struct span dataset_arn, const struct entry_filter *filter,
                int64_t from_seq, unsigned limit, struct entry_page *ret_page, struct err *err)
{
    struct walk walk = { .store = store, .arena = arena, .filter = filter, .from_seq = from_seq, .limit = limit };
    if (!store_read_begin(store, &walk.db, err))
        return false;
    block_init(&walk.block);
    buf_init(&walk.lines, LINES_BYTES_MAX);
    walk.page.lines = arena_alloc(arena, (limit + 1) * sizeof *walk.page.lines);
    struct dataset_row row;
    bool done = readable_row(walk.db, arena, dataset_arn, &row, err) && label_ids_of(&walk, row.view.id, err);
    bool nothing = filter->label_count > 0 && walk.label_count == 0;
    done = done && (nothing || walk_blocks(&walk, &row, err));
    store_read_end(store, walk.db);
    block_free(&walk.block);
    buf_free(&walk.lines);
    if (done)
        *ret_page = walk.page;
    return done;
}

static bool labels_in(struct db *db, struct arena *arena, int64_t dataset_id, int64_t from_id, unsigned limit,
                      struct label_row *rows, size_t *ret_count, struct err *err)
{
    struct db_query *q = db_query(db, "SELECT id, name, entries, boxed FROM label WHERE dataset_id = ?1 AND id >= ?2 "
                                      "ORDER BY id LIMIT ?3");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, from_id);
    db_bind_int(q, 3, (int64_t)limit + 1);
    size_t count = 0;
    enum db_step step;
    while ((step = db_next(q, err)) == DB_ROW)
        rows[count++] = (struct label_row){ .id = db_int(q, 0),
                                            .name = arena_copy(arena, db_text(q, 1)),
                                            .entries = db_int(q, 2),
                                            .boxed_entries = db_int(q, 3) };
    *ret_count = count;
    return db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
}

bool label_list(struct store *store, struct arena *arena, struct span dataset_arn, int64_t from_id, unsigned limit,
                struct label_row **ret_rows, size_t *ret_count, bool *ret_more, struct err *err)
{
    struct db *db;
    if (!store_read_begin(store, &db, err))
        return false;
    struct dataset_row row;
    size_t count = 0;
    struct label_row *rows = arena_alloc(arena, ((size_t)limit + 1) * sizeof *rows);
    bool done = readable_row(db, arena, dataset_arn, &row, err) &&
                labels_in(db, arena, row.view.id, from_id, limit, rows, &count, err);
    store_read_end(store, db);
    if (!done)
        return false;
    *ret_more = count > limit;
    *ret_count = count > limit ? limit : count;
    *ret_rows = rows;
    return true;
}

bool rejected_list(struct store *store, struct arena *arena, struct span dataset_arn, int64_t after_line,
                   unsigned limit, struct rejected_row **ret_rows, size_t *ret_count, struct err *err)
{
    struct db *db;
    if (!store_read_begin(store, &db, err))
        return false;
    struct dataset_row dataset;
    struct rejected_row *rows = arena_alloc(arena, (limit + 1) * sizeof *rows);
    size_t count = 0;
    bool done = dataset_row_by_arn(db, arena, dataset_arn, &dataset, err);
    if (done) {
        struct db_query *q = db_query(db, "SELECT line, code, value FROM rejected WHERE dataset_id = ?1 AND line > ?2 "
                                          "ORDER BY line LIMIT ?3");
        db_bind_int(q, 1, dataset.view.id);
        db_bind_int(q, 2, after_line);
        db_bind_int(q, 3, limit);
        enum db_step step;
        while ((step = db_next(q, err)) == DB_ROW)
            rows[count++] = (struct rejected_row){
                .line = db_int(q, 0),
                .code = span_str(manifest_code_name((enum manifest_code)db_int(q, 1))),
                .value = arena_copy(arena, db_text(q, 2)),
            };
        done = db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
    }
    store_read_end(store, db);
    if (!done)
        return false;
    *ret_rows = rows;
    *ret_count = count;
    return true;
}
