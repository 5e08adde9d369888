/* stage_read: the reading half of stage_rows.h; each call is one read transaction of its own. */
#include "store/internal.h"
#include "store/ref_pages.h"
#include "store/stage_rows.h"

bool stage_dataset(struct store *store, struct arena *arena, int64_t dataset_id, struct dataset_row *ret_row,
                   bool *ret_found, struct err *err)
{
    struct db *db;
    if (!store_read_begin(store, &db, err))
        return false;
    bool done = dataset_row_by_id(db, arena, dataset_id, ret_row, ret_found, err);
    store_read_end(store, db);
    return done;
}

static void row_read(struct db_query *q, struct arena *arena, bool with_data, struct block_row *ret_row)
{
    *ret_row = (struct block_row){
        .first_seq = db_int(q, 0),
        .born = db_int(q, 1),
        .last_seq = db_int(q, 2),
        .entries = db_int(q, 3),
        .index = arena_copy(arena, db_blob(q, 4)),
        .data = with_data ? arena_copy(arena, db_blob(q, 5)) : SPAN_NONE,
    };
}

/* Reads the rows of a bound query into the arena and ends it. */
static bool rows_read(struct db_query *q, struct arena *arena, bool with_data, struct block_row *ret_rows,
                      size_t *ret_count, struct err *err)
{
    size_t count = 0;
    enum db_step step;
    while ((step = db_next(q, err)) == DB_ROW)
        row_read(q, arena, with_data, &ret_rows[count++]);
    bool done = db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
    if (done)
        *ret_count = count;
    return done;
}

bool stage_dead_blocks(struct store *store, struct arena *arena, int64_t dataset_id, int64_t generation, int64_t after,
                       struct block_row *ret_rows, size_t room, size_t *ret_count, struct err *err)
{
    struct db *db;
    if (!store_read_begin(store, &db, err))
        return false;
    struct db_query *q = db_query(db, "SELECT first_seq, born, last_seq, entries, idx FROM block WHERE dataset_id = ?1 "
                                      "AND first_seq > ?2 AND died = ?3 ORDER BY first_seq LIMIT ?4");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, after);
    db_bind_int(q, 3, generation);
    db_bind_int(q, 4, (int64_t)room);
    bool done = rows_read(q, arena, false, ret_rows, ret_count, err);
    store_read_end(store, db);
    return done;
}

bool stage_blocks(struct store *store, struct arena *arena, int64_t dataset_id, int64_t generation, int64_t after,
                  bool with_data, struct block_row *ret_rows, size_t room, size_t *ret_count, struct err *err)
{
    struct db *db;
    if (!store_read_begin(store, &db, err))
        return false;
    struct db_query *q = db_query(db, "SELECT first_seq, born, last_seq, entries, idx, data FROM block WHERE "
                                      "dataset_id = ?1 AND first_seq > ?2 AND born <= ?3 AND "
                                      "(died IS NULL OR died > ?3) ORDER BY first_seq LIMIT ?4");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, after);
    db_bind_int(q, 3, generation);
    db_bind_int(q, 4, (int64_t)room);
    bool done = rows_read(q, arena, with_data, ret_rows, ret_count, err);
    store_read_end(store, db);
    return done;
}

bool stage_block_at(struct store *store, struct arena *arena, int64_t dataset_id, int64_t generation, int64_t seq,
                    struct block_row *ret_row, bool *ret_found, struct err *err)
{
    struct db *db;
    if (!store_read_begin(store, &db, err))
        return false;
    struct db_query *q = db_query(db, "SELECT first_seq, born, last_seq, entries, idx, data FROM block WHERE "
                                      "dataset_id = ?1 AND first_seq <= ?2 AND born <= ?3 AND "
                                      "(died IS NULL OR died > ?3) ORDER BY first_seq DESC LIMIT 1");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, seq);
    db_bind_int(q, 3, generation);
    enum db_step step = db_next(q, err);
    if (step == DB_ROW)
        row_read(q, arena, true, ret_row);
    bool done = db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
    store_read_end(store, db);
    if (done)
        *ret_found = step == DB_ROW;
    return done;
}

bool stage_refs_of(struct store *store, int64_t dataset_id, uint64_t hash, int64_t *ret_seqs, size_t room,
                   size_t *ret_count, struct err *err)
{
    struct db *db;
    if (!store_read_begin(store, &db, err))
        return false;
    struct db_query *q =
        db_query(db, "SELECT seq FROM entry_ref WHERE dataset_id = ?1 AND hash = ?2 ORDER BY seq LIMIT ?3");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, (int64_t)hash);
    db_bind_int(q, 3, (int64_t)room);
    size_t count = 0;
    enum db_step step;
    while ((step = db_next(q, err)) == DB_ROW)
        ret_seqs[count++] = db_int(q, 0);
    bool done = db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED &&
                ref_page_find(db, dataset_id, hash, ret_seqs, room, &count, err);
    store_read_end(store, db);
    if (done)
        *ret_count = count;
    return done;
}

static struct db_query *labels_query(struct db *db, bool staged)
{
    if (staged)
        return db_query(
            db, "SELECT id, name, entries, boxed, declared FROM staged_label WHERE dataset_id = ?1 ORDER BY id");
    return db_query(db, "SELECT id, name, entries, boxed, declared FROM label WHERE dataset_id = ?1 ORDER BY id");
}

bool stage_labels(struct store *store, struct arena *arena, int64_t dataset_id, bool staged,
                  struct label_count **ret_labels, size_t *ret_count, struct err *err)
{
    struct db *db;
    if (!store_read_begin(store, &db, err))
        return false;
    struct label_count *labels = NULL;
    size_t count = 0, room = 0;
    struct db_query *q = labels_query(db, staged);
    db_bind_int(q, 1, dataset_id);
    enum db_step step;
    while ((step = db_next(q, err)) == DB_ROW) {
        if (count == room) {
            room = room ? room * 2 : 64;
            struct label_count *grown = arena_alloc(arena, room * sizeof *grown);
            if (count)
                memcpy(grown, labels, count * sizeof *grown);
            labels = grown;
        }
        labels[count++] = (struct label_count){ .id = db_int(q, 0),
                                                .name = arena_copy(arena, db_text(q, 1)),
                                                .entries = db_int(q, 2),
                                                .boxed = db_int(q, 3),
                                                .declared = db_int(q, 4) };
    }
    bool done = db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
    store_read_end(store, db);
    if (done) {
        *ret_labels = labels;
        *ret_count = count;
    }
    return done;
}
