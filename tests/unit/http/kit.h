/*
 * kit: a real listener on a free port with a handler that the tests steer by path, and a client on a bare socket that
 * sends exactly the bytes it is told.
 *
 * Paths: /echo answers the body; /list answers what the request looked like; /refuse is refused at its head with 403;
 * /later is answered by one of four threads; /early is answered by such a thread before `complete` returns HTTP_LATER;
 * /hold is answered when the test says kit_release; /big answers KIT_BIG bytes; /slow sleeps 150 ms before it answers.
 */
#ifndef PLACARD_TESTS_HTTP_KIT_H
#define PLACARD_TESTS_HTTP_KIT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/err.h"
#include "http/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h> /* after err.h: it makes a macro of fail */

enum { KIT_WORKERS = 4, KIT_BIG = 6 * 1024 * 1024, KIT_QUEUE = 1024 };

struct kit {
    struct http_listener *listener;
    struct http_options options;
    atomic_uint heads, bodies, completes, dones; /* calls of each hook */
    atomic_ulong body_bytes;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_request *queue[KIT_QUEUE]; /* for the workers */
    unsigned queued;
    struct http_request *held[KIT_QUEUE];
    unsigned held_count;
    bool stopping;
    pthread_t workers[KIT_WORKERS];
    pthread_t metronome;
    atomic_bool silent; /* the metronome ends */
    _Atomic int64_t late_us;
};

/* Starts with the defaults but for what `adjust` changes (NULL: nothing). */
void kit_start(struct kit *kit, void (*adjust)(struct http_options *options));

/* Stops the listener and checks that every head had its one done. */
void kit_stop(struct kit *kit, uint32_t drain_ms);

/* For a test that calls http_stop itself: ends the rest and checks as kit_stop does. */
void kit_finish(struct kit *kit);

void kit_wait_held(struct kit *kit, unsigned count);
void kit_release(struct kit *kit); /* answers everything held */

/* True as soon as the listener has that many connections; false after a minute. */
bool kit_has_open(struct kit *kit, unsigned count);

struct client {
    int socket;
    size_t len;
    size_t taken; /* of them, the answer given out last */
    char buf[8 * 1024 * 1024];
};

struct answer {
    unsigned status; /* 0: closed, or cut, before an answer was whole */
    struct span head;
    struct span body;
};

struct client *client_open(const struct kit *kit);
void client_close(struct client *client);
bool client_send(struct client *client, const void *bytes, size_t len); /* false when the other end has gone */
bool client_say(struct client *client, const char *text);

/* The next answer. Its spans live until the next call. */
struct answer client_read(struct client *client);

/* True when the other end closes, orderly or not, within `ms` and sends nothing more. */
bool client_ended(struct client *client, int ms);

/* All that comes until the other end closes. */
struct span client_rest(struct client *client);

/* client_say and client_read, then the status. */
unsigned client_ask(struct client *client, const char *text);

int64_t now_ms(void);
void sleep_ms(long ms);

/*
 * A bar on time that a busy machine does not move: a metronome measures how much later than told this process was woken
 * meanwhile, and so much, for each of the three threads that an answer passes, is allowed beside the bar.
 */
struct watch {
    int64_t begin_ms;
    int64_t late_ms;
};

struct watch watch_begin(const struct kit *kit);
int64_t watch_late_ms(const struct kit *kit, struct watch watch); /* what is allowed since */
void watch_check(const struct kit *kit, struct watch watch, int64_t least_ms, int64_t most_ms, const char *what);

#endif
