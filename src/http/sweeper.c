/*
 * sweeper: the thread that cuts connections past their time. See listener.h.
 *
 * libmicrohttpd's own timeout starts anew with every byte and so suits a client that means ill. Here a request has
 * request_ms as a whole, from the connection's beginning (TLS handshake and head included) or, on a kept connection,
 * from the first byte of the next request. Nobody tells us of that byte, since libmicrohttpd speaks up at the end of
 * the request line; so the kernel's count of received bytes is compared from look to look, and a connection whose count
 * grew while it was idle is declared arriving. An idle connection has idle_ms; an answer under way out is cut when the
 * client acknowledges nothing for idle_ms; a request in the handler's hands has no deadline here.
 *
 * Cutting is shutdown(2) under the listener's lock, under which a connection leaves the list before its socket is
 * closed. The thread that serves the connection then sees it end as if the client had gone.
 *
 * Missed ends. libmicrohttpd 0.9.75 waits for edges and reads once an edge, so that a client's end which arrives
 * together with its last bytes is seen by nobody. The sweeper looks for such connections and makes a new edge.
 *
 * Short locks. Every new and every ending connection needs the lock, so it is held for a slice of the connections at a
 * time, with a pause in which those get it, and not at all while lingering sockets are read: with thousands of idle
 * connections, or clients that send without end, everybody else would wait for the sweeper. Connections are looked at
 * once a tick, however often what lingers needs a look.
 *
 * Lingering. Closing a socket whose client is still sending makes the kernel answer with a reset, which can overtake
 * and destroy the refusal that was just sent. Such sockets are kept for a short while, as duplicates, to read and drop
 * what comes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <stdlib.h>

#include "base/clock.h"
#include "http/listener.h"

enum {
    SENDING_MS = 1000, /* that an answer may take once the listener is to end */
    CLOSE_WAIT = 8,    /* the kernel's TCP_CLOSE_WAIT, which its headers for programs leave out */
    LINGER_MS = 2000,
    LINGER_MOST = 128,
    LINGER_TICK_MS = 20,
    LINGER_BYTES = 64 * 1024 * 1024,
    LINGER_BYTES_A_TICK = 4 * 1024 * 1024,
    TICK_MOST_MS = 250,
    TICK_LEAST_MS = 5,
    SLICE = 64, /* connections looked at in one go, some tens of microseconds */
    PAUSE_NS = 20 * 1000
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now); /* twice a request: a few nanoseconds, a few milliseconds coarse */
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t stage_now(enum stage stage)
{
    return now_ms() << 2 | stage;
}

struct traffic {
    uint64_t received;
    uint64_t acknowledged;
    bool ended; /* the client sends no more */
};

