/*
 * load: one signed call, sent over and over through kept-alive connections, and how long its answers took.
 *
 *     load --port N --key ID --secret S --operation NAME --body JSON [--region R] [--connections N] [--seconds S]
 *          [--warmup-seconds S] [--rate N] [--length N] [--pid P]
 *
 * Closed loop: every connection sends its next request when the answer is there. With --rate the loop is open: requests
 * are due at fixed times whatever the server does, one that finds no idle connection waits, and its latency counts from
 * when it was due, so that a stall is charged to every request it delays.
 *
 * An answer counts as an error unless its status is 200 and its body has --length bytes (0: as long as the first one).
 * Requests are signed beforehand, with the dates of the last SIGNED seconds, and sent in turn, which keeps this program
 * cheap; a body with `{n}` in it gets a number of its own each time and is signed when sent. --pid names a process
 * whose CPU time, with that of its children, is taken at both ends of the measured time.
 *
 * One thread, epoll, IPv4 loopback. Prints one JSON object; exit status 1 if nothing was answered. The signer is the
 * server's own.
 */
#define _GNU_SOURCE /* memmem, epoll_pwait2 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "answer.h"
#include "aws/sigv4.h"

enum { SIGNED = 64, CONNECTIONS_MAX = 4096, EVENTS = 256, REQUEST_MAX = 16 << 20 };
#define SECOND_NS INT64_C(1000000000)
#define GRACE_NS (10 * SECOND_NS)     /* for answers still out at the end of an open loop */
#define SAMPLES_MAX ((size_t)1 << 26) /* latencies kept; memory is taken as they come */

struct options {
    struct span key, secret, region, operation, body;
    size_t port, connections, length, pid;
    double seconds, warmup_seconds, rate;
};

struct connection {
    int fd;
    bool busy;
    int64_t due_ns; /* when the request under way should have been sent */
    struct buf in;
};

