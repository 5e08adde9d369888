/* project: see project.h for the contract. */
#include "store/project.h"

#include "store/dataset_rows.h"
#include "store/internal.h"
#include "store/version_rows.h"

static bool name_free(struct db *db, struct span account, struct span region, struct span name, struct err *err)
{
    struct db_query *q = db_query(db, "SELECT 1 FROM project WHERE account = ?1 AND region = ?2 AND name = ?3");
    db_bind_text(q, 1, account);
    db_bind_text(q, 2, region);
    db_bind_text(q, 3, name);
    enum db_step step = db_next(q, err);
    if (!db_end(q, step == DB_FAILED ? NULL : err) || step == DB_FAILED)
        return false;
    return step == DB_DONE ||
           fail(err, E_IN_USE, "A project named " SPAN_FMT " already exists in this account and region.",
                SPAN_ARG(name));
}

static bool insert(struct db *db, struct span arn, struct span account, struct span region, struct span name,
                   int64_t created_ms, struct err *err)
{
    struct db_query *q = db_query(db, "INSERT INTO project (arn, account, region, name, created_ms) "
                                      "VALUES (?1, ?2, ?3, ?4, ?5)");
    db_bind_text(q, 1, arn);
    db_bind_text(q, 2, account);
    db_bind_text(q, 3, region);
    db_bind_text(q, 4, name);
    db_bind_int(q, 5, created_ms);
    return db_run(q, err);
}

bool project_create(struct store *store, struct arena *arena, struct span account, struct span region, struct span name,
                    const struct tag *tags, size_t tag_count, struct span *ret_arn, struct err *err)
{
    struct db *db;
    if (!store_write_begin(store, STORE_API, &db, err))
        return false;
    int64_t number;
    struct span arn;
    if (!name_free(db, account, region, name, err) || !store_next_number(store, db, &number, err))
        goto undo;
    arn = arena_printf(arena, "arn:%s:rekognition:" SPAN_FMT ":" SPAN_FMT ":project/" SPAN_FMT "/%lld",
                       store_partition(store), SPAN_ARG(region), SPAN_ARG(account), SPAN_ARG(name), (long long)number);
    if (!insert(db, arn, account, region, name, number, err) || !tag_write(db, arn, tags, tag_count, err))
        goto undo;
    if (!store_write_commit(store, err))
        return false;
    *ret_arn = arn;
    return true;
undo:
    store_write_abort(store);
    return false;
}

bool project_row_find(struct db *db, struct span arn, int64_t *ret_id, struct err *err)
{
    struct db_query *q = db_query(db, "SELECT id FROM project WHERE arn = ?1");
    db_bind_text(q, 1, arn);
    enum db_step step = db_next(q, err);
    int64_t id = step == DB_ROW ? db_int(q, 0) : 0;
    if (!db_end(q, step == DB_FAILED ? NULL : err) || step == DB_FAILED)
        return false;
    if (step == DB_DONE)
        return fail(err, E_NOT_FOUND, "The project " SPAN_FMT " does not exist.", SPAN_ARG(arn));
    *ret_id = id;
    return true;
}

bool project_find(struct store *store, struct span arn, struct err *err)
{
    struct db *db;
    int64_t id;
    if (!store_read_begin(store, &db, err))
        return false;
    bool done = project_row_find(db, arn, &id, err);
    store_read_end(store, db);
    return done;
}

static bool delete_empty(struct db *db, struct span arn, struct err *err)
{
    struct arena arena;
    struct dataset_view datasets[2];
    unsigned count;
    int64_t id, versions;
    arena_init(&arena);
    bool found = project_row_find(db, arn, &id, err) &&
                 dataset_rows_of_project(db, &arena, id, datasets, &count, err) &&
                 version_rows_count(db, id, &versions, err);
    arena_free(&arena);
    if (!found)
        return false;
    if (count > 0)
        return fail(err, E_IN_USE, "The project still has datasets; delete them first.");
    if (versions > 0)
        return fail(err, E_IN_USE, "The project still has model versions; delete them first.");
    struct db_query *q = db_query(db, "DELETE FROM project_policy WHERE project_id = ?1");
    db_bind_int(q, 1, id);
    if (!tag_clear(db, arn, err) || !db_run(q, err))
        return false;
    q = db_query(db, "DELETE FROM project WHERE id = ?1");
    db_bind_int(q, 1, id);
    return db_run(q, err);
}

