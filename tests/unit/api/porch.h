/*
 * porch: a whole server in the test's process, without the program around it: a store in a temporary folder, the gate,
 * its pool and a listener on a free port; and a client that signs and sends one request at a time.
 *
 * There are two keys: PORCH_ROOT, the account's root, and PORCH_USER, who may do all on what carries the tag
 * team=north. The page /hold keeps a thread of the pool (there is one, and one may wait) until porch_release.
 */
#ifndef PLACARD_TESTS_API_PORCH_H
#define PLACARD_TESTS_API_PORCH_H

#include <pthread.h>

#include "api/gate.h"
#include "base/buf.h"
#include "store/dataset.h"

#define PORCH_ROOT "AKIDPORCHROOT"
#define PORCH_USER "AKIDPORCHUSER"
#define PORCH_REGION "us-east-1"
#define PORCH_ACCOUNT "123456789012"

struct porch {
    char folder[64];
    struct store *store;
    struct object_store *objects;
    struct keyring_slot *keys;
    struct rates *rates;
    struct pool *pool;
    struct auth_options auth;
    struct gate *gate;
    struct http_listener *listener;
    struct arena arena;
    struct span dataset; /* of the region and account, empty, complete */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned holding;
    bool released;
};

/* `connections`: the listener's bound. */
void porch_open(struct porch *porch, uint32_t connections);
void porch_close(struct porch *porch);
void porch_wait_held(struct porch *porch);
void porch_release(struct porch *porch);

/* A connection to it. */
int porch_connect(const struct porch *porch);

/* Signs for the key and sends; does not wait for the answer. */
void porch_send(int socket, const char *key_id, const char *operation, struct span body);
void porch_send_text(int socket, const char *text);

/* The next answer on that connection: its status (0: closed), its body in the arena. */
unsigned porch_answer(struct porch *porch, int socket, struct span *ret_body);

/* All three on a connection of its own. */
unsigned porch_ask(struct porch *porch, const char *key_id, const char *operation, struct span body,
                   struct span *ret_body);

#endif
