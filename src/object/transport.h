/*
 * transport: one HTTP/1.1 exchange at a time with a server that we call, pulled by the caller; by libcurl.
 *
 * `transport_begin` sends the request and returns when the answer's head is there; then any of transport_header and
 * transport_read; then `transport_end`, which may come at any moment and keeps the connection for the next exchange if
 * the body was read to its end. No more of a body is held than a fixed buffer: who does not read holds the sender up.
 * One thread at a time. Redirects are not followed (a signature is for one place), and environment proxies are used
 * except for a loopback host.
 */
#ifndef PLACARD_OBJECT_TRANSPORT_H
#define PLACARD_OBJECT_TRANSPORT_H

#include "base/err.h"
#include "base/span.h"

struct transport;

/* Everything pointed to must live until transport_end. */
struct transport_request {
    const char *method;         /* HEAD, GET, DELETE, or one with a body */
    const char *url;            /* sent as it is: escaped, dot segments kept */
    const char *const *headers; /* "Name: value" */
    size_t header_count;
    struct span body;
    const char *ca_file; /* NULL: the system's authorities */
    int64_t connect_ms;  /* to have a connection */
    int64_t idle_ms;     /* without a byte in either direction, while somebody waits for one */
};

struct transport *transport_new(void);
void transport_free(struct transport *transport);

/* False is always E_INTERNAL (the network, not a status) and needs no transport_end. */
bool transport_begin(struct transport *transport, const struct transport_request *request, unsigned *ret_status,
                     struct err *err) MUST_CHECK;

/* The first header of that name; the span lives until transport_end. */
bool transport_header(const struct transport *transport, const char *name, struct span *ret_value);

/* Up to `room` bytes of the body; *ret_got == 0 is its end, and an end before the announced length is an error. */
bool transport_read(struct transport *transport, void *into, size_t room, size_t *ret_got, struct err *err) MUST_CHECK;
void transport_end(struct transport *transport);

/* Whether the last failure may pass by itself: a broken connection may, a certificate that does not fit will not. */
bool transport_may_retry(const struct transport *transport);

#endif
