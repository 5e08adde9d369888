/*
 * Fuzz target for both ends of DATA/admin.sock (cli/admin_socket), over real sockets. A first byte of 'q' sends the
 * rest to a server as a caller would; any other lets the rest be what a server answers. The command that would run,
 * admin_run, is the one below: it says what it was asked, and that must be what the bytes say by a second reading.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/admin.h"
#include "place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct home server_home, caller_home;
static struct buf asked; /* what reached admin_run; written before its answer is sent */
static unsigned runs;

void admin_answer_init(struct admin_answer *answer)
{
    answer->status = STATUS_FAILED;
    buf_init(&answer->out, ADMIN_ANSWER_MAX);
    buf_init(&answer->problem, 4096);
}

void admin_answer_free(struct admin_answer *answer)
{
    buf_free(&answer->out);
    buf_free(&answer->problem);
}

void admin_run(const struct admin *admin, struct span input, int argc, const char **argv, struct admin_answer *answer)
{
    (void)admin;
    runs++;
    buf_clear(&asked);
    for (int i = 0; i < argc; i++)
        buf_addf(&asked, "%s\n", argv[i]);
    buf_add(&asked, input);
    buf_add(&answer->out, buf_span(&asked));
    answer->status = STATUS_DONE;
}

static uint32_t u32_at(struct span bytes, size_t at)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; i++)
        value |= (uint32_t)(unsigned char)bytes.ptr[at + i] << (8 * i);
    return value;
}

/* The second reading: false if the bytes are no question. */
static bool read_question(struct span frame, struct buf *ret_asked)
{
    if (frame.len < 4 || u32_at(frame, 0) > ADMIN_WORDS_MAX)
        return false;
    size_t at = 4;
    for (uint32_t words = u32_at(frame, 0), i = 0; i <= words; i++) {
        if (frame.len - at < 4 || u32_at(frame, at) > frame.len - at - 4)
            return false;
        struct span text = span_of(frame.ptr + at + 4, u32_at(frame, at));
        at += 4 + text.len;
        if (i < words)
            buf_addf(ret_asked, SPAN_FMT "\n", SPAN_ARG(text)); /* to a NUL, like the word itself */
        else
            buf_add(ret_asked, text);
    }
    return at == frame.len;
}

static struct sockaddr_un address_of(const struct home *home)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    CHECK(snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/admin.sock", home->folder) > 0);
    return address;
}

static void ask(struct span bytes)
{
    struct sockaddr_un address = address_of(&server_home);
    struct buf want;
    char answer[4096];
    unsigned before = runs;
    int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(peer >= 0 && connect(peer, (const struct sockaddr *)&address, sizeof address) == 0);
    ssize_t sent = send(peer, bytes.ptr, bytes.len, MSG_NOSIGNAL);
    shutdown(peer, SHUT_WR);
    while (recv(peer, answer, sizeof answer, 0) > 0)
        continue;
    close(peer);
    buf_init(&want, ADMIN_REQUEST_MAX);
    bool whole = sent == (ssize_t)bytes.len && bytes.len >= 4 && u32_at(bytes, 0) <= bytes.len - 4;
    bool right = whole && read_question(span_of(bytes.ptr + 4, u32_at(bytes, 0)), &want);
    CHECK(runs == before + right && (!right || span_eq(buf_span(&asked), buf_span(&want))));
    buf_free(&want);
}

struct false_server {
    int listener;
    struct span answer;
};

static void *answer_falsely(void *ctx)
{
    const struct false_server *server = ctx;
    char question[4096];
    int peer = accept(server->listener, NULL, NULL);
    CHECK(peer >= 0 && recv(peer, question, sizeof question, 0) > 0);
    (void)!send(peer, server->answer.ptr, server->answer.len, MSG_NOSIGNAL);
    shutdown(peer, SHUT_WR);
    while (recv(peer, question, sizeof question, 0) > 0)
        continue;
    close(peer);
    return NULL;
}

static void hear(struct span bytes)
{
    static int listener = -1;
    const char *argv[] = { "keys", "list" };
    struct sockaddr_un address = address_of(&caller_home);
    struct admin_answer answer;
    struct err err = { .code = E_OK };
    pthread_t thread;
    bool heard;
    if (listener < 0) {
        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK(bind(listener, (const struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 4) == 0);
    }
    struct false_server server = { listener, bytes };
    CHECK(pthread_create(&thread, NULL, answer_falsely, &server) == 0);
    admin_answer_init(&answer);
    if (admin_socket_ask(&caller_home, SPAN_LIT("input"), 2, argv, &answer, &heard, &err))
        CHECK(heard && answer.status <= STATUS_USAGE && answer.out.len + answer.problem.len + 16 <= bytes.len);
    else
        CHECK(heard && err.code == E_INTERNAL);
    admin_answer_free(&answer);
    pthread_join(thread, NULL);
}

static void start(void)
{
    static const struct admin admin = { .account = "123456789012" };
    static struct admin_server *server;
    static char beside[] = "";
    const struct conf_values values = { .store = beside };
    struct err err;
    log_start(LOG_ERROR, false); /* what is not whole is warned of */
    buf_init(&asked, ADMIN_REQUEST_MAX);
    CHECK(home_open(place_path("server"), true, &server_home, &err) && home_lock(&server_home, &values, &err));
    CHECK(home_open(place_path("caller"), true, &caller_home, &err));
    CHECK(admin_server_start(&server_home, &admin, &server, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    if (!started)
        start();
    started = true;
    if (size == 0)
        return 0;
    struct span bytes = span_of(data + 1, size - 1);
    if (data[0] == 'q')
        ask(bytes);
    else
        hear(bytes);
    return 0;
}
