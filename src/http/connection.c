/*
 * connection: connections from their acceptance to their end, their number in total and per address, and the two
 * budgets of body bytes. See listener.h.
 *
 * The numbers are checked when libmicrohttpd asks whether to admit a connection and counted when it reports that the
 * connection began. Both happen on one listener thread, so that the limits can be passed by one less than there are
 * threads, and by no more.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "http/listener.h"

/* What counts as one client: an IPv4 address, or the /64 that an IPv6 host commonly has to itself. */
static struct in6_addr address_key(const struct sockaddr *address)
{
    struct in6_addr key = { 0 };
    if (address->sa_family == AF_INET) {
        key.s6_addr[10] = 0xff;
        key.s6_addr[11] = 0xff;
        memcpy(key.s6_addr + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        key = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        if (!IN6_IS_ADDR_V4MAPPED(&key))
            memset(key.s6_addr + 8, 0, 8);
    }
    return key;
}

static struct address **address_bucket(struct http_listener *listener, const struct in6_addr *key)
{
    uint32_t hash = 2166136261u; /* FNV-1a: an attacker who owns many addresses has better things to do than collide */
    for (size_t i = 0; i < sizeof key->s6_addr; i++)
        hash = (hash ^ key->s6_addr[i]) * 16777619u;
    return &listener->addresses[hash % ADDRESS_BUCKETS];
}

static struct address *address_find(struct http_listener *listener, const struct in6_addr *key)
{
    struct address *address = *address_bucket(listener, key);
    while (address && memcmp(&address->key, key, sizeof *key) != 0)
        address = address->next;
    return address;
}

static struct address *address_join(struct http_listener *listener, const struct in6_addr *key)
{
    struct address *address = address_find(listener, key);
    if (!address) {
        struct address **bucket = address_bucket(listener, key);
        address = mem_zero(1, sizeof *address);
        address->key = *key;
        address->next = *bucket;
        *bucket = address;
    }
    address->connections++;
    return address;
}

static void address_leave(struct http_listener *listener, struct address *address)
{
    if (--address->connections > 0)
        return;
    struct address **link = address_bucket(listener, &address->key);
    while (*link != address)
        link = &(*link)->next;
    *link = address->next;
    free(address);
}

enum MHD_Result connection_admit(void *cls, const struct sockaddr *from, socklen_t length)
{
    struct http_listener *listener = cls;
    (void)length;
    struct in6_addr key = address_key(from);
    uint32_t most = listener->options.connections_per_address;
    pthread_mutex_lock(&listener->lock);
    bool fits = !atomic_load(&listener->draining) &&
                atomic_load_explicit(&listener->open, memory_order_relaxed) < listener->options.connections;
    if (fits && most > 0) {
        const struct address *address = address_find(listener, &key);
        fits = !address || address->connections < most;
    }
    if (fits)
        atomic_fetch_add(&listener->arriving, 1);
    pthread_mutex_unlock(&listener->lock);
    return fits ? MHD_YES : MHD_NO;
}

static void set_peer(struct connection *connection, const struct sockaddr *from, const struct in6_addr *key)
{
    if (IN6_IS_ADDR_V4MAPPED(key)) { /* a dual-stack socket's IPv4 client reads as one */
        inet_ntop(AF_INET, key->s6_addr + 12, connection->peer, sizeof connection->peer);
        connection->loopback = key->s6_addr[12] == 127;
    } else if (from->sa_family == AF_INET6) {
        const struct in6_addr *whole = &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;
        inet_ntop(AF_INET6, whole, connection->peer, sizeof connection->peer);
        connection->loopback = IN6_IS_ADDR_LOOPBACK(whole);
    }
    connection->peer_len = (uint8_t)strlen(connection->peer);
}

static struct connection *connection_begin(struct http_listener *listener, struct MHD_Connection *mhd)
{
    const struct sockaddr *from = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    struct in6_addr key = address_key(from);
    struct connection *connection = mem_zero(1, sizeof *connection);
    connection->listener = listener;
    connection->socket = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    set_peer(connection, from, &key);
    atomic_init(&connection->stage, stage_now(STAGE_ARRIVING));
    if (listener->tls)
        tls_connection_begin(connection, mhd);

    pthread_mutex_lock(&listener->lock);
    connection->address = address_join(listener, &key);
    connection->next = listener->connections;
    if (connection->next)
        connection->next->prev = connection;
    else
        pthread_cond_signal(&listener->wake);
    listener->connections = connection;
    atomic_fetch_add_explicit(&listener->open, 1, memory_order_relaxed);
    atomic_fetch_sub(&listener->arriving, 1);
    pthread_mutex_unlock(&listener->lock);
    return connection;
}

/* The socket is closed by libmicrohttpd right after this: from here on nobody may find it in the list. */
static void connection_finish(struct connection *connection)
{
    struct http_listener *listener = connection->listener;
    pthread_mutex_lock(&listener->lock);
    if (connection->prev)
        connection->prev->next = connection->next;
    else
        listener->connections = connection->next;
    if (connection->next)
        connection->next->prev = connection->prev;
    if (listener->cursor == connection)
        listener->cursor = connection->next;
    address_leave(listener, connection->address);
    atomic_fetch_sub_explicit(&listener->open, 1, memory_order_relaxed);
    if (connection->linger)
        sweeper_linger(listener, connection->socket);
    pthread_mutex_unlock(&listener->lock);
    tls_pair_drop(listener, connection->tls_pair);
    free(connection);
}

void connection_notify(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = connection_begin(cls, mhd);
    } else {
        connection_finish(*context);
        *context = NULL;
    }
}

static bool take(_Atomic uint64_t *taken, uint64_t bytes, uint64_t most)
{
    if (atomic_fetch_add_explicit(taken, bytes, memory_order_relaxed) + bytes <= most)
        return true;
    atomic_fetch_sub_explicit(taken, bytes, memory_order_relaxed);
    return false;
}

bool connection_reserve(struct connection *connection, uint64_t bytes)
{
    struct http_listener *listener = connection->listener;
    if (!take(&listener->bodies, bytes, listener->options.bodies_bytes))
        return false;
    if (take(&connection->address->bodies, bytes, listener->options.bodies_per_address_bytes))
        return true;
    atomic_fetch_sub_explicit(&listener->bodies, bytes, memory_order_relaxed);
    return false;
}

void connection_release(struct connection *connection, uint64_t bytes)
{
    atomic_fetch_sub_explicit(&connection->listener->bodies, bytes, memory_order_relaxed);
    atomic_fetch_sub_explicit(&connection->address->bodies, bytes, memory_order_relaxed);
}
