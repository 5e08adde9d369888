/*
 * crowd: clients that mean no good, all at once, against one server on 127.0.0.1.
 *
 *     crowd --port N --seconds S [--idle N] [--drip N] [--drip-ms MS] [--flood RATE] [--ready FD]
 *
 * --idle connections send one request (GET /healthz), read its answer and then nothing more. --drip connections send
 * one byte every --drip-ms (200): a half of them in a head that never ends, the other half in the body of a complete
 * head. --flood opens RATE connections a second, each to send one head that must be refused, of the kinds in
 * `bad_heads`, and waits until the server closes it. Idle and dripping connections that the server ends are opened
 * anew, so that their number stays; at most REOPENED_MOST in all, and the whole ends after --seconds.
 *
 * When all that is to stay is connected, a byte is written to the descriptor --ready. At the end one JSON object says
 * what became of whom. One thread, epoll. Exit status 1 when the server took fewer connections than asked for.
 */
#define _GNU_SOURCE /* epoll_pwait2, memmem */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CROWD_MOST = 16384, REOPENED_MOST = 100000, EVENTS = 512, FLOOD_MOST = 256, FLOOD_WAIT_MS = 5000 };
#define MS_NS 1000000LL

enum role { ROLE_IDLE, ROLE_DRIP_HEAD, ROLE_DRIP_BODY, ROLE_FLOOD, ROLES };

static const char *const bad_heads[] = {
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost : x\r\nContent-Length: 0\r\n\r\n",
    "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "POST / HTTP/1.1\nHost: x\n\n",
    "POST / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\x16\x03\x01\x02\r\n\r\n",
};

static const char idle_request[] = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
static const char drip_head[] = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ";
static const char drip_body[] = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-amz-json-1.1\r\n"
                                "X-Amz-Target: RekognitionService.DescribeDataset\r\nContent-Length: 60000\r\n\r\n";

struct client {
    int fd; /* -1: closed */
    enum role role;
    long long since_ns;
    bool answered; /* at least one byte came */
};

struct crowd {
    long port, idle, drip, drip_ms, ready;
    double seconds, flood;
    int epoll;
    struct client clients[CROWD_MOST];
    size_t standing;  /* the first so many stay; flooding ones are behind them */
    size_t next_drip; /* whose byte is next */
    unsigned long long opened[ROLES], ended[ROLES], refused_connects, reopened, bytes_dripped;
    unsigned long long flood_answered, flood_silent, flood_overdue, flood_skipped;
    long long flooded;
};

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void say(const struct client *client, const void *bytes, size_t length)
{
    if (send(client->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == ENOBUFS)
        fprintf(stderr, "crowd: the machine has no buffers left\n"); /* other failures show as the connection's end */
}

static void greet(struct crowd *crowd, const struct client *client)
{
    const char *bad = bad_heads[(size_t)crowd->flooded % (sizeof bad_heads / sizeof bad_heads[0])];
    if (client->role == ROLE_IDLE)
        say(client, idle_request, sizeof idle_request - 1);
    else if (client->role == ROLE_DRIP_HEAD)
        say(client, drip_head, sizeof drip_head - 1);
    else if (client->role == ROLE_DRIP_BODY)
        say(client, drip_body, sizeof drip_body - 1);
    else
        say(client, bad, strlen(bad));
}

static bool open_client(struct crowd *crowd, size_t place, enum role role)
{
    struct client *client = &crowd->clients[place];
    const struct linger reset = { .l_onoff = 1 }; /* no port of ours stays taken behind a flooding connection */
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)crowd->port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    *client =
        (struct client){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .role = role, .since_ns = now_ns() };
    if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        if (client->fd >= 0)
            close(client->fd);
        client->fd = -1;
        crowd->refused_connects++;
        return false;
    }
    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    fcntl(client->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.u64 = place };
    if (epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, client->fd, &event) != 0)
        exit(2);
    crowd->opened[role]++;
    greet(crowd, client);
    return true;
}

static void end_client(struct crowd *crowd, size_t place)
{
    struct client *client = &crowd->clients[place];
    enum role role = client->role;
    if (role == ROLE_FLOOD && client->answered)
        crowd->flood_answered++;
    else if (role == ROLE_FLOOD)
        crowd->flood_silent++;
    crowd->ended[role]++;
    close(client->fd);
    client->fd = -1;
    if (role != ROLE_FLOOD && crowd->reopened < REOPENED_MOST) {
        crowd->reopened++;
        open_client(crowd, place, role);
    }
}

static void hear(struct crowd *crowd, size_t place)
{
    struct client *client = &crowd->clients[place];
    char bin[4096];
    while (client->fd >= 0) {
        ssize_t got = recv(client->fd, bin, sizeof bin, 0);
        if (got > 0) {
            client->answered = true;
            continue;
        }
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        end_client(crowd, place);
        return;
    }
}

