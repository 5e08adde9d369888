/* tag: tags of projects, datasets and model versions, keyed by the resource's ARN. */
#ifndef PLACARD_STORE_TAG_H
#define PLACARD_STORE_TAG_H

#include "store/store.h"

struct tag {
    struct span key;
    struct span value;
};

/* The most tags one resource may have; E_QUOTA beyond (spec B.8). */
#define TAGS_PER_RESOURCE 50

/* All three: E_NOT_FOUND when no such project, dataset or version lives. */
bool tag_add(struct store *store, struct span arn, const struct tag *tags, size_t count, struct err *err) MUST_CHECK;
bool tag_remove(struct store *store, struct span arn, const struct span *keys, size_t count,
                struct err *err) MUST_CHECK;
bool tag_list(struct store *store, struct arena *arena, struct span arn, struct tag **ret_tags, size_t *ret_count,
              struct err *err) MUST_CHECK;

/* For the other files of this room, inside a write transaction. */
bool tag_write(struct db *db, struct span arn, const struct tag *tags, size_t count, struct err *err) MUST_CHECK;
bool tag_clear(struct db *db, struct span arn, struct err *err) MUST_CHECK;

#endif
