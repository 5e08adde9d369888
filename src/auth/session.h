/*
 * session: temporary credentials, made here, kept as a row by the store and known again by keyring and authenticate.
 * The secret is stored, for signatures are checked with it; of the token only the SHA-256.
 */
#ifndef PLACARD_AUTH_SESSION_H
#define PLACARD_AUTH_SESSION_H

#include "store/key.h"

enum { SESSION_ID_LEN = 20, SESSION_SECRET_LEN = 40, SESSION_TOKEN_LEN = 43 };

struct session {
    char id[SESSION_ID_LEN + 1];         /* ASIA… */
    char secret[SESSION_SECRET_LEN + 1]; /* 240 random bits */
    char token[SESSION_TOKEN_LEN + 1];   /* 256 random bits and more */
    unsigned char token_sha256[32];
    int64_t expires_ms;
};

/* Fresh random ones that hold for ttl_ms from now. */
void session_mint(int64_t now_ms, int64_t ttl_ms, struct session *ret_session);

/* The row for session_add; its spans point into the session. */
struct session_row session_to_row(const struct session *session, struct span parent_key_id);

/* Wipes it. */
void session_forget(struct session *session);

#endif