static struct traffic traffic(const struct connection *connection)
{
    struct tcp_info info = { 0 };
    socklen_t length = sizeof info;
    if (getsockopt(connection->socket, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
        return (struct traffic){ 0 };
    return (struct traffic){ .received = info.tcpi_bytes_received,
                             .acknowledged = info.tcpi_bytes_acked,
                             .ended = info.tcpi_state == CLOSE_WAIT };
}

static void cut(const struct connection *connection)
{
    shutdown(connection->socket, SHUT_RDWR); /* fails when the client was faster, which is as good */
}

/* Makes libmicrohttpd read once more: see "Missed ends" above. What it has yet to read or send is not touched. */
static void nudge(const struct connection *connection)
{
    shutdown(connection->socket, SHUT_RD);
}

static bool arriving_overdue(const struct connection *connection, uint64_t stage, bool fresh, uint64_t now)
{
    if (!fresh && traffic(connection).ended)
        nudge(connection);
    return now - stage_since_ms(stage) > connection->listener->options.request_ms;
}

static bool idle_overdue(struct connection *connection, uint64_t stage, bool fresh, uint64_t now)
{
    struct traffic seen = traffic(connection);
    if (fresh)
        connection->seen_bytes = seen.received;
    else if (seen.ended)
        nudge(connection);
    else if (seen.received != connection->seen_bytes) {
        uint64_t arriving = now << 2 | STAGE_ARRIVING;
        if (atomic_compare_exchange_strong(&connection->stage, &stage, arriving))
            return false;
    }
    return now - stage_since_ms(stage) > connection->listener->options.idle_ms;
}

static bool sending_overdue(struct connection *connection, bool fresh, uint64_t now)
{
    uint64_t acknowledged = traffic(connection).acknowledged;
    if (fresh || acknowledged != connection->seen_bytes) {
        connection->seen_bytes = acknowledged;
        connection->seen_ms = now;
    }
    return now - connection->seen_ms > connection->listener->options.idle_ms;
}

static bool overdue(struct connection *connection, uint64_t now)
{
    uint64_t stage = atomic_load_explicit(&connection->stage, memory_order_relaxed);
    bool fresh = stage != connection->seen_stage;
    connection->seen_stage = stage;
    if (now < stage_since_ms(stage)) /* it began after we read the clock */
        return false;
    switch (stage_of(stage)) {
    case STAGE_ARRIVING:
        return arriving_overdue(connection, stage, fresh, now);
    case STAGE_IDLE:
        return idle_overdue(connection, stage, fresh, now);
    case STAGE_SENDING:
        return sending_overdue(connection, fresh, now);
    case STAGE_WORKING:
        return false;
    }
    return false;
}

void sweeper_linger(struct http_listener *listener, int socket)
{
    if (listener->lingering_count >= LINGER_MOST || listener->sweeper_stop)
        return;
    int copy = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return; /* out of descriptors: then the client may see a reset */
    shutdown(copy, SHUT_WR);
    struct lingering *lingering = mem_zero(1, sizeof *lingering);
    lingering->socket = copy;
    lingering->until_ms = now_ms() + LINGER_MS;
    lingering->next = listener->lingering;
    listener->lingering = lingering;
    listener->lingering_count++;
    if (!lingering->next) /* else it looks every LINGER_TICK_MS anyway */
        pthread_cond_signal(&listener->wake);
}

/* True when nothing more is to come, or more than anybody should send. */
static bool swallow(struct lingering *lingering)
{
    char bin[16 * 1024];
    uint64_t enough = lingering->swallowed + LINGER_BYTES_A_TICK;
    while (lingering->swallowed < enough) {
        ssize_t got = recv(lingering->socket, bin, sizeof bin, MSG_DONTWAIT);
        if (got == 0)
            return true;
        if (got < 0)
            return errno != EAGAIN && errno != EINTR;
        lingering->swallowed += (uint64_t)got;
    }
    return lingering->swallowed > LINGER_BYTES;
}

/* Under lock, which it lets go while it reads. */
static void sweep_lingering(struct http_listener *listener, uint64_t now, bool all)
{
    struct lingering *list = listener->lingering;
    struct lingering **link = &list;
    unsigned closed = 0;
    if (!list)
        return;
    listener->lingering = NULL;
    pthread_mutex_unlock(&listener->lock);
    while (*link) {
        struct lingering *lingering = *link;
        if (!all && !swallow(lingering) && now < lingering->until_ms) {
            link = &lingering->next;
            continue;
        }
        close(lingering->socket);
        *link = lingering->next;
        free(lingering);
        closed++;
    }
    pthread_mutex_lock(&listener->lock);
    *link = listener->lingering; /* what came meanwhile */
    listener->lingering = list;
    listener->lingering_count -= closed;
}

static uint64_t tick_ms(const struct http_listener *listener)
{
    uint64_t shorter = listener->options.request_ms < listener->options.idle_ms ? listener->options.request_ms
                                                                                : listener->options.idle_ms;
    uint64_t tick = shorter / 4;
    if (tick > TICK_MOST_MS)
        tick = TICK_MOST_MS;
    return tick < TICK_LEAST_MS ? TICK_LEAST_MS : tick;
}

/* Under lock, which it lets go between slices; connection_finish moves the cursor off a connection that ends. */
static void sweep_connections(struct http_listener *listener, uint64_t now)
{
    const struct timespec pause = { .tv_nsec = PAUSE_NS };
    listener->cursor = listener->connections;
    while (listener->cursor && !listener->sweeper_stop) {
        for (unsigned i = 0; i < SLICE && listener->cursor; i++) {
            struct connection *connection = listener->cursor;
            listener->cursor = connection->next;
            if (overdue(connection, now))
                cut(connection);
        }
        if (listener->cursor) {
            pthread_mutex_unlock(&listener->lock);
            nanosleep(&pause, NULL);
            pthread_mutex_lock(&listener->lock);
        }
    }
    listener->cursor = NULL;
}

/* Until something lingers that needs a look, the next sweep is due, or there is work at all. */
static void wait_tick(struct http_listener *listener, uint64_t due_ms)
{
    if (!listener->connections && !listener->lingering) {
        pthread_cond_wait(&listener->wake, &listener->lock);
        return;
    }
    uint64_t now = now_ms(), wait = due_ms > now ? due_ms - now : 1;
    if (listener->lingering && wait > LINGER_TICK_MS)
        wait = LINGER_TICK_MS;
    struct timespec until = clock_deadline((int64_t)wait);
    pthread_cond_timedwait(&listener->wake, &listener->lock, &until);
}

static void *sweep(void *cls)
{
    struct http_listener *listener = cls;
    uint64_t due_ms = 0;
    pthread_mutex_lock(&listener->lock);
    while (!listener->sweeper_stop) {
        uint64_t now = now_ms();
        if (now >= due_ms) { /* connections that come and go wake us; no need to look each time */
            sweep_connections(listener, now);
            due_ms = now + tick_ms(listener);
        }
        sweep_lingering(listener, now, false);
        if (!listener->sweeper_stop)
            wait_tick(listener, due_ms);
    }
    sweep_lingering(listener, 0, true);
    pthread_mutex_unlock(&listener->lock);
    return NULL;
}

void sweeper_start(struct http_listener *listener)
{
    clock_cond_init(&listener->wake);
    CHECK(pthread_create(&listener->sweeper, NULL, sweep, listener) == 0);
}

void sweeper_stop(struct http_listener *listener)
{
    pthread_mutex_lock(&listener->lock);
    listener->sweeper_stop = true;
    pthread_cond_signal(&listener->wake);
    pthread_mutex_unlock(&listener->lock);
    pthread_join(listener->sweeper, NULL);
    pthread_cond_destroy(&listener->wake);
}

/* The answer of who was waited for has its moment to go out, also when the time is over. */
static bool is_just_answered(uint64_t stage, uint64_t now)
{
    return stage_of(stage) == STAGE_SENDING && now < stage_since_ms(stage) + SENDING_MS;
}

unsigned sweeper_drain(struct http_listener *listener, bool all, unsigned *ret_working)
{
    uint64_t now = now_ms();
    unsigned left = 0, working = 0;
    pthread_mutex_lock(&listener->lock);
    for (struct connection *c = listener->connections; c; c = c->next) {
        uint64_t stage = atomic_load(&c->stage); /* sequentially consistent: see on_whole */
        left++;
        if (stage_of(stage) == STAGE_WORKING || is_just_answered(stage, now))
            working++;
        else if (all || stage_of(stage) == STAGE_IDLE ||
                 (stage_of(stage) == STAGE_ARRIVING && traffic(c).received == 0))
            cut(c);
    }
    pthread_mutex_unlock(&listener->lock);
    *ret_working = working;
    return left;
}
