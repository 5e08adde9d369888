/* listener: start and stop. See http.h for the contract, listener.h for how the room is built. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/listener.h"

enum {
    BACKLOG = 1024,
    SPARE_HEAD_BYTES = 8 * 1024, /* beside the head libmicrohttpd keeps its list of headers and our answer's head */
    POLL_MS = 2,                 /* of http_stop */
    LATE_MS = 1000,              /* for cut connections to be closed by their threads */
    COMPLAINT_MS = 5000
};

const struct http_options http_options_default = {
    .host = "127.0.0.1",
    .head_bytes = 32 * 1024,
    .body_bytes = 8 * 1024 * 1024,
    .request_ms = 20 * 1000,
    .idle_ms = 60 * 1000,
    .connections = 4096,
    .bodies_bytes = 256 * 1024 * 1024,
    .bodies_per_address_bytes = 64 * 1024 * 1024,
};

static bool listen_on(const struct addrinfo *place, int *ret_socket)
{
    int fd = socket(place->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); /* inherited by what is accepted */
    if (bind(fd, place->ai_addr, place->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return false;
    }
    *ret_socket = fd;
    return true;
}

static bool open_socket(struct http_listener *listener, struct err *err)
{
    const struct http_options *options = &listener->options;
    const struct addrinfo wanted = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
    char port[8];
    snprintf(port, sizeof port, "%u", options->port);
    struct addrinfo *places = NULL;
    int code = getaddrinfo(options->host, port, &wanted, &places);
    if (code != 0)
        return fail(err, E_CONFIG, "the address %s is not one to listen on: %s", options->host, gai_strerror(code));
    bool open = false;
    int why = 0;
    for (const struct addrinfo *place = places; place && !open; place = place->ai_next) {
        open = listen_on(place, &listener->socket);
        why = errno;
    }
    freeaddrinfo(places);
    if (!open)
        return fail(err, E_CONFIG, "cannot listen on %s port %s: %s", options->host, port, strerror(why));
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound = { .v6 = { 0 } };
    socklen_t length = sizeof bound;
    CHECK(getsockname(listener->socket, &bound.any, &length) == 0);
    listener->port = ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
    return true;
}

/* What libmicrohttpd has to say is about clients that break off; of interest only when looking for something. */
static void log_library(void *cls, const char *format, va_list arguments) PRINTF_LIKE(2, 0);
static void log_library(void *cls, const char *format, va_list arguments)
{
    (void)cls;
    if (!log_wants(LOG_DEBUG))
        return;
    char text[512];
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    log_line(LOG_DEBUG, "libmicrohttpd", LOG_S("text", text));
}

/* Targets stay as they were sent. */
static size_t leave_escaped(void *cls, struct MHD_Connection *mhd, char *text)
{
    (void)cls;
    (void)mhd;
    return strlen(text);
}

static unsigned thread_count(const struct http_options *options)
{
    if (options->threads > 0)
        return options->threads;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 2 ? 2 : (unsigned)cores;
}

static bool start_daemon(struct http_listener *listener, struct err *err)
{
    const struct http_options *options = &listener->options;
    unsigned threads = thread_count(options);
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem more[4];
    unsigned count = 0;
    if (threads > 1)
        more[count++] = (struct MHD_OptionItem){ MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)threads, NULL };
    if (listener->tls) {
        flags |= MHD_USE_TLS;
        more[count++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0,
                                                 (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2" };
        more[count++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, (void *)(uintptr_t)tls_retrieve };
    }
    more[count] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
    /* The library's own limit is shared out among the threads beforehand; ours is the one that counts. */
    unsigned connections = (options->connections + 1) * threads;
    listener->daemon = MHD_start_daemon(
        flags, 0, connection_admit, listener, exchange_advance, listener, MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL,
        MHD_OPTION_LISTEN_SOCKET, listener->socket, MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)options->head_bytes + SPARE_HEAD_BYTES,
        MHD_OPTION_NOTIFY_CONNECTION, connection_notify, listener, MHD_OPTION_URI_LOG_CALLBACK, exchange_begin,
        listener, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_NOTIFY_COMPLETED, exchange_end,
        listener, MHD_OPTION_ARRAY, more, MHD_OPTION_END);
    return listener->daemon || fail(err, E_CONFIG, "the listener on port %u cannot be started", listener->port);
}

static void listener_free(struct http_listener *listener)
{
    if (listener->socket >= 0)
        close(listener->socket);
    tls_pair_drop(listener, listener->tls_pair);
    exchange_caches_free(listener);
    pthread_mutex_destroy(&listener->tls_lock);
    pthread_mutex_destroy(&listener->lock);
    free((char *)(uintptr_t)listener->options.tls_certificate);
    free((char *)(uintptr_t)listener->options.tls_key);
    free(listener);
}

bool http_start(const struct http_options *options, const struct http_handler *handler,
                struct http_listener **ret_listener, struct err *err)
{
    if (!options->tls_certificate != !options->tls_key)
        return fail(err, E_CONFIG, "a certificate needs its key, and a key its certificate");
    struct http_listener *listener = mem_zero(1, sizeof *listener);
    listener->options = *options;
    listener->handler = *handler;
    listener->socket = -1;
    listener->tls = options->tls_certificate != NULL;
    listener->head_limits = (struct head_limits){
        .head_bytes = options->head_bytes,
        .body_bytes = options->body_bytes,
        .in_place = strcmp(MHD_get_version(), "0.9.75") == 0, /* see head.h */
    };
    pthread_mutex_init(&listener->lock, NULL);
    pthread_mutex_init(&listener->tls_lock, NULL);
    if (options->tls_certificate && options->tls_key) {
        listener->options.tls_certificate = mem_dup(options->tls_certificate, strlen(options->tls_certificate));
        listener->options.tls_key = mem_dup(options->tls_key, strlen(options->tls_key));
    }
    bool started =
        (!listener->tls || tls_pair_load(options->tls_certificate, options->tls_key, &listener->tls_pair, err)) &&
        open_socket(listener, err);
    if (started) {
        sweeper_start(listener); /* before the first connection, which wakes it */
        started = start_daemon(listener, err);
        if (!started)
            sweeper_stop(listener);
    }
    if (!started) {
        listener_free(listener);
        return false;
    }
    *ret_listener = listener;
    return true;
}

uint16_t http_port(const struct http_listener *listener)
{
    return listener->port;
}

uint32_t http_open_connections(const struct http_listener *listener)
{
    return atomic_load_explicit(&listener->open, memory_order_relaxed);
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L }, NULL);
}

