/* kit: see kit.h for the contract. */
#define _GNU_SOURCE
#include "kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"

enum { PATIENCE_MS = 60000, BEAT_MS = 5, THREADS_ON_THE_WAY = 3 };

int64_t now_ms(void)
{
    return clock_mono_us() / 1000;
}

void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L }, NULL);
}

static void answer_with(struct http_request *request, struct span body)
{
    struct http_reply reply = { .status = 200, .body = body, .header_count = 1 };
    reply.headers[0] = (struct http_header){ SPAN_LIT("X-Path"), request->path };
    http_reply(request, &reply);
}

static void answer_list(struct http_request *request)
{
    struct span text =
        arena_printf(request->arena, SPAN_FMT "|" SPAN_FMT "|" SPAN_FMT "|%d|" SPAN_FMT "|%d%d",
                     SPAN_ARG(request->method), SPAN_ARG(request->path), SPAN_ARG(request->query),
                     request->query.ptr != NULL, SPAN_ARG(request->peer), request->peer_loopback, request->tls);
    for (size_t i = 0; i < request->header_count; i++)
        text = arena_printf(request->arena, SPAN_FMT "\n" SPAN_FMT "=" SPAN_FMT, SPAN_ARG(text),
                            SPAN_ARG(request->headers[i].name), SPAN_ARG(request->headers[i].value));
    answer_with(request, text);
}

static void answer_big(struct http_request *request)
{
    char *big = malloc(KIT_BIG);
    memset(big, 'b', KIT_BIG);
    answer_with(request, span_of(big, KIT_BIG));
    free(big);
}

static bool on_head(void *ctx, struct http_request *request, struct http_reply *ret_reply)
{
    struct kit *kit = ctx;
    atomic_fetch_add(&kit->heads, 1);
    if (!span_is(request->path, "/refuse"))
        return true;
    *ret_reply = (struct http_reply){ .status = 403, .body = SPAN_LIT("no") };
    return false;
}

static void on_body(void *ctx, struct http_request *request, struct span piece)
{
    struct kit *kit = ctx;
    atomic_fetch_add(&kit->bodies, 1);
    atomic_fetch_add(&kit->body_bytes, piece.len);
    request->user = (char *)request->user + piece.len; /* the pieces must come to the whole */
}

static void enqueue(struct kit *kit, struct http_request *request)
{
    pthread_mutex_lock(&kit->lock);
    CHECK(kit->queued < KIT_QUEUE);
    kit->queue[kit->queued++] = request;
    pthread_cond_broadcast(&kit->changed);
    pthread_mutex_unlock(&kit->lock);
}

static void hold(struct kit *kit, struct http_request *request)
{
    pthread_mutex_lock(&kit->lock);
    CHECK(kit->held_count < KIT_QUEUE);
    kit->held[kit->held_count++] = request;
    pthread_cond_broadcast(&kit->changed);
    pthread_mutex_unlock(&kit->lock);
}

static void *answer_now(void *request)
{
    answer_with(request, ((struct http_request *)request)->body);
    return NULL;
}

static enum http_progress on_complete(void *ctx, struct http_request *request)
{
    struct kit *kit = ctx;
    atomic_fetch_add(&kit->completes, 1);
    CHECK((uintptr_t)request->user == request->body.len);
    if (span_is(request->path, "/later")) {
        enqueue(kit, request);
        return HTTP_LATER;
    }
    if (span_is(request->path, "/hold")) {
        hold(kit, request);
        return HTTP_LATER;
    }
    if (span_is(request->path, "/early")) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, answer_now, request) == 0);
        pthread_join(thread, NULL);
        return HTTP_LATER;
    }
    if (span_is(request->path, "/slow"))
        sleep_ms(150);
    if (span_is(request->path, "/list"))
        answer_list(request);
    else if (span_is(request->path, "/big"))
        answer_big(request);
    else
        answer_with(request, request->body);
    return HTTP_ANSWERED;
}

static void on_done(void *ctx, struct http_request *request)
{
    struct kit *kit = ctx;
    CHECK(request->path.len > 0);
    atomic_fetch_add(&kit->dones, 1);
}

static void *work(void *ctx)
{
    struct kit *kit = ctx;
    pthread_mutex_lock(&kit->lock);
    for (;;) {
        while (kit->queued == 0 && !kit->stopping)
            pthread_cond_wait(&kit->changed, &kit->lock);
        if (kit->queued == 0)
            break;
        struct http_request *request = kit->queue[--kit->queued];
        pthread_mutex_unlock(&kit->lock);
        answer_with(request, request->body);
        pthread_mutex_lock(&kit->lock);
    }
    pthread_mutex_unlock(&kit->lock);
    return NULL;
}

static void *beat(void *ctx)
{
    struct kit *kit = ctx;
    while (!atomic_load(&kit->silent)) {
        int64_t from_us = clock_mono_us();
        sleep_ms(BEAT_MS);
        atomic_fetch_add(&kit->late_us, clock_mono_us() - from_us - BEAT_MS * 1000);
    }
    return NULL;
}

static int64_t late_ms(const struct kit *kit)
{
    return THREADS_ON_THE_WAY * atomic_load(&kit->late_us) / 1000;
}

struct watch watch_begin(const struct kit *kit)
{
    return (struct watch){ now_ms(), late_ms(kit) };
}

int64_t watch_late_ms(const struct kit *kit, struct watch watch)
{
    return late_ms(kit) - watch.late_ms;
}

