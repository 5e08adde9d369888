/* crew: see crew.h for the contract. A ring of batches: claimed at the feed, parsed, written. */
#include "work/crew.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

/*
 * Parsers hold nothing that a call waits for, and would keep every core busy: they run when nobody else wants to. The
 * ingesting thread, which holds the writer, keeps its place.
 */
enum { BATCHES = 8, THREADS_MAX = 16, PARSER_NICE = 19 };

struct slot {
    struct batch batch;
    bool parsed;
    bool failed; /* the feed did, with `why` of the crew */
};

struct crew {
    struct feed *feed; /* whose turn it is, that is `feeding` */
    pthread_mutex_t lock;
    pthread_cond_t turn;   /* the feed is free and a slot is, or the end */
    pthread_cond_t result; /* something was parsed */
    struct slot slots[BATCHES];
    /* positions only grow; slot = position % BATCHES; written <= claimed <= written + BATCHES */
    uint64_t claimed, written;
    bool feeding;
    bool exhausted; /* the feed has no more to give */
    bool ending;
    struct err why;
    pthread_t threads[THREADS_MAX];
    struct parser *parsers[THREADS_MAX];
    unsigned thread_count;
};

struct helper {
    struct crew *crew;
    struct parser *parser;
};

/* With the lock held, and let go while reading: the next slot, filled; NULL at the end. */
static struct slot *claim(struct crew *crew, struct parser *parser)
{
    while (!crew->ending && !crew->exhausted && (crew->feeding || crew->claimed - crew->written == BATCHES))
        pthread_cond_wait(&crew->turn, &crew->lock);
    if (crew->ending || crew->exhausted)
        return NULL;
    struct slot *slot = &crew->slots[crew->claimed++ % BATCHES];
    crew->feeding = true;
    pthread_mutex_unlock(&crew->lock);
    struct err err;
    batch_clear(&slot->batch);
    bool fed = feed_batch(crew->feed, &slot->batch, parser_input(parser), &err);
    pthread_mutex_lock(&crew->lock);
    slot->failed = !fed;
    if (!fed)
        crew->why = err;
    crew->feeding = false;
    crew->exhausted = !fed || slot->batch.last;
    if (crew->exhausted)
        pthread_cond_broadcast(&crew->turn);
    else
        pthread_cond_signal(&crew->turn);
    return slot;
}

static void *parse_batches(void *arg)
{
    struct helper helper = *(struct helper *)arg;
    free(arg);
    struct crew *crew = helper.crew;
    struct slot *slot;
    setpriority(PRIO_PROCESS, 0, PARSER_NICE); /* of this thread alone */
    pthread_mutex_lock(&crew->lock);
    while ((slot = claim(crew, helper.parser))) {
        if (!slot->failed) {
            pthread_mutex_unlock(&crew->lock);
            parser_run(helper.parser, &slot->batch);
            pthread_mutex_lock(&crew->lock);
        }
        slot->parsed = true;
        pthread_cond_signal(&crew->result);
    }
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

/* Waits are counted by the clock that nobody sets. */
static void condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct crew *crew_new(const struct store *store, const struct manifest_limits *limits, struct feed *feed,
                      unsigned threads)
{
    struct crew *crew = mem_zero(1, sizeof *crew);
    crew->feed = feed;
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->turn, NULL);
    condition_init(&crew->result);
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
    pthread_cond_broadcast(&crew->turn);
    pthread_mutex_unlock(&crew->lock);
    for (unsigned i = 0; i < crew->thread_count; i++) {
        pthread_join(crew->threads[i], NULL);
        parser_free(crew->parsers[i]);
    }
    for (unsigned i = 0; i < BATCHES; i++)
        batch_free(&crew->slots[i].batch);
    pthread_mutex_destroy(&crew->lock);
    pthread_cond_destroy(&crew->turn);
    pthread_cond_destroy(&crew->result);
    free(crew);
}

bool crew_parsed(struct crew *crew, int64_t wait_us, struct batch **ret_batch, struct err *err)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += wait_us * 1000;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&crew->lock);
    struct slot *slot = &crew->slots[crew->written % BATCHES];
    while (!slot->parsed && pthread_cond_timedwait(&crew->result, &crew->lock, &until) != ETIMEDOUT)
        ;
    bool parsed = slot->parsed, failed = parsed && slot->failed;
    pthread_mutex_unlock(&crew->lock);
    if (failed) {
        *err = crew->why;
        return false;
    }
    *ret_batch = parsed ? &slot->batch : NULL;
    return true;
}

void crew_recycle(struct crew *crew, struct batch *batch)
{
    pthread_mutex_lock(&crew->lock);
    struct slot *slot = &crew->slots[crew->written % BATCHES];
    CHECK(batch == &slot->batch && slot->parsed);
    slot->parsed = false;
    crew->written++;
    pthread_cond_signal(&crew->turn);
    pthread_mutex_unlock(&crew->lock);
}
