/*
 * visit: one request and its answer, for the files of the gate. It lives in the request's arena from `head` to
 * `done`.
 */
#ifndef PLACARD_API_VISIT_H
#define PLACARD_API_VISIT_H

#include "api/gate.h"
#include "api/operation.h"
#include "api/tally.h"

enum visit_kind {
    VISIT_OPERATION,
    VISIT_PAGE,
    VISIT_REPORT,    /* rejected lines */
    VISIT_PREFLIGHT, /* CORS: a browser asks before it calls */
    VISIT_NOWHERE    /* no place of ours: another method or another content type */
};

struct visit {
    struct pool_task task; /* first: the pool's pointer is ours */
    struct gate *gate;
    struct http_request *request;
    enum visit_kind kind;
    char id[37];        /* x-amzn-RequestId */
    struct span origin; /* of a page that may call; empty: no CORS headers */
    const struct gate_page *page;
    int place; /* of the operation; -1: unknown */
    struct auth_request letter;
    struct auth auth;
    struct sha256 hash;
    struct principal principal;
    struct call call; /* of an operation */
    bool refused;     /* the head was wrong; said when the body is in, so that the connection stays in step */
    struct err refusal;
};

struct gate {
    struct gate_options options;
    _Atomic(const struct http_listener *) listener;
    struct tally tally;
};

/* The caller's origin if its pages may call, else empty. */
struct span cors_origin_of(const struct gate *gate, const struct http_request *request);

/* Adds what a browser wants to see. */
void cors_add_headers(const struct visit *visit, struct http_reply *reply);

/* Fills the answer to a preflight that is allowed. */
void cors_preflight(struct http_reply *reply);

/* Answers an operation's request whose signature is right: decode, authorise, run. Any thread. */
void visit_run(struct visit *visit);

/* Likewise the report of rejected lines. */
void visit_report(struct visit *visit);

/* Answers with an exception. */
void visit_fail(struct visit *visit, const struct err *err, struct span message);

/* Answers. `fault` is FAULTS where it succeeded. Nothing of the visit may be touched afterwards. */
void visit_answer(struct visit *visit, unsigned status, const char *type, struct span body, unsigned fault);

/* The answer without sending it, for a head that is refused. */
void visit_fill(struct visit *visit, unsigned status, const char *type, struct span body, struct http_reply *ret_reply);

/* Counts and logs it. */
void visit_record(struct visit *visit, unsigned status, unsigned fault, size_t bytes);

#endif
