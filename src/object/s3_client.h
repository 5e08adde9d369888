/*
 * s3_client: requests to an S3 endpoint, signed, and tried again while their failure may pass.
 *
 * A client is shared by all threads; its lock guards the idle connections alone. A call is one request that belongs to
 * one thread: s3_call_init, fill in what the method needs, s3_call_exchange, read the answer from its transport,
 * s3_call_free. A failure may pass when there was no connection, silence, or a status of 408, 429 or 5xx; between
 * attempts lie growing, jittered waits.
 */
#ifndef PLACARD_OBJECT_S3_CLIENT_H
#define PLACARD_OBJECT_S3_CLIENT_H

#include <pthread.h>

#include "object/s3_address.h"
#include "object/signing.h"
#include "object/transport.h"

enum { S3_IDLE_MAX = 8 };

struct s3_client {
    struct s3_address address;
    char *key_id;
    char *secret;
    char *token;
    pthread_mutex_t lock;
    struct transport *idle[S3_IDLE_MAX];
    unsigned idle_count;
};

struct s3_call {
    struct s3_client *client;
    struct transport *transport;
    const char *method;
    struct object_name name; /* without a key: the bucket itself */
    uint64_t offset;         /* above 0: asks for the part from there on */
    struct span etag;        /* not empty: asks for this very object */
    struct span body;
    bool writes;       /* which of the sentences a refusal gets */
    unsigned failures; /* in a row; set to 0 when there was progress */
    struct s3_place place;
    struct signed_headers headers;
};

/* Takes the keys from the environment. E_CONFIG. */
bool s3_client_init(struct s3_client *client, struct span url, struct err *err) MUST_CHECK;
void s3_client_free(struct s3_client *client);

/* What the name's spans point to must outlive the call. */
void s3_call_init(struct s3_call *call, struct s3_client *client, const char *method, struct object_name name);
void s3_call_free(struct s3_call *call);

/* Sends until there is an answer that another attempt would not better. E_INTERNAL when patience ends. */
bool s3_call_exchange(struct s3_call *call, unsigned *ret_status, struct err *err) MUST_CHECK;

/* Counts a failure that may pass, and waits. False, with E_INTERNAL, when it was one too many. */
bool s3_call_go_on(struct s3_call *call, const char *reason, struct err *err) MUST_CHECK;

/* What an answer that is no success means: E_OBJECT, E_OBJECT_DENIED, E_OBJECT_CHANGED or E_INTERNAL, and false. */
bool s3_call_fail_status(struct s3_call *call, unsigned status, struct err *err);

#endif
