/* project_policy: see project_policy.h for the contract. */
#include "store/project_policy.h"

#include "base/clock.h"
#include "base/ident.h"
#include "store/project.h"

static struct span new_revision(struct arena *arena)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char raw[PROJECT_POLICY_REVISION_LEN / 2];
    char *text = arena_alloc(arena, PROJECT_POLICY_REVISION_LEN);
    ident_random(raw, sizeof raw);
    for (unsigned i = 0; i < sizeof raw; i++) {
        text[2 * i] = digits[raw[i] >> 4];
        text[2 * i + 1] = digits[raw[i] & 15];
    }
    return span_of(text, PROJECT_POLICY_REVISION_LEN);
}

/* The policy of that name; *ret_found false when there is none. Its spans live in the arena. */
static bool find(struct db *db, struct arena *arena, int64_t project_id, struct span name, int64_t *ret_id,
                 struct span *ret_revision, bool *ret_found, struct err *err)
{
    struct db_query *q = db_query(db, "SELECT id, revision FROM project_policy WHERE project_id = ?1 AND name = ?2");
    db_bind_int(q, 1, project_id);
    db_bind_text(q, 2, name);
    enum db_step step = db_next(q, err);
    if (step == DB_ROW) {
        *ret_id = db_int(q, 0);
        *ret_revision = arena_copy(arena, db_text(q, 1));
    }
    *ret_found = step == DB_ROW;
    return db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
}

static bool wrong_revision(struct span revision, struct span name, struct err *err)
{
    return fail(err, E_REVISION, "The revision " SPAN_FMT " of the policy " SPAN_FMT " is not the one in force.",
                SPAN_ARG(revision), SPAN_ARG(name));
}

static bool room_for_one(struct db *db, int64_t project_id, int64_t most, struct err *err)
{
    struct db_query *q = db_query(db, "SELECT count(*) FROM project_policy WHERE project_id = ?1");
    db_bind_int(q, 1, project_id);
    int64_t count = db_next(q, err) == DB_ROW ? db_int(q, 0) : 0;
    if (!db_end(q, err))
        return false;
    return most == 0 || count < most ||
           fail(err, E_QUOTA, "A project has at most %lld policies; delete one first.", (long long)most);
}

static bool insert(struct db *db, int64_t project_id, struct span name, struct span revision, struct span document,
                   struct err *err)
{
    struct db_query *q = db_query(db, "INSERT INTO project_policy (project_id, name, revision, document, created_ms, "
                                      "updated_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?5)");
    db_bind_int(q, 1, project_id);
    db_bind_text(q, 2, name);
    db_bind_text(q, 3, revision);
    db_bind_text(q, 4, document);
    db_bind_int(q, 5, clock_wall_ms());
    return db_run(q, err);
}

static bool replace(struct db *db, int64_t id, struct span revision, struct span document, struct err *err)
{
    struct db_query *q =
        db_query(db, "UPDATE project_policy SET revision = ?2, document = ?3, "
                     "updated_ms = CASE WHEN ?4 > created_ms THEN ?4 ELSE created_ms END WHERE id = ?1");
    db_bind_int(q, 1, id);
    db_bind_text(q, 2, revision);
    db_bind_text(q, 3, document);
    db_bind_int(q, 4, clock_wall_ms());
    return db_run(q, err);
}

static bool put_in(struct db *db, struct arena *arena, struct span project_arn, struct span name, struct span revision,
                   struct span document, int64_t most, struct span next, struct err *err)
{
    int64_t project_id, id;
    struct span current;
    bool found;
    if (!project_row_find(db, project_arn, &project_id, err) ||
        !find(db, arena, project_id, name, &id, &current, &found, err))
        return false;
    if (!revision.ptr)
        return (!found || fail(err, E_EXISTS,
                               "The project has a policy named " SPAN_FMT "; give its PolicyRevisionId to "
                               "replace it.",
                               SPAN_ARG(name))) &&
               room_for_one(db, project_id, most, err) && insert(db, project_id, name, next, document, err);
    if (!found || !span_eq_nocase(current, revision))
        return wrong_revision(revision, name, err);
    return replace(db, id, next, document, err);
}