void watch_check(const struct kit *kit, struct watch watch, int64_t least_ms, int64_t most_ms, const char *what)
{
    int64_t took = now_ms() - watch.begin_ms, late;
    sleep_ms(2 * BEAT_MS); /* a stall that made it late is counted by then */
    late = watch_late_ms(kit, watch);
    if (took < least_ms - late || took > most_ms + late)
        fail_msg("%s: %lld ms, not %lld to %lld, woken late by %lld", what, (long long)took, (long long)least_ms,
                 (long long)most_ms, (long long)late);
}

void kit_start(struct kit *kit, void (*adjust)(struct http_options *options))
{
    memset(kit, 0, sizeof *kit);
    kit->options = http_options_default;
    kit->options.threads = 2;
    if (adjust)
        adjust(&kit->options);
    pthread_mutex_init(&kit->lock, NULL);
    pthread_cond_init(&kit->changed, NULL);
    for (unsigned i = 0; i < KIT_WORKERS; i++)
        CHECK(pthread_create(&kit->workers[i], NULL, work, kit) == 0);
    CHECK(pthread_create(&kit->metronome, NULL, beat, kit) == 0);
    const struct http_handler handler = {
        .ctx = kit, .head = on_head, .body = on_body, .complete = on_complete, .done = on_done
    };
    struct err err = { 0 };
    if (!http_start(&kit->options, &handler, &kit->listener, &err))
        fail_msg("%s", err.text);
}

void kit_finish(struct kit *kit)
{
    pthread_mutex_lock(&kit->lock);
    kit->stopping = true;
    pthread_cond_broadcast(&kit->changed);
    pthread_mutex_unlock(&kit->lock);
    for (unsigned i = 0; i < KIT_WORKERS; i++)
        pthread_join(kit->workers[i], NULL);
    atomic_store(&kit->silent, true);
    pthread_join(kit->metronome, NULL);
    pthread_cond_destroy(&kit->changed);
    pthread_mutex_destroy(&kit->lock);
    assert_int_equal(atomic_load(&kit->heads), atomic_load(&kit->dones));
}

void kit_stop(struct kit *kit, uint32_t drain_ms)
{
    http_stop(kit->listener, drain_ms);
    kit_finish(kit);
}

void kit_wait_held(struct kit *kit, unsigned count)
{
    pthread_mutex_lock(&kit->lock);
    while (kit->held_count < count)
        pthread_cond_wait(&kit->changed, &kit->lock);
    pthread_mutex_unlock(&kit->lock);
}

void kit_release(struct kit *kit)
{
    pthread_mutex_lock(&kit->lock);
    while (kit->held_count > 0) {
        struct http_request *request = kit->held[--kit->held_count];
        answer_with(request, request->body);
    }
    pthread_mutex_unlock(&kit->lock);
}

bool kit_has_open(struct kit *kit, unsigned count)
{
    for (int64_t until = now_ms() + PATIENCE_MS; now_ms() < until; sleep_ms(2))
        if (http_open_connections(kit->listener) == count)
            return true;
    return false;
}

struct client *client_open(const struct kit *kit)
{
    struct client *client = mem_alloc(sizeof *client);
    client->len = 0;
    client->taken = 0;
    client->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(http_port(kit->listener)) };
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(connect(client->socket, (struct sockaddr *)&to, sizeof to) == 0);
    return client;
}

void client_close(struct client *client)
{
    close(client->socket);
    free(client);
}

bool client_send(struct client *client, const void *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(client->socket, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes = (const char *)bytes + sent;
        len -= (size_t)sent;
    }
    return true;
}

bool client_say(struct client *client, const char *text)
{
    return client_send(client, text, strlen(text));
}

/* 1: more came; 0: the end; -1: nothing within the time. */
static int more(struct client *client, int ms)
{
    struct pollfd wait = { .fd = client->socket, .events = POLLIN };
    if (poll(&wait, 1, ms) <= 0)
        return -1;
    CHECK(client->len < sizeof client->buf);
    ssize_t got = recv(client->socket, client->buf + client->len, sizeof client->buf - client->len, 0);
    if (got <= 0)
        return 0;
    client->len += (size_t)got;
    return 1;
}

static size_t content_length(struct span head)
{
    struct span rest = head;
    while (rest.ptr) {
        struct span line = span_cut(&rest, '\r');
        uint64_t length;
        if (span_starts(line, SPAN_LIT("\n")))
            line = span_from(line, 1);
        if (span_starts(line, SPAN_LIT("Content-Length: ")) && span_to_u64(span_from(line, 16), SIZE_MAX, &length))
            return length;
    }
    return 0;
}

struct answer client_read(struct client *client)
{
    memmove(client->buf, client->buf + client->taken, client->len - client->taken);
    client->len -= client->taken;
    client->taken = 0;
    for (;;) {
        const char *end = memmem(client->buf, client->len, "\r\n\r\n", 4);
        struct answer answer = { .status = 0 };
        if (end && client->len > 12) {
            answer.head = span_of(client->buf, (size_t)(end + 4 - client->buf));
            answer.body = span_of(end + 4, content_length(answer.head));
            size_t whole = answer.head.len + answer.body.len;
            if (client->len >= whole) {
                answer.status = (unsigned)strtoul(client->buf + 9, NULL, 10);
                client->taken = whole;
                return answer;
            }
        }
        if (more(client, PATIENCE_MS) <= 0)
            return (struct answer){ .status = 0 };
    }
}

bool client_ended(struct client *client, int ms)
{
    client->len = 0;
    client->taken = 0;
    return more(client, ms) == 0;
}

struct span client_rest(struct client *client)
{
    int got;
    do
        got = more(client, PATIENCE_MS);
    while (got > 0);
    return got == 0 ? span_of(client->buf + client->taken, client->len - client->taken) : SPAN_NONE;
}

unsigned client_ask(struct client *client, const char *text)
{
    if (!client_say(client, text))
        return 0;
    return client_read(client).status;
}
