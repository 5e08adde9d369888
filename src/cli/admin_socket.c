/*
 * admin_socket: DATA/admin.sock, both ends. See admin.h for the contract.
 *
 * One exchange a connection. All numbers are 32 bits, little-endian:
 *
 *     question: bytes that follow · words · each word: length, bytes · input: length, bytes
 *     answer:   bytes that follow · status · output: length, bytes · problem: length, bytes
 *
 * The socket is named through /proc/self/fd, so that a deep data directory does not meet the 108 bytes of sun_path.
 */
#define _GNU_SOURCE /* accept4 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/admin.h"

enum { PATIENCE_S = 10, BACKLOG = 16, FRAME_EXTRA = 64 };

struct admin_server {
    const struct admin *admin;
    int folder;
    int listener;
    int stop; /* an eventfd */
    pthread_t thread;
};

static struct sockaddr_un address_of(const struct home *home)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/admin.sock", home->folder);
    return address;
}

/* --- frames ------------------------------------------------------------------------------------------------------ */

static void add_u32(struct buf *frame, uint32_t value)
{
    for (unsigned shift = 0; shift < 32; shift += 8)
        buf_add_char(frame, (char)(value >> shift));
}

static void add_bytes(struct buf *frame, struct span bytes)
{
    add_u32(frame, (uint32_t)bytes.len);
    buf_add(frame, bytes);
}

static bool take_u32(struct span *frame, uint32_t *ret_value)
{
    uint32_t value = 0;
    if (frame->len < 4)
        return false;
    for (unsigned i = 0; i < 4; i++)
        value |= (uint32_t)(unsigned char)frame->ptr[i] << (8 * i);
    *frame = span_from(*frame, 4);
    *ret_value = value;
    return true;
}

static bool take_bytes(struct span *frame, struct span *ret_bytes)
{
    uint32_t len;
    if (!take_u32(frame, &len) || len > frame->len)
        return false;
    *ret_bytes = span_first(*frame, len);
    *frame = span_from(*frame, len);
    return true;
}

static bool send_all(int peer, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(peer, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        bytes = span_from(bytes, (size_t)sent);
    }
    return true;
}

