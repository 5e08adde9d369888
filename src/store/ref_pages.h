/*
 * ref_pages: a dataset's refs, by which an entry is found from the keyed hash of its source-ref.
 *
 * What a dataset is made with comes at once, sorted, and is written in pages of up to REF_PAGE_PAIRS pairs: a row for
 * each pair costs twenty times as much. Later refs are rows of their own (stage_ref_put). stage_ref_remove and
 * stage_refs_of (stage_rows.h) look in both; nobody else needs to know.
 *
 * A page's bytes are its pairs in order of (hash, seq), 16 bytes each: the hash and the seq, both as the machine's
 * 64-bit integers. Hashes are ordered as the store's signed integers. Equal hashes never stand in two pages.
 */
#ifndef PLACARD_STORE_REF_PAGES_H
#define PLACARD_STORE_REF_PAGES_H

#include "base/err.h"
#include "db/db.h"

#define REF_PAGE_PAIRS 250 /* two pages of them fill one of the engine's */

struct ref {
    uint64_t hash;
    int64_t seq;
};

/* How many of the refs from `at` on make up the next page; more than REF_PAGE_PAIRS only where hashes are equal. */
size_t ref_page_take(const struct ref *refs, size_t count, size_t at);

/* Appends one page (db_append), which must not be there yet. Inside a write. */
bool ref_page_put(struct db *db, int64_t dataset_id, const struct ref *refs, size_t count, struct err *err) MUST_CHECK;

/* Takes a pair out of the page it is in, if it is in one. Inside a write. */
bool ref_page_remove(struct db *db, int64_t dataset_id, struct ref ref, struct err *err) MUST_CHECK;

/* Adds the seqs under a hash to those given, up to `room` of them all. Inside a read. */
bool ref_page_find(struct db *db, int64_t dataset_id, uint64_t hash, int64_t *seqs, size_t room, size_t *count,
                   struct err *err) MUST_CHECK;

/* Removes some pages of a dataset; *ret_more tells whether some were left to remove. Inside a write. */
bool ref_page_clear_some(struct db *db, int64_t dataset_id, bool *ret_more, struct err *err) MUST_CHECK;

/* The pairs of a page's bytes; false if they are damaged: not whole, not in order. */
bool ref_page_read(struct span pairs, const struct ref **ret_refs, size_t *ret_count);

#endif
