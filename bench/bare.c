/*
 * bare: libmicrohttpd and nothing else, the floor under the server: every request is read whole and answered with the
 * same bytes. Two epoll threads, no signatures, no JSON, no log.
 *
 *     build/bench/bare LENGTH POOL_BYTES      prints its port, runs until it is killed
 *
 * POOL_BYTES is the memory of a connection, which the library clears for every request: the server's is 40 KiB, since
 * a head may have 32.
 */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LENGTH_MAX = 1 << 20 };

static struct MHD_Response *answer;

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *size, void **context)
{
    static int seen;
    (void)cls, (void)url, (void)method, (void)version, (void)data;
    if (!*context || *size > 0) {
        *context = &seen;
        *size = 0;
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, answer);
}

int main(int argc, char **argv)
{
    static char body[LENGTH_MAX];
    unsigned long length = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    unsigned long pool = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    if (length > sizeof body || pool == 0) {
        fputs("Usage: bare LENGTH POOL_BYTES\n", stderr);
        return 2;
    }
    memset(body, 'x', length);
    answer = MHD_create_response_from_buffer(length, body, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(answer, "Content-Type", "application/x-amz-json-1.1");
    MHD_add_response_header(answer, "x-amzn-RequestId", "00000000-0000-4000-8000-000000000000");
    struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, handle,
                                                 NULL, MHD_OPTION_THREAD_POOL_SIZE, 2u,
                                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)pool, MHD_OPTION_END);
    if (!daemon)
        return 1;
    printf("%u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    pause();
    MHD_stop_daemon(daemon);
    return 0;
}
