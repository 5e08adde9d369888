/*
 * The gate with everything below it, in one process, so that the store can be made to fail: DescribeDataset's
 * InternalServerError, ThrottlingException of the server as a whole, and connections after refusals.
 */
#include "porch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define SLOW_DOWN "Slow down; sudden increase in rate of requests."

static struct span describe_body(struct porch *porch)
{
    return arena_printf(&porch->arena, "{\"DatasetArn\":\"" SPAN_FMT "\"}", SPAN_ARG(porch->dataset));
}

static void assert_says(struct span body, const char *text)
{
    if (!span_contains(body, span_str(text)))
        fail_msg("%.*s does not say %s", (int)body.len, body.ptr, text);
}

static bool every_call_fails(void *ctx, enum db_call call, const char *what)
{
    (void)ctx, (void)call, (void)what;
    return true;
}

/* The description itself is in memory; the caller's policy asks for the dataset's tags, which are not. */
static void describe_dataset_when_the_store_fails(void **state)
{
    (void)state;
    struct porch porch;
    struct span body;
    porch_open(&porch, 64);
    struct span request = describe_body(&porch);
    assert_int_equal(porch_ask(&porch, PORCH_USER, "DescribeDataset", request, &body), 200);
    assert_says(body, "\"Status\":\"CREATE_COMPLETE\"");
    db_set_fault(every_call_fails, NULL);
    int fd = porch_connect(&porch);
    porch_send(fd, PORCH_USER, "DescribeDataset", request);
    assert_int_equal(porch_answer(&porch, fd, &body), 500);
    assert_says(body, "{\"__type\":\"InternalServerError\",\"Code\":\"InternalServerError\",\"Logref\":\"");
    assert_says(body, "\"Message\":\"Internal server error\"}");
    assert_int_equal(porch_ask(&porch, PORCH_ROOT, "DescribeDataset", request, &body), 200);
    db_set_fault(NULL, NULL);
    porch_send(fd, PORCH_USER, "DescribeDataset", request);
    assert_int_equal(porch_answer(&porch, fd, &body), 200);
    close(fd);
    porch_close(&porch);
}

static void a_full_pool_sheds_everything(void **state)
{
    (void)state;
    struct porch porch;
    struct span body;
    porch_open(&porch, 64);
    int held = porch_connect(&porch), waiting = porch_connect(&porch);
    porch_send_text(held, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    porch_wait_held(&porch);
    porch_send(waiting, PORCH_ROOT, "DescribeProjects", SPAN_LIT("{}"));
    while (pool_waiting(porch.pool) == 0)
        usleep(1000);
    assert_int_equal(porch_ask(&porch, PORCH_ROOT, "DescribeProjects", SPAN_LIT("{}"), &body), 400);
    assert_says(body, "ThrottlingException");
    assert_int_equal(porch_ask(&porch, PORCH_ROOT, "DescribeDataset", describe_body(&porch), &body), 400);
    assert_says(body, "\"__type\":\"ThrottlingException\"");
    assert_says(body, SLOW_DOWN);
    porch_release(&porch);
    assert_int_equal(porch_answer(&porch, waiting, &body), 200);
    assert_int_equal(porch_ask(&porch, PORCH_ROOT, "DescribeDataset", describe_body(&porch), &body), 200);
    close(held);
    close(waiting);
    porch_close(&porch);
}

static void many_connections_shed_load(void **state)
{
    (void)state;
    enum { BOUND = 32, IDLE = 28 };
    struct porch porch;
    struct span body;
    int idle[IDLE];
    porch_open(&porch, BOUND);
    for (unsigned i = 0; i < IDLE; i++)
        idle[i] = porch_connect(&porch);
    while (http_open_connections(porch.listener) < IDLE)
        usleep(1000);
    assert_int_equal(porch_ask(&porch, PORCH_ROOT, "DescribeDataset", describe_body(&porch), &body), 400);
    assert_says(body, "ThrottlingException");
    for (unsigned i = 0; i < IDLE; i++)
        close(idle[i]);
    while (http_open_connections(porch.listener) > BOUND / 2)
        usleep(1000);
    assert_int_equal(porch_ask(&porch, PORCH_ROOT, "DescribeDataset", describe_body(&porch), &body), 200);
    porch_close(&porch);
}

static void a_wrong_head_with_a_small_body_leaves_the_connection_in_step(void **state)
{
    (void)state;
    struct porch porch;
    struct span body;
    porch_open(&porch, 64);
    int fd = porch_connect(&porch);
    porch_send(fd, "AKIDNOBODY", "DescribeDataset", describe_body(&porch));
    assert_int_equal(porch_answer(&porch, fd, &body), 400);
    assert_says(body, "UnrecognizedClientException");
    porch_send(fd, PORCH_ROOT, "DescribeDataset", describe_body(&porch));
    assert_int_equal(porch_answer(&porch, fd, &body), 200);
    close(fd);
    porch_close(&porch);
}

static void a_wrong_head_with_a_large_body_is_refused_before_it(void **state)
{
    (void)state;
    struct porch porch;
    struct span body;
    porch_open(&porch, 64);
    int fd = porch_connect(&porch);
    porch_send_text(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.1\r\n"
                        "X-Amz-Target: RekognitionService.DescribeDataset\r\nContent-Length: 1000000\r\n\r\n");
    assert_int_equal(porch_answer(&porch, fd, &body), 400); /* not one byte of it was sent */
    assert_says(body, "MissingAuthenticationTokenException");
    assert_int_equal(porch_answer(&porch, fd, &body), 0);
    close(fd);
    porch_close(&porch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describe_dataset_when_the_store_fails),
        cmocka_unit_test(a_full_pool_sheds_everything),
        cmocka_unit_test(many_connections_shed_load),
        cmocka_unit_test(a_wrong_head_with_a_small_body_leaves_the_connection_in_step),
        cmocka_unit_test(a_wrong_head_with_a_large_body_is_refused_before_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
