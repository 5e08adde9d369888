/* dataset_rows: see dataset_rows.h for the contract. */
#include "store/dataset_rows.h"

#include "base/clock.h"

#define COLUMNS                                                                                                        \
    "id, arn, project_id, type, status, message_code, message, created_ms, updated_ms, total, labeled, labels, "       \
    "errors, generation, next_seq, bucket"

static void row_read(struct db_query *q, struct arena *arena, struct dataset_row *ret_row)
{
    *ret_row = (struct dataset_row){
        .view = {
            .id = db_int(q, 0),
            .arn = arena_copy(arena, db_text(q, 1)),
            .project_id = db_int(q, 2),
            .type = (enum dataset_type)db_int(q, 3),
            .status = (enum dataset_status)db_int(q, 4),
            .message_code = (enum dataset_message_code)db_int(q, 5),
            .message = arena_copy(arena, db_text(q, 6)),
            .created_ms = db_int(q, 7),
            .updated_ms = db_int(q, 8),
            .stats = { db_int(q, 9), db_int(q, 10), db_int(q, 11), db_int(q, 12) },
        },
        .generation = db_int(q, 13),
        .next_seq = db_int(q, 14),
        .bucket = arena_copy(arena, db_text(q, 15)),
    };
}

bool dataset_row_by_arn(struct db *db, struct arena *arena, struct span arn, struct dataset_row *ret_row,
                        struct err *err)
{
    struct db_query *q = db_query(db, "SELECT " COLUMNS " FROM dataset WHERE arn = ?1");
    db_bind_text(q, 1, arn);
    enum db_step step = db_next(q, err);
    if (step == DB_ROW)
        row_read(q, arena, ret_row);
    if (!db_end(q, step == DB_FAILED ? NULL : err) || step == DB_FAILED)
        return false;
    if (step == DB_DONE)
        return fail(err, E_NOT_FOUND, "The dataset " SPAN_FMT " does not exist.", SPAN_ARG(arn));
    return true;
}

bool dataset_row_by_id(struct db *db, struct arena *arena, int64_t id, struct dataset_row *ret_row, bool *ret_found,
                       struct err *err)
{
    struct db_query *q = db_query(db, "SELECT " COLUMNS " FROM dataset WHERE id = ?1");
    db_bind_int(q, 1, id);
    enum db_step step = db_next(q, err);
    if (step == DB_ROW)
        row_read(q, arena, ret_row);
    if (!db_end(q, step == DB_FAILED ? NULL : err) || step == DB_FAILED)
        return false;
    *ret_found = step == DB_ROW;
    return true;
}

bool dataset_row_view(struct db *db, struct arena *arena, int64_t id, struct dataset_view *ret_view, bool *ret_found,
                      struct err *err)
{
    struct dataset_row row;
    if (!dataset_row_by_id(db, arena, id, &row, ret_found, err))
        return false;
    if (*ret_found)
        *ret_view = row.view;
    return true;
}

bool dataset_rows_of_project(struct db *db, struct arena *arena, int64_t project_id, struct dataset_view ret_views[2],
                             unsigned *ret_count, struct err *err)
{
    struct db_query *q = db_query(db, "SELECT " COLUMNS " FROM dataset WHERE project_id = ?1 ORDER BY id");
    db_bind_int(q, 1, project_id);
    unsigned count = 0;
    enum db_step step;
    while ((step = db_next(q, err)) == DB_ROW) {
        struct dataset_row row;
        CHECK(count < 2);
        row_read(q, arena, &row);
        ret_views[count++] = row.view;
    }
    if (!db_end(q, step == DB_FAILED ? NULL : err) || step == DB_FAILED)
        return false;
    *ret_count = count;
    return true;
}

bool dataset_rows_load(struct db *db, struct catalog *catalog, struct err *err)
{
    struct arena arena;
    arena_init(&arena);
    struct db_query *q = db_walk(db, "SELECT " COLUMNS " FROM dataset");
    enum db_step step;
    while ((step = db_next(q, err)) == DB_ROW) {
        struct dataset_row row;
        arena_reset(&arena);
        row_read(q, &arena, &row);
        catalog_put(catalog, &row.view);
    }
    arena_free(&arena);
    return db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
}

bool dataset_row_set_status(struct db *db, int64_t id, enum dataset_status status, enum dataset_message_code code,
                            struct span message, struct err *err)
{
    struct db_query *q =
        db_query(db, "UPDATE dataset SET status = ?2, message_code = ?3, message = ?4, "
                     "updated_ms = CASE WHEN ?5 > created_ms THEN ?5 ELSE created_ms END WHERE id = ?1");
    db_bind_int(q, 1, id);
    db_bind_int(q, 2, status);
    db_bind_int(q, 3, code);
    db_bind_text(q, 4, message);
    db_bind_int(q, 5, clock_wall_ms());
    return db_run(q, err);
}
