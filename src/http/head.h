/*
 * head: the checks on a request's head that libmicrohttpd does not make. Pure: no socket, no allocation, no clock.
 *
 * A server that understands a head in another way than the proxy before it can be made to see a request that the proxy
 * never saw. So whatever leaves room for two readings is refused: framing said twice, names that are not tokens,
 * control bytes, and a head that is not, byte for byte, CRLF-ended lines of `name: value`.
 *
 * The last is checked by the place of the spans. libmicrohttpd 0.9.75 splits a head where it lies, so in an honest head
 * every span starts where the one before it ended; a NUL in a value, a folded line or a bare LF leave a gap. Its
 * treatment of the folded line is the reason to care: it appends the continuation to the header's *name*, so that
 * "Content-Len: 5", "  gth" becomes a Content-Length. (One thing cannot be told any more: a NUL in the place of a CR or
 * a LF where a line ends. It is read as what it stands for.) Later versions refuse these by themselves and promise
 * nothing about places, hence `in_place`.
 */
#ifndef PLACARD_HTTP_HEAD_H
#define PLACARD_HTTP_HEAD_H

#include "http/http.h"

struct head {
    struct span method;
    struct span target;    /* all between the two spaces of the request line */
    const char *target_at; /* where it lay: it is looked at in a copy, for it gets cut up */
    struct span version;
    const struct http_header *headers; /* values as split: led by no white space, perhaps followed by some */
    size_t header_count;
    size_t bytes; /* from the method to behind the empty line */
};

struct head_limits {
    size_t head_bytes;
    uint64_t body_bytes;
    bool in_place; /* the spans point into the head as it arrived */
};

/* How the body is delimited. Without either there is none. */
struct head_body {
    bool chunked;
    uint64_t length;
};

/* The status to refuse with (400, 413 or 431) and why, for the log. */
struct head_refusal {
    unsigned status;
    const char *why;
};

/* False fills *ret_refusal; true fills *ret_body. */
bool head_check(const struct head *head, const struct head_limits *limits, struct head_body *ret_body,
                struct head_refusal *ret_refusal) MUST_CHECK;

#endif
