/*
 * pool: a few threads for what may wait or scan, behind a queue of bounded length.
 *
 *     pool_start(…, &pool); pool_offer(pool, &task) from any thread; pool_stop(pool)
 *
 * A task is run once, in the order offered, on some thread of the pool; it belongs to whoever offered it and may be
 * freed from within its own `run`. A full queue refuses: the caller answers at once instead of letting the wait grow.
 */
#ifndef PLACARD_WORK_POOL_H
#define PLACARD_WORK_POOL_H

#include "base/err.h"

struct pool;

struct pool_task {
    void (*run)(struct pool_task *task);
    struct pool_task *next; /* the pool's own */
};

/* `threads` run at once, `queue` more may wait. E_INTERNAL when the threads cannot be had. */
bool pool_start(unsigned threads, unsigned queue, struct pool **ret_pool, struct err *err) MUST_CHECK;

/* False, and nothing happened, when as many wait as may. */
bool pool_offer(struct pool *pool, struct pool_task *task) MUST_CHECK;

/* Whether a task offered now would be refused. */
bool pool_is_full(const struct pool *pool);

/* Tasks that wait for a thread. */
unsigned pool_waiting(const struct pool *pool);

/* Runs what was offered to its end, then ends the threads. Nobody offers any more. */
void pool_stop(struct pool *pool);

#endif
