/* learn: see learn.h. */
#include "vision/learn.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

bool learn_stopped(const struct learn_job *job, struct err *err)
{
    if (!job->stop || !atomic_load_explicit(job->stop, memory_order_relaxed))
        return false;
    (void)fail(err, E_LOST_LEASE, "The training was stopped.");
    return true;
}

struct round {
    const struct learn_job *job;
    size_t count;
    bool (*each)(void *ctx, unsigned thread, size_t i, struct err *err);
    void *ctx;
    atomic_size_t next;
    atomic_bool over; /* nothing more is begun */
    pthread_mutex_t lock;
    size_t failed_at; /* SIZE_MAX: nothing failed */
    struct err err;
};

struct hand {
    struct round *round;
    unsigned number;
    pthread_t thread;
};

static void note_failure(struct round *round, size_t i, const struct err *err)
{
    atomic_store(&round->over, true);
    pthread_mutex_lock(&round->lock);
    if (i < round->failed_at) {
        round->failed_at = i;
        round->err = *err;
    }
    pthread_mutex_unlock(&round->lock);
}

static void *work(void *arg)
{
    const struct hand *hand = arg;
    struct round *round = hand->round;
    for (;;) {
        if (atomic_load(&round->over))
            return NULL;
        size_t i = atomic_fetch_add(&round->next, 1);
        if (i >= round->count)
            return NULL;
        struct err err = { 0 };
        if (learn_stopped(round->job, &err) || !round->each(round->ctx, hand->number, i, &err))
            note_failure(round, i, &err);
    }
}

bool learn_each(const struct learn_job *job, size_t count,
                bool (*each)(void *ctx, unsigned thread, size_t i, struct err *err), void *ctx, struct err *err)
{
    struct round round = { .job = job, .count = count, .each = each, .ctx = ctx, .failed_at = SIZE_MAX };
    pthread_mutex_init(&round.lock, NULL);
    unsigned wanted = job->threads < count ? job->threads : (unsigned)count;
    struct hand *hands = mem_zero(wanted + 1, sizeof *hands);
    unsigned started = 0;
    for (; started < wanted; started++) {
        hands[started] = (struct hand){ .round = &round, .number = started };
        if (pthread_create(&hands[started].thread, NULL, work, &hands[started]) != 0)
            break;
    }
    if (started == 0 && wanted > 0) /* no thread is to be had: then this one does it */
        work(&hands[0]);
    for (unsigned i = 0; i < started; i++)
        pthread_join(hands[i].thread, NULL);
    free(hands);
    pthread_mutex_destroy(&round.lock);
    if (round.failed_at == SIZE_MAX)
        return true;
    if (err)
        *err = round.err;
    return false;
}

static uint64_t mixed(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

struct learn_random learn_random(uint64_t seed, uint64_t stream)
{
    return (struct learn_random){ mixed(mixed(seed + 0x9e3779b97f4a7c15u) ^ (stream * 0xd1342543de82ef95u + 1)) };
}

uint64_t learn_random_next(struct learn_random *random)
{
    random->state += 0x9e3779b97f4a7c15u;
    return mixed(random->state);
}

uint64_t learn_random_below(struct learn_random *random, uint64_t bound)
{
    CHECK(bound > 0);
    uint64_t whole = UINT64_MAX - UINT64_MAX % bound, drawn; /* a multiple of bound: no remainder is favoured */
    do
        drawn = learn_random_next(random);
    while (drawn >= whole);
    return drawn % bound;
}

float learn_random_unit(struct learn_random *random)
{
    return (float)(learn_random_next(random) >> 40) * 0x1p-24f;
}

float learn_random_normal(struct learn_random *random)
{
    double u = ((double)(learn_random_next(random) >> 11) + 1) * 0x1p-53; /* above 0 */
    double v = (double)(learn_random_next(random) >> 11) * 0x1p-53;
    return (float)(sqrt(-2 * log(u)) * cos(2 * M_PI * v));
}

void learn_random_shuffle(struct learn_random *random, uint32_t *places, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = learn_random_below(random, i);
        uint32_t kept = places[i - 1];
        places[i - 1] = places[j];
        places[j] = kept;
    }
}
