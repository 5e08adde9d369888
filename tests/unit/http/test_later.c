/* The listener's late answers, from other threads and at every moment, and its end under load. */
#include "kit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "http/listener.h"

#define HOST "Host: h\r\n"

enum { CLIENTS = 16, REQUESTS = 150 };

static struct kit kit;

struct load {
    pthread_t thread;
    struct client *client;
    const char *path;
    int number;
    unsigned requests;    /* at the most */
    atomic_uint answered; /* whole and right */
    unsigned wrong;       /* whole and not right */
    unsigned broken;      /* cut within an answer */
};

static void *run_load(void *arg)
{
    struct load *load = arg;
    struct client *client = load->client;
    for (unsigned i = 0; i < load->requests; i++) {
        char text[160], want[32];
        int len = snprintf(want, sizeof want, "%d-%u", load->number, i);
        snprintf(text, sizeof text, "POST %s HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n%s", load->path, len, want);
        struct answer answer = { .status = 0 };
        if (client_say(client, text))
            answer = client_read(client);
        if (answer.status == 200 && span_is(answer.body, want))
            load->answered++;
        else if (answer.status != 0)
            load->wrong++;
        else if (client->len > client->taken)
            load->broken++;
        if (answer.status == 0 || span_contains(answer.head, SPAN_LIT("Connection: close")))
            break;
    }
    client_close(client);
    return NULL;
}

static void start_load(struct load *loads, unsigned requests)
{
    static const char *const paths[] = { "/later", "/echo", "/early", "/later" };
    for (int i = 0; i < CLIENTS; i++) {
        loads[i] =
            (struct load){ .client = client_open(&kit), .number = i, .path = paths[i % 4], .requests = requests };
        CHECK(pthread_create(&loads[i].thread, NULL, run_load, &loads[i]) == 0);
    }
}

static void answers_late_and_early(void **state)
{
    (void)state;
    static struct load loads[CLIENTS];
    kit_start(&kit, NULL);
    start_load(loads, REQUESTS);
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(loads[i].thread, NULL);
        assert_int_equal(loads[i].answered, REQUESTS);
        assert_int_equal(loads[i].wrong + loads[i].broken, 0);
    }
    kit_stop(&kit, 1000);
    assert_int_equal(atomic_load(&kit.dones), CLIENTS * REQUESTS);
}

static void holds_many_at_once(void **state)
{
    (void)state;
    enum { HELD = 200 };
    static struct client *clients[HELD];
    kit_start(&kit, NULL);
    for (int i = 0; i < HELD; i++) {
        clients[i] = client_open(&kit);
        client_say(clients[i], "POST /hold HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx");
    }
    kit_wait_held(&kit, HELD);
    for (int i = 0; i < HELD; i += 3) /* some do not wait */
        client_close(clients[i]);
    kit_release(&kit);
    for (int i = 0; i < HELD; i++)
        if (i % 3 != 0) {
            assert_int_equal(client_read(clients[i]).status, 200);
            client_close(clients[i]);
        }
    assert_true(kit_has_open(&kit, 0));
    kit_stop(&kit, 1000);
}

/* Whatever was begun is answered whole; each answer announces the end; nobody new is let in; and the time that there
   would be is not sat out. */
static void stops_under_load(void **state)
{
    (void)state;
    enum { PLENTY_MS = 600000, SOON_MS = 3000 };
    static struct load loads[CLIENTS];
    for (int round = 0; round < 5; round++) {
        kit_start(&kit, NULL);
        start_load(loads, 1000000);
        for (int i = 0; i < CLIENTS; i++)
            while (atomic_load(&loads[i].answered) == 0)
                sleep_ms(1);
        sleep_ms(50 + 30 * round);
        struct watch watch = watch_begin(&kit);
        http_stop(kit.listener, PLENTY_MS);
        watch_check(&kit, watch, 0, SOON_MS, "a stop under load");
        for (int i = 0; i < CLIENTS; i++) {
            pthread_join(loads[i].thread, NULL);
            assert_int_equal(loads[i].wrong + loads[i].broken, 0);
        }
        kit_finish(&kit);
    }
}

enum { DRAIN_MS = 1500, PATIENCE_MS = 60000 };

static void *stop_soon(void *unused)
{
    (void)unused;
    http_stop(kit.listener, DRAIN_MS);
    return NULL;
}

