/*
 * keyring: who may sign, in memory. A keyring is built whole from rows, never changes, and is counted by its holders; a
 * slot holds the one in force and is read by every listener thread while another thread puts in a newer one.
 *
 *     keyring_build(…, &ring, &err); slot = keyring_slot_new(ring);            at start
 *     ring = keyring_take(slot); entry = keyring_find(ring, id); … keyring_drop(ring);   for each request, any thread
 *     keyring_build(…, &ring, &err); keyring_put(slot, ring);                  when keys have changed
 *     keyring_slot_free(slot);                                                 at the end, with no reader left
 *
 * What keyring_find answers lives as long as the keyring is held. Secrets are wiped when the last holder lets go, and
 * keyring_put makes the signature code forget the keys it has derived.
 */
#ifndef PLACARD_AUTH_KEYRING_H
#define PLACARD_AUTH_KEYRING_H

#include "auth/policy.h"
#include "store/key.h"

/* Sessions past their time are kept so long, to be told that they have expired and not that they are unknown. */
#define KEYRING_EXPIRED_KEPT_MS ((int64_t)24 * 3600 * 1000)

struct keyring;
struct keyring_slot;

struct keyring_entry {
    struct span key_id;
    struct span secret;
    struct span account;
    struct span user;            /* empty: the account's root */
    struct span arn;             /* arn:PARTITION:iam::ACCOUNT:root or :user/NAME */
    const struct policy *policy; /* NULL: none */
    bool root;
    bool disabled; /* of a session: it or its parent */
    bool session;
    unsigned char token_sha256[32]; /* of a session */
    int64_t expires_ms;             /* of a session */
};

/*
 * Rows as the store room lists them; the root key is one more, put first: of two rows with one id the first counts. A
 * session takes account, user, policy and being disabled from its parent, and is left out if that is not there. A row
 * that makes no sense is E_CONFIG and names its key. The new keyring is held once, by the caller.
 */
bool keyring_build(struct span partition, const struct key_row *keys, size_t key_count,
                   const struct session_row *sessions, size_t session_count, struct keyring **ret_ring,
                   struct err *err) MUST_CHECK;

/* NULL if the id is unknown. */
const struct keyring_entry *keyring_find(const struct keyring *ring, struct span key_id);

struct keyring *keyring_hold(struct keyring *ring);
void keyring_drop(struct keyring *ring); /* NULL is fine */

/* Takes over the caller's hold. */
struct keyring_slot *keyring_slot_new(struct keyring *ring);
void keyring_slot_free(struct keyring_slot *slot);

/* The one in force, held for the caller. */
struct keyring *keyring_take(struct keyring_slot *slot);

/* Puts another in force, taking over the caller's hold: whoever takes after this returns gets it. */
void keyring_put(struct keyring_slot *slot, struct keyring *ring);

#endif
