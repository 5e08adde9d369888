/*
 * mix: many kinds of call at once, sent over and over through kept-alive connections, and how long each kind took.
 *
 *     mix --port N --script FILE --connections N --seconds S
 *
 * The script is requests as they go over the wire, signed beforehand, each after a line `NAME LENGTH`; NAME is what its
 * latency is counted under. Each connection sends the script's next request when the answer of its last one is there: a
 * closed loop, so the rate is the highest that so many clients get. When the script is replaced (renamed over), the new
 * one is taken within a second: signatures grow old. An answer that is not 200 is an error.
 *
 * One thread, epoll, IPv4 loopback. Latencies go to histograms whose cells are 1.6 % wide, so that a run may be long.
 * Prints one JSON object; exit status 1 if nothing was answered.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "answer.h"

enum { CONNECTIONS_MAX = 4096, KINDS_MAX = 32, NAME_MAX_BYTES = 64, EVENTS = 256, PIECE = 65536 };
enum { STEPS = 64, OCTAVES = 40, CELLS = STEPS * OCTAVES }; /* of a histogram, in units of 100 ns */
#define SECOND_NS INT64_C(1000000000)

struct kind {
    char name[NAME_MAX_BYTES];
    uint64_t count, errors, sum_ns, max_ns;
    uint64_t cells[CELLS];
};

struct request {
    struct span bytes;
    size_t kind;
};

struct script {
    char *text;
    struct request *requests;
    size_t count;
    struct stat file; /* when it was read */
};

struct connection {
    int fd;
    size_t kind;
    int64_t sent_ns;
    struct buf in;
};

struct mix {
    long port, connections;
    double seconds;
    const char *path;
    int epoll;
    struct script script;
    struct kind kinds[KINDS_MAX];
    size_t kind_count, next;
    struct connection *clients;
    bool over;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void stop(const char *what)
{
    fprintf(stderr, "mix: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* --- the script --------------------------------------------------------------------------------------------------- */

static size_t kind_of(struct mix *mix, struct span name)
{
    size_t place = 0;
    while (place < mix->kind_count && !span_is(name, mix->kinds[place].name))
        place++;
    if (place < mix->kind_count)
        return place;
    CHECK(mix->kind_count < KINDS_MAX && name.len < NAME_MAX_BYTES);
    memcpy(mix->kinds[place].name, name.ptr, name.len);
    mix->kind_count++;
    return place;
}

static void script_read(struct mix *mix)
{
    struct script script = { .text = NULL };
    FILE *file = fopen(mix->path, "r");
    if (!file || fstat(fileno(file), &script.file) != 0)
        stop(mix->path);
    size_t size = (size_t)script.file.st_size, room = 0;
    script.text = malloc(size + 1);
    if (!script.text || fread(script.text, 1, size, file) != size)
        stop(mix->path);
    fclose(file);
    for (struct span rest = span_of(script.text, size); rest.len > 0;) {
        struct span length = span_cut(&rest, '\n'), name = span_cut(&length, ' ');
        uint64_t bytes;
        CHECK(span_to_u64(length, rest.len, &bytes)); /* else it is no script */
        if (script.count == room) {
            room = room ? room * 2 : 1024;
            script.requests = realloc(script.requests, room * sizeof *script.requests);
            CHECK(script.requests);
        }
        script.requests[script.count++] = (struct request){ span_first(rest, bytes), kind_of(mix, name) };
        rest = span_from(rest, bytes);
    }
    CHECK(script.count > 0);
    free(mix->script.text);
    free(mix->script.requests);
    mix->script = script;
}

static void script_renew(struct mix *mix)
{
    struct stat now;
    if (stat(mix->path, &now) == 0 && now.st_ino != mix->script.file.st_ino)
        script_read(mix);
}

/* --- latencies ---------------------------------------------------------------------------------------------------- */

/* Below STEPS units a cell each, then STEPS / 2 cells for each doubling. */
static size_t cell_of(uint64_t ns)
{
    uint64_t units = ns / 100;
    unsigned shift = 0;
    while (units >> shift >= STEPS)
        shift++;
    size_t cell = (size_t)shift * (STEPS / 2) + (size_t)(units >> shift);
    return cell < CELLS ? cell : CELLS - 1;
}

static double us_of_cell(size_t cell)
{
    size_t shift = cell < STEPS ? 0 : cell / (STEPS / 2) - 1;
    uint64_t units = (uint64_t)(cell - shift * (STEPS / 2)) << shift;
    return (double)units / 10.0;
}

static double percentile_us(const struct kind *kind, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)kind->count), seen = 0;
    for (size_t cell = 0; cell < CELLS; cell++) {
        seen += kind->cells[cell];
        if (seen > wanted)
            return us_of_cell(cell);
    }
    return (double)kind->max_ns / 1000.0;
}

/* --- connections -------------------------------------------------------------------------------------------------- */

static void send_next(struct mix *mix, struct connection *client)
{
    const struct request *request = &mix->script.requests[mix->next++ % mix->script.count];
    client->kind = request->kind;
    client->sent_ns = now_ns();
    for (size_t done = 0; done < request->bytes.len;) {
        ssize_t wrote = send(client->fd, request->bytes.ptr + done, request->bytes.len - done, MSG_NOSIGNAL);
        if (wrote > 0)
            done += (size_t)wrote;
        else if (errno != EAGAIN && errno != EINTR)
            return; /* the read will tell */
    }
}

static void open_connection(struct mix *mix, size_t place)
{
    struct connection *client = &mix->clients[place];
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)mix->port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int on = 1;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&address, sizeof address) != 0)
        stop("connect");
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(client->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = place };
    if (epoll_ctl(mix->epoll, EPOLL_CTL_ADD, client->fd, &event) != 0)
        stop("epoll_ctl");
    buf_clear(&client->in);
}

