/* hold: see hold.h for the contract. One list, one lock, one thread that hands the due ones to the pool. */
#include "api/hold.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

enum { REFUSED_AGAIN_US = 20 * 1000, IDLE_US = 60 * 1000 * 1000 };

struct hold {
    struct pool *pool;
    unsigned most;
    int64_t held_us;
    pthread_t thread;
    pthread_mutex_t lock; /* all below */
    pthread_cond_t wake;
    uint64_t changes;
    struct held *first;
    unsigned count;
    bool ending;
};

static void run_task(struct pool_task *task)
{
    struct held *held = (struct held *)(void *)task;
    held->resume(held);
}

/* Takes the due ones out of the list and offers them; a full pool is asked again soon. When to look next. */
static int64_t hand_on(struct hold *hold, int64_t now_us)
{
    int64_t next_us = now_us + IDLE_US;
    struct held **at = &hold->first;
    while (*at) {
        struct held *held = *at;
        struct held *rest = held->next;
        if (!held->due && !hold->ending && held->until_us > now_us) {
            next_us = held->until_us < next_us ? held->until_us : next_us;
            at = &held->next;
            continue;
        }
        held->task.run = run_task;
        if (!pool_offer(hold->pool, &held->task)) {
            held->due = true;
            return now_us + REFUSED_AGAIN_US;
        }
        *at = rest; /* it is no longer ours */
        hold->count--;
    }
    return next_us;
}

static void *watch(void *arg)
{
    struct hold *hold = arg;
    pthread_mutex_lock(&hold->lock);
    while (!hold->ending || hold->first) {
        int64_t next_us = hand_on(hold, clock_mono_us());
        if (hold->ending && !hold->first)
            break;
        struct timespec until = { .tv_sec = next_us / 1000000, .tv_nsec = next_us % 1000000 * 1000 };
        pthread_cond_timedwait(&hold->wake, &hold->lock, &until);
    }
    pthread_mutex_unlock(&hold->lock);
    return NULL;
}

struct hold *hold_new(struct pool *pool, unsigned most, int64_t ms)
{
    struct hold *hold = mem_zero(1, sizeof *hold);
    pthread_condattr_t attributes;
    hold->pool = pool;
    hold->most = ms > 0 ? most : 0;
    hold->held_us = ms * 1000;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&hold->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&hold->lock, NULL);
    CHECK(pthread_create(&hold->thread, NULL, watch, hold) == 0);
    return hold;
}

void hold_end(struct hold *hold)
{
    pthread_mutex_lock(&hold->lock);
    hold->ending = true;
    pthread_cond_signal(&hold->wake);
    pthread_mutex_unlock(&hold->lock);
    pthread_join(hold->thread, NULL);
    CHECK(!hold->first);
}

void hold_free(struct hold *hold)
{
    pthread_cond_destroy(&hold->wake);
    pthread_mutex_destroy(&hold->lock);
    free(hold);
}

uint64_t hold_mark(struct hold *hold)
{
    pthread_mutex_lock(&hold->lock);
    uint64_t mark = hold->changes;
    pthread_mutex_unlock(&hold->lock);
    return mark;
}

enum hold_answer hold_park(struct hold *hold, struct held *held, int64_t project_id, uint64_t mark)
{
    enum hold_answer answer = HOLD_PARKED;
    int64_t now_us = clock_mono_us();
    pthread_mutex_lock(&hold->lock);
    if (held->until_us == 0)
        held->until_us = now_us + hold->held_us;
    if (hold->ending || hold->count >= hold->most || held->until_us <= now_us) {
        answer = HOLD_NO;
    } else if (hold->changes != mark) {
        answer = HOLD_LOOK_AGAIN;
    } else {
        held->project_id = project_id;
        held->due = false;
        held->next = hold->first;
        hold->first = held;
        hold->count++;
        pthread_cond_signal(&hold->wake);
    }
    pthread_mutex_unlock(&hold->lock);
    return answer;
}

void hold_changed(void *ctx, int64_t project_id)
{
    struct hold *hold = ctx;
    bool any = false;
    pthread_mutex_lock(&hold->lock);
    hold->changes++;
    for (struct held *held = hold->first; held; held = held->next)
        if (held->project_id == project_id || project_id == HOLD_ANY_PROJECT)
            any = held->due = true;
    if (any)
        pthread_cond_signal(&hold->wake);
    pthread_mutex_unlock(&hold->lock);
}

unsigned hold_count(struct hold *hold)
{
    pthread_mutex_lock(&hold->lock);
    unsigned count = hold->count;
    pthread_mutex_unlock(&hold->lock);
    return count;
}
