/* stage_rows: see stage_rows.h for the contract. What jobs write; stage_read.c has what they read. */
#include "store/stage_rows.h"

#include "block/block.h"
#include "store/internal.h"
#include "store/ref_pages.h"

/* Rows removed per call of the _some functions: a few milliseconds of work. */
enum { BLOCKS_AT_ONCE = 64, REFS_AT_ONCE = 4096 };

bool stage_block_put(struct db *db, int64_t dataset_id, const struct block_row *row, struct err *err)
{
    struct db_query *q = db_append(db, "INSERT INTO block (dataset_id, first_seq, born, last_seq, entries, idx, data) "
                                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, row->first_seq);
    db_bind_int(q, 3, row->born);
    db_bind_int(q, 4, row->last_seq);
    db_bind_int(q, 5, row->entries);
    db_bind_blob(q, 6, row->index);
    db_bind_blob(q, 7, row->data);
    return db_append_row(q, err);
}

bool stage_block_drop(struct db *db, int64_t dataset_id, int64_t first_seq, int64_t born, struct err *err)
{
    struct db_query *q = db_query(db, "DELETE FROM block WHERE dataset_id = ?1 AND first_seq = ?2 AND born = ?3");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, first_seq);
    db_bind_int(q, 3, born);
    return db_run(q, err);
}

bool stage_block_kill(struct db *db, int64_t dataset_id, int64_t first_seq, int64_t born, int64_t died, struct err *err)
{
    struct db_query *q =
        db_query(db, "UPDATE block SET died = ?4 WHERE dataset_id = ?1 AND first_seq = ?2 AND born = ?3");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, first_seq);
    db_bind_int(q, 3, born);
    db_bind_int(q, 4, died);
    return db_run(q, err);
}

static void bind_label(struct db_query *q, int64_t dataset_id, const struct label_count *count)
{
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, count->id);
    db_bind_text(q, 3, count->name);
    db_bind_int(q, 4, count->entries);
    db_bind_int(q, 5, count->boxed);
    db_bind_int(q, 6, count->declared);
}

bool stage_label_put(struct db *db, int64_t dataset_id, const struct label_count *count, struct err *err)
{
    struct db_query *q = db_query(db, "INSERT INTO staged_label (dataset_id, id, name, entries, boxed, declared) "
                                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (dataset_id, id) DO UPDATE SET "
                                      "name = excluded.name, entries = excluded.entries, boxed = excluded.boxed, "
                                      "declared = excluded.declared");
    bind_label(q, dataset_id, count);
    return db_run(q, err);
}

bool stage_label_append(struct db *db, int64_t dataset_id, const struct label_count *count, struct err *err)
{
    struct db_query *q = db_append(db, "INSERT INTO staged_label (dataset_id, id, name, entries, boxed, declared) "
                                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    bind_label(q, dataset_id, count);
    return db_append_row(q, err);
}

bool stage_labels_clear_range(struct db *db, int64_t dataset_id, int64_t first_id, int64_t last_id, struct err *err)
{
    struct db_query *q = db_query(db, "DELETE FROM staged_label WHERE dataset_id = ?1 AND id BETWEEN ?2 AND ?3");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, first_id);
    db_bind_int(q, 3, last_id);
    return db_run(q, err);
}

bool stage_ref_put(struct db *db, int64_t dataset_id, uint64_t hash, int64_t seq, struct err *err)
{
    struct db_query *q = db_append(db, "INSERT INTO entry_ref (dataset_id, hash, seq) VALUES (?1, ?2, ?3)");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, (int64_t)hash);
    db_bind_int(q, 3, seq);
    return db_append_row(q, err);
}

bool stage_ref_remove(struct db *db, int64_t dataset_id, uint64_t hash, int64_t seq, struct err *err)
{
    struct db_query *q = db_query(db, "DELETE FROM entry_ref WHERE dataset_id = ?1 AND hash = ?2 AND seq = ?3");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, (int64_t)hash);
    db_bind_int(q, 3, seq);
    if (!db_run(q, err))
        return false;
    return db_changes(db) > 0 || ref_page_remove(db, dataset_id, (struct ref){ hash, seq }, err);
}

