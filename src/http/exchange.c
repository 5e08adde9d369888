/*
 * exchange: one request and its answer, from the request line to `done`. See listener.h.
 *
 * libmicrohttpd calls exchange_begin when the request line is in, exchange_advance when the head is in, once for every
 * piece of the body, once when the request is whole and once more after a resumption, and exchange_end at the very end.
 * An answer queued at the head makes it close the connection, which is what a refusal wants.
 *
 * A reply that comes later. `complete` runs on the listener thread with the connection not yet suspended, since most
 * requests are answered within it and a suspension costs a system call and three locks. When it returns HTTP_LATER the
 * reply may be there already, may come while the connection is being suspended, or long after:
 *
 *     listener                                    replying thread
 *     complete -> HTTP_LATER                      build the reply
 *     REPLY_GIVEN already: send, done             NONE -> GIVEN: done, the listener will see it
 *     suspend                                     else it is SUSPENDED: -> GIVEN, resume
 *     NONE -> SUSPENDED: wait to be resumed
 *     else it is GIVEN: resume ourselves
 *
 * Both arrows from NONE are compare-and-swap, so exactly one side resumes, and never before the suspension. The
 * replying thread touches neither request nor connection after its arrow, but for the resumption, during which the
 * connection is suspended by nobody else's leave; `resuming` keeps http_stop from taking the daemon away beneath it.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/ident.h"
#include "base/log.h"
#include "http/listener.h"

enum {
    CACHE_EXCHANGES = 64,        /* per listener thread; more are freed */
    KEPT_BODY_BYTES = 64 * 1024, /* a larger body's memory is freed with its request */
    FIRST_HEADERS = 32,
    KEPT_HEADERS = 256
};

/* A listener thread serves one listener for all its life. */
static _Thread_local struct exchange_cache *own_cache;

static void exchange_free(struct exchange *exchange)
{
    arena_free(&exchange->arena);
    buf_free(&exchange->body);
    free(exchange->headers);
    free(exchange);
}

static struct exchange *exchange_take(struct http_listener *listener)
{
    struct exchange_cache *cache = own_cache;
    if (!cache) {
        cache = mem_zero(1, sizeof *cache);
        cache->listener = listener;
        pthread_mutex_lock(&listener->lock);
        cache->next = listener->caches;
        listener->caches = cache;
        pthread_mutex_unlock(&listener->lock);
        own_cache = cache;
    }
    CHECK(cache->listener == listener);
    struct exchange *exchange = cache->free;
    if (exchange) {
        cache->free = exchange->next;
        cache->count--;
        return exchange;
    }
    exchange = mem_zero(1, sizeof *exchange);
    exchange->home = cache;
    arena_init(&exchange->arena);
    buf_init(&exchange->body, listener->options.body_bytes);
    return exchange;
}

static void exchange_give_back(struct exchange *exchange)
{
    struct exchange_cache *cache = exchange->home;
    if (cache->count >= CACHE_EXCHANGES) {
        exchange_free(exchange);
        return;
    }
    arena_reset(&exchange->arena);
    if (exchange->body.room > KEPT_BODY_BYTES)
        buf_free(&exchange->body);
    else
        buf_clear(&exchange->body);
    if (exchange->header_room > KEPT_HEADERS) {
        free(exchange->headers);
        exchange->headers = NULL;
        exchange->header_room = 0;
    }
    exchange->next = cache->free;
    cache->free = exchange;
    cache->count++;
}

void exchange_caches_free(struct http_listener *listener)
{
    while (listener->caches) {
        struct exchange_cache *cache = listener->caches;
        listener->caches = cache->next;
        while (cache->free) {
            struct exchange *exchange = cache->free;
            cache->free = exchange->next;
            exchange_free(exchange);
        }
        free(cache);
    }
}

void *exchange_begin(void *listener, const char *target, struct MHD_Connection *mhd)
{
    struct connection *connection = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    struct exchange *exchange = exchange_take(listener);
    exchange->request = (struct http_request){ .arena = &exchange->arena };
    exchange->connection = connection;
    exchange->mhd = mhd;
    exchange->target = arena_copy(&exchange->arena, span_str(target)); /* libmicrohttpd is about to cut it up */
    exchange->reserved = 0;
    exchange->discarded = 0;
    exchange->step = STEP_HEAD;
    exchange->head_called = false;
    exchange->reply = NULL;
    atomic_store_explicit(&exchange->reply_state, REPLY_NONE, memory_order_relaxed);
    /* A request whose first byte was seen earlier (new connection, or the sweeper saw it) keeps that time. */
    uint64_t stage = atomic_load_explicit(&connection->stage, memory_order_relaxed);
    if (stage_of(stage) != STAGE_ARRIVING)
        atomic_store_explicit(&connection->stage, stage_now(STAGE_ARRIVING), memory_order_relaxed);
    return exchange;
}