struct run {
    struct options options;
    int epoll;
    struct connection *connections;
    size_t *idle; /* a stack of places in connections */
    size_t idle_count;
    struct buf requests[SIGNED];
    struct buf numbered; /* the request of a body with {n} */
    uint64_t sent, scheduled, errors;
    int64_t start_ns, from_ns, to_ns; /* warm-up, measured time, end */
    double cpu_from_s, cpu_s;
    bool measuring, over;
    uint32_t *latencies_us, *lags_us; /* tenths of a microsecond */
    size_t count, lag_count;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void stop(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

static void write_request(const struct options *options, struct span body, time_t when, struct buf *out)
{
    char date[SIGV4_DATE_LEN + 1], host[32], target[128], hash[SHA256_HEX];
    unsigned char digest[SHA256_BYTES];
    struct tm tm;
    gmtime_r(&when, &tm);
    strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", &tm);
    snprintf(host, sizeof host, "127.0.0.1:%zu", options->port);
    snprintf(target, sizeof target, "RekognitionService." SPAN_FMT, SPAN_ARG(options->operation));
    sha256_of(body, digest);
    sha256_hex(digest, hash);
    const struct sigv4_header headers[] = {
        { SPAN_LIT("Host"), span_str(host) },
        { SPAN_LIT("Content-Type"), SPAN_LIT("application/x-amz-json-1.1") },
        { SPAN_LIT("X-Amz-Target"), span_str(target) },
        { SPAN_LIT("X-Amz-Date"), span_str(date) },
    };
    enum { HEADERS = sizeof headers / sizeof headers[0] };
    const struct sigv4_request request = { .method = SPAN_LIT("POST"),
                                           .path = SPAN_LIT("/"),
                                           .path_rule = SIGV4_PATH_SERVICE,
                                           .headers = headers,
                                           .header_count = HEADERS,
                                           .payload_hash = span_of(hash, sizeof hash) };
    buf_clear(out);
    buf_add_str(out, "POST / HTTP/1.1\r\nAuthorization: ");
    CHECK(sigv4_sign(&request, (struct sigv4_credentials){ options->key, options->secret }, options->region,
                     SPAN_LIT("rekognition"), span_str(date), out));
    for (size_t i = 0; i < HEADERS; i++)
        buf_addf(out, "\r\n" SPAN_FMT ": " SPAN_FMT, SPAN_ARG(headers[i].name), SPAN_ARG(headers[i].value));
    buf_addf(out, "\r\nUser-Agent: placard-load\r\nAccept-Encoding: identity\r\nContent-Length: %zu\r\n\r\n", body.len);
    buf_add(out, body);
    CHECK(!out->overflow);
}

static bool is_numbered(const struct options *options)
{
    return memmem(options->body.ptr, options->body.len, "{n}", 3) != NULL;
}

static struct span next_request(struct run *run)
{
    const struct options *options = &run->options;
    if (!is_numbered(options))
        return buf_span(&run->requests[run->sent % SIGNED]);
    struct span before = options->body;
    before.len = (size_t)((const char *)memmem(before.ptr, before.len, "{n}", 3) - before.ptr);
    struct buf body;
    buf_init(&body, REQUEST_MAX);
    buf_add(&body, before);
    buf_addf(&body, "%010llu", (unsigned long long)run->sent); /* one width: answers are equally long */
    buf_add(&body, span_from(options->body, before.len + 3));
    write_request(options, buf_span(&body), time(NULL), &run->numbered);
    buf_free(&body);
    return buf_span(&run->numbered);
}

/* --- connections -------------------------------------------------------------------------------------------------- */

static void open_connection(struct run *run, size_t place)
{
    struct connection *connection = &run->connections[place];
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)run->options.port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int on = 1;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 || connect(connection->fd, (struct sockaddr *)&address, sizeof address) != 0)
        stop("connect");
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = place };
    if (epoll_ctl(run->epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        stop("epoll_ctl");
    connection->busy = false;
    buf_clear(&connection->in);
}

static void keep(uint32_t *samples, size_t *count, int64_t took_ns)
{
    int64_t tenths = took_ns / 100;
    if (*count < SAMPLES_MAX)
        samples[(*count)++] = tenths > UINT32_MAX ? UINT32_MAX : (uint32_t)tenths;
}

static void count_error(struct run *run, const char *what, struct span answer)
{
    if (run->errors++ == 0)
        fprintf(stderr, "load: %s: " SPAN_FMT "\n", what, SPAN_ARG(span_first(answer, 1500)));
}

static void drop_connection(struct run *run, size_t place, const char *what)
{
    count_error(run, what, buf_span(&run->connections[place].in));
    close(run->connections[place].fd);
    open_connection(run, place);
}

static void send_request(struct run *run, size_t place, int64_t due_ns)
{
    struct connection *connection = &run->connections[place];
    struct span request = next_request(run);
    run->sent++;
    connection->due_ns = due_ns;
    connection->busy = true;
    size_t done = 0;
    while (done < request.len) {
        ssize_t wrote = write(connection->fd, request.ptr + done, request.len - done);
        if (wrote > 0)
            done += (size_t)wrote;
        else if (errno != EAGAIN && errno != EINTR)
            break; /* the read will tell */
    }
}

/* One answer is there: judge and time it; the connection is free again. */
static void take_answer(struct run *run, struct connection *connection, unsigned status, size_t length)
{
    int64_t now = now_ns();
    if (run->options.length == 0 && status == 200)
        run->options.length = length;
    bool open_loop = run->options.rate > 0;
    bool counts = open_loop ? connection->due_ns >= run->from_ns : run->measuring && !run->over;
    if (status != 200)
        count_error(run, "status is not 200", buf_span(&connection->in));
    else if (length != run->options.length)
        count_error(run, "the body has another length", buf_span(&connection->in));
    else if (counts)
        keep(run->latencies_us, &run->count, now - connection->due_ns);
    connection->busy = false;
    buf_clear(&connection->in);
}

static void receive(struct run *run, size_t place)
{
    enum { PIECE = 65536 };
    struct connection *connection = &run->connections[place];
    unsigned status;
    size_t length;
    CHECK(buf_reserve(&connection->in, PIECE));
    ssize_t got = read(connection->fd, connection->in.ptr + connection->in.len, PIECE);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        drop_connection(run, place, "the connection ended");
    } else {
        connection->in.len += (size_t)got;
        if (!answer_whole(&connection->in, &status, &length))
            return;
        take_answer(run, connection, status, length);
    }
    if (run->options.rate > 0)
        run->idle[run->idle_count++] = place;
    else if (!run->over)
        send_request(run, place, now_ns());
}

/* --- the CPU time of a process ------------------------------------------------------------------------------------ */

