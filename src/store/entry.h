/*
 * entry: pages of a dataset's entries, labels and rejected lines.
 *
 * A reader sees the dataset's committed generation, whatever a job is doing. E_NOT_FOUND: no such dataset; E_NOT_READY
 * while it is being created (or its creation failed: nothing is there to read); E_IN_USE while it is being deleted.
 */
#ifndef PLACARD_STORE_ENTRY_H
#define PLACARD_STORE_ENTRY_H

#include "store/store.h"

struct entry_filter {
    const struct span *labels; /* at least one of these; none given: no filter */
    size_t label_count;
    bool labeled_only;
    bool unlabeled_only;
    bool errors_only;
    struct span source_contains; /* empty: no filter */
};

struct entry_page {
    struct span *lines; /* JSON, in the arena */
    size_t count;       /* may be short of the limit, or 0, with more to come */
    bool more;
    int64_t next_seq; /* where the next page begins, when `more` */
};

/* Entries of seq >= from_seq (0: from the first), in order, at most `limit`. */
bool entry_list(struct store *store, struct arena *arena, struct span dataset_arn, const struct entry_filter *filter,
                int64_t from_seq, unsigned limit, struct entry_page *ret_page, struct err *err) MUST_CHECK;

struct label_row {
    int64_t id;
    struct span name;
    int64_t entries;       /* entries using it */
    int64_t boxed_entries; /* entries having it on a box; 0 also for labels that are only image-level */
};

/* Labels of id >= from_id, in the order first seen. */
bool label_list(struct store *store, struct arena *arena, struct span dataset_arn, int64_t from_id, unsigned limit,
                struct label_row **ret_rows, size_t *ret_count, bool *ret_more, struct err *err) MUST_CHECK;

/* Lines that the last create or update of the dataset dropped (spec D.5.2), by line number. */
struct rejected_row {
    int64_t line;
    struct span code; /* ERROR_… */
    struct span value;
};
bool rejected_list(struct store *store, struct arena *arena, struct span dataset_arn, int64_t after_line,
                   unsigned limit, struct rejected_row **ret_rows, size_t *ret_count, struct err *err) MUST_CHECK;

#endif