bool project_policy_put(struct store *store, struct arena *arena, struct span project_arn, struct span name,
                        struct span revision, struct span document, int64_t most, struct span *ret_revision,
                        struct err *err)
{
    struct db *db;
    struct span next = new_revision(arena);
    if (!store_write_begin(store, STORE_API, &db, err))
        return false;
    if (!put_in(db, arena, project_arn, name, revision, document, most, next, err)) {
        store_write_abort(store);
        return false;
    }
    if (!store_write_commit(store, err))
        return false;
    *ret_revision = next;
    return true;
}

/* One row more than the limit is asked for, to know whether more remain. */
static bool list_in(struct db *db, struct arena *arena, int64_t project_id, int64_t after_id, unsigned limit,
                    struct project_policy *policies, size_t *ret_count, struct err *err)
{
    struct db_query *q = db_query(db, "SELECT id, name, revision, document, created_ms, updated_ms FROM project_policy "
                                      "WHERE project_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
    db_bind_int(q, 1, project_id);
    db_bind_int(q, 2, after_id);
    db_bind_int(q, 3, (int64_t)limit + 1);
    size_t count = 0;
    enum db_step step;
    while ((step = db_next(q, err)) == DB_ROW)
        policies[count++] = (struct project_policy){
            .id = db_int(q, 0),
            .name = arena_copy(arena, db_text(q, 1)),
            .revision = arena_copy(arena, db_text(q, 2)),
            .document = arena_copy(arena, db_text(q, 3)),
            .created_ms = db_int(q, 4),
            .updated_ms = db_int(q, 5),
        };
    *ret_count = count;
    return db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
}

bool project_policy_list(struct store *store, struct arena *arena, struct span project_arn, int64_t after_id,
                         unsigned limit, struct project_policy **ret_policies, size_t *ret_count, bool *ret_more,
                         struct err *err)
{
    struct db *db;
    int64_t project_id;
    size_t count = 0;
    struct project_policy *policies = arena_alloc(arena, ((size_t)limit + 1) * sizeof *policies);
    if (!store_read_begin(store, &db, err))
        return false;
    bool done = project_row_find(db, project_arn, &project_id, err) &&
                list_in(db, arena, project_id, after_id, limit, policies, &count, err);
    store_read_end(store, db);
    if (!done)
        return false;
    *ret_policies = policies;
    *ret_more = count > limit;
    *ret_count = *ret_more ? limit : count;
    return true;
}

static bool delete_in(struct db *db, struct arena *arena, struct span project_arn, struct span name,
                      struct span revision, struct err *err)
{
    int64_t project_id, id;
    struct span current;
    bool found;
    if (!project_row_find(db, project_arn, &project_id, err) ||
        !find(db, arena, project_id, name, &id, &current, &found, err))
        return false;
    if (!found)
        return fail(err, E_NOT_FOUND, "The project has no policy named " SPAN_FMT ".", SPAN_ARG(name));
    if (revision.ptr && !span_eq_nocase(current, revision))
        return wrong_revision(revision, name, err);
    struct db_query *q = db_query(db, "DELETE FROM project_policy WHERE id = ?1");
    db_bind_int(q, 1, id);
    return db_run(q, err);
}

bool project_policy_delete(struct store *store, struct span project_arn, struct span name, struct span revision,
                           struct err *err)
{
    struct db *db;
    struct arena arena;
    if (!store_write_begin(store, STORE_API, &db, err))
        return false;
    arena_init(&arena);
    bool done = delete_in(db, &arena, project_arn, name, revision, err);
    arena_free(&arena);
    if (done)
        return store_write_commit(store, err);
    store_write_abort(store);
    return false;
}
