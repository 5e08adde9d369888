/* The listener's requests: what the handler sees, what is refused, and how connections go on or end. */
#include "kit.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: h\r\n"

static struct kit kit;

static int setup(void **state)
{
    (void)state;
    kit_start(&kit, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kit_stop(&kit, 1000);
    return 0;
}

static void keeps_the_connection(void **state)
{
    (void)state;
    struct client *client = client_open(&kit);
    for (int i = 0; i < 50; i++) {
        client_say(client, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
        struct answer answer = client_read(client);
        assert_int_equal(answer.status, 200);
        assert_true(span_is(answer.body, "hello"));
        assert_true(span_contains(answer.head, SPAN_LIT("\r\nX-Path: /echo\r\n")));
        assert_true(span_contains(answer.head, SPAN_LIT("\r\nDate: ")));
        assert_false(span_contains(answer.head, SPAN_LIT("Connection: close")));
    }
    assert_int_equal(http_open_connections(kit.listener), 1);
    client_close(client);
    assert_true(kit_has_open(&kit, 0));
}

static void answers_pipelined_requests_in_order(void **state)
{
    (void)state;
    enum { REQUESTS = 100 };
    struct client *client = client_open(&kit);
    char text[REQUESTS * 90];
    size_t len = 0;
    for (int i = 0; i < REQUESTS; i++)
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "POST /%s HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\n%03d",
                                i % 3 == 0 ? "later" : (i % 3 == 1 ? "echo" : "early"), i);
    client_send(client, text, len);
    for (int i = 0; i < REQUESTS; i++) {
        char want[4];
        snprintf(want, sizeof want, "%03d", i);
        struct answer answer = client_read(client);
        assert_int_equal(answer.status, 200);
        assert_true(span_is(answer.body, want));
    }
    client_close(client);
}

static void takes_requests_byte_by_byte(void **state)
{
    (void)state;
    struct client *client = client_open(&kit);
    const char *text = "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                       "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: dropped\r\n\r\n";
    for (const char *at = text; *at; at++) {
        client_send(client, at, 1);
        sleep_ms(1);
    }
    struct answer answer = client_read(client);
    assert_int_equal(answer.status, 200);
    assert_true(span_is(answer.body, "abcde"));
    client_close(client);
}

static void shows_the_request_as_it_was_sent(void **state)
{
    (void)state;
    struct client *client = client_open(&kit);
    client_say(client,
               "PUT /list?a=%2F+b&c&a=%zz?#x HTTP/1.1\r\n" HOST "X-A: 1 \r\nx-b:\t2\r\nX-A:  3\r\nX-C:\r\n\r\n");
    struct answer answer = client_read(client);
    const char *want = "PUT|/list|a=%2F+b&c&a=%zz?#x|1|127.0.0.1|10\nHost=h\nX-A=1\nx-b=2\nX-A=3\nX-C=";
    if (!span_is(answer.body, want))
        fail_msg(SPAN_FMT, SPAN_ARG(answer.body));
    client_say(client, "GET /list HTTP/1.1\r\n" HOST "\r\n");
    answer = client_read(client);
    assert_true(span_is(answer.body, "GET|/list||0|127.0.0.1|10\nHost=h"));
    client_say(client, "GET /list? HTTP/1.1\r\n" HOST "\r\n");
    answer = client_read(client);
    assert_true(span_is(answer.body, "GET|/list||1|127.0.0.1|10\nHost=h"));
    client_close(client);
}

static void every_address(struct http_options *options)
{
    options->host = "::";
}

/* A socket for both families shows an IPv4 client as one. */
static void knows_ipv4_clients_of_an_ipv6_socket(void **state)
{
    (void)state;
    int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
    bool usable = probe >= 0 && bind(probe, (const struct sockaddr *)&any, sizeof any) == 0;
    if (probe >= 0)
        close(probe);
    if (!usable)
        skip();
    kit_start(&kit, every_address);
    struct client *client = client_open(&kit);
    client_say(client, "GET /list HTTP/1.1\r\n" HOST "\r\n");
    struct answer answer = client_read(client);
    assert_true(span_is(answer.body, "GET|/list||0|127.0.0.1|10\nHost=h"));
    client_close(client);
    kit_stop(&kit, 1000);
}

static void finds_the_last_header_of_a_name(void **state)
{
    (void)state;
    const struct http_header headers[] = { { SPAN_LIT("X-A"), SPAN_LIT("1") },
                                           { SPAN_LIT("x-b"), SPAN_LIT("2") },
                                           { SPAN_LIT("x-a"), SPAN_LIT("3") } };
    const struct http_request request = { .headers = headers, .header_count = COUNT_OF(headers) };
    struct span value = SPAN_LIT("untouched");
    assert_true(http_header_get(&request, "X-a", &value));
    assert_true(span_is(value, "3"));
    assert_true(http_header_get(&request, "X-B", &value));
    assert_true(span_is(value, "2"));
    assert_false(http_header_get(&request, "X-C", &value));
    assert_true(span_is(value, "2"));
}

static void takes_a_body_up_to_the_limit(void **state)
{
    (void)state;
    struct client *client = client_open(&kit);
    size_t len = kit.options.body_bytes;
    char *body = malloc(len);
    for (size_t i = 0; i < len; i++)
        body[i] = (char)('a' + i * 7 % 23);
    client_say(client, "POST /list HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 8388608\r\n\r\n");
    struct answer answer = client_read(client);
    assert_int_equal(answer.status, 100);
    unsigned long before = atomic_load(&kit.body_bytes);
    assert_true(client_send(client, body, len));
    assert_int_equal(client_read(client).status, 200);
    assert_int_equal(atomic_load(&kit.body_bytes) - before, len);

    len = 5 * 1000 * 1000;
    client_say(client, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5000000\r\n\r\n");
    assert_true(client_send(client, body, len));
    answer = client_read(client);
    assert_int_equal(answer.status, 200);
    assert_true(span_eq(answer.body, span_of(body, len)));
    free(body);
    client_close(client);
}

/* The client gets the refusal though it goes on to send all of a body nobody reads. */
static void refuses_at_the_head_and_is_heard(void **state)
{
    (void)state;
    char *body = calloc(1, 4 * 1024 * 1024);
    for (int i = 0; i < 4; i++) {
        struct client *client = client_open(&kit);
        if (i % 2)
            client_say(client, "POST /refuse HTTP/1.1\r\n" HOST "Content-Length: 4194304\r\n\r\n");
        else
            client_say(client, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 40000000\r\n\r\n");
        client_send(client, body, 4 * 1024 * 1024);
        struct answer answer = client_read(client);
        assert_int_equal(answer.status, i % 2 ? 403 : 413);
        assert_true(span_is(answer.body, i % 2 ? "no" : ""));
        assert_true(span_contains(answer.head, SPAN_LIT("\r\nConnection: close\r\n")));
        assert_true(client_ended(client, 5000));
        client_close(client);
    }
    free(body);
}

static void refuses_a_chunked_body_over_the_limit(void **state)
{
    (void)state;
    struct client *client = client_open(&kit);
    unsigned completes = atomic_load(&kit.completes);
    char chunk[7 + 0x10000 + 2] = "10000\r\n";
    memset(chunk + 7, 'x', 0x10000);
    memcpy(chunk + 7 + 0x10000, "\r\n", 2);
    client_say(client, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 140; i++)
        assert_true(client_send(client, chunk, sizeof chunk));
    client_say(client, "0\r\n\r\n");
    struct answer answer = client_read(client);
    assert_int_equal(answer.status, 413);
    assert_int_equal(answer.body.len, 0);
    assert_true(client_ended(client, 5000));
    client_close(client);
    assert_int_equal(atomic_load(&kit.completes), completes);

    client = client_open(&kit); /* without end: not read for ever */
    client_say(client, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    int sent = 0;
    while (sent < 4000 && client_send(client, chunk, sizeof chunk))
        sent++;
    assert_in_range(sent, 200, 1000);
    client_close(client);
}

struct row {
    const char *name;
    const char *text;
    size_t len;
    unsigned status; /* 0: closed without an answer */
};
#define ROW(name, status, text)                                                                                        \
    {                                                                                                                  \
        (name), (text), sizeof(text) - 1, (status)                                                                     \
    }

static void refuses_doubtful_heads(void **state)
{
    (void)state;
    static const struct row rows[] = {
        ROW("two lengths", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab"),
        ROW("two unlike", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
        ROW("length, chunked", 400,
            "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ROW("gzip", 400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\nxx"),
        ROW("a space more", 400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked \r\n\r\n0\r\n\r\n"),
        ROW("space before colon", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length : 2\r\n\r\nab"),
        ROW("no host", 400, "POST / HTTP/1.1\r\n\r\n"),
        ROW("two hosts", 400, "POST / HTTP/1.1\r\n" HOST HOST "\r\n"),
        ROW("NUL in a value", 400, "POST / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"),
        ROW("NUL in a length", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 2\0 3\r\n\r\nabc"),
        ROW("NUL in the target", 400, "GET /a\0b HTTP/1.1\r\n" HOST "\r\n"),
        ROW("folded", 400, "POST / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n"),
        ROW("folded into a length", 400, "POST / HTTP/1.1\r\n" HOST "Content-Len: 2\r\n gth\r\n\r\nab"),
        ROW("bare LF", 400, "POST / HTTP/1.1\n" HOST "\r\n"),
        ROW("bare LF in a header", 400, "POST / HTTP/1.1\r\n" HOST "X: a\nY: b\r\n\r\n"),
        ROW("bare CR", 400, "POST / HTTP/1.1\r\n" HOST "X: a\rY: b\r\n\r\n"),
        ROW("space in the target", 400, "GET /a b HTTP/1.1\r\n" HOST "\r\n"),
        ROW("two spaces", 400, "GET  / HTTP/1.1\r\n" HOST "\r\n"),
        /* libmicrohttpd's own */
        ROW("+2", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: +2\r\n\r\nab"),
        ROW("-2", 400, "POST / HTTP/1.1\r\n" HOST "Content-Length: -2\r\n\r\nab"),
        ROW("no colon", 400, "POST / HTTP/1.1\r\n" HOST "junk\r\n\r\n"),
        ROW("NUL in a name", 400, "POST / HTTP/1.1\r\n" HOST "X\0Y: b\r\n\r\n"),
        ROW("HTTP/2", 505, "GET / HTTP/2.0\r\n" HOST "\r\n"),
        ROW("TLS", 0, "\x16\x03\x01\x02\x01\x01\x01\n"),
        ROW("0x2 as a chunk's size", 400,
            "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0x2\r\nab\r\n0\r\n\r\n"),
    };
    unsigned completes = atomic_load(&kit.completes);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct client *client = client_open(&kit);
        client_send(client, rows[i].text, rows[i].len);
        struct answer answer = client_read(client);
        if (answer.status != rows[i].status)
            fail_msg("%s: %u, not %u", rows[i].name, answer.status, rows[i].status);
        if (!client_ended(client, 5000))
            fail_msg("%s: the connection stays", rows[i].name);
        client_close(client);
    }
    assert_int_equal(atomic_load(&kit.completes), completes);
}

static void bounds_the_head(void **state)
{
    (void)state;
    char *head = malloc(100000);
    static const char begin[] = "GET /echo HTTP/1.1\r\n" HOST "X: ";
    for (int over = 0; over < 2; over++) {
        size_t len = kit.options.head_bytes + (size_t)over;
        memcpy(head, begin, sizeof begin - 1);
        memset(head + sizeof begin - 1, 'x', len - (sizeof begin - 1) - 4);
        memcpy(head + len - 4, "\r\n\r\n", 4);
        struct client *client = client_open(&kit);
        client_send(client, head, len);
        assert_int_equal(client_read(client).status, over ? 431 : 200);
        client_close(client);
    }
    size_t len = (size_t)snprintf(head, 100000, "GET /echo HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 100; i++)
        len += (size_t)snprintf(head + len, 100000 - len, "X-Number-%03d: %0300d\r\n", i, i);
    len += (size_t)snprintf(head + len, 100000 - len, "\r\n");
    struct client *client = client_open(&kit);
    client_send(client, head, len);
    assert_int_equal(client_read(client).status, 200);
    memset(head, 'x', 100000);
    client_say(client, "GET /echo HTTP/1.1\r\n" HOST "X: ");
    client_send(client, head, 100000);
    assert_int_equal(client_read(client).status, 431); /* libmicrohttpd's */
    client_close(client);
    free(head);
}

static void ends_connections_that_want_it(void **state)
{
    (void)state;
    struct client *client = client_open(&kit);
    assert_int_equal(client_ask(client, "GET /echo HTTP/1.0\r\n\r\n"), 200);
    assert_true(client_ended(client, 5000));
    client_close(client);
    client = client_open(&kit);
    assert_int_equal(client_ask(client, "GET /later HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"), 200);
    assert_true(client_ended(client, 5000));
    client_close(client);
    client = client_open(&kit);
    client_say(client, "HEAD /list HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    struct span rest = client_rest(client);
    assert_true(span_starts(rest, SPAN_LIT("HTTP/1.1 200 ")));
    assert_true(span_ends(rest, SPAN_LIT("\r\n\r\n")));
    client_close(client);
}

/* Clients that go away at every point of a request leave nothing behind; kit_stop compares heads and dones. */
static void survives_clients_that_go(void **state)
{
    (void)state;
    static const char text[] = "POST /later HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello";
    for (size_t len = 0; len < sizeof text; len++) {
        struct client *client = client_open(&kit);
        client_send(client, text, len);
        if (len % 2)
            sleep_ms(1);
        client_close(client);
    }
    assert_true(kit_has_open(&kit, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_the_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_pipelined_requests_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_requests_byte_by_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(shows_the_request_as_it_was_sent, setup, teardown),
        cmocka_unit_test(knows_ipv4_clients_of_an_ipv6_socket),
        cmocka_unit_test(finds_the_last_header_of_a_name),
        cmocka_unit_test_setup_teardown(takes_a_body_up_to_the_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_at_the_head_and_is_heard, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_a_chunked_body_over_the_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_doubtful_heads, setup, teardown),
        cmocka_unit_test_setup_teardown(bounds_the_head, setup, teardown),
        cmocka_unit_test_setup_teardown(ends_connections_that_want_it, setup, teardown),
        cmocka_unit_test_setup_teardown(survives_clients_that_go, setup, teardown),
    };
    return cmocka_run_group_tests_name("http_requests", tests, NULL, NULL);
}