void exchange_end(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
    struct exchange *exchange = *context;
    (void)mhd;
    if (!exchange)
        return;
    struct http_listener *listener = cls;
    struct connection *connection = exchange->connection;
    *context = NULL;
    if (exchange->head_called)
        listener->handler.done(listener->handler.ctx, &exchange->request);
    if (exchange->reply)
        MHD_destroy_response(exchange->reply);
    if (exchange->reserved > 0)
        connection_release(connection, exchange->reserved);
    if (code == MHD_REQUEST_TERMINATED_WITH_ERROR && exchange->step != STEP_DISCARD)
        connection->linger = true; /* libmicrohttpd's own refusals end so */
    atomic_store_explicit(&connection->stage, stage_now(STAGE_IDLE), memory_order_relaxed);
    exchange_give_back(exchange);
}

/* Hands the reply to libmicrohttpd. MHD_NO makes it drop the connection. */
static enum MHD_Result exchange_send(struct http_listener *listener, struct exchange *exchange)
{
    struct MHD_Response *reply = exchange->reply;
    CHECK(reply); /* HTTP_ANSWERED without http_reply */
    exchange->reply = NULL;
    if (exchange->reply_close || atomic_load_explicit(&listener->draining, memory_order_relaxed))
        MHD_add_response_header(reply, MHD_HTTP_HEADER_CONNECTION, "close");
    atomic_store_explicit(&exchange->connection->stage, stage_now(STAGE_SENDING), memory_order_relaxed);
    enum MHD_Result queued = MHD_queue_response(exchange->mhd, exchange->reply_status, reply);
    MHD_destroy_response(reply);
    return queued;
}

static enum MHD_Result exchange_refuse(struct http_listener *listener, struct exchange *exchange,
                                       const struct http_reply *reply)
{
    exchange->connection->linger = true;
    exchange->reply = reply_build(reply);
    exchange->reply_status = reply->status;
    exchange->reply_close = true;
    return exchange_send(listener, exchange);
}

/* The listener's own refusal, without a body. */
static enum MHD_Result refuse_bare(struct http_listener *listener, struct exchange *exchange, unsigned status)
{
    struct http_reply reply = { .status = status };
    char id[37];
    if (listener->options.id_header) {
        ident_uuid(id);
        reply.headers[reply.header_count++] =
            (struct http_header){ span_str(listener->options.id_header), span_str(id) };
    }
    return exchange_refuse(listener, exchange, &reply);
}

static enum MHD_Result collect_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                      const char *value, size_t value_len)
{
    struct exchange *exchange = cls;
    (void)kind;
    size_t count = exchange->request.header_count;
    if (count == exchange->header_room) {
        size_t room = count ? 2 * count : FIRST_HEADERS; /* bounded by libmicrohttpd's memory for a head */
        exchange->headers = mem_grow(exchange->headers, room * sizeof *exchange->headers);
        exchange->header_room = room;
    }
    exchange->headers[count].name = span_of(name, name_len);
    exchange->headers[count].value = span_of(value, value_len);
    exchange->request.header_count = count + 1;
    return MHD_YES;
}

/* Fills what of the request the head tells. */
static void fill_request(struct exchange *exchange, struct span method)
{
    struct http_request *request = &exchange->request;
    const struct connection *connection = exchange->connection;
    request->method = method;
    request->query = exchange->target;
    request->path = span_cut(&request->query, '?');
    for (size_t i = 0; i < request->header_count; i++) {
        struct span *value = &exchange->headers[i].value;
        while (value->len > 0 && (value->ptr[value->len - 1] == ' ' || value->ptr[value->len - 1] == '\t'))
            value->len--;
    }
    request->headers = exchange->headers;
    request->peer = span_of(connection->peer, connection->peer_len);
    request->peer_loopback = connection->loopback;
    request->tls = connection->listener->tls;
    request->begun_us = clock_mono_us();
}

static bool reserve(struct exchange *exchange, uint64_t bytes)
{
    if (!connection_reserve(exchange->connection, bytes))
        return false;
    exchange->reserved += bytes;
    return true;
}

