/*
 * project_policy: rows of the policies attached to projects (spec B.7). A document is kept as it came; what it says is
 * auth's to read, and has been checked before it gets here.
 */
#ifndef PLACARD_STORE_PROJECT_POLICY_H
#define PLACARD_STORE_PROJECT_POLICY_H

#include "store/store.h"

#define PROJECT_POLICY_REVISION_LEN 32

struct project_policy {
    int64_t id; /* rises with age */
    struct span name;
    struct span revision; /* 32 lower-case hex digits */
    struct span document;
    int64_t created_ms;
    int64_t updated_ms;
};

/*
 * Attaches a policy (`revision` without ptr), or replaces the one of that name and revision; either gives a new
 * revision. E_NOT_FOUND: no such project; E_EXISTS: the name is taken and no revision given; E_REVISION: another
 * revision is in force, or no policy of that name; E_QUOTA: the project has `most` already (0: lifted).
 */
bool project_policy_put(struct store *store, struct arena *arena, struct span project_arn, struct span name,
                        struct span revision, struct span document, int64_t most, struct span *ret_revision,
                        struct err *err) MUST_CHECK;

/* Policies of id > after_id, oldest first. E_NOT_FOUND. *ret_more tells whether younger ones remain. */
bool project_policy_list(struct store *store, struct arena *arena, struct span project_arn, int64_t after_id,
                         unsigned limit, struct project_policy **ret_policies, size_t *ret_count, bool *ret_more,
                         struct err *err) MUST_CHECK;

/* E_NOT_FOUND: no such project or policy; E_REVISION: another revision than the one given (no ptr: any) is in force. */
bool project_policy_delete(struct store *store, struct span project_arn, struct span name, struct span revision,
                           struct err *err) MUST_CHECK;

#endif
