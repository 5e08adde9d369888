/* The listener's limits: time, connections, and body bytes in flight. The times are short, so that the test is. */
#include "kit.h"

#include <stdio.h>
#include <string.h>

#define HOST "Host: h\r\n"

enum { REQUEST_MS = 400, IDLE_MS = 2000, PATIENCE_MS = 60000 };

static struct kit kit;

static void short_times(struct http_options *options)
{
    options->request_ms = REQUEST_MS;
    options->idle_ms = IDLE_MS;
}

static int setup(void **state)
{
    (void)state;
    kit_start(&kit, short_times);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kit_stop(&kit, 1000);
    return 0;
}

/* Sends a byte every 40 ms until the other end is gone, which must take so long. */
static void drip(struct client *client, int64_t least_ms, int64_t most_ms, const char *what)
{
    struct watch watch = watch_begin(&kit);
    while (now_ms() - watch.begin_ms < PATIENCE_MS && client_send(client, "x", 1) && !client_ended(client, 40))
        ;
    watch_check(&kit, watch, least_ms, most_ms, what);
}

/* A drip of every kind is cut when its whole request is over time, and others are served meanwhile. */
static void cuts_slow_requests(void **state)
{
    (void)state;
    static const char *const begins[] = {
        "",
        "GET /ec",
        "GET /echo HTTP/1.1\r\nX: ",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nffff\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(begins); i++) {
        struct client *client = client_open(&kit);
        client_say(client, begins[i]);
        drip(client, REQUEST_MS - 20, 3 * REQUEST_MS, begins[i]);
        client_close(client);
    }
}

static void cuts_a_drip_on_a_kept_connection(void **state)
{
    (void)state;
    struct client *client = client_open(&kit);
    assert_int_equal(client_ask(client, "GET /echo HTTP/1.1\r\n" HOST "\r\n"), 200);
    sleep_ms(REQUEST_MS + 150); /* idle for longer than a request may take */
    assert_int_equal(client_ask(client, "GET /echo HTTP/1.1\r\n" HOST "\r\n"), 200);
    sleep_ms(150);
    drip(client, REQUEST_MS - 150, IDLE_MS - 100, "a request line of which nobody has told us");
    client_close(client);
}

static void serves_others_while_it_cuts(void **state)
{
    (void)state;
    enum { SLOW = 20 };
    struct client *slow[SLOW];
    for (int i = 0; i < SLOW; i++) {
        slow[i] = client_open(&kit);
        client_say(slow[i], "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 9999\r\n\r\n");
    }
    struct client *client = client_open(&kit);
    struct watch watch = watch_begin(&kit);
    int64_t answered = 0;
    for (; now_ms() < watch.begin_ms + 2 * REQUEST_MS; sleep_ms(5)) {
        assert_int_equal(client_ask(client, "GET /echo HTTP/1.1\r\n" HOST "\r\n"), 200);
        answered++;
        for (int i = 0; i < SLOW; i++)
            client_send(slow[i], "", i == 0 && now_ms() % 50 == 0); /* one of them drips, the others are silent */
    }
    answered = answered * (2 * REQUEST_MS + watch_late_ms(&kit, watch)) / (2 * REQUEST_MS);
    assert_true(answered >= 20); /* a hundred and more where nobody else works */
    assert_true(kit_has_open(&kit, 1));
    for (int i = 0; i < SLOW; i++)
        client_close(slow[i]);
    client_close(client);
}

static void ends_idle_connections(void **state)
{
    (void)state;
    struct client *client = client_open(&kit);
    struct watch watch = watch_begin(&kit);
    assert_true(client_ended(client, PATIENCE_MS));
    watch_check(&kit, watch, REQUEST_MS - 20, IDLE_MS - 100, "silent from the beginning: a request over time");
    client_close(client);
    client = client_open(&kit);
    assert_int_equal(client_ask(client, "GET /echo HTTP/1.1\r\n" HOST "\r\n"), 200);
    watch = watch_begin(&kit);
    assert_true(client_ended(client, PATIENCE_MS));
    watch_check(&kit, watch, IDLE_MS - 20, 2 * IDLE_MS, "idle");
    client_close(client);
}

static void waits_for_the_handler(void **state)
{
    (void)state;
    struct client *client = client_open(&kit);
    client_say(client, "POST /hold HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nwait");
    kit_wait_held(&kit, 1);
    sleep_ms(IDLE_MS + REQUEST_MS);
    assert_int_equal(http_open_connections(kit.listener), 1);
    kit_release(&kit);
    struct answer answer = client_read(client);
    assert_int_equal(answer.status, 200);
    assert_true(span_is(answer.body, "wait"));
    assert_int_equal(client_ask(client, "GET /echo HTTP/1.1\r\n" HOST "\r\n"), 200);
    client_close(client);
}