/* Until the time is over, connections end by themselves as their answers go out. Then the rest is cut, except for
   requests in the handler's hands: those have an owner who answers, and are waited for without end. An arrival that
   libmicrohttpd admitted and then had no memory to begin is told to nobody and never comes: alone it is not waited for.
 */
static void drain(struct http_listener *listener, uint32_t drain_ms)
{
    int64_t over_us = clock_mono_us() + (int64_t)drain_ms * 1000;
    int64_t complain_us = over_us + COMPLAINT_MS * 1000LL;
    int64_t idle_us = 0;  /* since when nothing is in the handler's hands any more */
    int64_t alone_us = 0; /* since when there are only arrivals */
    for (;;) {
        int64_t now_us = clock_mono_us();
        bool over = now_us >= over_us;
        if (over)
            atomic_store(&listener->closing, true);
        unsigned working = 0;
        unsigned arriving = atomic_load(&listener->arriving); /* first: who arrives joins the others */
        unsigned left = sweeper_drain(listener, over, &working);
        if (left + arriving == 0)
            break;
        if (left > 0)
            alone_us = 0;
        else if (alone_us == 0)
            alone_us = now_us;
        else if (now_us - alone_us >= LATE_MS * 1000LL)
            break;
        if (over && working == 0) {
            if (idle_us == 0)
                idle_us = now_us;
            if (now_us - idle_us >= LATE_MS * 1000LL)
                break; /* stopping the daemon closes what is left */
        }
        if (over && working > 0 && now_us >= complain_us) {
            log_line(LOG_WARN, "stopping waits for requests that nobody has answered yet", LOG_N("requests", working));
            complain_us = now_us + COMPLAINT_MS * 1000LL;
        }
        sleep_ms(POLL_MS);
    }
    while (atomic_load(&listener->resuming) > 0)
        sleep_ms(POLL_MS);
}

void http_stop(struct http_listener *listener, uint32_t drain_ms)
{
    /* From here on connections are accepted and closed at once. MHD_quiesce_daemon, which is meant for this, takes the
       socket out of its threads' epoll sets twice if one of them happens to look meanwhile, and aborts (0.9.75). */
    atomic_store(&listener->draining, true);
    drain(listener, drain_ms);
    sweeper_stop(listener);
    MHD_stop_daemon(listener->daemon); /* closes the socket */
    listener->socket = -1;
    listener_free(listener);
}
