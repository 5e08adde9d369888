/* rate: buckets by a clock of our own, rules by account and operation, and threads. */
#include "auth/rate.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ANN SPAN_LIT("123456789012")
#define BOB SPAN_LIT("210987654321")
#define SECOND INT64_C(1000000)

static const char *const operations[] = { "CreateProject", "DescribeDataset", "DescribeProjects" };
enum { CREATE, DESCRIBE, PROJECTS };

/* Rules separated by blanks. */
static bool configure(struct rates *rates, const char *rules, struct err *err)
{
    char text[512], *items[16];
    struct conf_list list = { .items = items };
    snprintf(text, sizeof text, "%s", rules);
    for (char *at = text; *at;) {
        items[list.count++] = at;
        while (*at && *at != ' ')
            at++;
        if (*at)
            *at++ = '\0';
    }
    return rates_configure(rates, &list, err);
}

static struct rates *new_rates(const char *rules)
{
    struct rates *rates = rates_new(operations, COUNT_OF(operations));
    struct err err;
    if (!configure(rates, rules, &err))
        fail_msg("%s", err.text);
    return rates;
}

/* How many of `count` calls at once pass. */
static unsigned burst(struct rates *rates, struct span account, unsigned operation, int64_t now_us, unsigned count)
{
    unsigned passed = 0;
    for (unsigned i = 0; i < count; i++)
        passed += rates_take(rates, account, operation, now_us, NULL);
    return passed;
}

static void off_by_default(void **state)
{
    struct rates *rates = rates_new(operations, COUNT_OF(operations));
    (void)state;
    assert_int_equal(burst(rates, ANN, DESCRIBE, 0, 1000), 1000);
    rates_free(rates);
    rates_free(NULL);
}

static void spent_and_filled(void **state)
{
    struct rates *rates = new_rates("DescribeDataset=2/5");
    int64_t now = 77 * SECOND;
    struct err err;
    (void)state;
    assert_int_equal(burst(rates, ANN, DESCRIBE, now, 20), 5);
    assert_false(rates_take(rates, ANN, DESCRIBE, now, &err));
    assert_int_equal(err.code, E_RATE);
    assert_string_equal(err.text, "Provisioned Rate exceeded.");
    assert_int_equal(burst(rates, ANN, DESCRIBE, now + SECOND / 2 - 1, 5), 0);
    assert_int_equal(burst(rates, ANN, DESCRIBE, now + SECOND / 2, 5), 1);
    assert_int_equal(burst(rates, ANN, DESCRIBE, now + 2 * SECOND, 10), 3);
    assert_int_equal(burst(rates, ANN, DESCRIBE, now + 1000 * SECOND, 10), 5);
    assert_int_equal(burst(rates, ANN, DESCRIBE, INT64_MAX / 2, 10), 5);
    assert_int_equal(burst(rates, ANN, DESCRIBE, 0, 10), 0); /* a clock that runs backwards gives nothing */
    assert_int_equal(burst(rates, ANN, CREATE, now, 50), 50);
    rates_free(rates);
}

/* Over any longer time it is the rate that counts, however the calls are spread. */
static void long_run(void **state)
{
    struct rates *rates = new_rates("DescribeDataset=7");
    unsigned passed = 0;
    (void)state;
    for (int64_t now = 0; now < 100 * SECOND; now += 1237)
        passed += rates_take(rates, ANN, DESCRIBE, now, NULL);
    assert_in_range(passed, 700, 707);
    rates_free(rates);
}

static void one_burst_for_each_account_and_operation(void **state)
{
    struct rates *rates = new_rates("DescribeDataset=1 DescribeProjects=3");
    (void)state;
    assert_int_equal(burst(rates, ANN, DESCRIBE, 0, 9), 1);
    assert_int_equal(burst(rates, BOB, DESCRIBE, 0, 9), 1);
    assert_int_equal(burst(rates, ANN, PROJECTS, 0, 9), 3);
    assert_int_equal(burst(rates, BOB, PROJECTS, 0, 9), 3);
    rates_free(rates);
}

static void an_accounts_own_rate_goes_first(void **state)
{
    struct rates *rates = new_rates("210987654321:DescribeDataset=4 DescribeDataset=2 210987654321:CreateProject=1");
    (void)state;
    assert_int_equal(burst(rates, ANN, DESCRIBE, 0, 9), 2);
    assert_int_equal(burst(rates, BOB, DESCRIBE, 0, 9), 4);
    assert_int_equal(burst(rates, ANN, CREATE, 0, 9), 9);
    assert_int_equal(burst(rates, BOB, CREATE, 0, 9), 1);
    rates_free(rates);
    rates = new_rates("DescribeDataset=2 DescribeDataset=3");
    assert_int_equal(burst(rates, ANN, DESCRIBE, 0, 9), 3);
    rates_free(rates);
}

