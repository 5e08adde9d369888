/* tag: see tag.h for the contract. */
#include "store/tag.h"

static bool owner_exists(struct db *db, struct span arn, struct err *err)
{
    struct db_query *q =
        db_query(db, "SELECT 1 FROM project WHERE arn = ?1 UNION ALL SELECT 1 FROM dataset WHERE arn = ?1 "
                     "UNION ALL SELECT 1 FROM project_version WHERE arn = ?1");
    db_bind_text(q, 1, arn);
    enum db_step step = db_next(q, err);
    if (!db_end(q, step == DB_FAILED ? NULL : err) || step == DB_FAILED)
        return false;
    return step == DB_ROW || fail(err, E_NOT_FOUND, "The resource " SPAN_FMT " does not exist.", SPAN_ARG(arn));
}

static bool within_quota(struct db *db, struct span arn, struct err *err)
{
    struct db_query *q = db_query(db, "SELECT count(*) FROM tag WHERE arn = ?1");
    db_bind_text(q, 1, arn);
    int64_t count = db_next(q, err) == DB_ROW ? db_int(q, 0) : 0;
    if (!db_end(q, err))
        return false;
    return count <= TAGS_PER_RESOURCE || fail(err, E_QUOTA, "A resource has at most %d tags; this one would have %lld.",
                                              TAGS_PER_RESOURCE, (long long)count);
}

bool tag_write(struct db *db, struct span arn, const struct tag *tags, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct db_query *q = db_query(db, "INSERT INTO tag (arn, key, value) VALUES (?1, ?2, ?3) "
                                          "ON CONFLICT (arn, key) DO UPDATE SET value = excluded.value");
        db_bind_text(q, 1, arn);
        db_bind_text(q, 2, tags[i].key);
        db_bind_text(q, 3, tags[i].value);
        if (!db_run(q, err))
            return false;
    }
    return count == 0 || within_quota(db, arn, err);
}

bool tag_clear(struct db *db, struct span arn, struct err *err)
{
    struct db_query *q = db_query(db, "DELETE FROM tag WHERE arn = ?1");
    db_bind_text(q, 1, arn);
    return db_run(q, err);
}

bool tag_add(struct store *store, struct span arn, const struct tag *tags, size_t count, struct err *err)
{
    struct db *db;
    if (!store_write_begin(store, STORE_API, &db, err))
        return false;
    if (owner_exists(db, arn, err) && tag_write(db, arn, tags, count, err))
        return store_write_commit(store, err);
    store_write_abort(store);
    return false;
}

static bool remove_keys(struct db *db, struct span arn, const struct span *keys, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct db_query *q = db_query(db, "DELETE FROM tag WHERE arn = ?1 AND key = ?2");
        db_bind_text(q, 1, arn);
        db_bind_text(q, 2, keys[i]);
        if (!db_run(q, err))
            return false;
    }
    return true;
}

bool tag_remove(struct store *store, struct span arn, const struct span *keys, size_t count, struct err *err)
{
    struct db *db;
    if (!store_write_begin(store, STORE_API, &db, err))
        return false;
    if (owner_exists(db, arn, err) && remove_keys(db, arn, keys, count, err))
        return store_write_commit(store, err);
    store_write_abort(store);
    return false;
}

static bool read_tags(struct db *db, struct arena *arena, struct span arn, struct tag **ret_tags, size_t *ret_count,
                      struct err *err)
{
    struct tag *tags = arena_alloc(arena, TAGS_PER_RESOURCE * sizeof *tags);
    size_t count = 0;
    struct db_query *q = db_query(db, "SELECT key, value FROM tag WHERE arn = ?1 ORDER BY key");
    db_bind_text(q, 1, arn);
    enum db_step step;
    while ((step = db_next(q, err)) == DB_ROW) {
        CHECK(count < TAGS_PER_RESOURCE);
        tags[count++] = (struct tag){ arena_copy(arena, db_text(q, 0)), arena_copy(arena, db_text(q, 1)) };
    }
    if (!db_end(q, step == DB_FAILED ? NULL : err) || step == DB_FAILED)
        return false;
    *ret_tags = tags;
    *ret_count = count;
    return true;
}

bool tag_list(struct store *store, struct arena *arena, struct span arn, struct tag **ret_tags, size_t *ret_count,
              struct err *err)
{
    struct db *db;
    if (!store_read_begin(store, &db, err))
        return false;
    bool done = owner_exists(db, arn, err) && read_tags(db, arena, arn, ret_tags, ret_count, err);
    store_read_end(store, db);
    return done;
}
