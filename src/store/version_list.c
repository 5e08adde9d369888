/* version_list: reading versions; see version.h for the contract. */
#include "store/internal.h"
#include "store/project.h"
#include "store/version_rows.h"

bool version_find(struct store *store, struct arena *arena, struct span arn, struct version *ret_version,
                  struct err *err)
{
    struct db *db;
    if (!store_read_begin(store, &db, err))
        return false;
    bool done = version_row_by_arn(db, arena, arn, ret_version, err);
    store_read_end(store, db);
    return done;
}

static bool seen(const struct version *versions, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++)
        if (versions[i].id == id)
            return true;
    return false;
}

/* At most ten names: looked up one by one and kept in order of age by insertion. */
static bool list_named(struct db *db, struct arena *arena, int64_t project_id, const struct version_query *query,
                       int64_t before_id, struct version *versions, size_t room, size_t *ret_count, struct err *err)
{
    size_t count = 0;
    for (size_t i = 0; i < query->name_count; i++) {
        struct version version;
        size_t found;
        if (!version_rows_of_project(db, arena, project_id, query->names[i], before_id, &version, 1, &found, err))
            return false;
        if (found == 0 || seen(versions, count, version.id))
            continue;
        size_t at = count < room ? count++ : count;
        while (at > 0 && versions[at - 1].id < version.id) {
            if (at < room)
                versions[at] = versions[at - 1];
            at--;
        }
        if (at < room)
            versions[at] = version;
    }
    *ret_count = count;
    return true;
}

bool version_list(struct store *store, struct arena *arena, const struct version_query *query,
                  struct version **ret_versions, size_t *ret_count, int64_t *ret_project_id, bool *ret_more,
                  struct err *err)
{
    struct db *db;
    if (!store_read_begin(store, &db, err))
        return false;
    size_t room = (size_t)query->limit + 1, count = 0;
    int64_t project_id, before_id = query->before_id ? query->before_id : INT64_MAX;
    struct version *versions = arena_alloc(arena, room * sizeof *versions);
    bool done = project_row_find(db, query->project_arn, &project_id, err) &&
                (query->name_count ? list_named(db, arena, project_id, query, before_id, versions, room, &count, err)
                                   : version_rows_of_project(db, arena, project_id, SPAN_NONE, before_id, versions,
                                                             room, &count, err));
    store_read_end(store, db);
    if (!done)
        return false;
    *ret_versions = versions;
    *ret_more = count > query->limit;
    *ret_count = *ret_more ? query->limit : count;
    *ret_project_id = project_id;
    return true;
}

bool version_list_running(struct store *store, struct arena *arena, struct version **ret_versions, size_t *ret_count,
                          struct err *err)
{
    struct db *db;
    if (!store_read_begin(store, &db, err))
        return false;
    bool done = version_rows_running(db, arena, ret_versions, ret_count, err);
    store_read_end(store, db);
    return done;
}