static void configured_anew(void **state)
{
    struct rates *rates = new_rates("DescribeDataset=10");
    (void)state;
    assert_int_equal(burst(rates, ANN, DESCRIBE, 0, 4), 4);
    assert_true(configure(rates, "DescribeDataset=10/20", NULL));
    assert_int_equal(burst(rates, ANN, DESCRIBE, 0, 30), 6);
    assert_true(configure(rates, "DescribeDataset=5", NULL));
    assert_int_equal(burst(rates, ANN, DESCRIBE, 10 * SECOND, 30), 5);
    assert_false(configure(rates, "DescribeDataset=x", NULL));
    assert_int_equal(burst(rates, ANN, DESCRIBE, 20 * SECOND, 30), 5);
    assert_true(configure(rates, "", NULL));
    assert_int_equal(burst(rates, ANN, DESCRIBE, 20 * SECOND, 30), 30);
    rates_free(rates);
}

static void rules_that_are_none(void **state)
{
    static const char *const rows[][2] = {
        { "DescribeDataset", "is not [ACCOUNT:]OPERATION=N[/BURST]" },
        { "DescribeDataset=", "is not [ACCOUNT:]OPERATION=N[/BURST]" },
        { "DescribeDataset=x", "is not [ACCOUNT:]OPERATION=N[/BURST]" },
        { "DescribeDataset=-1", "is not [ACCOUNT:]OPERATION=N[/BURST]" },
        { "DescribeDataset=0", "is not [ACCOUNT:]OPERATION=N[/BURST]" },
        { "DescribeDataset=1.5", "is not [ACCOUNT:]OPERATION=N[/BURST]" },
        { "DescribeDataset=1000001", "is not [ACCOUNT:]OPERATION=N[/BURST]" },
        { "DescribeDataset=1/0", "is not [ACCOUNT:]OPERATION=N[/BURST]" },
        { "DescribeDataset=1/", "is not [ACCOUNT:]OPERATION=N[/BURST]" },
        { "DescribeDataset=1/2/3", "is not [ACCOUNT:]OPERATION=N[/BURST]" },
        { "Nonsense=1", "there is no operation 'Nonsense'" },
        { "describedataset=1", "there is no operation 'describedataset'" },
        { "DescribeDatasets=1", "did you mean DescribeDataset?" },
        { "=1", "there is no operation ''" },
        { "123:DescribeDataset=1", "'123' is not an account of 12 digits" },
        { "12345678901x:DescribeDataset=1", "is not an account of 12 digits" },
        { ":DescribeDataset=1", "'' is not an account of 12 digits" },
    };
    struct rates *rates = new_rates("DescribeDataset=1000000/1000000 123456789012:CreateProject=1/2");
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err;
        if (configure(rates, rows[i][0], &err))
            fail_msg("taken: %s", rows[i][0]);
        assert_int_equal(err.code, E_CONFIG);
        if (!strstr(err.text, rows[i][1]))
            fail_msg("%s: %s", rows[i][0], err.text);
    }
    rates_free(rates);
}

static void many_accounts(void **state)
{
    struct rates *rates = new_rates("DescribeDataset=1 DescribeProjects=2");
    char account[16];
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 2000; i++) {
            snprintf(account, sizeof account, "%012u", i);
            assert_int_equal(burst(rates, span_str(account), DESCRIBE, 0, 3), round ? 0 : 1);
            assert_int_equal(burst(rates, span_str(account), PROJECTS, 0, 3), round ? 0 : 2);
        }
    }
    rates_free(rates);
}

static void *take_much(void *ctx)
{
    return (void *)(uintptr_t)burst(ctx, ANN, DESCRIBE, 5 * SECOND, 2000);
}

static void *configure_much(void *ctx)
{
    for (unsigned i = 0; i < 200; i++)
        assert_true(configure(ctx, "CreateProject=1 DescribeDataset=1/3000", NULL));
    return NULL;
}

static void threads(void **state)
{
    struct rates *rates = new_rates("DescribeDataset=1/3000");
    pthread_t takers[3], configurer;
    uintptr_t passed = 0;
    (void)state;
    assert_int_equal(pthread_create(&configurer, NULL, configure_much, rates), 0);
    for (unsigned i = 0; i < COUNT_OF(takers); i++)
        assert_int_equal(pthread_create(&takers[i], NULL, take_much, rates), 0);
    for (unsigned i = 0; i < COUNT_OF(takers); i++) {
        void *count;
        pthread_join(takers[i], &count);
        passed += (uintptr_t)count;
    }
    pthread_join(configurer, NULL);
    assert_int_equal(passed, 3000);
    rates_free(rates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(off_by_default),
        cmocka_unit_test(spent_and_filled),
        cmocka_unit_test(long_run),
        cmocka_unit_test(one_burst_for_each_account_and_operation),
        cmocka_unit_test(an_accounts_own_rate_goes_first),
        cmocka_unit_test(configured_anew),
        cmocka_unit_test(rules_that_are_none),
        cmocka_unit_test(many_accounts),
        cmocka_unit_test(threads),
    };
    return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
