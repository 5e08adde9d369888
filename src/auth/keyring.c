/* keyring: see keyring.h for the contract. */
#include "auth/keyring.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "aws/sigv4.h"
#include "base/buf.h"

enum { STRIPES = 8, STRIPE_BYTES = 64, TOKEN_HASH_BYTES = 32 };

struct keyring {
    atomic_size_t holders;
    char *text; /* every text of the entries, secrets among them */
    size_t text_len;
    struct keyring_entry *entries;
    size_t count;
    struct policy **policies; /* owned; entries point to them */
    size_t policy_count;
    uint32_t *slots;   /* by hash of the id: place in entries + 1, or 0; open addressing */
    size_t slot_count; /* a power of two */
};

static size_t hash_of(struct span id)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < id.len; i++)
        hash = (hash ^ (unsigned char)id.ptr[i]) * 0x100000001b3u;
    return (size_t)(hash ^ (hash >> 32));
}

/* The slot that holds the id, or the free one where it belongs. */
static uint32_t *slot_of(const struct keyring *ring, struct span id)
{
    size_t at = hash_of(id) & (ring->slot_count - 1);
    while (ring->slots[at] && !span_eq(ring->entries[ring->slots[at] - 1].key_id, id))
        at = (at + 1) & (ring->slot_count - 1);
    return &ring->slots[at];
}

const struct keyring_entry *keyring_find(const struct keyring *ring, struct span key_id)
{
    uint32_t slot = *slot_of(ring, key_id);
    return slot ? &ring->entries[slot - 1] : NULL;
}

/* --- building ------------------------------------------------------------------------------------------------------
 */

static bool is_account(struct span text)
{
    uint64_t number;
    return text.len == 12 && span_to_u64(text, UINT64_MAX, &number);
}

/* A copy in the ring's text, whose room was reckoned beforehand. */
static struct span keep(struct keyring *ring, struct span text)
{
    char *copy = ring->text + ring->text_len;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    ring->text_len += text.len;
    return span_of(copy, text.len);
}

static struct span keep_arn(struct keyring *ring, struct span partition, struct span account, struct span user)
{
    const struct span parts[] = { SPAN_LIT("arn:"),
                                  partition,
                                  SPAN_LIT(":iam::"),
                                  account,
                                  user.len > 0 ? SPAN_LIT(":user/") : SPAN_LIT(":root"),
                                  user };
    struct span arn = { ring->text + ring->text_len, 0 };
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        arn.len += keep(ring, parts[i]).len;
    return arn;
}

enum { ARN_FRAME = sizeof "arn::iam:::user/" };

static size_t text_room(struct span partition, const struct key_row *keys, size_t key_count,
                        const struct session_row *sessions, size_t session_count)
{
    size_t room = 0;
    for (size_t i = 0; i < key_count; i++)
        room += keys[i].id.len + keys[i].secret.len + 2 * (keys[i].account.len + keys[i].user.len) + partition.len +
                ARN_FRAME;
    for (size_t i = 0; i < session_count; i++)
        room += sessions[i].id.len + sessions[i].secret.len;
    return room;
}

static void add_entry(struct keyring *ring, const struct keyring_entry *entry)
{
    ring->entries[ring->count] = *entry;
    *slot_of(ring, entry->key_id) = (uint32_t)++ring->count;
}

static bool add_key(struct keyring *ring, struct span partition, const struct key_row *row, struct err *err)
{
    struct err bad;
    struct policy *policy = NULL;
    if (row->id.len == 0 || row->secret.len == 0)
        return fail(err, E_CONFIG, "an access key has no id or no secret");
    if (keyring_find(ring, row->id))
        return true;
    if (!is_account(row->account))
        return fail(err, E_CONFIG, "the account of the access key " SPAN_FMT " is not 12 digits", SPAN_ARG(row->id));
    if (row->policy.len > 0) {
        if (!policy_parse(row->policy, &policy, &bad))
            return fail(err, E_CONFIG, "the policy of the access key " SPAN_FMT ": %s", SPAN_ARG(row->id), bad.text);
        ring->policies[ring->policy_count++] = policy;
    }
    struct keyring_entry entry = { .key_id = keep(ring, row->id),
                                   .secret = keep(ring, row->secret),
                                   .account = keep(ring, row->account),
                                   .user = keep(ring, row->user),
                                   .arn = keep_arn(ring, partition, row->account, row->user),
                                   .policy = policy,
                                   .root = row->user.len == 0,
                                   .disabled = row->disabled };
    add_entry(ring, &entry);
    return true;
}