static bool receive_all(int peer, char *into, size_t len)
{
    while (len > 0) {
        ssize_t got = recv(peer, into, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        into += got;
        len -= (size_t)got;
    }
    return true;
}

static bool send_frame(int peer, struct buf *frame)
{
    struct buf head;
    buf_init(&head, 4);
    add_u32(&head, (uint32_t)frame->len);
    bool done = !frame->overflow && send_all(peer, buf_span(&head)) && send_all(peer, buf_span(frame));
    buf_free(&head);
    return done;
}

static bool receive_frame(int peer, struct buf *ret_frame)
{
    char head[4];
    struct span rest = span_of(head, sizeof head);
    uint32_t len;
    if (!receive_all(peer, head, sizeof head) || !take_u32(&rest, &len) || !buf_reserve(ret_frame, len))
        return false;
    ret_frame->len = len;
    return receive_all(peer, ret_frame->ptr, len);
}

static void set_patience(int peer)
{
    const struct timeval patience = { .tv_sec = PATIENCE_S };
    setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(peer, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

/* --- the server's end ----------------------------------------------------------------------------------------------
 */

/* Runs the question; its words get a NUL of their own. */
static bool run_question(const struct admin *admin, struct span frame, struct admin_answer *answer)
{
    char *words[ADMIN_WORDS_MAX];
    const char *argv[ADMIN_WORDS_MAX]; /* the command moves these about */
    uint32_t count, made = 0;
    struct span word, input;
    bool good = take_u32(&frame, &count) && count <= ADMIN_WORDS_MAX;
    while (good && made < count) {
        good = take_bytes(&frame, &word);
        if (good) {
            argv[made] = words[made] = mem_dup(word.ptr, word.len);
            made++;
        }
    }
    good = good && take_bytes(&frame, &input) && frame.len == 0;
    if (good)
        admin_run(admin, input, (int)count, argv, answer);
    while (made > 0)
        free(words[--made]);
    return good;
}

static void serve_peer(struct admin_server *server, int peer)
{
    struct buf frame;
    struct admin_answer answer;
    admin_answer_init(&answer);
    buf_init(&frame, ADMIN_ANSWER_MAX + ADMIN_REQUEST_MAX + FRAME_EXTRA);
    set_patience(peer);
    struct buf question;
    buf_init(&question, ADMIN_REQUEST_MAX);
    bool good = receive_frame(peer, &question) && run_question(server->admin, buf_span(&question), &answer);
    if (good) {
        add_u32(&frame, (uint32_t)answer.status);
        add_bytes(&frame, buf_span(&answer.out));
        add_bytes(&frame, buf_span(&answer.problem));
        good = send_frame(peer, &frame);
    }
    if (!good)
        log_line(LOG_WARN, "a caller of the admin socket asked nothing whole, or did not stay for the answer");
    buf_free(&question);
    buf_free(&frame);
    admin_answer_free(&answer);
}

static void *serve_peers(void *ctx)
{
    struct admin_server *server = ctx;
    struct pollfd ears[] = { { .fd = server->listener, .events = POLLIN }, { .fd = server->stop, .events = POLLIN } };
    for (;;) {
        if (poll(ears, COUNT_OF(ears), -1) < 0 && errno != EINTR)
            return NULL;
        if (ears[1].revents)
            return NULL;
        int peer = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (peer < 0)
            continue;
        serve_peer(server, peer);
        close(peer);
    }
}

bool admin_server_start(const struct home *home, const struct admin *admin, struct admin_server **ret_server,
                        struct err *err)
{
    const struct sockaddr_un address = address_of(home);
    struct admin_server *server = mem_zero(1, sizeof *server);
    CHECK(home->lock >= 0); /* nobody else's socket can be there: what is, was left by a process that died */
    unlinkat(home->folder, "admin.sock", 0);
    *server = (struct admin_server){ .admin = admin, .folder = home->folder, .listener = -1, .stop = -1 };
    server->stop = eventfd(0, EFD_CLOEXEC);
    server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->stop < 0 || server->listener < 0 ||
        bind(server->listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        fchmodat(home->folder, "admin.sock", S_IRUSR | S_IWUSR, 0) != 0 || listen(server->listener, BACKLOG) != 0) {
        fail(err, E_CONFIG, "%s/admin.sock cannot be made: %s", home->path, strerror(errno));
        goto failed;
    }
    if (pthread_create(&server->thread, NULL, serve_peers, server) != 0) {
        fail(err, E_INTERNAL, "no thread can be made");
        goto failed;
    }
    *ret_server = server;
    return true;
failed:
    if (server->listener >= 0)
        close(server->listener);
    if (server->stop >= 0)
        close(server->stop);
    free(server);
    return false;
}

void admin_server_stop(struct admin_server *server)
{
    const uint64_t one = 1;
    if (!server)
        return;
    CHECK(write(server->stop, &one, sizeof one) == (ssize_t)sizeof one);
    pthread_join(server->thread, NULL);
    unlinkat(server->folder, "admin.sock", 0);
    close(server->listener);
    close(server->stop);
    free(server);
}

/* --- the user's end ------------------------------------------------------------------------------------------------
 */

static bool read_answer(struct span frame, struct admin_answer *answer)
{
    uint32_t status;
    struct span out, problem;
    if (!take_u32(&frame, &status) || status > STATUS_USAGE || !take_bytes(&frame, &out) ||
        !take_bytes(&frame, &problem) || frame.len != 0)
        return false;
    answer->status = (enum status)status;
    buf_add(&answer->out, out);
    buf_add(&answer->problem, problem);
    return !answer->out.overflow && !answer->problem.overflow;
}

static bool exchange(int peer, struct span input, int argc, const char **argv, struct admin_answer *answer,
                     struct err *err)
{
    struct buf frame, reply;
    buf_init(&frame, ADMIN_REQUEST_MAX);
    buf_init(&reply, ADMIN_ANSWER_MAX + ADMIN_REQUEST_MAX + FRAME_EXTRA);
    add_u32(&frame, (uint32_t)argc);
    for (int i = 0; i < argc; i++)
        add_bytes(&frame, span_str(argv[i]));
    add_bytes(&frame, input);
    bool done;
    if (frame.overflow)
        done = fail(err, E_CONFIG, "the command is over %d bytes", ADMIN_REQUEST_MAX);
    else if (!send_frame(peer, &frame) || !receive_frame(peer, &reply) || !read_answer(buf_span(&reply), answer))
        done = fail(err, E_INTERNAL, "the server did not answer; its log may say why");
    else
        done = true;
    buf_free(&frame);
    buf_free(&reply);
    return done;
}

bool admin_socket_ask(const struct home *home, struct span input, int argc, const char **argv,
                      struct admin_answer *answer, bool *ret_asked, struct err *err)
{
    const struct sockaddr_un address = address_of(home);
    int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (peer < 0)
        return fail(err, E_INTERNAL, "no socket can be made: %s", strerror(errno));
    bool done = true;
    *ret_asked = connect(peer, (const struct sockaddr *)&address, sizeof address) == 0;
    if (*ret_asked) {
        set_patience(peer);
        done = exchange(peer, input, argc, argv, answer, err);
    } else if (errno != ENOENT && errno != ECONNREFUSED) {
        done = fail(err, E_CONFIG, "%s/admin.sock cannot be used: %s", home->path, strerror(errno));
    }
    close(peer);
    return done;
}
