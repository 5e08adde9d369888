/* crew: see crew.h for the contract. A ring of batches: the feeder's end, the parsers' place, the writer's end. */
#include "work/crew.h"

#include <pthread.h>
#include <stdlib.h>

enum { BATCHES = 8, THREADS_MAX = 16 };

struct slot {
    struct batch batch;
    bool parsed;
};

struct crew {
    pthread_mutex_t lock;
    pthread_cond_t work;   /* something to parse, or the end */
    pthread_cond_t result; /* something was parsed */
    struct slot slots[BATCHES];
    /* positions only grow; slot = position % BATCHES; written <= claimed <= submitted <= written + BATCHES */
    uint64_t submitted, claimed, written;
    bool ending;
    pthread_t threads[THREADS_MAX];
    struct parser *parsers[THREADS_MAX];
    unsigned thread_count;
};

struct helper {
    struct crew *crew;
    struct parser *parser;
};

static void *parse_batches(void *arg)
{
    struct helper helper = *(struct helper *)arg;
    free(arg);
    struct crew *crew = helper.crew;
    pthread_mutex_lock(&crew->lock);
    for (;;) {
        while (crew->claimed == crew->submitted && !crew->ending)
            pthread_cond_wait(&crew->work, &crew->lock);
        if (crew->ending)
            break;
        struct slot *slot = &crew->slots[crew->claimed++ % BATCHES];
        pthread_mutex_unlock(&crew->lock);
        parser_run(helper.parser, &slot->batch);
        pthread_mutex_lock(&crew->lock);
        slot->parsed = true;
        pthread_cond_signal(&crew->result);
    }
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

struct crew *crew_new(const struct store *store, const struct manifest_limits *limits, unsigned threads)
{
    struct crew *crew = mem_zero(1, sizeof *crew);
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->work, NULL);
    pthread_cond_init(&crew->result, NULL);
    for (unsigned i = 0; i < BATCHES; i++)
        batch_init(&crew->slots[i].batch);
    crew->thread_count = threads < 1 ? 1 : threads > THREADS_MAX ? THREADS_MAX : threads;
    for (unsigned i = 0; i < crew->thread_count; i++) {
        struct helper *helper = mem_alloc(sizeof *helper);
        crew->parsers[i] = parser_new(store, limits);
        *helper = (struct helper){ crew, crew->parsers[i] };
        CHECK(pthread_create(&crew->threads[i], NULL, parse_batches, helper) == 0);
    }
    return crew;
}

void crew_free(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    crew->ending = true;
    pthread_cond_broadcast(&crew->work);
    pthread_mutex_unlock(&crew->lock);
    for (unsigned i = 0; i < crew->thread_count; i++) {
        pthread_join(crew->threads[i], NULL);
        parser_free(crew->parsers[i]);
    }
    for (unsigned i = 0; i < BATCHES; i++)
        batch_free(&crew->slots[i].batch);
    pthread_mutex_destroy(&crew->lock);
    pthread_cond_destroy(&crew->work);
    pthread_cond_destroy(&crew->result);
    free(crew);
}

struct batch *crew_empty(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    bool room = crew->submitted - crew->written < BATCHES;
    pthread_mutex_unlock(&crew->lock);
    if (!room)
        return NULL;
    struct slot *slot = &crew->slots[crew->submitted % BATCHES];
    batch_clear(&slot->batch);
    slot->parsed = false;
    return &slot->batch;
}

void crew_submit(struct crew *crew, struct batch *batch)
{
    pthread_mutex_lock(&crew->lock);
    CHECK(batch == &crew->slots[crew->submitted % BATCHES].batch);
    crew->submitted++;
    pthread_cond_signal(&crew->work);
    pthread_mutex_unlock(&crew->lock);
}

struct batch *crew_parsed(struct crew *crew, bool wait)
{
    struct batch *batch = NULL;
    pthread_mutex_lock(&crew->lock);
    if (crew->written < crew->submitted) {
        struct slot *slot = &crew->slots[crew->written % BATCHES];
        while (wait && !slot->parsed)
            pthread_cond_wait(&crew->result, &crew->lock);
        batch = slot->parsed ? &slot->batch : NULL;
    }
    pthread_mutex_unlock(&crew->lock);
    return batch;
}

void crew_recycle(struct crew *crew, struct batch *batch)
{
    pthread_mutex_lock(&crew->lock);
    CHECK(batch == &crew->slots[crew->written % BATCHES].batch);
    crew->written++;
    pthread_mutex_unlock(&crew->lock);
}
