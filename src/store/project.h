/* project: rows of projects. See store.h for the rules of the room. */
#ifndef PLACARD_STORE_PROJECT_H
#define PLACARD_STORE_PROJECT_H

#include "store/dataset.h"
#include "store/store.h"
#include "store/tag.h"

struct project {
    int64_t id;
    struct span arn;
    struct span name;
    int64_t created_ms;
    struct dataset_view datasets[2]; /* in creation order */
    unsigned dataset_count;
};

/* Makes a project and its tags in one transaction. E_IN_USE when the name is taken in that account and region. */
bool project_create(struct store *store, struct arena *arena, struct span account, struct span region, struct span name,
                    const struct tag *tags, size_t tag_count, struct span *ret_arn, struct err *err) MUST_CHECK;

/* E_NOT_FOUND. */
bool project_find(struct store *store, struct span arn, struct err *err) MUST_CHECK;

/* Likewise, in a transaction, for the other files of this room. */
bool project_row_find(struct db *db, struct span arn, int64_t *ret_id, struct err *err) MUST_CHECK;

/* E_NOT_FOUND; E_IN_USE while the project has datasets or model versions (those being deleted included). Its tags and
   policies go with it. */
bool project_delete(struct store *store, struct span arn, struct err *err) MUST_CHECK;

struct project_query {
    struct span account;
    struct span region;
    const struct span *names; /* any of these; none given: all */
    size_t name_count;
    int64_t before_id; /* ids below this; 0: from the newest */
    unsigned limit;
};

/* Newest first. *ret_more tells whether older ones remain. */
bool project_list(struct store *store, struct arena *arena, const struct project_query *query,
                  struct project **ret_projects, size_t *ret_count, bool *ret_more, struct err *err) MUST_CHECK;

#endif
