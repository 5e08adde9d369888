/*
 * http: the listener, over libmicrohttpd. Knows nothing of AWS.
 *
 * Order of calls for one request: `head` when the head is complete (may refuse), `body` for each piece as it arrives,
 * `complete` when the whole request is there, `done` exactly once at the very end (answer sent, refused or connection
 * lost) whenever `head` was called. `complete` either calls http_reply before it returns HTTP_ANSWERED, or returns
 * HTTP_LATER and some thread calls http_reply once, later; between the two the connection is suspended.
 * All calls for one connection come from one listener thread at a time; different connections are concurrent.
 * Requests, their spans and their arena belong to the listener and die after `done`.
 *
 * Refused before any hook, with the connection closed: more than one Content-Length, Content-Length with
 * Transfer-Encoding, any Transfer-Encoding but exactly `chunked`, a space before a header's colon, a NUL, a folded
 * line, a bare LF, Host missing or repeated (400); a head over head_bytes (431); a Content-Length over body_bytes (413,
 * empty body) or past the total or per-address budget of body bytes in flight (503). A chunked body passes these limits
 * only as it arrives: then `head` and some of `body` have been called, `complete` is not, `done` is. A request not
 * complete within request_ms is cut. What libmicrohttpd lets through or answers by itself is listed in
 * docs/operating.md.
 */
#ifndef PLACARD_HTTP_HTTP_H
#define PLACARD_HTTP_HTTP_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

struct http_listener;

struct http_header {
    struct span name;
    struct span value;
};

struct http_request {
    struct span method;
    struct span path;                  /* raw, as sent, up to '?' */
    struct span query;                 /* raw, without '?'; ptr NULL when there is no '?' */
    const struct http_header *headers; /* in the order sent, duplicates kept */
    size_t header_count;
    struct span body; /* whole, from `complete` on */
    struct span peer; /* the client's address as text */
    bool peer_loopback;
    bool tls;
    int64_t begun_us;    /* clock_mono_us when the head was complete */
    struct arena *arena; /* this request's memory */
    void *user;          /* the handler's own; NULL at first */
};

struct http_reply {
    unsigned status;
    struct http_header headers[12]; /* beyond Date, Content-Length and Connection, which are the listener's */
    unsigned header_count;
    struct span body; /* copied by http_reply */
    bool close;       /* close the connection after the answer */
};

enum http_progress { HTTP_ANSWERED, HTTP_LATER };

struct http_handler {
    void *ctx;
    /* False refuses: *ret_reply is sent at once, the body is not read and the connection closed. */
    bool (*head)(void *ctx, struct http_request *request, struct http_reply *ret_reply);
    void (*body)(void *ctx, struct http_request *request, struct span piece);
    enum http_progress (*complete)(void *ctx, struct http_request *request);
    void (*done)(void *ctx, struct http_request *request);
};

struct http_options {
    const char *host;                 /* numeric address or name to listen on */
    uint16_t port;                    /* 0 takes a free one */
    unsigned threads;                 /* 0: one per core, at least two */
    uint32_t head_bytes;              /* 32 KiB */
    uint32_t body_bytes;              /* 8 MiB */
    uint32_t request_ms;              /* 20,000: from the first byte (or the connection) to the whole request */
    uint32_t idle_ms;                 /* keep-alive idle time */
    uint32_t connections;             /* at the most; more are refused at accept */
    uint32_t connections_per_address; /* 0: no bound */
    uint64_t bodies_bytes;            /* body bytes in flight, in total */
    uint64_t bodies_per_address_bytes;
    const char *id_header;       /* answers that no hook saw carry a fresh UUID under this name; NULL: they do not */
    const char *tls_certificate; /* PEM file names, both or neither */
    const char *tls_key;
};
extern const struct http_options http_options_default;

/* E_CONFIG when the address cannot be had or the certificate is unusable. */
bool http_start(const struct http_options *options, const struct http_handler *handler,
                struct http_listener **ret_listener, struct err *err) MUST_CHECK;

/* The port in fact listened on. */
uint16_t http_port(const struct http_listener *listener);

/* Reads certificate and key anew; on failure the old ones stay. */
bool http_reload_tls(struct http_listener *listener, struct err *err) MUST_CHECK;

uint32_t http_open_connections(const struct http_listener *listener);

/* Answers a request; from any thread, once. The reply's spans need live only during the call. */
void http_reply(struct http_request *request, const struct http_reply *reply);

/* The last value of that header, name compared without case; false when absent. */
bool http_header_get(const struct http_request *request, const char *name, struct span *ret_value);

/* Accepts no more, waits up to drain_ms for requests under way, then closes everything, except that a request in the
   handler's hands (HTTP_LATER) is waited for without end: its owner has to answer it. The pool that does so must run
   until http_stop returns. */
void http_stop(struct http_listener *listener, uint32_t drain_ms);

#endif