static bool add_session(struct keyring *ring, const struct session_row *row, struct err *err)
{
    if (row->id.len == 0 || row->secret.len == 0 || row->token_sha256.len != TOKEN_HASH_BYTES)
        return fail(err, E_CONFIG, "the session " SPAN_FMT " lacks a secret or the hash of its token",
                    SPAN_ARG(row->id));
    const struct keyring_entry *parent = keyring_find(ring, row->parent);
    if (!parent || parent->session || keyring_find(ring, row->id))
        return true;
    struct keyring_entry entry = *parent;
    entry.key_id = keep(ring, row->id);
    entry.secret = keep(ring, row->secret);
    entry.session = true;
    memcpy(entry.token_sha256, row->token_sha256.ptr, TOKEN_HASH_BYTES);
    entry.expires_ms = row->expires_ms;
    add_entry(ring, &entry);
    return true;
}

bool keyring_build(struct span partition, const struct key_row *keys, size_t key_count,
                   const struct session_row *sessions, size_t session_count, struct keyring **ret_ring, struct err *err)
{
    size_t most = key_count + session_count;
    CHECK(most < UINT32_MAX / 4);
    struct keyring *ring = mem_zero(1, sizeof *ring);
    atomic_init(&ring->holders, 1);
    ring->slot_count = 16;
    while (ring->slot_count < most * 2)
        ring->slot_count *= 2;
    ring->slots = mem_zero(ring->slot_count, sizeof *ring->slots);
    ring->entries = mem_zero(most + 1, sizeof *ring->entries);
    ring->policies = mem_zero(key_count + 1, sizeof(struct policy *));
    size_t room = text_room(partition, keys, key_count, sessions, session_count);
    ring->text = mem_alloc(room + 1);
    bool done = true;
    for (size_t i = 0; done && i < key_count; i++)
        done = add_key(ring, partition, &keys[i], err);
    for (size_t i = 0; done && i < session_count; i++)
        done = add_session(ring, &sessions[i], err);
    CHECK(ring->text_len <= room);
    if (done)
        *ret_ring = ring;
    else
        keyring_drop(ring);
    return done;
}

/* --- holding -------------------------------------------------------------------------------------------------------
 */

struct keyring *keyring_hold(struct keyring *ring)
{
    atomic_fetch_add_explicit(&ring->holders, 1, memory_order_relaxed);
    return ring;
}

void keyring_drop(struct keyring *ring)
{
    if (!ring || atomic_fetch_sub_explicit(&ring->holders, 1, memory_order_acq_rel) > 1)
        return;
    for (size_t i = 0; i < ring->policy_count; i++)
        policy_free(ring->policies[i]);
    OPENSSL_cleanse(ring->text, ring->text_len);
    free(ring->text);
    free(ring->entries);
    free(ring->policies);
    free(ring->slots);
    free(ring);
}

/*
 * Taking must not find the pointer and then come too late to hold what it points to, so it does both under a lock. Each
 * thread has a lock of a few to itself, or shares it with few: what one thread does under its own waits for nobody but
 * a rare keyring_put, which takes them all.
 */
struct stripe {
    _Alignas(STRIPE_BYTES) pthread_mutex_t lock;
};

struct keyring_slot {
    struct stripe stripes[STRIPES];
    struct keyring *ring;
};

static pthread_mutex_t *my_lock(struct keyring_slot *slot)
{
    static atomic_uint threads;
    static _Thread_local unsigned mine; /* 0: not yet dealt */
    if (mine == 0)
        mine = 1 + atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % STRIPES;
    return &slot->stripes[mine - 1].lock;
}

struct keyring_slot *keyring_slot_new(struct keyring *ring)
{
    struct keyring_slot *slot = aligned_alloc(STRIPE_BYTES, sizeof *slot);
    CHECK(slot && ring);
    slot->ring = ring;
    for (unsigned i = 0; i < STRIPES; i++)
        CHECK(pthread_mutex_init(&slot->stripes[i].lock, NULL) == 0);
    return slot;
}

void keyring_slot_free(struct keyring_slot *slot)
{
    if (!slot)
        return;
    for (unsigned i = 0; i < STRIPES; i++)
        pthread_mutex_destroy(&slot->stripes[i].lock);
    keyring_drop(slot->ring);
    free(slot);
}

struct keyring *keyring_take(struct keyring_slot *slot)
{
    pthread_mutex_t *lock = my_lock(slot);
    pthread_mutex_lock(lock);
    struct keyring *ring = keyring_hold(slot->ring);
    pthread_mutex_unlock(lock);
    return ring;
}

void keyring_put(struct keyring_slot *slot, struct keyring *ring)
{
    for (unsigned i = 0; i < STRIPES; i++)
        pthread_mutex_lock(&slot->stripes[i].lock);
    struct keyring *old = slot->ring;
    slot->ring = ring;
    for (unsigned i = STRIPES; i-- > 0;)
        pthread_mutex_unlock(&slot->stripes[i].lock);
    keyring_drop(old);
    sigv4_forget_keys();
}