bool stage_rejected_put(struct db *db, int64_t dataset_id, int64_t line, enum manifest_code code, struct span value,
                        struct err *err)
{
    struct db_query *q = db_append(db, "INSERT INTO rejected (dataset_id, line, code, value) VALUES (?1, ?2, ?3, ?4)");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, line);
    db_bind_int(q, 3, code);
    db_bind_text(q, 4, value);
    return db_append_row(q, err);
}

/* One `DELETE … WHERE dataset_id = ?1`; the literal is the caller's, for statements are cached by its address. */
static bool delete_of(struct db *db, const char *sql_literal, int64_t dataset_id, struct err *err)
{
    struct db_query *q = db_query(db, sql_literal);
    db_bind_int(q, 1, dataset_id);
    return db_run(q, err);
}

bool stage_rejected_clear_some(struct db *db, int64_t dataset_id, bool *ret_more, struct err *err)
{
    struct db_query *q =
        db_query(db, "DELETE FROM rejected WHERE dataset_id = ?1 AND line IN (SELECT line FROM rejected "
                     "WHERE dataset_id = ?1 ORDER BY line LIMIT ?2)");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, REFS_AT_ONCE);
    if (!db_run(q, err))
        return false;
    *ret_more = db_changes(db) == REFS_AT_ONCE;
    return true;
}

bool stage_labels_clear(struct db *db, int64_t dataset_id, struct err *err)
{
    return delete_of(db, "DELETE FROM staged_label WHERE dataset_id = ?1", dataset_id, err);
}

static bool flip_labels(struct db *db, int64_t dataset_id, struct err *err)
{
    return delete_of(db,
                     "DELETE FROM label WHERE dataset_id = ?1 AND id IN (SELECT id FROM staged_label WHERE "
                     "dataset_id = ?1)",
                     dataset_id, err) &&
           delete_of(db,
                     "INSERT INTO label (dataset_id, id, name, entries, boxed, declared) SELECT dataset_id, id, name, "
                     "entries, boxed, declared FROM staged_label WHERE dataset_id = ?1 AND "
                     "(entries > 0 OR boxed > 0 OR declared > 0)",
                     dataset_id, err) &&
           stage_labels_clear(db, dataset_id, err);
}

bool stage_flip(struct store *store, struct db *db, int64_t dataset_id, int64_t generation,
                const struct progress *progress, int64_t labels, enum dataset_status status, struct span message,
                struct err *err)
{
    if (!db_append_end(db, err) || !flip_labels(db, dataset_id, err)) /* first, for staged labels are read there */
        return false;
    struct db_query *q = db_query(db, "UPDATE dataset SET generation = ?2, next_seq = ?3, bucket = ?4, total = ?5, "
                                      "labeled = ?6, errors = ?7, labels = ?8 WHERE id = ?1");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, generation);
    db_bind_int(q, 3, progress->next_seq);
    db_bind_text(q, 4, progress->bucket);
    db_bind_int(q, 5, progress->total);
    db_bind_int(q, 6, progress->labeled);
    db_bind_int(q, 7, progress->errors);
    db_bind_int(q, 8, labels);
    return db_run(q, err) && dataset_row_set_status(db, dataset_id, status, DATASET_SUCCESS, message, err) &&
           store_publish(store, db, dataset_id, SPAN_NONE, err);
}

bool stage_fail(struct store *store, struct db *db, int64_t dataset_id, enum dataset_status status,
                enum dataset_message_code code, struct span message, struct err *err)
{
    return dataset_row_set_status(db, dataset_id, status, code, message, err) &&
           store_publish(store, db, dataset_id, SPAN_NONE, err);
}

/*
 * Removes the refs of a staged block's entries. An entry that was there before keeps its seq when its block is
 * rewritten, and its ref must stay: only seqs that the committed dataset never gave out lose theirs.
 */
static bool undo_refs(struct db *db, int64_t dataset_id, struct span index, int64_t first_seq, int64_t next_seq,
                      struct err *err)
{
    struct block block;
    block_init(&block);
    bool done = block_decode(index, first_seq, &block, err);
    for (unsigned i = 0; done && i < block.count; i++)
        done = block.entries[i].seq < next_seq ||
               stage_ref_remove(db, dataset_id, block.entries[i].hash, block.entries[i].seq, err);
    block_free(&block);
    return done;
}

