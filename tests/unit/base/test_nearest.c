/* nearest: distances, and what counts as near. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/check.h"
#include "base/nearest.h"

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(nearest_distance(SPAN_LIT(""), SPAN_LIT("")), 0);
    assert_int_equal(nearest_distance(SPAN_LIT("abc"), SPAN_LIT("")), 3);
    assert_int_equal(nearest_distance(SPAN_LIT(""), SPAN_LIT("abc")), 3);
    assert_int_equal(nearest_distance(SPAN_LIT("kitten"), SPAN_LIT("sitting")), 3);
    assert_int_equal(nearest_distance(SPAN_LIT("listne"), SPAN_LIT("listen")), 1);
    assert_int_equal(nearest_distance(SPAN_LIT("same"), SPAN_LIT("same")), 0);
}

static void test_long_names_are_never_near(void **state)
{
    (void)state;
    char text[NEAREST_NAME_MAX + 1];
    memset(text, 'x', sizeof text);
    assert_int_equal(nearest_distance(span_of(text, sizeof text), SPAN_LIT("x")), SIZE_MAX);
    assert_int_equal(nearest_distance(span_of(text, NEAREST_NAME_MAX), SPAN_LIT("")), NEAREST_NAME_MAX);
}

static const char *best_of(const char *given, const char *const *names, size_t count)
{
    struct nearest nearest = nearest_to(span_str(given));
    for (size_t i = 0; i < count; i++)
        nearest_offer(&nearest, names[i]);
    return nearest.best;
}

static void test_best(void **state)
{
    (void)state;
    static const char *const names[] = { "serve", "keys", "buckets", "version" };
    assert_string_equal(best_of("srve", names, COUNT_OF(names)), "serve");
    assert_string_equal(best_of("bucket", names, COUNT_OF(names)), "buckets");
    assert_string_equal(best_of("key", names, COUNT_OF(names)), "keys");
    assert_null(best_of("frobnicate", names, COUNT_OF(names)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_long_names_are_never_near),
        cmocka_unit_test(test_best),
    };
    return cmocka_run_group_tests_name("nearest", tests, NULL, NULL);
}
