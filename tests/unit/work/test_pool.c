/* The pool: every task offered runs once, a full queue refuses, the end waits for what was taken. */
#include "work/pool.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MANY = 2000, OFFERERS = 4 };

static atomic_uint ran;

struct counted {
    struct pool_task task;
    unsigned times;
};

static void count(struct pool_task *task)
{
    ((struct counted *)(void *)task)->times++;
    atomic_fetch_add(&ran, 1);
}

static struct counted many[OFFERERS][MANY];
static struct pool *shared;

static void *offer_many(void *arg)
{
    struct counted *own = arg;
    for (unsigned i = 0; i < MANY; i++) {
        own[i] = (struct counted){ .task = { .run = count } };
        while (!pool_offer(shared, &own[i].task))
            ;
    }
    return NULL;
}

static void each_task_runs_once(void **state)
{
    (void)state;
    struct err err;
    pthread_t threads[OFFERERS];
    atomic_store(&ran, 0);
    assert_true(pool_start(3, 16, &shared, &err));
    for (unsigned i = 0; i < OFFERERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, offer_many, many[i]), 0);
    for (unsigned i = 0; i < OFFERERS; i++)
        pthread_join(threads[i], NULL);
    pool_stop(shared);
    assert_int_equal(atomic_load(&ran), OFFERERS * MANY);
    for (unsigned i = 0; i < OFFERERS; i++)
        for (unsigned k = 0; k < MANY; k++)
            assert_int_equal(many[i][k].times, 1);
}

/* A task that tells when it has begun and ends when it may. */
struct gated {
    struct pool_task task;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool begun, may_end;
};

static void hold(struct pool_task *task)
{
    struct gated *gated = (struct gated *)(void *)task;
    pthread_mutex_lock(&gated->lock);
    gated->begun = true;
    pthread_cond_broadcast(&gated->changed);
    while (!gated->may_end)
        pthread_cond_wait(&gated->changed, &gated->lock);
    pthread_mutex_unlock(&gated->lock);
    atomic_fetch_add(&ran, 1);
}

static void a_full_queue_refuses_and_the_end_waits(void **state)
{
    (void)state;
    struct pool *pool;
    struct err err;
    struct gated gated = { .task = { .run = hold },
                           .lock = PTHREAD_MUTEX_INITIALIZER,
                           .changed = PTHREAD_COND_INITIALIZER };
    struct counted waiting[3] = { { .task = { .run = count } },
                                  { .task = { .run = count } },
                                  { .task = { .run = count } } };
    atomic_store(&ran, 0);
    assert_true(pool_start(1, 2, &pool, &err));
    assert_true(pool_offer(pool, &gated.task));
    pthread_mutex_lock(&gated.lock);
    while (!gated.begun)
        pthread_cond_wait(&gated.changed, &gated.lock);
    pthread_mutex_unlock(&gated.lock);
    assert_int_equal(pool_waiting(pool), 0);
    assert_false(pool_is_full(pool));
    assert_true(pool_offer(pool, &waiting[0].task));
    assert_true(pool_offer(pool, &waiting[1].task));
    assert_true(pool_is_full(pool));
    assert_false(pool_offer(pool, &waiting[2].task));
    assert_int_equal(pool_waiting(pool), 2);
    pthread_mutex_lock(&gated.lock);
    gated.may_end = true;
    pthread_cond_broadcast(&gated.changed);
    pthread_mutex_unlock(&gated.lock);
    pool_stop(pool);
    assert_int_equal(atomic_load(&ran), 3);
    assert_int_equal(waiting[2].times, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_task_runs_once),
        cmocka_unit_test(a_full_queue_refuses_and_the_end_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
