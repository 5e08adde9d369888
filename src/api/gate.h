/*
 * gate: a request's way from bytes to bytes.
 *
 * Head: the place of the request (page, CORS preflight, operation), and of an operation everything of its signature
 * that needs no body. Body: hashed as it arrives. Complete: the signature, the rate, then the operation's row: on the
 * listener's thread if it answers from memory, else on the pool. Every answer carries x-amzn-RequestId; each request
 * is counted, timed and logged once.
 *
 * Load is shed with ThrottlingException: any operation while the pool's queue is full, or while open connections come
 * within an eighth of their bound.
 */
#ifndef PLACARD_API_GATE_H
#define PLACARD_API_GATE_H

#include "api/call.h"
#include "auth/rate.h"
#include "base/conf.h"
#include "http/http.h"
#include "work/pool.h"

struct gate;

/* A page beside the API: GET or HEAD of exactly this path, without a signature. */
struct gate_page {
    const char *path; /* "/healthz" */
    bool slow;        /* it may wait: run on the pool */
    /* Writes the content and says its status and type. */
    void (*answer)(void *ctx, struct buf *out, unsigned *ret_status, const char **ret_type);
    void *ctx;
};

struct gate_options {
    struct api api;
    const struct auth_options *auth;
    struct keyring_slot *keys;
    struct rates *rates;
    struct pool *pool;
    const struct gate_page *pages;
    size_t page_count;
    bool pages_only;                      /* calls are for other servers */
    const struct conf_list *cors_origins; /* none: CORS is off */
    uint32_t connections;                 /* the listener's bound */
    void (*wake)(void *ctx);              /* a job has been promised */
    void *wake_ctx;
};

/* What the options point at outlives the gate. */
struct gate *gate_new(const struct gate_options *options);
void gate_free(struct gate *gate);

/* The hooks for http_start, and afterwards the listener whose connections are counted. */
struct http_handler gate_handler(struct gate *gate);
void gate_listens(struct gate *gate, const struct http_listener *listener);

/* Prometheus text: requests by operation and code, their times, what waits for the pool, open connections. */
void gate_metrics(const struct gate *gate, struct buf *out);

#endif
