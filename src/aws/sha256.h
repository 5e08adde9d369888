/*
 * sha256: hashing as requests need it, without a look-up of the algorithm or an allocation on the hot path.
 *
 * `struct sha256 h; sha256_init(&h);` any number of sha256_update, then exactly one of sha256_final and sha256_drop.
 * The context behind it comes from, and goes back to, a few that the thread keeps; a hash may be begun on one thread
 * and ended on another. What a thread keeps is freed when it ends.
 */
#ifndef PLACARD_AWS_SHA256_H
#define PLACARD_AWS_SHA256_H

#include "base/span.h"

enum { SHA256_BYTES = 32, SHA256_HEX = 64 };

struct evp_md_ctx_st;

struct sha256 {
    struct evp_md_ctx_st *ctx; /* NULL once ended */
};

void sha256_init(struct sha256 *hash);
void sha256_update(struct sha256 *hash, struct span bytes);
void sha256_final(struct sha256 *hash, unsigned char ret_digest[SHA256_BYTES]);
void sha256_drop(struct sha256 *hash); /* ends without a digest; harmless on one that has ended */

/* All at once. */
void sha256_of(struct span bytes, unsigned char ret_digest[SHA256_BYTES]);

/* Lower case, without a NUL. */
void sha256_hex(const unsigned char digest[SHA256_BYTES], char ret_hex[SHA256_HEX]);

#endif
