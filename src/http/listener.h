/*
 * listener: what the files of this room share. Nobody outside the room includes it.
 *
 * Owners and threads. libmicrohttpd runs `threads` listener threads; a connection stays with one of them for life, and
 * all of a connection's and its exchange's plain fields belong to that thread. What others may touch is said to be
 * atomic or "under lock". An exchange is one request and its answer; it is taken from its thread's cache when the
 * request line is in and goes back after `done`, so that a connection that waits owns no request memory.
 */
#ifndef PLACARD_HTTP_LISTENER_H
#define PLACARD_HTTP_LISTENER_H

#include <gnutls/abstract.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "http/head.h"
#include "http/http.h"

/* Where a connection is, for the sweeper; kept with the time it began in one word (stage_now). */
enum stage {
    STAGE_IDLE,     /* nothing of a next request was seen */
    STAGE_ARRIVING, /* a request is under way in, or the connection is new */
    STAGE_WORKING,  /* the handler has it: ours to wait for, not the client's */
    STAGE_SENDING   /* the answer is on its way out */
};

/* All connections of one client address (IPv6: of one /64). Under lock but for `bodies`; dies with its last one. */
struct address {
    struct address *next;
    struct in6_addr key;
    uint32_t connections;
    _Atomic uint64_t bodies; /* body bytes in flight */
};

struct tls_pair;

struct connection {
    struct http_listener *listener;
    struct connection *next; /* in listener->connections, under lock */
    struct connection *prev;
    struct address *address;
    struct tls_pair *tls_pair; /* the certificate this connection's handshake took */
    _Atomic uint64_t stage;    /* enum stage and since when */
    int socket;                /* libmicrohttpd's; open as long as the connection is in the list */
    bool linger;               /* we end it while the client may still be sending */
    bool loopback;
    uint8_t peer_len;
    char peer[INET6_ADDRSTRLEN];

    /* The sweeper's memory of its last look. */
    uint64_t seen_stage;
    uint64_t seen_bytes;
    uint64_t seen_ms;
};

/* The way of an HTTP_LATER reply; see exchange_finish. */
enum reply_state { REPLY_NONE, REPLY_GIVEN, REPLY_SUSPENDED };

enum exchange_step {
    STEP_HEAD,    /* the request line is in */
    STEP_BODY,    /* head accepted */
    STEP_DISCARD, /* the chunked body is over a limit: read on to its end, then refuse */
    STEP_REPLY    /* `complete` was called */
};

struct exchange {
    struct http_request request; /* first: a request is its exchange */
    struct exchange *next;       /* in the cache */
    struct exchange_cache *home;
    struct connection *connection;
    struct MHD_Connection *mhd;
    struct arena arena;
    struct buf body;
    struct http_header *headers; /* room for header_room, kept from request to request */
    size_t header_room;
    struct span target;
    uint64_t reserved;  /* body bytes taken from the budgets */
    uint64_t discarded; /* bytes read in STEP_DISCARD */
    enum exchange_step step;
    bool chunked;
    bool head_called; /* so `done` is owed */
    unsigned refusal; /* STEP_DISCARD: the status to answer with */
    _Atomic int reply_state;
    struct MHD_Response *reply; /* set before reply_state says REPLY_GIVEN */
    unsigned reply_status;
    bool reply_close;
};

/* The idle exchanges of one listener thread. */
struct exchange_cache {
    struct exchange_cache *next; /* in listener->caches, under lock */
    struct http_listener *listener;
    struct exchange *free;
    unsigned count;
};

/* A socket whose connection is over but for reading what the client still sends. */
struct lingering {
    struct lingering *next;
    int socket;
    uint64_t until_ms;
    uint64_t swallowed;
};

enum { ADDRESS_BUCKETS = 1024 };

struct http_listener {
    struct http_options options;
    struct http_handler handler;
    struct head_limits head_limits;
    struct MHD_Daemon *daemon;
    int socket;
    uint16_t port;
    bool tls;
    _Atomic uint32_t open;
    atomic_uint arriving;      /* admitted, and not yet among the connections */
    _Atomic uint64_t bodies;   /* body bytes in flight */
    _Atomic uint32_t resuming; /* http_reply calls inside libmicrohttpd */
    _Atomic bool draining;     /* http_stop was called: every answer closes its connection */
    _Atomic bool closing;      /* its time is over: no handler is given a request any more */

    pthread_mutex_t lock;
    pthread_cond_t wake; /* the sweeper's */
    pthread_t sweeper;
    bool sweeper_stop; /* this and all below under lock */
    struct connection *connections;
    struct connection *cursor; /* the next one the sweeper looks at; NULL between sweeps */
    struct lingering *lingering;
    unsigned lingering_count;
    struct exchange_cache *caches;
    struct address *addresses[ADDRESS_BUCKETS];

    pthread_mutex_t tls_lock;
    struct tls_pair *tls_pair; /* the one for new handshakes, under tls_lock */
};

/* connection.c: called by libmicrohttpd as connections come and go. */
enum MHD_Result connection_admit(void *listener, const struct sockaddr *address, socklen_t length);
void connection_notify(void *listener, struct MHD_Connection *mhd, void **context,
                       enum MHD_ConnectionNotificationCode code);

/* Takes body bytes from the total and the address's budget, or nothing. */
bool connection_reserve(struct connection *connection, uint64_t bytes) MUST_CHECK;
void connection_release(struct connection *connection, uint64_t bytes);

/* exchange.c: called by libmicrohttpd along a request. */
void *exchange_begin(void *listener, const char *target, struct MHD_Connection *mhd);
enum MHD_Result exchange_advance(void *listener, struct MHD_Connection *mhd, const char *url, const char *method,
                                 const char *version, const char *data, size_t *size, void **context);
void exchange_end(void *listener, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code);
void exchange_caches_free(struct http_listener *listener);

/* reply.c: libmicrohttpd's form of a reply; a header that cannot be sent is left out and logged. */
struct MHD_Response *reply_build(const struct http_reply *reply);

/* sweeper.c */
uint64_t stage_now(enum stage stage); /* a value for connection->stage */
static inline enum stage stage_of(uint64_t value)
{
    return (enum stage)(value & 3);
}
static inline uint64_t stage_since_ms(uint64_t value)
{
    return value >> 2;
}
void sweeper_start(struct http_listener *listener);
void sweeper_stop(struct http_listener *listener);
void sweeper_linger(struct http_listener *listener, int socket); /* under lock; takes a duplicate */

/* Cuts whatever waits for its client and has no request in; with `all`, whatever is not in the handler's hands.
   Returns how many connections are left, and in *ret_working how many of them the handler has or has just answered. */
unsigned sweeper_drain(struct http_listener *listener, bool all, unsigned *ret_working);

/* tls.c */
bool tls_pair_load(const char *certificate, const char *key, struct tls_pair **ret_pair, struct err *err) MUST_CHECK;
void tls_pair_drop(struct http_listener *listener, struct tls_pair *pair); /* NULL is fine */
void tls_connection_begin(struct connection *connection, struct MHD_Connection *mhd);
gnutls_certificate_retrieve_function3 tls_retrieve; /* libmicrohttpd's certificate callback */

#endif
