/*
 * s3_address: where an S3 endpoint is and how its objects are named in a request. Pure.
 *
 * Read from `http(s)://host[:port][?name=value&…]`, the names being region, style (path or virtual), ca (a file of
 * certificate authorities), attempts (of one request, 1..20) and idle_s (silence borne, 1..3600).
 */
#ifndef PLACARD_OBJECT_S3_ADDRESS_H
#define PLACARD_OBJECT_S3_ADDRESS_H

#include "base/buf.h"
#include "base/err.h"
#include "object/endpoint.h"
#include "object/object.h"

enum s3_style { S3_STYLE_PATH, S3_STYLE_VIRTUAL };

struct s3_address {
    struct endpoint endpoint;
    enum s3_style style;
    char region[64];
    char ca_file[1024]; /* empty: the system's */
    unsigned attempts;
    unsigned idle_s;
};

/* `region` is the one to use when neither the parameter nor an amazonaws.com host names one. E_CONFIG. */
bool s3_address_parse(struct span url, struct span region, struct s3_address *ret_address, struct err *err) MUST_CHECK;

/* The Host header, the escaped path and the escaped query (without its `?`, empty without a version) of an object. */
struct s3_place {
    struct buf host;
    struct buf path;
    struct buf query;
};
void s3_place_init(struct s3_place *place);
void s3_place_free(struct s3_place *place);

/* An empty key gives the bucket's own place. Replaces what `ret_place` held. */
void s3_address_place(const struct s3_address *address, struct object_name name, struct s3_place *ret_place);

/* Percent-encodes all but [A-Za-z0-9-._~], and `/` where it is kept: as SigV4 wants it and as it is sent. */
void s3_escape(struct buf *out, struct span text, bool keep_slash);

#endif
