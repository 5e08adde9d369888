/*
 * stage_rows: the rows jobs write, one statement each, inside a write of STORE_JOB; and the blocks they read.
 *
 * Staged blocks are born in generation + 1, those they replace are marked as dying in it; nobody sees either before
 * stage_flip, and stage_undo_some takes both back. What is said to be appended (db_append) must not be there yet, and
 * is there for a statement of the same transaction only behind db_append_end: rows of an attempt are committed with the
 * cursor that they moved, and one that begins anew has removed them. All else may be repeated without harm.
 */
#ifndef PLACARD_STORE_STAGE_ROWS_H
#define PLACARD_STORE_STAGE_ROWS_H

#include "manifest/manifest.h"
#include "store/dataset_rows.h"
#include "store/progress.h"

/* One label of a dataset and how many entries use, box and declare it. */
struct label_count {
    int64_t id;
    struct span name;
    int64_t entries;
    int64_t boxed;
    int64_t declared;
};

struct block_row {
    int64_t first_seq;
    int64_t born;
    int64_t last_seq;
    int64_t entries;
    struct span index;
    struct span data; /* empty when not asked for */
};

/* Appended. */
bool stage_block_put(struct db *db, int64_t dataset_id, const struct block_row *row, struct err *err) MUST_CHECK;
bool stage_block_drop(struct db *db, int64_t dataset_id, int64_t first_seq, int64_t born, struct err *err) MUST_CHECK;
bool stage_block_kill(struct db *db, int64_t dataset_id, int64_t first_seq, int64_t born, int64_t died,
                      struct err *err) MUST_CHECK;

/* Writes one label anew; or appends it, where the labels of its id have been cleared or it was never staged. */
bool stage_label_put(struct db *db, int64_t dataset_id, const struct label_count *count, struct err *err) MUST_CHECK;
bool stage_label_append(struct db *db, int64_t dataset_id, const struct label_count *count, struct err *err) MUST_CHECK;
bool stage_labels_clear_range(struct db *db, int64_t dataset_id, int64_t first_id, int64_t last_id,
                              struct err *err) MUST_CHECK;

/* Appended. */
bool stage_ref_put(struct db *db, int64_t dataset_id, uint64_t hash, int64_t seq, struct err *err) MUST_CHECK;
bool stage_ref_remove(struct db *db, int64_t dataset_id, uint64_t hash, int64_t seq, struct err *err) MUST_CHECK;
/* Appended. */
bool stage_rejected_put(struct db *db, int64_t dataset_id, int64_t line, enum manifest_code code, struct span value,
                        struct err *err) MUST_CHECK;
/* A few thousand at a time; *ret_more tells whether some may be left. */
bool stage_rejected_clear_some(struct db *db, int64_t dataset_id, bool *ret_more, struct err *err) MUST_CHECK;

/* Staged labels of an earlier attempt that begins anew. */
bool stage_labels_clear(struct db *db, int64_t dataset_id, struct err *err) MUST_CHECK;

/*
 * The commit of a job: generation, counters, labels, status and message at once, and the catalog's news with them.
 * `labels` is the number of labels that live afterwards.
 */
bool stage_flip(struct store *store, struct db *db, int64_t dataset_id, int64_t generation,
                const struct progress *progress, int64_t labels, enum dataset_status status, struct span message,
                struct err *err) MUST_CHECK;

/* The other end: the dataset says why and keeps what it had. */
bool stage_fail(struct store *store, struct db *db, int64_t dataset_id, enum dataset_status status,
                enum dataset_message_code code, struct span message, struct err *err) MUST_CHECK;

/* Takes back some of what was staged for `generation`, refs of staged blocks included; *ret_more until nothing is left.
 */
bool stage_undo_some(struct db *db, int64_t dataset_id, int64_t generation, bool *ret_more, struct err *err) MUST_CHECK;

/* Removes some blocks that died in that committed generation or before. */
bool stage_settle_some(struct db *db, int64_t dataset_id, int64_t generation, bool *ret_more,
                       struct err *err) MUST_CHECK;

/* Removes some of a dataset's rows; when none is left, the dataset itself with its tags and other jobs. */
bool stage_remove_some(struct store *store, struct db *db, int64_t dataset_id, int64_t job_id, bool *ret_more,
                       struct err *err) MUST_CHECK;

/* --- reading, in a transaction of its own ------------------------------------------------------------------------- */

bool stage_dataset(struct store *store, struct arena *arena, int64_t dataset_id, struct dataset_row *ret_row,
                   bool *ret_found, struct err *err) MUST_CHECK;

/* Up to `room` blocks visible at `generation` with first_seq > after, in order. */
bool stage_blocks(struct store *store, struct arena *arena, int64_t dataset_id, int64_t generation, int64_t after,
                  bool with_data, struct block_row *ret_rows, size_t room, size_t *ret_count,
                  struct err *err) MUST_CHECK;

/* Up to `room` indexes of blocks that died in exactly that generation, with first_seq > after, in order. */
bool stage_dead_blocks(struct store *store, struct arena *arena, int64_t dataset_id, int64_t generation, int64_t after,
                       struct block_row *ret_rows, size_t room, size_t *ret_count, struct err *err) MUST_CHECK;

/* The block visible at `generation` that may hold `seq` (the last one beginning at or before it). */
bool stage_block_at(struct store *store, struct arena *arena, int64_t dataset_id, int64_t generation, int64_t seq,
                    struct block_row *ret_row, bool *ret_found, struct err *err) MUST_CHECK;

/* The seqs under a hash, at most `room`; in no order. */
bool stage_refs_of(struct store *store, int64_t dataset_id, uint64_t hash, int64_t *ret_seqs, size_t room,
                   size_t *ret_count, struct err *err) MUST_CHECK;

/* Labels: the committed ones, or those staged. */
bool stage_labels(struct store *store, struct arena *arena, int64_t dataset_id, bool staged,
                  struct label_count **ret_labels, size_t *ret_count, struct err *err) MUST_CHECK;

#endif
