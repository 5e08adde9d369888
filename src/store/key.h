/*
 * key: rows of access keys, temporary sessions and bucket owners. Secrets are stored as they are, for a signature is
 * checked with them; the database file is made with mode 0600. A session's token is stored only as its SHA-256.
 */
#ifndef PLACARD_STORE_KEY_H
#define PLACARD_STORE_KEY_H

#include "store/store.h"

struct key_row {
    struct span id; /* AKIA… */
    struct span secret;
    struct span account; /* 12 digits */
    struct span user;    /* empty: the account's root */
    struct span policy;  /* JSON; empty: none (root needs none) */
    bool disabled;
    int64_t created_ms;
};

struct session_row {
    struct span id; /* ASIA… */
    struct span secret;
    struct span parent;       /* the access key it was made from */
    struct span token_sha256; /* 32 bytes */
    int64_t expires_ms;
};

/* The root key of servers that share the store, as one text: the one offered first. */
bool root_key_agree(struct store *store, struct arena *arena, struct span offer, struct span *ret_text,
                    struct err *err) MUST_CHECK;

bool key_list(struct store *store, struct arena *arena, struct key_row **ret_rows, size_t *ret_count,
              struct err *err) MUST_CHECK;
bool key_add(struct store *store, const struct key_row *row, struct err *err) MUST_CHECK;              /* E_EXISTS */
bool key_set_disabled(struct store *store, struct span id, bool disabled, struct err *err) MUST_CHECK; /* E_NOT_FOUND */
bool key_delete(struct store *store, struct span id, struct err *err) MUST_CHECK; /* and its sessions; E_NOT_FOUND */

/* Sessions that have not expired at now_ms; older ones are removed by session_add. */
bool session_list(struct store *store, struct arena *arena, int64_t now_ms, struct session_row **ret_rows,
                  size_t *ret_count, struct err *err) MUST_CHECK;
bool session_add(struct store *store, const struct session_row *row, int64_t now_ms, struct err *err) MUST_CHECK;

struct bucket_row {
    struct span name;
    struct span account;
};
/* Buckets without a row belong to the default account. */
bool bucket_list(struct store *store, struct arena *arena, struct bucket_row **ret_rows, size_t *ret_count,
                 struct err *err) MUST_CHECK;
bool bucket_assign(struct store *store, struct span name, struct span account, struct err *err) MUST_CHECK;
/* The owner, or `fallback`. */
bool bucket_owner(struct store *store, struct arena *arena, struct span name, struct span fallback,
                  struct span *ret_account, struct err *err) MUST_CHECK;

#endif