bool project_delete(struct store *store, struct span arn, struct err *err)
{
    struct db *db;
    if (!store_write_begin(store, STORE_API, &db, err))
        return false;
    if (delete_empty(db, arn, err))
        return store_write_commit(store, err);
    store_write_abort(store);
    return false;
}

static void project_read(struct db_query *q, struct arena *arena, struct project *ret_project)
{
    *ret_project = (struct project){
        .id = db_int(q, 0),
        .arn = arena_copy(arena, db_text(q, 1)),
        .name = arena_copy(arena, db_text(q, 2)),
        .created_ms = db_int(q, 3),
    };
}

/* One row more than the limit is asked for, to know whether more remain. */
static bool list_all(struct db *db, struct arena *arena, const struct project_query *query, struct project *projects,
                     size_t *ret_count, struct err *err)
{
    struct db_query *q =
        db_query(db, "SELECT id, arn, name, created_ms FROM project WHERE account = ?1 AND region = ?2 "
                     "AND id < ?3 ORDER BY id DESC LIMIT ?4");
    db_bind_text(q, 1, query->account);
    db_bind_text(q, 2, query->region);
    db_bind_int(q, 3, query->before_id ? query->before_id : INT64_MAX);
    db_bind_int(q, 4, (int64_t)query->limit + 1);
    size_t count = 0;
    enum db_step step;
    while ((step = db_next(q, err)) == DB_ROW)
        project_read(q, arena, &projects[count++]);
    *ret_count = count;
    return db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
}

static bool seen(const struct project *projects, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++)
        if (projects[i].id == id)
            return true;
    return false;
}

/* At most ten names: looked up one by one and kept in order of age by insertion. */
static bool list_named(struct db *db, struct arena *arena, const struct project_query *query, struct project *projects,
                       size_t room, size_t *ret_count, struct err *err)
{
    size_t count = 0;
    for (size_t i = 0; i < query->name_count; i++) {
        struct db_query *q = db_query(db, "SELECT id, arn, name, created_ms FROM project "
                                          "WHERE account = ?1 AND region = ?2 AND name = ?3 AND id < ?4");
        db_bind_text(q, 1, query->account);
        db_bind_text(q, 2, query->region);
        db_bind_text(q, 3, query->names[i]);
        db_bind_int(q, 4, query->before_id ? query->before_id : INT64_MAX);
        struct project project;
        enum db_step step = db_next(q, err);
        if (step == DB_ROW)
            project_read(q, arena, &project);
        if (!db_end(q, step == DB_FAILED ? NULL : err) || step == DB_FAILED)
            return false;
        if (step != DB_ROW || seen(projects, count, project.id))
            continue;
        size_t at = count < room ? count++ : count;
        while (at > 0 && projects[at - 1].id < project.id) {
            if (at < room)
                projects[at] = projects[at - 1];
            at--;
        }
        if (at < room)
            projects[at] = project;
    }
    *ret_count = count;
    return true;
}

bool project_list(struct store *store, struct arena *arena, const struct project_query *query,
                  struct project **ret_projects, size_t *ret_count, bool *ret_more, struct err *err)
{
    struct db *db;
    if (!store_read_begin(store, &db, err))
        return false;
    size_t room = (size_t)query->limit + 1, count = 0;
    struct project *projects = arena_alloc(arena, room * sizeof *projects);
    bool done = query->name_count ? list_named(db, arena, query, projects, room, &count, err)
                                  : list_all(db, arena, query, projects, &count, err);
    bool more = count > query->limit;
    count = more ? query->limit : count;
    for (size_t i = 0; i < count && done; i++)
        done =
            dataset_rows_of_project(db, arena, projects[i].id, projects[i].datasets, &projects[i].dataset_count, err);
    store_read_end(store, db);
    if (!done)
        return false;
    *ret_projects = projects;
    *ret_count = count;
    *ret_more = more;
    return true;
}
