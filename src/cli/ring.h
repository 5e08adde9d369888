/*
 * ring: the keyring in force, made of the root key and the store's keys and sessions, and renewed when they change. And
 * the root key itself, where servers share a store: the first of them puts its own there, and the others take it.
 *
 *     ring_root_key(…, &root, …); ring_open(&ring, …); ring.slot for who checks signatures; ring_renew; ring_close
 *
 * Any thread may renew; one does at a time.
 */
#ifndef PLACARD_CLI_RING_H
#define PLACARD_CLI_RING_H

#include <pthread.h>

#include "auth/keyring.h"
#include "cli/home.h"

struct ring {
    pthread_mutex_t lock;
    struct store *store;
    const struct root_key *root;
    const char *account; /* the root key's */
    struct keyring_slot *slot;
};

/* What is pointed at outlives the ring. */
bool ring_open(struct ring *ring, struct store *store, const struct root_key *root, const char *account,
               struct err *err) MUST_CHECK;
void ring_close(struct ring *ring);

/* From the rows as they are now. On failure the keyring in force stays. */
bool ring_renew(struct ring *ring, struct err *err) MUST_CHECK;

/*
 * As home_root_key says; where the store is shared, the one that all its servers have. E_CONFIG: the directory has
 * another. Needs the home's lock.
 */
bool ring_root_key(const struct home *home, struct store *store, const char *region, struct root_key *ret_key,
                   struct err *err) MUST_CHECK;

#endif
