/*
 * hold: calls that wait, without a thread, for a model version to change its state.
 *
 * A client's waiter asks again only after half a minute or two; a Describe that comes from one may be kept until there
 * is something to tell, but never so long that the client gives up (docs/api.md). The order of things:
 *
 *     mark = hold_mark(hold); look at the versions; nothing to tell: hold_park(hold, &held, project, mark)
 *     HOLD_PARKED     `resume` is called once, later, by a thread of the pool; nothing of the call may be touched
 *     HOLD_LOOK_AGAIN something has changed since the mark: look again
 *     HOLD_NO         as many are held as may be, its time is over, or the server ends: answer now
 *
 * hold_changed comes from the thread that committed the change, and only marks who is to be resumed.
 */
#ifndef PLACARD_API_HOLD_H
#define PLACARD_API_HOLD_H

#include <stdint.h>

#include "work/pool.h"

struct hold;

/* One call; its owner's memory. */
struct held {
    struct pool_task task; /* the pool's, when it is resumed */
    void (*resume)(struct held *held);
    struct held *next; /* these are the hold's own */
    int64_t project_id;
    int64_t until_us; /* 0: it was never parked */
    bool due;
};

/* At most `most` calls, each for `ms` in all; 0 of either holds none. The pool runs until hold_end has returned. */
struct hold *hold_new(struct pool *pool, unsigned most, int64_t ms);

/* From now on nothing is held; returns when all that was is resumed. */
void hold_end(struct hold *hold);
void hold_free(struct hold *hold); /* after hold_end, and when nobody calls hold_changed any more */

enum hold_answer { HOLD_PARKED, HOLD_LOOK_AGAIN, HOLD_NO };
uint64_t hold_mark(struct hold *hold);
enum hold_answer hold_park(struct hold *hold, struct held *held, int64_t project_id, uint64_t mark);

/* Of any thread, for store_watch: a version of the project, or of any, has changed. */
#define HOLD_ANY_PROJECT ((int64_t)0)
void hold_changed(void *hold, int64_t project_id);

/* How many are held now. */
unsigned hold_count(struct hold *hold);

#endif
