/* ref_pages: see ref_pages.h for the contract and the layout. */
#include "store/ref_pages.h"

#include <stdlib.h>

enum { PAGES_AT_ONCE = 64 };

_Static_assert(sizeof(struct ref) == 16, "a pair is written as it lies in memory");

static bool is_before(struct ref a, struct ref b)
{
    int64_t x = (int64_t)a.hash, y = (int64_t)b.hash;
    return x < y || (x == y && a.seq < b.seq);
}

size_t ref_page_take(const struct ref *refs, size_t count, size_t at)
{
    size_t end = count - at < REF_PAGE_PAIRS ? count : at + REF_PAGE_PAIRS;
    while (end < count && refs[end].hash == refs[end - 1].hash)
        end++;
    return end - at;
}

bool ref_page_put(struct db *db, int64_t dataset_id, const struct ref *refs, size_t count, struct err *err)
{
    CHECK(count > 0);
    struct db_query *q = db_append(db, "INSERT INTO ref_page (dataset_id, first_hash, pairs) VALUES (?1, ?2, ?3)");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, (int64_t)refs[0].hash);
    db_bind_blob(q, 3, span_of(refs, count * sizeof *refs));
    return db_append_row(q, err);
}

bool ref_page_read(struct span pairs, const struct ref **ret_refs, size_t *ret_count)
{
    const struct ref *refs = (const struct ref *)(const void *)pairs.ptr;
    size_t count = pairs.len / sizeof *refs;
    if (pairs.len % sizeof *refs != 0 || (uintptr_t)refs % _Alignof(struct ref) != 0)
        return false;
    for (size_t i = 1; i < count; i++)
        if (!is_before(refs[i - 1], refs[i]))
            return false;
    *ret_refs = refs;
    *ret_count = count;
    return true;
}

/* A copy of the page that would hold the hash: *ret_refs is the caller's to free, NULL when there is no page. */
static bool page_load(struct db *db, int64_t dataset_id, uint64_t hash, int64_t *ret_first_hash, struct ref **ret_refs,
                      size_t *ret_count, struct err *err)
{
    struct db_query *q = db_query(db, "SELECT first_hash, pairs FROM ref_page WHERE dataset_id = ?1 AND "
                                      "first_hash <= ?2 ORDER BY first_hash DESC LIMIT 1");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, (int64_t)hash);
    struct ref *copy = NULL;
    const struct ref *refs;
    size_t count = 0;
    bool whole = true;
    enum db_step step = db_next(q, err);
    if (step == DB_ROW) {
        struct span pairs = db_blob(q, 1);
        *ret_first_hash = db_int(q, 0);
        copy = mem_alloc(pairs.len + sizeof *copy);
        memcpy(copy, pairs.ptr, pairs.len);
        whole = ref_page_read(span_of(copy, pairs.len), &refs, &count);
    }
    bool done = db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
    if (done && !whole)
        done = fail(err, E_INTERNAL, "a page of refs is damaged");
    if (!done) {
        free(copy);
        return false;
    }
    *ret_refs = copy;
    *ret_count = count;
    return true;
}

/* The place of the first pair not before `ref`. */
static size_t place_of(const struct ref *refs, size_t count, struct ref ref)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_before(refs[middle], ref))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Writes a page that has lost a pair under the key that it had; an empty one goes. */
static bool page_rewrite(struct db *db, int64_t dataset_id, int64_t first_hash, const struct ref *refs, size_t count,
                         struct err *err)
{
    struct db_query *q = count > 0
                             ? db_query(db, "UPDATE ref_page SET pairs = ?3 WHERE dataset_id = ?1 AND first_hash = ?2")
                             : db_query(db, "DELETE FROM ref_page WHERE dataset_id = ?1 AND first_hash = ?2");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, first_hash);
    if (count > 0)
        db_bind_blob(q, 3, span_of(refs, count * sizeof *refs));
    return db_run(q, err);
}

bool ref_page_remove(struct db *db, int64_t dataset_id, struct ref ref, struct err *err)
{
    struct ref *refs;
    size_t count;
    int64_t first_hash;
    if (!page_load(db, dataset_id, ref.hash, &first_hash, &refs, &count, err))
        return false;
    size_t at = place_of(refs, count, ref);
    bool done = true;
    if (at < count && refs[at].hash == ref.hash && refs[at].seq == ref.seq) {
        memmove(refs + at, refs + at + 1, (count - at - 1) * sizeof *refs);
        done = page_rewrite(db, dataset_id, first_hash, refs, count - 1, err);
    }
    free(refs);
    return done;
}

bool ref_page_find(struct db *db, int64_t dataset_id, uint64_t hash, int64_t *seqs, size_t room, size_t *count,
                   struct err *err)
{
    struct ref *refs;
    size_t pairs;
    int64_t first_hash;
    if (!page_load(db, dataset_id, hash, &first_hash, &refs, &pairs, err))
        return false;
    for (size_t i = place_of(refs, pairs, (struct ref){ hash, INT64_MIN });
         i < pairs && refs[i].hash == hash && *count < room; i++)
        seqs[(*count)++] = refs[i].seq;
    free(refs);
    return true;
}

bool ref_page_clear_some(struct db *db, int64_t dataset_id, bool *ret_more, struct err *err)
{
    struct db_query *q =
        db_query(db, "DELETE FROM ref_page WHERE dataset_id = ?1 AND first_hash IN (SELECT first_hash FROM "
                     "ref_page WHERE dataset_id = ?1 LIMIT ?2)");
    db_bind_int(q, 1, dataset_id);
    db_bind_int(q, 2, PAGES_AT_ONCE);
    if (!db_run(q, err))
        return false;
    *ret_more = db_changes(db) > 0;
    return true;
}
