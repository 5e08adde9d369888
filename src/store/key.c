/* key: see key.h for the contract. */
#include "store/key.h"

/* Rows of one kind, gathered in an arena without knowing their number beforehand. */
struct gathered {
    struct arena *arena;
    size_t row_bytes;
    char *rows;
    size_t count;
    size_t room;
};

static void *gathered_add(struct gathered *all)
{
    if (all->count == all->room) {
        size_t room = all->room ? all->room * 2 : 16;
        char *rows = arena_alloc(all->arena, room * all->row_bytes);
        if (all->count > 0)
            memcpy(rows, all->rows, all->count * all->row_bytes);
        all->rows = rows;
        all->room = room;
    }
    return all->rows + all->row_bytes * all->count++;
}

typedef void take_row(struct db_query *q, struct arena *arena, void *ret_row);

/* Steps a bound query to its end. */
static bool gather(struct gathered *all, struct db_query *q, take_row *take, struct err *err)
{
    enum db_step step;
    while ((step = db_next(q, err)) == DB_ROW)
        take(q, all->arena, gathered_add(all));
    return db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
}

static void take_key(struct db_query *q, struct arena *arena, void *ret_row)
{
    struct key_row *row = ret_row;
    *row = (struct key_row){
        .id = arena_copy(arena, db_text(q, 0)),
        .secret = arena_copy(arena, db_text(q, 1)),
        .account = arena_copy(arena, db_text(q, 2)),
        .user = arena_copy(arena, db_text(q, 3)),
        .policy = arena_copy(arena, db_text(q, 4)),
        .disabled = db_int(q, 5) != 0,
        .created_ms = db_int(q, 6),
    };
}

bool key_list(struct store *store, struct arena *arena, struct key_row **ret_rows, size_t *ret_count, struct err *err)
{
    struct db *db;
    struct gathered all = { .arena = arena, .row_bytes = sizeof(struct key_row) };
    if (!store_read_begin(store, &db, err))
        return false;
    bool done =
        gather(&all,
               db_query(db, "SELECT id, secret, account, \"user\", policy, disabled, created_ms FROM access_key "
                            "ORDER BY created_ms, id"),
               take_key, err);
    store_read_end(store, db);
    if (!done)
        return false;
    *ret_rows = (struct key_row *)(void *)all.rows;
    *ret_count = all.count;
    return true;
}

/* Ends a write that changed one row, or none because there is no such key. */
static bool end_write(struct store *store, struct db *db, const char *point, bool done, struct span id, struct err *err)
{
    if (done && db_changes(db) == 0)
        done = fail(err, E_NOT_FOUND, "There is no access key " SPAN_FMT ".", SPAN_ARG(id));
    done = done && store_count(db, STORE_COUNT_KEYS, err);
    if (done)
        return store_write_commit_at(store, point, err);
    store_write_abort(store);
    return false;
}

