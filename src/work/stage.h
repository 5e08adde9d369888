/*
 * stage: one dataset's next generation while a job prepares it; what every kind of job does the same way.
 *
 * `stage_open` loads what is committed (or, for a job that goes on from its cursor, what it had staged), then any
 * number of stage_put / stage_kill / counting calls, each inside stage_turn's transaction, then stage_finish. A
 * transaction ends after about 25 ms or when an API writer waits; with each, changed labels, the progress and the job's
 * cursor are committed together. On E_LOST_LEASE nothing may be written any more. One thread.
 */
#ifndef PLACARD_WORK_STAGE_H
#define PLACARD_WORK_STAGE_H

#include <stdatomic.h>

#include "block/block.h"
#include "object/object.h"
#include "store/job.h"
#include "store/stage_rows.h"
#include "work/book.h"
#include "work/limits.h"
#include "work/models.h"

/* What a running job has at hand. */
struct run {
    struct store *store;
    struct object_store *objects;
    const struct models *models; /* of jobs on versions */
    struct limits limits;
    struct job *job;
    struct arena *arena; /* lives as long as the job runs */
    atomic_bool *stopping;
    atomic_bool *cancel;                                      /* of a training: an operator wants it to end */
    void (*tell)(void *ctx, const char *phase, double share); /* likewise: how far it is */
    void *tell_ctx;
    unsigned parsers;
    atomic_uint_least64_t *lines_read; /* metrics */
    atomic_uint_least64_t *entries_written;
};

struct stage {
    struct run *run;
    int64_t dataset_id;
    int64_t generation; /* the one being prepared */
    struct progress progress;
    struct book book;
    struct block_packer *packer;
    struct block block;     /* being filled, */
    struct block_set fresh; /* and which of its entries get a ref when it is written */
    bool killed;            /* some committed block dies in this generation */
    struct buf lines, data, index;
    struct db *db;   /* inside a transaction */
    int64_t turn_us; /* when it began */
};

/* `resume` goes on from what was staged; otherwise leftovers of an earlier attempt are removed first. */
bool stage_open(struct stage *stage, struct run *run, int64_t dataset_id, bool resume, struct err *err) MUST_CHECK;
void stage_close(struct stage *stage);

/* Begins a transaction if none is open. Fails with E_LOST_LEASE when the runner is stopping. */
bool stage_turn(struct stage *stage, struct err *err) MUST_CHECK;

/* Removes the report of the operation before, in transactions of its own. */
bool stage_clear_rejected(struct stage *stage, struct err *err) MUST_CHECK;

/* Ends the transaction if its time is up (or `now`), with labels, progress and cursor. */
bool stage_pause(struct stage *stage, bool now, struct err *err) MUST_CHECK;

/*
 * Appends an entry to the block being filled; a full block is packed and written, with the refs of its `fresh` entries
 * in the same transaction, so that undoing the block undoes them. Inside a turn.
 */
bool stage_put(struct stage *stage, const struct block_entry *entry, struct span line, const struct block_use *uses,
               size_t use_count, bool fresh, struct err *err) MUST_CHECK;

/* Marks a committed block as dying in this generation. Inside a turn. */
bool stage_kill(struct stage *stage, const struct block_row *row, struct err *err) MUST_CHECK;

/* Packs and writes the block being filled, if it holds anything. */
bool stage_flush(struct stage *stage, struct err *err) MUST_CHECK;

/* Writes a block packed elsewhere; `index` holds its entries (block_encode_entries) and gets its labels. */
bool stage_write_block(struct stage *stage, const struct block *block, struct buf *index, struct span data,
                       struct err *err) MUST_CHECK;

/* Counts an entry in (+1) or out (-1) of the statistics and the labels; uses name the book's ids. */
void stage_count(struct stage *stage, unsigned flags, const struct block_use *uses, size_t use_count, int delta);

/* The client's limits on the whole dataset; NULL or the message it fails with. */
const char *stage_over_limits(const struct stage *stage);

/*
 * The flip, in the open or a new transaction, and the job's end; where blocks died, its settling phase instead. `other`
 * (or NULL) flips in the same transaction.
 */
bool stage_finish(struct stage *stage, struct stage *other, enum dataset_status status, const char *message,
                  struct err *err) MUST_CHECK;

/* Marks the job as given up, with why; the runner then undoes and fails the dataset. Ends any open transaction. */
bool stage_give_up(struct stage *stage, const char *message, struct err *err) MUST_CHECK;

#endif