static enum MHD_Result on_head(struct http_listener *listener, struct exchange *exchange, const char *url,
                               const char *method, const char *version)
{
    struct http_request *request = &exchange->request;
    MHD_get_connection_values_n(exchange->mhd, MHD_HEADER_KIND, collect_header, exchange);
    const struct head head = {
        .method = span_str(method),
        .target = exchange->target,
        .target_at = url,
        .version = span_str(version),
        .headers = exchange->headers,
        .header_count = request->header_count,
        .bytes = MHD_get_connection_info(exchange->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size,
    };
    struct head_body body;
    struct head_refusal refusal;
    if (!head_check(&head, &listener->head_limits, &body, &refusal)) {
        log_line(LOG_DEBUG, "request refused at its head", LOG_N("status", refusal.status), LOG_S("why", refusal.why),
                 LOG_T("peer", span_of(exchange->connection->peer, exchange->connection->peer_len)));
        return refuse_bare(listener, exchange, refusal.status);
    }
    if (body.length > 0 && !reserve(exchange, body.length))
        return refuse_bare(listener, exchange, 503);
    fill_request(exchange, head.method);
    exchange->chunked = body.chunked;
    exchange->head_called = true;
    struct http_reply reply = { .status = 0 };
    if (!listener->handler.head(listener->handler.ctx, request, &reply))
        return exchange_refuse(listener, exchange, &reply);
    exchange->step = STEP_BODY;
    if (body.length > 0)
        CHECK(buf_reserve(&exchange->body, body.length)); /* head_check has compared with the same limit */
    return MHD_YES;
}

/* libmicrohttpd takes no answer in the midst of a body; the rest is read, up to once more the limit, and dropped. */
static enum MHD_Result begin_discard(struct exchange *exchange, unsigned status, size_t piece)
{
    exchange->step = STEP_DISCARD;
    exchange->refusal = status;
    exchange->discarded = piece;
    connection_release(exchange->connection, exchange->reserved);
    exchange->reserved = 0;
    buf_free(&exchange->body);
    return MHD_YES;
}

static enum MHD_Result on_piece(struct http_listener *listener, struct exchange *exchange, struct span piece)
{
    if (exchange->step == STEP_DISCARD) {
        exchange->discarded += piece.len;
        return exchange->discarded <= listener->options.body_bytes ? MHD_YES : MHD_NO;
    }
    if (exchange->chunked) {
        if (piece.len > listener->options.body_bytes - exchange->body.len)
            return begin_discard(exchange, 413, piece.len);
        if (!reserve(exchange, piece.len))
            return begin_discard(exchange, 503, piece.len);
    }
    buf_add(&exchange->body, piece);
    CHECK(!exchange->body.overflow);
    listener->handler.body(listener->handler.ctx, &exchange->request, piece);
    return MHD_YES;
}

static enum MHD_Result on_whole(struct http_listener *listener, struct exchange *exchange)
{
    if (exchange->step == STEP_DISCARD)
        return refuse_bare(listener, exchange, exchange->refusal);
    exchange->step = STEP_REPLY;
    exchange->request.body = buf_span(&exchange->body);
    /* Sequentially consistent with http_stop: it sees this connection at work, or we see that it is closing. */
    atomic_store(&exchange->connection->stage, stage_now(STAGE_WORKING));
    if (atomic_load(&listener->closing))
        return MHD_NO;
    enum http_progress progress = listener->handler.complete(listener->handler.ctx, &exchange->request);
    if (progress == HTTP_ANSWERED || atomic_load_explicit(&exchange->reply_state, memory_order_acquire) == REPLY_GIVEN)
        return exchange_send(listener, exchange);
    MHD_suspend_connection(exchange->mhd);
    int none = REPLY_NONE;
    if (!atomic_compare_exchange_strong(&exchange->reply_state, &none, REPLY_SUSPENDED))
        MHD_resume_connection(exchange->mhd);
    return MHD_YES;
}

enum MHD_Result exchange_advance(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                                 const char *version, const char *data, size_t *size, void **context)
{
    struct http_listener *listener = cls;
    struct exchange *exchange = *context;
    (void)mhd;
    switch (exchange->step) {
    case STEP_HEAD:
        return on_head(listener, exchange, url, method, version);
    case STEP_BODY:
    case STEP_DISCARD:
        if (*size > 0) {
            struct span piece = span_of(data, *size);
            *size = 0;
            return on_piece(listener, exchange, piece);
        }
        return on_whole(listener, exchange);
    case STEP_REPLY: /* resumed */
        CHECK(atomic_load_explicit(&exchange->reply_state, memory_order_acquire) == REPLY_GIVEN);
        return exchange_send(listener, exchange);
    }
    return MHD_NO;
}

void http_reply(struct http_request *request, const struct http_reply *reply)
{
    struct exchange *exchange = (struct exchange *)(void *)request;
    exchange->reply = reply_build(reply);
    exchange->reply_status = reply->status;
    exchange->reply_close = reply->close;
    int state = REPLY_NONE;
    if (atomic_compare_exchange_strong(&exchange->reply_state, &state, REPLY_GIVEN))
        return;
    CHECK(state == REPLY_SUSPENDED); /* answered twice */
    struct http_listener *listener = exchange->connection->listener;
    struct MHD_Connection *mhd = exchange->mhd;
    atomic_fetch_add(&listener->resuming, 1);
    atomic_store_explicit(&exchange->reply_state, REPLY_GIVEN, memory_order_release);
    MHD_resume_connection(mhd);
    atomic_fetch_sub(&listener->resuming, 1);
}

bool http_header_get(const struct http_request *request, const char *name, struct span *ret_value)
{
    struct span wanted = span_str(name);
    for (size_t i = request->header_count; i > 0; i--)
        if (span_eq_nocase(request->headers[i - 1].name, wanted)) {
            *ret_value = request->headers[i - 1].value;
            return true;
        }
    return false;
}
