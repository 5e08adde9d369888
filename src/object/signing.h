/*
 * signing: the header lines of a request that we sign, for the object store and for `placard call`.
 *
 * `struct signed_headers h; signed_headers_init(&h);` then signing_headers as often as there are attempts (each has its
 * own date), `signed_headers_free(&h);`. The lines are what transport_request wants and live until the next call.
 */
#ifndef PLACARD_OBJECT_SIGNING_H
#define PLACARD_OBJECT_SIGNING_H

#include "base/buf.h"
#include "base/span.h"

enum { SIGNED_HEADERS_MAX = 12 };

struct signing_key {
    struct span id; /* empty: the request goes unsigned */
    struct span secret;
    struct span token; /* empty: a key without a session */
};

struct signing_header {
    const char *name; /* lower case */
    struct span value;
    bool sign; /* part of the signature, or only sent */
};

struct signing_request {
    const char *method;
    struct span host;  /* as the Host header has it */
    struct span path;  /* escaped once */
    struct span query; /* escaped and sorted */
    struct span region;
    struct span service;
    struct span body;
    const struct signing_header *headers; /* beyond host, x-amz-date, x-amz-security-token; sorted by name */
    size_t header_count;
};

struct signed_headers {
    const char *lines[SIGNED_HEADERS_MAX];
    size_t count;
    struct buf text;
};

void signed_headers_init(struct signed_headers *headers);
void signed_headers_free(struct signed_headers *headers); /* wipes the token that the lines may hold */

/* At most SIGNED_HEADERS_MAX - 5 headers in the request. With content-sha256, S3's own header for it is added. */
void signing_headers(const struct signing_key *key, const struct signing_request *request, bool content_sha256,
                     int64_t wall_ms, struct signed_headers *ret_headers);

#endif