static void count_error(struct mix *mix, const struct connection *client, const char *what)
{
    static unsigned told;
    mix->kinds[client->kind].errors++;
    if (told++ < 5)
        fprintf(stderr, "mix: %s: %s: " SPAN_FMT "\n", mix->kinds[client->kind].name, what,
                SPAN_ARG(span_first(buf_span(&client->in), 600)));
}

static void receive(struct mix *mix, size_t place)
{
    struct connection *client = &mix->clients[place];
    struct kind *kind = &mix->kinds[client->kind];
    unsigned status;
    size_t length;
    CHECK(buf_reserve(&client->in, PIECE));
    ssize_t got = read(client->fd, client->in.ptr + client->in.len, PIECE);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        count_error(mix, client, "the connection ended");
        close(client->fd);
        open_connection(mix, place);
    } else {
        client->in.len += (size_t)got;
        if (!answer_whole(&client->in, &status, &length))
            return;
        uint64_t took = (uint64_t)(now_ns() - client->sent_ns);
        kind->count++;
        kind->sum_ns += took;
        kind->cells[cell_of(took)]++;
        kind->max_ns = took > kind->max_ns ? took : kind->max_ns;
        if (status != 200)
            count_error(mix, client, "status is not 200");
        buf_clear(&client->in);
    }
    if (!mix->over)
        send_next(mix, client);
}

static void run(struct mix *mix)
{
    int64_t from = now_ns(), look = from, to = from + (int64_t)(mix->seconds * 1e9);
    for (long i = 0; i < mix->connections; i++)
        send_next(mix, &mix->clients[i]);
    for (int64_t now = from; now < to; now = now_ns()) {
        struct epoll_event events[EVENTS];
        if (now - look > SECOND_NS) {
            script_renew(mix);
            look = now;
        }
        int count = epoll_wait(mix->epoll, events, EVENTS, 100);
        for (int i = 0; i < count; i++)
            receive(mix, (size_t)events[i].data.u64);
    }
    mix->over = true;
}

static void report_kind(const struct kind *kind, bool first)
{
    printf("%s\"%s\":{\"requests\":%llu,\"errors\":%llu,\"mean_us\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,"
           "\"p999_us\":%.1f,\"max_us\":%.1f}",
           first ? "" : ",", kind->name, (unsigned long long)kind->count, (unsigned long long)kind->errors,
           kind->count ? (double)kind->sum_ns / (double)kind->count / 1000.0 : 0.0, percentile_us(kind, 0.50),
           percentile_us(kind, 0.99), percentile_us(kind, 0.999), (double)kind->max_ns / 1000.0);
}

int main(int argc, char **argv)
{
    static struct mix mix = { .connections = 32 };
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--port") == 0)
            mix.port = strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--connections") == 0)
            mix.connections = strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--seconds") == 0)
            mix.seconds = strtod(argv[i + 1], NULL);
        else if (strcmp(argv[i], "--script") == 0)
            mix.path = argv[i + 1];
    }
    if (mix.port <= 0 || mix.seconds <= 0 || !mix.path || mix.connections < 1 || mix.connections > CONNECTIONS_MAX) {
        fprintf(stderr, "mix: needs --port, --script and --seconds; see the top of bench/mix.c\n");
        return 2;
    }
    script_read(&mix);
    mix.epoll = epoll_create1(EPOLL_CLOEXEC);
    mix.clients = calloc((size_t)mix.connections, sizeof *mix.clients);
    CHECK(mix.clients);
    for (long i = 0; i < mix.connections; i++) {
        buf_init(&mix.clients[i].in, ANSWER_MAX + (1 << 20));
        open_connection(&mix, (size_t)i);
    }
    run(&mix);
    uint64_t answered = 0;
    printf("{");
    for (size_t i = 0; i < mix.kind_count; i++) {
        report_kind(&mix.kinds[i], i == 0);
        answered += mix.kinds[i].count;
    }
    printf("}\n");
    return answered > 0 ? 0 : 1;
}