/* A held request is waited for past the time; one that only half arrived is cut by then; idle ones go at once. */
static void waits_for_what_is_held(void **state)
{
    (void)state;
    kit_start(&kit, NULL);
    struct client *held = client_open(&kit), *half = client_open(&kit), *idle = client_open(&kit);
    struct client *mute = client_open(&kit);
    assert_int_equal(client_ask(idle, "GET /echo HTTP/1.1\r\n" HOST "\r\n"), 200);
    client_say(half, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nhalf");
    client_say(held, "POST /hold HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nheld");
    kit_wait_held(&kit, 1);
    assert_true(kit_has_open(&kit, 4));
    pthread_t stopper;
    assert_int_equal(pthread_create(&stopper, NULL, stop_soon, NULL), 0);
    struct watch watch = watch_begin(&kit);
    assert_true(client_ended(idle, PATIENCE_MS));
    assert_true(client_ended(mute, PATIENCE_MS));
    watch_check(&kit, watch, 0, DRAIN_MS - 100, "idle ones");
    assert_true(client_ended(half, PATIENCE_MS));
    watch_check(&kit, watch, DRAIN_MS - 50, 5 * DRAIN_MS, "one that half arrived");
    sleep_ms(300);
    kit_release(&kit);
    struct answer answer = client_read(held);
    assert_int_equal(answer.status, 200);
    assert_true(span_is(answer.body, "held"));
    assert_true(span_contains(answer.head, SPAN_LIT("\r\nConnection: close\r\n")));
    pthread_join(stopper, NULL);
    kit_finish(&kit);
    client_close(held);
    client_close(half);
    client_close(idle);
    client_close(mute);
}

static void finishes_what_arrives_while_it_drains(void **state)
{
    (void)state;
    kit_start(&kit, NULL);
    struct client *client = client_open(&kit);
    client_say(client, "POST /later HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nhalf ");
    while (atomic_load(&kit.bodies) == 0)
        sleep_ms(2);
    pthread_t stopper;
    assert_int_equal(pthread_create(&stopper, NULL, stop_soon, NULL), 0);
    sleep_ms(50);
    assert_int_equal(client_ask(client, "whole"), 200);
    pthread_join(stopper, NULL);
    kit_finish(&kit);
    client_close(client);
}

static void starts_and_stops_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        kit_start(&kit, NULL);
        kit_stop(&kit, 1000);
    }
}

/* Connects to the port and goes away until there is nobody to connect to. */
static void *come_and_go(void *port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(*(const uint16_t *)port) };
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (bool there = true; there;) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        there = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
        close(fd);
    }
    return NULL;
}

/* Threads that look at the listening socket while it is being given up. */
static void stops_while_clients_come_and_go(void **state)
{
    (void)state;
    for (int round = 0; round < 40; round++) {
        pthread_t visitors[2];
        kit_start(&kit, NULL);
        uint16_t port = http_port(kit.listener);
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&visitors[i], NULL, come_and_go, &port), 0);
        sleep_ms(3);
        http_stop(kit.listener, 1000);
        for (unsigned i = 0; i < 2; i++)
            pthread_join(visitors[i], NULL);
        kit_finish(&kit);
    }
}

/* As if libmicrohttpd had admitted a connection and had no memory to begin it, of which it tells nobody. */
static void does_not_wait_for_who_never_comes(void **state)
{
    (void)state;
    kit_start(&kit, NULL);
    atomic_fetch_add(&kit.listener->arriving, 1);
    struct watch watch = watch_begin(&kit);
    http_stop(kit.listener, 60000);
    watch_check(&kit, watch, 900, 5000, "a stop");
    kit_finish(&kit);
}

static void says_why_it_cannot_start(void **state)
{
    (void)state;
    kit_start(&kit, NULL);
    struct http_options options = http_options_default;
    struct http_handler handler = { .ctx = NULL };
    struct http_listener *listener = NULL;
    struct err err = { 0 };
    options.port = http_port(kit.listener);
    assert_false(http_start(&options, &handler, &listener, &err));
    assert_int_equal(err.code, E_CONFIG);
    options.port = 0;
    options.host = "256.0.0.1.invalid";
    assert_false(http_start(&options, &handler, &listener, &err));
    assert_int_equal(err.code, E_CONFIG);
    options.host = "127.0.0.1";
    options.tls_key = "/nonexistent";
    assert_false(http_start(&options, &handler, &listener, &err));
    assert_int_equal(err.code, E_CONFIG);
    assert_null(listener);
    kit_stop(&kit, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_late_and_early),
        cmocka_unit_test(holds_many_at_once),
        cmocka_unit_test(stops_under_load),
        cmocka_unit_test(waits_for_what_is_held),
        cmocka_unit_test(finishes_what_arrives_while_it_drains),
        cmocka_unit_test(starts_and_stops_at_once),
        cmocka_unit_test(stops_while_clients_come_and_go),
        cmocka_unit_test(does_not_wait_for_who_never_comes),
        cmocka_unit_test(says_why_it_cannot_start),
    };
    return cmocka_run_group_tests_name("http_later", tests, NULL, NULL);
}
