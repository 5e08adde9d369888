/* What every training shares: images done once each whatever the threads, failures, stops; chance that repeats. */
#include "vision/learn.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MANY = 500 };

struct tally {
    atomic_uint done[MANY];
    atomic_uint threads; /* a bit for each that took part */
    size_t failing[2];   /* these fail; SIZE_MAX: none */
    atomic_bool *stop;
    size_t stop_at;
};

static bool count_one(void *ctx, unsigned thread, size_t i, struct err *err)
{
    struct tally *tally = ctx;
    atomic_fetch_add(&tally->done[i], 1);
    atomic_fetch_or(&tally->threads, 1u << thread);
    if (tally->stop && i == tally->stop_at)
        atomic_store(tally->stop, true);
    if (i == tally->failing[0] || i == tally->failing[1])
        return (fail)(err, E_INVALID, "image %zu", i); /* not the macro of cmocka */
    return true;
}

static void every_image_is_done_once(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 4; threads++) {
        struct learn_job job = { .threads = threads };
        struct tally tally = { .failing = { SIZE_MAX, SIZE_MAX } };
        struct err err;
        assert_true(learn_each(&job, MANY, count_one, &tally, &err));
        for (size_t i = 0; i < MANY; i++)
            assert_int_equal(tally.done[i], 1);
        assert_true(tally.threads < 1u << threads);
    }
    struct learn_job job = { .threads = 4 };
    struct tally tally = { .failing = { SIZE_MAX, SIZE_MAX } };
    assert_true(learn_each(&job, 0, count_one, &tally, NULL));
    assert_int_equal(tally.threads, 0);
}

static void the_first_failure_is_said(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 4; threads++) {
        struct learn_job job = { .threads = threads };
        struct tally tally = { .failing = { 7, 8 } };
        struct err err = { 0 };
        assert_false(learn_each(&job, MANY, count_one, &tally, &err));
        assert_int_equal(err.code, E_INVALID);
        assert_string_equal(err.text, "image 7");
        unsigned begun = 0;
        for (size_t i = 0; i < MANY; i++)
            begun += tally.done[i];
        assert_true(begun < MANY);
    }
}

static void a_stop_ends_it(void **state)
{
    (void)state;
    atomic_bool stop = false;
    struct learn_job job = { .threads = 2, .stop = &stop };
    struct tally tally = { .failing = { SIZE_MAX, SIZE_MAX }, .stop = &stop, .stop_at = 20 };
    struct err err = { 0 };
    assert_false(learn_stopped(&job, &err));
    assert_false(learn_each(&job, MANY, count_one, &tally, &err));
    assert_int_equal(err.code, E_LOST_LEASE);
    assert_int_equal(tally.done[MANY - 1], 0);
    assert_true(learn_stopped(&job, NULL));
}

static void chance_repeats_and_is_even(void **state)
{
    (void)state;
    struct learn_random a = learn_random(7, 3), b = learn_random(7, 3), other = learn_random(7, 4);
    assert_int_equal(learn_random_next(&a), learn_random_next(&b));
    assert_int_not_equal(learn_random_next(&a), learn_random_next(&other));
    /* The value is written into models: another one here is another model for every dataset there is. */
    struct learn_random fixed = learn_random(1, 1);
    assert_int_equal(learn_random_next(&fixed), 0x25f24e5e3765af4cu);

    unsigned counts[10] = { 0 };
    double sum = 0, squares = 0, units = 0;
    for (unsigned i = 0; i < 100000; i++) {
        counts[learn_random_below(&a, 10)]++;
        double x = learn_random_normal(&a);
        sum += x;
        squares += x * x;
        float unit = learn_random_unit(&a);
        assert_true(unit >= 0 && unit < 1);
        units += unit;
    }
    for (unsigned i = 0; i < 10; i++)
        assert_in_range(counts[i], 9600, 10400);
    assert_true(fabs(sum / 100000) < 0.015);
    assert_true(fabs(squares / 100000 - 1) < 0.03);
    assert_true(fabs(units / 100000 - 0.5) < 0.01);
}

static void a_shuffle_keeps_everything(void **state)
{
    (void)state;
    uint32_t places[MANY];
    bool seen[MANY] = { false };
    unsigned moved = 0;
    for (uint32_t i = 0; i < MANY; i++)
        places[i] = i;
    struct learn_random random = learn_random(1, 0);
    learn_random_shuffle(&random, places, MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_true(places[i] < MANY && !seen[places[i]]);
        seen[places[i]] = true;
        moved += places[i] != i;
    }
    assert_true(moved > MANY / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_image_is_done_once),
        cmocka_unit_test(the_first_failure_is_said),
        cmocka_unit_test(a_stop_ends_it),
        cmocka_unit_test(chance_repeats_and_is_even),
        cmocka_unit_test(a_shuffle_keeps_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