/* A byte from every dripping connection once every drip_ms, spread over that time. */
static void drip(struct crowd *crowd, long long from_ns, long long now)
{
    if (crowd->drip == 0)
        return;
    long long due = (now - from_ns) * crowd->drip / (crowd->drip_ms * MS_NS);
    while ((long long)crowd->bytes_dripped < due) {
        const struct client *client = &crowd->clients[(size_t)crowd->idle + crowd->next_drip];
        if (client->fd >= 0)
            say(client, "x", 1);
        crowd->bytes_dripped++;
        crowd->next_drip = (crowd->next_drip + 1) % (size_t)crowd->drip;
    }
}

static void flood(struct crowd *crowd, long long from_ns, long long now)
{
    long long due = (long long)((double)(now - from_ns) / 1e9 * crowd->flood);
    size_t place = crowd->standing;
    while (crowd->flooded < due) {
        while (place < crowd->standing + FLOOD_MOST && crowd->clients[place].fd >= 0) {
            if (now - crowd->clients[place].since_ns > FLOOD_WAIT_MS * MS_NS) {
                crowd->flood_overdue++;
                end_client(crowd, place);
            } else {
                place++;
            }
        }
        crowd->flooded++;
        if (place == crowd->standing + FLOOD_MOST)
            crowd->flood_skipped++; /* the server is behind by FLOOD_MOST connections */
        else
            open_client(crowd, place, ROLE_FLOOD);
    }
}

static void gather(struct crowd *crowd)
{
    for (long i = 0; i < crowd->idle + crowd->drip; i++)
        open_client(crowd, (size_t)i, i < crowd->idle ? ROLE_IDLE : i % 2 ? ROLE_DRIP_HEAD : ROLE_DRIP_BODY);
    if (crowd->ready >= 0 && write((int)crowd->ready, "r", 1) != 1)
        exit(2);
}

static void run(struct crowd *crowd)
{
    gather(crowd);
    long long from_ns = now_ns(), now;
    long long to_ns = from_ns + (long long)(crowd->seconds * 1e9);
    while ((now = now_ns()) < to_ns) {
        struct epoll_event events[EVENTS];
        const struct timespec tick = { .tv_nsec = MS_NS };
        drip(crowd, from_ns, now);
        flood(crowd, from_ns, now);
        int count = epoll_pwait2(crowd->epoll, events, EVENTS, &tick, NULL);
        for (int i = 0; i < count; i++)
            hear(crowd, (size_t)events[i].data.u64);
    }
}

static void report(const struct crowd *crowd)
{
    size_t standing = 0;
    for (size_t i = 0; i < crowd->standing; i++)
        standing += crowd->clients[i].fd >= 0;
    printf("{\"standing\":%zu,\"refused_connects\":%llu,\"idle_ended\":%llu,\"drips_ended\":%llu,"
           "\"bytes_dripped\":%llu,\"flooded\":%llu,\"flood_answered\":%llu,\"flood_silent\":%llu,"
           "\"flood_overdue\":%llu,\"flood_skipped\":%llu}\n",
           standing, crowd->refused_connects, crowd->ended[ROLE_IDLE],
           crowd->ended[ROLE_DRIP_HEAD] + crowd->ended[ROLE_DRIP_BODY], crowd->bytes_dripped, crowd->opened[ROLE_FLOOD],
           crowd->flood_answered, crowd->flood_silent, crowd->flood_overdue, crowd->flood_skipped);
}

static bool take_flag(struct crowd *crowd, const char *name, const char *value)
{
    char *end = NULL;
    long *whole = strcmp(name, "--port") == 0      ? &crowd->port
                  : strcmp(name, "--idle") == 0    ? &crowd->idle
                  : strcmp(name, "--drip") == 0    ? &crowd->drip
                  : strcmp(name, "--drip-ms") == 0 ? &crowd->drip_ms
                  : strcmp(name, "--ready") == 0   ? &crowd->ready
                                                   : NULL;
    if (whole)
        *whole = strtol(value, &end, 10);
    else if (strcmp(name, "--seconds") == 0)
        crowd->seconds = strtod(value, &end);
    else if (strcmp(name, "--flood") == 0)
        crowd->flood = strtod(value, &end);
    return end && *end == '\0';
}

int main(int argc, char **argv)
{
    static struct crowd crowd = { .drip_ms = 200, .ready = -1 };
    struct rlimit files = { 0 };
    for (int i = 1; i < argc; i += 2)
        if (i + 1 == argc || !take_flag(&crowd, argv[i], argv[i + 1])) {
            fprintf(stderr, "crowd: %s is no flag with a value that it takes\n", argv[i]);
            return 2;
        }
    if (crowd.port <= 0 || crowd.seconds <= 0 || crowd.idle < 0 || crowd.drip < 0 || crowd.drip_ms <= 0 ||
        crowd.idle + crowd.drip + FLOOD_MOST > CROWD_MOST) {
        fprintf(stderr, "crowd: needs --port and --seconds; see the top of bench/crowd.c\n");
        return 2;
    }
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    for (size_t i = 0; i < CROWD_MOST; i++)
        crowd.clients[i].fd = -1;
    crowd.standing = (size_t)(crowd.idle + crowd.drip);
    crowd.epoll = epoll_create1(EPOLL_CLOEXEC);
    run(&crowd);
    report(&crowd);
    return crowd.refused_connects > 0;
}