bool key_add(struct store *store, const struct key_row *row, struct err *err)
{
    struct db *db;
    if (!store_write_begin(store, STORE_API, &db, err))
        return false;
    struct db_query *q =
        db_query(db, "INSERT INTO access_key (id, secret, account, \"user\", policy, disabled, created_ms) "
                     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO NOTHING");
    db_bind_text(q, 1, row->id);
    db_bind_text(q, 2, row->secret);
    db_bind_text(q, 3, row->account);
    db_bind_text(q, 4, row->user);
    db_bind_text(q, 5, row->policy);
    db_bind_int(q, 6, row->disabled);
    db_bind_int(q, 7, row->created_ms);
    bool done = db_run(q, err);
    if (done && db_changes(db) == 0)
        done = fail(err, E_EXISTS, "The access key " SPAN_FMT " is there already.", SPAN_ARG(row->id));
    if (done && store_count(db, STORE_COUNT_KEYS, err))
        return store_write_commit(store, err);
    store_write_abort(store);
    return false;
}

bool key_set_disabled(struct store *store, struct span id, bool disabled, struct err *err)
{
    struct db *db;
    if (!store_write_begin(store, STORE_API, &db, err))
        return false;
    struct db_query *q = db_query(db, "UPDATE access_key SET disabled = ?2 WHERE id = ?1");
    db_bind_text(q, 1, id);
    db_bind_int(q, 2, disabled);
    return end_write(store, db, __func__, db_run(q, err), id, err);
}

bool key_delete(struct store *store, struct span id, struct err *err)
{
    struct db *db;
    if (!store_write_begin(store, STORE_API, &db, err))
        return false;
    struct db_query *q = db_query(db, "DELETE FROM session WHERE parent = ?1");
    db_bind_text(q, 1, id);
    bool done = db_run(q, err);
    if (done) {
        q = db_query(db, "DELETE FROM access_key WHERE id = ?1");
        db_bind_text(q, 1, id);
        done = db_run(q, err);
    }
    return end_write(store, db, __func__, done, id, err);
}

static void take_session(struct db_query *q, struct arena *arena, void *ret_row)
{
    struct session_row *row = ret_row;
    *row = (struct session_row){
        .id = arena_copy(arena, db_text(q, 0)),
        .secret = arena_copy(arena, db_text(q, 1)),
        .parent = arena_copy(arena, db_text(q, 2)),
        .token_sha256 = arena_copy(arena, db_blob(q, 3)),
        .expires_ms = db_int(q, 4),
    };
}

bool session_list(struct store *store, struct arena *arena, int64_t now_ms, struct session_row **ret_rows,
                  size_t *ret_count, struct err *err)
{
    struct db *db;
    struct gathered all = { .arena = arena, .row_bytes = sizeof(struct session_row) };
    if (!store_read_begin(store, &db, err))
        return false;
    struct db_query *q = db_query(db, "SELECT id, secret, parent, token_sha256, expires_ms FROM session "
                                      "WHERE expires_ms > ?1 ORDER BY expires_ms, id");
    db_bind_int(q, 1, now_ms);
    bool done = gather(&all, q, take_session, err);
    store_read_end(store, db);
    if (!done)
        return false;
    *ret_rows = (struct session_row *)(void *)all.rows;
    *ret_count = all.count;
    return true;
}

bool session_add(struct store *store, const struct session_row *row, int64_t now_ms, struct err *err)
{
    struct db *db;
    if (!store_write_begin(store, STORE_API, &db, err))
        return false;
    struct db_query *q = db_query(db, "DELETE FROM session WHERE expires_ms <= ?1");
    db_bind_int(q, 1, now_ms);
    bool done = db_run(q, err);
    if (done) {
        q = db_query(db, "INSERT INTO session (id, secret, parent, token_sha256, expires_ms) "
                         "VALUES (?1, ?2, ?3, ?4, ?5)");
        db_bind_text(q, 1, row->id);
        db_bind_text(q, 2, row->secret);
        db_bind_text(q, 3, row->parent);
        db_bind_blob(q, 4, row->token_sha256);
        db_bind_int(q, 5, row->expires_ms);
        done = db_run(q, err);
    }
    if (done && store_count(db, STORE_COUNT_KEYS, err))
        return store_write_commit(store, err);
    store_write_abort(store);
    return false;
}

static void take_bucket(struct db_query *q, struct arena *arena, void *ret_row)
{
    struct bucket_row *row = ret_row;
    *row = (struct bucket_row){ arena_copy(arena, db_text(q, 0)), arena_copy(arena, db_text(q, 1)) };
}

bool bucket_list(struct store *store, struct arena *arena, struct bucket_row **ret_rows, size_t *ret_count,
                 struct err *err)
{
    struct db *db;
    struct gathered all = { .arena = arena, .row_bytes = sizeof(struct bucket_row) };
    if (!store_read_begin(store, &db, err))
        return false;
    bool done = gather(&all, db_query(db, "SELECT name, account FROM bucket ORDER BY name"), take_bucket, err);
    store_read_end(store, db);
    if (!done)
        return false;
    *ret_rows = (struct bucket_row *)(void *)all.rows;
    *ret_count = all.count;
    return true;
}

bool bucket_assign(struct store *store, struct span name, struct span account, struct err *err)
{
    struct db *db;
    if (!store_write_begin(store, STORE_API, &db, err))
        return false;
    struct db_query *q = db_query(db, "INSERT INTO bucket (name, account) VALUES (?1, ?2) "
                                      "ON CONFLICT (name) DO UPDATE SET account = excluded.account");
    db_bind_text(q, 1, name);
    db_bind_text(q, 2, account);
    if (db_run(q, err))
        return store_write_commit(store, err);
    store_write_abort(store);
    return false;
}

bool bucket_owner(struct store *store, struct arena *arena, struct span name, struct span fallback,
                  struct span *ret_account, struct err *err)
{
    struct db *db;
    if (!store_read_begin(store, &db, err))
        return false;
    struct span account = fallback;
    struct db_query *q = db_query(db, "SELECT account FROM bucket WHERE name = ?1");
    db_bind_text(q, 1, name);
    enum db_step step = db_next(q, err);
    if (step == DB_ROW)
        account = arena_copy(arena, db_text(q, 0));
    bool done = db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
    store_read_end(store, db);
    if (done)
        *ret_account = account;
    return done;
}

static bool agree_in(struct db *db, struct arena *arena, struct span offer, struct span *ret_text, struct err *err)
{
    struct db_query *q = db_query(db, "INSERT INTO meta (key, value) VALUES ('root_key', ?1) ON CONFLICT (key) DO "
                                      "NOTHING");
    db_bind_blob(q, 1, offer);
    if (!db_run(q, err))
        return false;
    q = db_query(db, "SELECT value FROM meta WHERE key = 'root_key'");
    enum db_step step = db_next(q, err);
    if (step == DB_ROW)
        *ret_text = arena_copy(arena, db_blob(q, 0));
    return db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
}

bool root_key_agree(struct store *store, struct arena *arena, struct span offer, struct span *ret_text, struct err *err)
{
    struct db *db;
    struct span text = SPAN_NONE;
    if (!store_write_begin(store, STORE_JOB, &db, err)) /* which sees what another server puts there meanwhile */
        return false;
    if (!agree_in(db, arena, offer, &text, err)) {
        store_write_abort(store);
        return false;
    }
    if (!store_write_commit(store, err))
        return false;
    *ret_text = text;
    return true;
}