static bool undo_one(struct db *db, int64_t dataset_id, int64_t generation, bool *ret_more, struct err *err)
{
    struct arena arena;
    arena_init(&arena);
    struct db_query *q = db_query(db, "SELECT b.first_seq, b.idx, d.next_seq FROM block b JOIN dataset d ON "
                                      "d.id = b.dataset_id WHERE b.dataset_id = ?1 AND b.born = ?2 LIMIT 1");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, generation);
    enum db_step step = db_next(q, err);
    int64_t first_seq = 0, next_seq = 0;
    struct span index = SPAN_NONE;
    if (step == DB_ROW) {
        first_seq = db_int(q, 0);
        index = arena_copy(&arena, db_blob(q, 1));
        next_seq = db_int(q, 2);
    }
    bool done = db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
    if (done && step == DB_ROW)
        done = undo_refs(db, dataset_id, index, first_seq, next_seq, err) &&
               stage_block_drop(db, dataset_id, first_seq, generation, err);
    arena_free(&arena);
    *ret_more = step == DB_ROW;
    return done;
}

bool stage_undo_some(struct db *db, int64_t dataset_id, int64_t generation, bool *ret_more, struct err *err)
{
    bool more = true;
    for (unsigned i = 0; i < BLOCKS_AT_ONCE && more; i++)
        if (!undo_one(db, dataset_id, generation, &more, err))
            return false;
    if (!more) {
        struct db_query *q = db_query(db, "UPDATE block SET died = NULL WHERE dataset_id = ?1 AND died = ?2");
        db_bind_int(q, 1, dataset_id);
        db_bind_int(q, 2, generation);
        if (!db_run(q, err) || !stage_labels_clear(db, dataset_id, err))
            return false;
    }
    *ret_more = more;
    return true;
}

bool stage_settle_some(struct db *db, int64_t dataset_id, int64_t generation, bool *ret_more, struct err *err)
{
    struct db_query *q =
        db_query(db, "DELETE FROM block WHERE dataset_id = ?1 AND (first_seq, born) IN (SELECT first_seq, "
                     "born FROM block WHERE dataset_id = ?1 AND died IS NOT NULL AND died <= ?3 LIMIT ?2)");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, BLOCKS_AT_ONCE);
    db_bind_int(q, 3, generation);
    if (!db_run(q, err))
        return false;
    *ret_more = db_changes(db) == BLOCKS_AT_ONCE;
    return true;
}

static bool remove_last(struct store *store, struct db *db, int64_t dataset_id, int64_t job_id, struct err *err)
{
    struct dataset_row row;
    struct arena arena;
    bool found;
    arena_init(&arena);
    bool done = dataset_row_by_id(db, &arena, dataset_id, &row, &found, err);
    if (done && found)
        done = tag_clear(db, row.view.arn, err) && stage_labels_clear(db, dataset_id, err) &&
               delete_of(db, "DELETE FROM label WHERE dataset_id = ?1", dataset_id, err) &&
               delete_of(db, "DELETE FROM dataset WHERE id = ?1", dataset_id, err) &&
               store_publish(store, db, dataset_id, row.view.arn, err);
    arena_free(&arena);
    if (!done)
        return false;
    struct db_query *q = db_query(db, "DELETE FROM job WHERE dataset_id = ?1 AND id <> ?2");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, job_id);
    return db_run(q, err);
}

bool stage_remove_some(struct store *store, struct db *db, int64_t dataset_id, int64_t job_id, bool *ret_more,
                       struct err *err)
{
    struct db_query *q =
        db_query(db, "DELETE FROM block WHERE dataset_id = ?1 AND (first_seq, born) IN (SELECT first_seq, "
                     "born FROM block WHERE dataset_id = ?1 LIMIT ?2)");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, BLOCKS_AT_ONCE);
    if (!db_run(q, err))
        return false;
    *ret_more = true;
    if (db_changes(db) > 0)
        return true;
    q = db_query(db, "DELETE FROM entry_ref WHERE dataset_id = ?1 AND (hash, seq) IN (SELECT hash, seq FROM entry_ref "
                     "WHERE dataset_id = ?1 LIMIT ?2)");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, REFS_AT_ONCE);
    if (!db_run(q, err))
        return false;
    if (db_changes(db) > 0)
        return true;
    if (!ref_page_clear_some(db, dataset_id, ret_more, err))
        return false;
    if (*ret_more)
        return true;
    if (!stage_rejected_clear_some(db, dataset_id, ret_more, err))
        return false;
    return *ret_more || remove_last(store, db, dataset_id, job_id, err);
}
