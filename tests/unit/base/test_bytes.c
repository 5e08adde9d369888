/* Spans, bufs, arenas, clocks and names: what every other room stands on. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/ident.h"
#include "base/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void spans_are_cut(void **state)
{
    (void)state;
    struct span rest = SPAN_LIT("a,,b");
    assert_true(span_is(span_cut(&rest, ','), "a"));
    assert_true(span_is(span_cut(&rest, ','), ""));
    assert_non_null(rest.ptr);
    assert_true(span_is(span_cut(&rest, ','), "b"));
    assert_null(rest.ptr);
    rest = SPAN_LIT("a,");
    span_cut(&rest, ',');
    assert_non_null(rest.ptr); /* an empty last field is a field */
    assert_int_equal(rest.len, 0);
}

static void spans_are_compared(void **state)
{
    (void)state;
    assert_true(span_eq(SPAN_NONE, SPAN_LIT("")));
    assert_true(span_eq_nocase(SPAN_LIT("X-Amz-Date"), SPAN_LIT("x-amz-DATE")));
    assert_false(span_eq_nocase(SPAN_LIT("["), SPAN_LIT("{"))); /* 32 apart and no letters */
    assert_true(span_compare(SPAN_LIT("ab"), SPAN_LIT("abc")) < 0);
    assert_true(span_compare(SPAN_LIT("b"), SPAN_LIT("abc")) > 0);
    assert_true(span_compare(SPAN_LIT("\xff"), SPAN_LIT("a")) > 0); /* bytes are unsigned */
    assert_true(span_contains(SPAN_LIT("abcabd"), SPAN_LIT("abd")));
    assert_true(span_contains(SPAN_LIT("x"), SPAN_NONE));
    assert_false(span_contains(SPAN_LIT("ab"), SPAN_LIT("abc")));
    assert_true(span_is(span_trim(SPAN_LIT(" \t a b\t")), "a b"));
    assert_true(span_is(span_from(SPAN_LIT("abc"), 9), ""));
    assert_true(span_is(span_first(SPAN_LIT("abc"), 9), "abc"));
}

static void numbers_are_digits_alone(void **state)
{
    static const char *const wrong[] = { "", " 1", "1 ", "+1", "-1", "0x1", "1.0", "18446744073709551616", "11" };
    uint64_t value = 7;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(span_to_u64(span_str(wrong[i]), i + 1 == COUNT_OF(wrong) ? 10 : UINT64_MAX, &value));
    assert_int_equal(value, 7);
    assert_true(span_to_u64(SPAN_LIT("18446744073709551615"), UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
    assert_true(span_to_u64(SPAN_LIT("007"), 7, &value));
    assert_int_equal(value, 7);
}

static void bufs_stop_at_their_maximum(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 10);
    buf_add_str(&buf, "12345");
    buf_add_u64(&buf, 678);
    assert_false(buf.overflow);
    buf_add_str(&buf, "abc"); /* would be eleven */
    assert_true(buf.overflow);
    assert_true(span_is(buf_span(&buf), "12345678"));
    assert_string_equal(buf_cstr(&buf), "12345678");
    buf_clear(&buf);
    assert_false(buf.overflow);
    buf_addf(&buf, "%s-%d", "x", -1);
    buf_add_hex(&buf, "\x00\xff", 2);
    assert_string_equal(buf_cstr(&buf), "x--100ff");
    assert_false(buf_reserve(&buf, 4));
    buf_free(&buf);
}

static void bufs_grow(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1 << 20);
    for (unsigned i = 0; i < 100000; i++)
        buf_add_char(&buf, (char)('a' + i % 26));
    assert_int_equal(buf.len, 100000);
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal(buf.ptr[i], 'a' + i % 26);
    buf_free(&buf);
}

static void arenas_align_zero_and_reset(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    for (unsigned round = 0; round < 3; round++) {
        for (size_t bytes = 1; bytes < 5000; bytes += 37) {
            unsigned char *piece = arena_alloc(&arena, bytes);
            assert_int_equal((uintptr_t)piece % _Alignof(max_align_t), 0);
            for (size_t i = 0; i < bytes; i++)
                assert_int_equal(piece[i], 0);
            memset(piece, 0xee, bytes);
        }
        assert_true(arena_used(&arena) > 300000);
        arena_reset(&arena);
        assert_int_equal(arena_used(&arena), 0);
    }
    struct span copy = arena_copy(&arena, SPAN_LIT("bytes"));
    assert_int_equal(copy.ptr[copy.len], '\0');
    assert_true(span_is(arena_printf(&arena, "%d-%s", 5, "x"), "5-x"));
    arena_free(&arena);
}

static void times_are_utc(void **state)
{
    char basic[17], extended[25];
    (void)state;
    setenv("TZ", "Asia/Kathmandu", 1);
    clock_basic_iso(INT64_C(1767323045678), basic);
    clock_extended_iso(INT64_C(1767323045678), extended);
    assert_string_equal(basic, "20260102T030405Z");
    assert_string_equal(extended, "2026-01-02T03:04:05.678Z");
    clock_extended_iso(0, extended);
    assert_string_equal(extended, "1970-01-01T00:00:00.000Z");
    assert_int_equal(clock_utc_seconds(2026, 1, 2, 3, 4, 5), 1767323045);
    assert_int_equal(clock_utc_seconds(2000, 2, 29, 0, 0, 0), 951782400);
    assert_int_equal(clock_utc_seconds(1969, 12, 31, 23, 59, 59), -1);
    int64_t before = clock_mono_us();
    assert_true(clock_mono_us() >= before);
}

static void names_have_their_form(void **state)
{
    char uuid[37], other[37], text[41];
    (void)state;
    ident_uuid(uuid);
    ident_uuid(other);
    assert_string_not_equal(uuid, other);
    assert_int_equal(strlen(uuid), 36);
    assert_int_equal(uuid[14], '4');
    assert_non_null(strchr("89ab", uuid[19]));
    ident_text(text, 40, "AB");
    assert_int_equal(strspn(text, "AB"), 40);
    assert_int_equal(strlen(text), 40);
}

static void errors_keep_their_sentence(void **state)
{
    struct err err;
    char much[2048];
    (void)state;
    memset(much, 'x', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    bool answer = (fail)(&err, E_INVALID, "%s", much);
    assert_false(answer);
    assert_int_equal(err.code, E_INVALID);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_string_equal(err_name(E_INVALID), "E_INVALID");
    assert_false((fail)(NULL, E_STORE, "nobody listens"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_are_cut),
        cmocka_unit_test(spans_are_compared),
        cmocka_unit_test(numbers_are_digits_alone),
        cmocka_unit_test(bufs_stop_at_their_maximum),
        cmocka_unit_test(bufs_grow),
        cmocka_unit_test(arenas_align_zero_and_reset),
        cmocka_unit_test(times_are_utc),
        cmocka_unit_test(names_have_their_form),
        cmocka_unit_test(errors_keep_their_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