/* A client that takes its time over a long answer gets it all, one that takes nothing is cut. */
static void minds_clients_that_do_not_read(void **state)
{
    (void)state;
    struct client *client = client_open(&kit);
    client_say(client, "GET /big HTTP/1.1\r\n" HOST "\r\n");
    sleep_ms(IDLE_MS / 2);
    struct answer answer = client_read(client);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.body.len, KIT_BIG);
    client_say(client, "GET /big HTTP/1.1\r\n" HOST "\r\n");
    struct watch watch = watch_begin(&kit);
    assert_true(kit_has_open(&kit, 0));
    watch_check(&kit, watch, IDLE_MS - 50, 3 * IDLE_MS, "an answer that nobody takes");
    client_close(client);
}

static void four_connections(struct http_options *options)
{
    options->connections = 4;
}

static void three_per_address(struct http_options *options)
{
    options->connections_per_address = 3;
}

static void bounds_connections(void (*adjust)(struct http_options *), unsigned most)
{
    struct client *clients[4];
    kit_start(&kit, adjust);
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < most; i++) {
            clients[i] = client_open(&kit);
            assert_int_equal(client_ask(clients[i], "GET /echo HTTP/1.1\r\n" HOST "\r\n"), 200);
        }
        for (int i = 0; i < 5; i++) {
            struct client *client = client_open(&kit);
            assert_int_equal(client_ask(client, "GET /echo HTTP/1.1\r\n" HOST "\r\n"), 0);
            client_close(client);
        }
        assert_int_equal(http_open_connections(kit.listener), most);
        for (unsigned i = 0; i < most; i++) {
            assert_int_equal(client_ask(clients[i], "GET /echo HTTP/1.1\r\n" HOST "\r\n"), 200);
            client_close(clients[i]);
        }
        assert_true(kit_has_open(&kit, 0));
    }
    kit_stop(&kit, 1000);
}

static void bounds_connections_in_total(void **state)
{
    (void)state;
    bounds_connections(four_connections, 4);
}

static void bounds_connections_per_address(void **state)
{
    (void)state;
    bounds_connections(three_per_address, 3);
}

static void small_total(struct http_options *options)
{
    options->bodies_bytes = 100000;
}

static void small_per_address(struct http_options *options)
{
    options->bodies_per_address_bytes = 100000;
}

/* 60,000 bytes are held; another 60,000 are too many, 40,000 are not; afterwards all is given back. */
static void bounds_bodies(void (*adjust)(struct http_options *))
{
    static char body[60000];
    memset(body, 'x', sizeof body);
    kit_start(&kit, adjust);
    for (int round = 0; round < 3; round++) {
        struct client *holder = client_open(&kit);
        client_say(holder, "POST /hold HTTP/1.1\r\n" HOST "Content-Length: 60000\r\n\r\n");
        client_send(holder, body, sizeof body);
        kit_wait_held(&kit, 1);

        struct client *client = client_open(&kit);
        assert_int_equal(client_ask(client, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 60000\r\n\r\n"), 503);
        assert_true(client_ended(client, 5000));
        client_close(client);
        client = client_open(&kit);
        client_say(client, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nea60\r\n");
        client_send(client, body, sizeof body);
        assert_int_equal(client_ask(client, "\r\n0\r\n\r\n"), 503);
        client_close(client);
        client = client_open(&kit);
        client_say(client, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 40000\r\n\r\n");
        client_send(client, body, 40000);
        assert_int_equal(client_read(client).status, 200);

        kit_release(&kit);
        struct answer answer = client_read(holder);
        assert_int_equal(answer.body.len, sizeof body);
        assert_int_equal(client_ask(holder, "GET /echo HTTP/1.1\r\n" HOST "\r\n"), 200); /* so that it is given back */
        client_say(client, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 60000\r\n\r\n");
        client_send(client, body, sizeof body);
        assert_int_equal(client_read(client).status, 200);
        client_close(client);
        client = client_open(&kit); /* a body promised and never sent holds its bytes no longer than its connection */
        client_say(client, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\n");
        client_close(client);
        client_close(holder);
        assert_true(kit_has_open(&kit, 0));
    }
    kit_stop(&kit, 1000);
}

static void bounds_bodies_in_total(void **state)
{
    (void)state;
    bounds_bodies(small_total);
}

static void bounds_bodies_per_address(void **state)
{
    (void)state;
    bounds_bodies(small_per_address);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cuts_slow_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(cuts_a_drip_on_a_kept_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(serves_others_while_it_cuts, setup, teardown),
        cmocka_unit_test_setup_teardown(ends_idle_connections, setup, teardown),
        cmocka_unit_test_setup_teardown(waits_for_the_handler, setup, teardown),
        cmocka_unit_test_setup_teardown(minds_clients_that_do_not_read, setup, teardown),
        cmocka_unit_test(bounds_connections_in_total),
        cmocka_unit_test(bounds_connections_per_address),
        cmocka_unit_test(bounds_bodies_in_total),
        cmocka_unit_test(bounds_bodies_per_address),
    };
    return cmocka_run_group_tests_name("http_limits", tests, NULL, NULL);
}
