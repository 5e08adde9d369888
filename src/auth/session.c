/* session: see session.h for the contract. */
#include "auth/session.h"

#include <openssl/crypto.h>

#include "aws/sha256.h"
#include "base/ident.h"

void session_mint(int64_t now_ms, int64_t ttl_ms, struct session *ret_session)
{
    static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    memcpy(ret_session->id, "ASIA", 4);
    ident_text(ret_session->id + 4, SESSION_ID_LEN - 4, base32);
    ident_text(ret_session->secret, SESSION_SECRET_LEN, base64);
    ident_text(ret_session->token, SESSION_TOKEN_LEN, base64);
    sha256_of(span_of(ret_session->token, SESSION_TOKEN_LEN), ret_session->token_sha256);
    ret_session->expires_ms = now_ms + ttl_ms;
}

struct session_row session_to_row(const struct session *session, struct span parent_key_id)
{
    return (struct session_row){ .id = span_str(session->id),
                                 .secret = span_str(session->secret),
                                 .parent = parent_key_id,
                                 .token_sha256 = span_of(session->token_sha256, sizeof session->token_sha256),
                                 .expires_ms = session->expires_ms };
}

void session_forget(struct session *session)
{
    OPENSSL_cleanse(session, sizeof *session);
}
