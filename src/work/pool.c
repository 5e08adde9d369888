/* pool: see pool.h for the contract. */
#include "work/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t offered;
    struct pool_task *first, *last;
    /* Changed under the lock, looked at without it: tasks, and threads that wait for one. */
    atomic_uint waiting, idle;
    unsigned queue;
    bool ending;
    unsigned thread_count;
    pthread_t threads[];
};

static struct pool_task *take(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->idle, 1);
    while (!pool->first && !pool->ending)
        pthread_cond_wait(&pool->offered, &pool->lock);
    atomic_fetch_sub(&pool->idle, 1);
    struct pool_task *task = pool->first;
    if (task) {
        pool->first = task->next;
        atomic_fetch_sub(&pool->waiting, 1);
    }
    pthread_mutex_unlock(&pool->lock);
    return task;
}

static void *work(void *arg)
{
    struct pool *pool = arg;
    for (struct pool_task *task; (task = take(pool));)
        task->run(task);
    return NULL;
}

bool pool_start(unsigned threads, unsigned queue, struct pool **ret_pool, struct err *err)
{
    CHECK(threads > 0 && queue > 0);
    struct pool *pool = mem_zero(1, sizeof *pool + threads * sizeof pool->threads[0]);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->offered, NULL);
    pool->queue = queue;
    while (pool->thread_count < threads) {
        int failure = pthread_create(&pool->threads[pool->thread_count], NULL, work, pool);
        if (failure) {
            pool_stop(pool);
            return fail(err, E_INTERNAL, "cannot start a thread: %s", strerror(failure));
        }
        pool->thread_count++;
    }
    *ret_pool = pool;
    return true;
}

/* A task that an idle thread is about to take does not wait. */
bool pool_is_full(const struct pool *pool)
{
    return atomic_load(&pool->waiting) >= pool->queue + atomic_load(&pool->idle);
}

bool pool_offer(struct pool *pool, struct pool_task *task)
{
    pthread_mutex_lock(&pool->lock);
    CHECK(!pool->ending);
    bool taken = !pool_is_full(pool);
    if (taken) {
        task->next = NULL;
        if (pool->first)
            pool->last->next = task;
        else
            pool->first = task;
        pool->last = task;
        atomic_fetch_add(&pool->waiting, 1);
        pthread_cond_signal(&pool->offered);
    }
    pthread_mutex_unlock(&pool->lock);
    return taken;
}

unsigned pool_waiting(const struct pool *pool)
{
    return atomic_load(&pool->waiting);
}

void pool_stop(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    pthread_cond_broadcast(&pool->offered);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    CHECK(!pool->first);
    pthread_cond_destroy(&pool->offered);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
