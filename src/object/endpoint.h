/*
 * endpoint: the part of a URL that says whom to ask: `http(s)://HOST[:PORT]`, with or without a slash behind it. Pure.
 */
#ifndef PLACARD_OBJECT_ENDPOINT_H
#define PLACARD_OBJECT_ENDPOINT_H

#include "base/err.h"
#include "base/span.h"

#define ENDPOINT_HOST_ROOM 300

struct endpoint {
    bool tls;
    char host[ENDPOINT_HOST_ROOM]; /* as the Host header has it: with the port unless it is the scheme's own */
};

/* No user, path or query is taken. E_CONFIG. */
bool endpoint_parse(struct span url, struct endpoint *ret_endpoint, struct err *err) MUST_CHECK;

/* Not empty, and nothing but ASCII letters, digits and the punctuation given: safe in a host, a header, a path. */
bool endpoint_text_is_plain(struct span text, const char *punctuation);

/* A C string of it, if it and its NUL fit. */
bool endpoint_text_copy(struct span text, char *ret_text, size_t room) MUST_CHECK;

#endif
