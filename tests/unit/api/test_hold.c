/* The hold: what is parked is resumed once, by a change, by its time or by the end; and no change is missed. */
#include "api/hold.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

enum { LONG_MS = 60000, PROJECT = 7, OTHER = 8, PATIENCE_US = 20 * 1000 * 1000 };

struct waiting {
    struct held held; /* first: the hold's pointer is ours */
    atomic_uint resumed;
};

static void resume(struct held *held)
{
    atomic_fetch_add(&((struct waiting *)(void *)held)->resumed, 1);
}

static struct pool *pool;

static int start(void **state)
{
    struct err err;
    (void)state;
    return pool_start(2, 8, &pool, &err) ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    pool_stop(pool);
    return 0;
}

static void wait_for(const struct waiting *waiting)
{
    int64_t until = clock_mono_us() + PATIENCE_US;
    while (atomic_load(&waiting->resumed) == 0 && clock_mono_us() < until)
        usleep(1000);
    assert_int_equal(atomic_load(&waiting->resumed), 1);
}

static enum hold_answer park(struct hold *hold, struct waiting *waiting)
{
    waiting->held.resume = resume;
    return hold_park(hold, &waiting->held, PROJECT, hold_mark(hold));
}

static void end(struct hold *hold)
{
    hold_end(hold);
    hold_free(hold);
}

static void a_change_resumes_those_of_its_project(void **state)
{
    struct hold *hold = hold_new(pool, 10, LONG_MS);
    struct waiting one = { 0 }, two = { 0 };
    (void)state;
    assert_int_equal(park(hold, &one), HOLD_PARKED);
    two.held.resume = resume;
    assert_int_equal(hold_park(hold, &two.held, OTHER, hold_mark(hold)), HOLD_PARKED);
    assert_int_equal(hold_count(hold), 2);
    hold_changed(hold, PROJECT);
    wait_for(&one);
    assert_int_equal(atomic_load(&two.resumed), 0);
    assert_int_equal(hold_count(hold), 1);
    end(hold);
    wait_for(&two);
}

static void a_change_after_the_mark_is_not_missed(void **state)
{
    struct hold *hold = hold_new(pool, 10, LONG_MS);
    struct waiting one = { .held.resume = resume };
    (void)state;
    uint64_t mark = hold_mark(hold);
    hold_changed(hold, PROJECT);
    assert_int_equal(hold_park(hold, &one.held, PROJECT, mark), HOLD_LOOK_AGAIN);
    assert_int_equal(hold_park(hold, &one.held, PROJECT, hold_mark(hold)), HOLD_PARKED);
    end(hold);
    wait_for(&one);
}

static void time_is_counted_from_the_first_parking(void **state)
{
    struct hold *hold = hold_new(pool, 10, 100);
    struct waiting one = { 0 };
    (void)state;
    int64_t began = clock_mono_us();
    assert_int_equal(park(hold, &one), HOLD_PARKED);
    wait_for(&one);
    assert_in_range(clock_mono_us() - began, 100 * 1000, PATIENCE_US);
    assert_int_equal(park(hold, &one), HOLD_NO);
    end(hold);
}

static void only_so_many(void **state)
{
    struct hold *hold = hold_new(pool, 2, LONG_MS), *none = hold_new(pool, 2, 0);
    struct waiting calls[3] = { 0 };
    (void)state;
    assert_int_equal(park(hold, &calls[0]), HOLD_PARKED);
    assert_int_equal(park(hold, &calls[1]), HOLD_PARKED);
    assert_int_equal(park(hold, &calls[2]), HOLD_NO);
    assert_int_equal(park(none, &calls[2]), HOLD_NO);
    hold_changed(hold, PROJECT);
    wait_for(&calls[0]);
    wait_for(&calls[1]);
    end(hold);
    end(none);
}

static void more_than_the_pool_takes_at_once(void **state)
{
    enum { MANY = 500 };
    struct hold *hold = hold_new(pool, MANY, LONG_MS);
    struct waiting *calls = mem_zero(MANY, sizeof *calls);
    (void)state;
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(park(hold, &calls[i]), HOLD_PARKED);
    hold_changed(hold, PROJECT);
    for (unsigned i = 0; i < MANY; i++)
        wait_for(&calls[i]);
    assert_int_equal(hold_count(hold), 0);
    end(hold);
    free(calls);
}

static void the_end_resumes_all_and_takes_no_more(void **state)
{
    struct hold *hold = hold_new(pool, 10, LONG_MS);
    struct waiting one = { 0 }, two = { 0 };
    (void)state;
    assert_int_equal(park(hold, &one), HOLD_PARKED);
    hold_end(hold);
    wait_for(&one);
    assert_int_equal(park(hold, &two), HOLD_NO);
    hold_free(hold);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_change_resumes_those_of_its_project, start, stop),
        cmocka_unit_test_setup_teardown(a_change_after_the_mark_is_not_missed, start, stop),
        cmocka_unit_test_setup_teardown(time_is_counted_from_the_first_parking, start, stop),
        cmocka_unit_test_setup_teardown(only_so_many, start, stop),
        cmocka_unit_test_setup_teardown(more_than_the_pool_takes_at_once, start, stop),
        cmocka_unit_test_setup_teardown(the_end_resumes_all_and_takes_no_more, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