static bool read_proc(size_t pid, const char *format, char *text, size_t room)
{
    char path[64];
    snprintf(path, sizeof path, format, pid, pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    size_t got = fread(text, 1, room - 1, file);
    fclose(file);
    text[got] = '\0';
    return got > 0;
}

/* utime and stime, fields 14 and 15; the name in field 2 may hold anything but ends at the last parenthesis. */
static double cpu_of_one(size_t pid)
{
    char text[4096];
    if (!read_proc(pid, "/proc/%zu/stat", text, sizeof text))
        stop("--pid");
    char *at = strrchr(text, ')');
    for (int field = 2; field < 14 && at; field++)
        at = strchr(at + 1, ' ');
    if (!at)
        stop("--pid");
    unsigned long user = strtoul(at, &at, 10), kernel = strtoul(at, NULL, 10);
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static double cpu_of(size_t pid)
{
    char text[4096];
    double sum = cpu_of_one(pid);
    if (read_proc(pid, "/proc/%zu/task/%zu/children", text, sizeof text)) {
        char *at = text, *end;
        for (size_t child; (child = strtoul(at, &end, 10)) > 0 && end != at; at = end)
            sum += cpu_of_one(child);
    }
    return sum;
}

/* --- the run ------------------------------------------------------------------------------------------------------ */

static void turn_phase(struct run *run, int64_t now)
{
    if (!run->measuring && now >= run->from_ns) {
        run->measuring = true;
        run->from_ns = now;
        if (run->options.pid)
            run->cpu_from_s = cpu_of(run->options.pid);
    }
    if (!run->over && now >= run->to_ns) {
        run->over = true;
        run->to_ns = now;
        if (run->options.pid)
            run->cpu_s = cpu_of(run->options.pid) - run->cpu_from_s;
    }
}

/* Open loop: sends what is due to idle connections; returns when to look again. */
static int64_t dispatch(struct run *run, int64_t now)
{
    double every_ns = (double)SECOND_NS / run->options.rate;
    for (;;) {
        int64_t due = run->start_ns + (int64_t)((double)run->scheduled * every_ns);
        if (due >= run->to_ns)
            return run->to_ns;
        if (due > now)
            return due;
        if (run->idle_count == 0)
            return now + SECOND_NS / 10;
        size_t place = run->idle[--run->idle_count];
        if (due >= run->from_ns)
            keep(run->lags_us, &run->lag_count, now - due);
        run->scheduled++;
        send_request(run, place, due);
        now = now_ns();
    }
}

static bool finished(const struct run *run, int64_t now)
{
    if (!run->over)
        return false;
    return run->options.rate <= 0 || run->idle_count == run->options.connections || now > run->to_ns + GRACE_NS;
}

static void go(struct run *run)
{
    bool open_loop = run->options.rate > 0;
    run->start_ns = now_ns();
    run->from_ns = run->start_ns + (int64_t)(run->options.warmup_seconds * 1e9);
    run->to_ns = run->from_ns + (int64_t)(run->options.seconds * 1e9);
    for (size_t i = 0; i < run->options.connections; i++) {
        if (open_loop)
            run->idle[run->idle_count++] = i;
        else
            send_request(run, i, now_ns());
    }
    for (int64_t now = run->start_ns; !finished(run, now); now = now_ns()) {
        struct epoll_event events[EVENTS];
        turn_phase(run, now);
        int64_t next = run->measuring ? run->to_ns : run->from_ns;
        if (open_loop && !run->over)
            next = dispatch(run, now);
        int64_t wait = next - now_ns();
        wait = run->over ? SECOND_NS / 10 : wait > 0 ? wait : 0;
        struct timespec timeout = { .tv_sec = wait / SECOND_NS, .tv_nsec = wait % SECOND_NS };
        int count = epoll_pwait2(run->epoll, events, EVENTS, &timeout, NULL);
        for (int i = 0; i < count; i++)
            receive(run, (size_t)events[i].data.u64);
    }
    for (size_t i = 0; open_loop && i < run->options.connections; i++)
        if (run->connections[i].busy)
            count_error(run, "no answer", SPAN_NONE);
}

static int by_size(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static double percentile_us(const uint32_t *sorted, size_t count, double share)
{
    if (count == 0)
        return 0;
    size_t place = (size_t)(share * (double)count);
    return sorted[place < count ? place : count - 1] / 10.0;
}

static void report(struct run *run)
{
    const size_t count = run->count;
    double seconds = (double)(run->to_ns - run->from_ns) / 1e9, own_s;
    struct timespec own;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    own_s = (double)own.tv_sec + (double)own.tv_nsec / 1e9;
    qsort(run->latencies_us, count, sizeof run->latencies_us[0], by_size);
    qsort(run->lags_us, run->lag_count, sizeof run->lags_us[0], by_size);
    printf("{\"requests\":%zu,\"errors\":%llu,\"seconds\":%.3f,\"rps\":%.1f,\"length\":%zu,\"p50_us\":%.1f,"
           "\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f,\"send_lag_p99_us\":%.1f,\"own_cpu_seconds\":%.2f",
           count, (unsigned long long)run->errors, seconds, (double)count / seconds, run->options.length,
           percentile_us(run->latencies_us, count, 0.50), percentile_us(run->latencies_us, count, 0.99),
           percentile_us(run->latencies_us, count, 0.999), percentile_us(run->latencies_us, count, 1.0),
           percentile_us(run->lags_us, run->lag_count, 0.99), own_s);
    if (run->options.pid)
        printf(",\"cpu_seconds\":%.2f,\"cpu_us_per_request\":%.3f", run->cpu_s,
               count ? run->cpu_s * 1e6 / (double)count : 0.0);
    printf("}\n");
}

/* --- the command line --------------------------------------------------------------------------------------------- */

enum flag_kind { FLAG_TEXT, FLAG_COUNT, FLAG_REAL };

static const struct flag {
    const char *name;
    enum flag_kind kind;
    size_t at;
} flags[] = {
    { "--key", FLAG_TEXT, offsetof(struct options, key) },
    { "--secret", FLAG_TEXT, offsetof(struct options, secret) },
    { "--region", FLAG_TEXT, offsetof(struct options, region) },
    { "--operation", FLAG_TEXT, offsetof(struct options, operation) },
    { "--body", FLAG_TEXT, offsetof(struct options, body) },
    { "--port", FLAG_COUNT, offsetof(struct options, port) },
    { "--connections", FLAG_COUNT, offsetof(struct options, connections) },
    { "--length", FLAG_COUNT, offsetof(struct options, length) },
    { "--pid", FLAG_COUNT, offsetof(struct options, pid) },
    { "--seconds", FLAG_REAL, offsetof(struct options, seconds) },
    { "--warmup-seconds", FLAG_REAL, offsetof(struct options, warmup_seconds) },
    { "--rate", FLAG_REAL, offsetof(struct options, rate) },
};

static bool take_flag(struct options *options, const char *name, const char *value)
{
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        void *at = (char *)options + flags[i].at;
        char *end = NULL;
        if (strcmp(name, flags[i].name) != 0)
            continue;
        if (flags[i].kind == FLAG_TEXT)
            *(struct span *)at = span_str(value);
        else if (flags[i].kind == FLAG_COUNT)
            *(size_t *)at = strtoul(value, &end, 10);
        else
            *(double *)at = strtod(value, &end);
        return !end || *end == '\0';
    }
    return false;
}

static void prepare(struct run *run)
{
    size_t count = run->options.connections;
    run->epoll = epoll_create1(EPOLL_CLOEXEC);
    run->connections = calloc(count, sizeof run->connections[0]);
    run->idle = calloc(count, sizeof run->idle[0]);
    run->latencies_us = malloc(SAMPLES_MAX * sizeof run->latencies_us[0]);
    run->lags_us = malloc(SAMPLES_MAX * sizeof run->lags_us[0]);
    if (run->epoll < 0 || !run->connections || !run->idle || !run->latencies_us || !run->lags_us)
        stop("start");
    prctl(PR_SET_TIMERSLACK, 1UL);
    buf_init(&run->numbered, REQUEST_MAX);
    for (size_t i = 0; i < SIGNED; i++) {
        buf_init(&run->requests[i], REQUEST_MAX);
        write_request(&run->options, run->options.body, time(NULL) - (time_t)i, &run->requests[i]);
    }
    for (size_t i = 0; i < count; i++) {
        buf_init(&run->connections[i].in, ANSWER_MAX + (1 << 20));
        open_connection(run, i);
    }
}

int main(int argc, char **argv)
{
    static struct run run;
    run.options =
        (struct options){ .region = SPAN_LIT("us-east-1"), .connections = 64, .seconds = 10, .warmup_seconds = 1 };
    struct options *options = &run.options;
    for (int i = 1; i < argc; i += 2)
        if (i + 1 == argc || !take_flag(options, argv[i], argv[i + 1])) {
            fprintf(stderr, "load: %s is no flag with a value that it takes\n", argv[i]);
            return 2;
        }
    if (!options->port || !options->key.ptr || !options->secret.ptr || !options->operation.ptr || !options->body.ptr ||
        options->connections < 1 || options->connections > CONNECTIONS_MAX || options->seconds <= 0) {
        fprintf(stderr, "load: needs --port, --key, --secret, --operation and --body; see the top of bench/load.c\n");
        return 2;
    }
    prepare(&run);
    go(&run);
    report(&run);
    return run.count > 0 ? 0 : 1;
}
