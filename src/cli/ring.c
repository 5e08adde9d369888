/* ring: see ring.h for the contract. */
#include "cli/ring.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* --- the keyring -------------------------------------------------------------------------------------------------- */

/* The root key, then the store's. */
static bool build(struct ring *ring, struct keyring **ret_ring, struct err *err)
{
    struct arena arena;
    struct key_row *listed;
    struct session_row *sessions;
    size_t count, session_count;
    arena_init(&arena);
    bool done =
        key_list(ring->store, &arena, &listed, &count, err) &&
        session_list(ring->store, &arena, clock_wall_ms() - KEYRING_EXPIRED_KEPT_MS, &sessions, &session_count, err);
    if (done) {
        struct key_row *keys = arena_alloc(&arena, (count + 1) * sizeof *keys);
        keys[0] = (struct key_row){ .id = span_str(ring->root->id),
                                    .secret = span_str(ring->root->secret),
                                    .account = span_str(ring->account) };
        if (count > 0)
            memcpy(keys + 1, listed, count * sizeof *keys);
        done = keyring_build(span_str(store_partition(ring->store)), keys, count + 1, sessions, session_count, ret_ring,
                             err);
    }
    arena_free(&arena);
    return done;
}

bool ring_open(struct ring *ring, struct store *store, const struct root_key *root, const char *account,
               struct err *err)
{
    struct keyring *first;
    *ring = (struct ring){ .store = store, .root = root, .account = account };
    if (!build(ring, &first, err))
        return false;
    pthread_mutex_init(&ring->lock, NULL);
    ring->slot = keyring_slot_new(first);
    return true;
}

void ring_close(struct ring *ring)
{
    if (!ring->slot)
        return;
    keyring_slot_free(ring->slot);
    pthread_mutex_destroy(&ring->lock);
    ring->slot = NULL;
}

bool ring_renew(struct ring *ring, struct err *err)
{
    struct keyring *newer;
    pthread_mutex_lock(&ring->lock);
    bool done = build(ring, &newer, err);
    if (done)
        keyring_put(ring->slot, newer);
    pthread_mutex_unlock(&ring->lock);
    return done;
}

/* --- the root key ------------------------------------------------------------------------------------------------- */

static bool same(const struct root_key *a, const struct root_key *b)
{
    return strcmp(a->id, b->id) == 0 && strcmp(a->secret, b->secret) == 0;
}

static bool take(struct span part, char *into, size_t max)
{
    if (part.len == 0 || part.len > max)
        return false;
    memcpy(into, part.ptr, part.len);
    into[part.len] = '\0';
    return true;
}

/* The store's, which is `mine` if it had none. */
static bool agree(struct store *store, const struct root_key *mine, struct root_key *ret_key, struct err *err)
{
    struct arena arena;
    struct span text;
    arena_init(&arena);
    struct span offer = arena_printf(&arena, "%s %s", mine->id, mine->secret);
    bool done = root_key_agree(store, &arena, offer, &text, err);
    if (done) {
        struct span secret = text;
        done = (take(span_cut(&secret, ' '), ret_key->id, ROOT_KEY_ID_MAX) &&
                take(secret, ret_key->secret, ROOT_KEY_SECRET_MAX)) ||
               fail(err, E_STORE, "the store's root key is damaged");
    }
    arena_free(&arena);
    return done;
}

bool ring_root_key(const struct home *home, struct store *store, const char *region, struct root_key *ret_key,
                   struct err *err)
{
    struct root_key mine, agreed;
    enum home_key found;
    if (!home_find_root_key(home, &mine, &found, err))
        return false;
    if (found == HOME_KEY_NONE)
        home_fresh_key("AKIA", &mine);
    agreed = mine;
    if (store_is_shared(store) && found != HOME_KEY_ENVIRONMENT && !agree(store, &mine, &agreed, err))
        return false;
    if (found == HOME_KEY_FILE && !same(&mine, &agreed))
        return fail(err, E_CONFIG,
                    "%s/credentials has another root key than the servers that share this store; move it away, and "
                    "theirs is written there",
                    home->path);
    if (found == HOME_KEY_NONE && !home_keep_root_key(home, region, &agreed, err))
        return false;
    *ret_key = agreed;
    return true;
}
