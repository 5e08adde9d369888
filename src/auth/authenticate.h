/*
 * authenticate: from a signed request to the one who sent it (spec A.6.1).
 *
 *     auth_head       when the head is there: everything that needs no body, so that nobody unknown sends one
 *     auth_complete   when the body is there and hashed: the signature, then the session
 *     auth_end        exactly once after an auth_head that succeeded; harmless on a zeroed struct auth
 *
 * Between them `struct auth` points into the request, which the caller keeps, and holds the keyring; the principal
 * lives in these and in the struct itself, which must stay where it is, and may be used until auth_end. The three may
 * be called on different threads, one after the other.
 *
 * Errors are E_AUTH_… with the exact texts of spec A.6.1; where the table has no row, a sentence of our own.
 */
#ifndef PLACARD_AUTH_AUTHENTICATE_H
#define PLACARD_AUTH_AUTHENTICATE_H

#include "auth/keyring.h"
#include "aws/sigv4.h"

enum { AUTH_REGION_MAX = 64 };

struct auth_options {
    struct span service; /* "rekognition" */
    int64_t skew_ms;     /* how far the request's time may be from ours */
    bool none;           /* --auth none: whoever reaches a loopback host is the default account's root */
    struct span partition;
    struct span account; /* the default one; of callers with `none` */
    struct span region;  /* of callers with `none` whose Authorization header names no other */
};

struct auth_request {
    struct span method;
    struct span path;  /* as on the wire */
    struct span query; /* as on the wire, without the '?' */
    const struct sigv4_header *headers;
    size_t header_count;
};

/* The one who asks. */
struct principal {
    struct span account;
    struct span region;
    struct span user; /* empty: root */
    struct span arn;
    const struct policy *policy; /* NULL: none */
    bool root;                   /* may do everything in its account */
};

struct auth {
    struct keyring *ring; /* held; NULL with `none` */
    const struct keyring_entry *entry;
    struct sigv4_authorization parts;
    struct sigv4_scope scope;
    char date[SIGV4_DATE_LEN + 1];
    struct span token;          /* X-Amz-Security-Token; NULL ptr: not there */
    struct span content_sha256; /* X-Amz-Content-Sha256; NULL ptr: not there */
    struct principal anybody;   /* with `none` */
    char anybody_arn[96];
};

bool auth_head(const struct auth_options *options, struct keyring_slot *keys, const struct auth_request *request,
               int64_t now_ms, struct auth *ret_auth, struct err *err) MUST_CHECK;

bool auth_complete(const struct auth *auth, const struct auth_request *request,
                   const unsigned char body_sha256[SHA256_BYTES], int64_t now_ms, struct principal *ret_principal,
                   struct err *err) MUST_CHECK;

void auth_end(struct auth *auth);

/* "127.0.0.1", anything in 127.0.0.0/8, "[::1]" or "localhost", with or without a port. */
bool auth_host_is_loopback(struct span host);

/* What `none` asks for instead of a signature: a loopback Host and exactly the API's Content-Type, which a web page can
   not send to us unasked. E_DENIED. auth_head calls it. */
bool auth_none_admits(const struct auth_request *request, struct err *err) MUST_CHECK;

/* Whether the principal may; else E_DENIED with AWS's sentence. The resource must be the principal's account's. */
bool principal_may(const struct principal *principal, const struct policy_question *question,
                   struct err *err) MUST_CHECK;

#endif
