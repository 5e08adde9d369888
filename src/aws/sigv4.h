/*
 * sigv4: AWS Signature Version 4 (spec A.6.1), one code for those who sign and those who verify.
 *
 * The steps are functions of their own, each product of which can be looked at:
 *
 *     sigv4_canonical_request -> sigv4_string_to_sign -> sigv4_key -> signature
 *
 * and sigv4_sign and sigv4_verify go through all of them. Generic over service, region and the set of signed headers;
 * no I/O, no clock. What is wrong with a request is told by auth/authenticate; here a thing parses or it does not.
 *
 * The key of a day (secret, date, region, service) is kept ready in a small cache of the thread, found by all four, so
 * that a changed secret never meets an old key; sigv4_forget_keys makes every thread wipe its cache before its next
 * use. Any thread may call anything.
 */
#ifndef PLACARD_AWS_SIGV4_H
#define PLACARD_AWS_SIGV4_H

#include "aws/sha256.h"
#include "base/buf.h"

#define SIGV4_ALGORITHM "AWS4-HMAC-SHA256"
#define SIGV4_TERMINATOR "aws4_request"

/* As many signed headers as a request may have, and the bytes its canonical form may reach. */
enum { SIGV4_HEADERS_MAX = 64, SIGV4_CANONICAL_MAX = 4 * 1024 * 1024 };

/* 20260102T030405Z */
enum { SIGV4_DATE_LEN = 16 };

struct sigv4_header {
    struct span name; /* in any case */
    struct span value;
};

/* How the path enters the canonical request. */
enum sigv4_path {
    SIGV4_PATH_SERVICE, /* dot segments and doubled slashes removed, then escaped once more: all services but S3 */
    SIGV4_PATH_S3       /* as it is on the wire */
};

struct sigv4_request {
    struct span method;
    struct span path;  /* as on the wire, without the query; empty is "/" */
    struct span query; /* as on the wire, without the '?' */
    enum sigv4_path path_rule;
    const struct sigv4_header
        *headers; /* as on the wire: order and duplicates count, more than are signed may be there */
    size_t header_count;
    struct span payload_hash; /* the body's SHA-256 in hex, or what x-amz-content-sha256 says instead */
};

struct sigv4_scope {
    struct span date; /* 20260102 */
    struct span region;
    struct span service;
    struct span terminator; /* aws4_request */
};

struct sigv4_credentials {
    struct span key_id;
    struct span secret;
};

/* --- the steps ---------------------------------------------------------------------------------------------------- */

void sigv4_canonical_path(struct span path, enum sigv4_path rule, struct buf *out);

/* Sorted by name, then value; `name` becomes `name=`. Escapes stand as they came; what no URL may hold is escaped. */
void sigv4_canonical_query(struct span query, struct buf *out);

/* Outer blanks off, inner runs of blanks to one space. */
void sigv4_canonical_value(struct span value, struct buf *out);

/*
 * `signed_headers`: names with semicolons between, in any case and order; NULL ptr: every header of the request. They
 * come out lower case, sorted, each once; a name that the request lacks has an empty value. False if there are more
 * than SIGV4_HEADERS_MAX or `out` overflows.
 */
bool sigv4_canonical_request(const struct sigv4_request *request, struct span signed_headers,
                             struct buf *out) MUST_CHECK;

/* `date` is the whole of it, 20260102T030405Z. */
void sigv4_string_to_sign(struct span date, const struct sigv4_scope *scope, struct span canonical_request,
                          struct buf *out);

/* The key of the scope's day. Not cached. */
void sigv4_key(struct span secret, const struct sigv4_scope *scope, unsigned char ret_key[SHA256_BYTES]);

/* The signature in lower-case hex, through the cache of keys. */
void sigv4_signature(struct span secret, const struct sigv4_scope *scope, struct span string_to_sign,
                     char ret_hex[SHA256_HEX]);

/* --- signing ------------------------------------------------------------------------------------------------------ */

/*
 * Writes the value of the Authorization header. Every header of the request is signed: the caller has put `host`,
 * `x-amz-date` (the same `date`), with temporary credentials `x-amz-security-token` and for S3 `x-amz-content-sha256`
 * among them, and leaves out what travels unsigned. False as sigv4_canonical_request is.
 */
bool sigv4_sign(const struct sigv4_request *request, struct sigv4_credentials credentials, struct span region,
                struct span service, struct span date, struct buf *out) MUST_CHECK;

/* --- verifying ---------------------------------------------------------------------------------------------------- */

/* The parts of an Authorization header; NULL ptr: not there. */
struct sigv4_authorization {
    struct span algorithm;
    struct span credential;
    struct span signed_headers;
    struct span signature;
    bool repeated; /* one of the three last stands there more than once; the first counts */
};
void sigv4_split_authorization(struct span value, struct sigv4_authorization *ret_parts);

/* KEYID/DATE/REGION/SERVICE/TERMINATOR, whatever stands in them; false if there are not exactly five. */
bool sigv4_split_credential(struct span credential, struct span *ret_key_id, struct sigv4_scope *ret_scope) MUST_CHECK;

/* Whether `name` (lower case) is among the signed headers. */
bool sigv4_is_signed(struct span signed_headers, struct span name);

/* 20260102T030405Z, a moment that exists, as seconds since 1970. */
bool sigv4_date_seconds(struct span date, int64_t *ret_seconds) MUST_CHECK;

/* Recomputes the signature and compares in constant time. */
bool sigv4_verify(const struct sigv4_request *request, const struct sigv4_authorization *parts,
                  const struct sigv4_scope *scope, struct span date, struct span secret) MUST_CHECK;

/* Before its next use, every thread wipes the keys it holds ready: when secrets have changed or gone. */
void sigv4_forget_keys(void);

#endif
