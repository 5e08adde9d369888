/* json: what is accepted, what is refused, and what each value reads as. */
#include "base/buf.h"
#include "json/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h> /* after err.h: it makes a macro of fail */

static int setup(void **state)
{
    *state = json_parser_new();
    return 0;
}

static int teardown(void **state)
{
    json_parser_free(*state);
    return 0;
}

static struct json parsed(void **state, struct span text)
{
    struct json root;
    struct err err = { 0 };
    if (!json_parse(*state, text, &root, &err))
        fail_msg("%s: " SPAN_FMT, err.text, SPAN_ARG(text));
    return root;
}

static bool accepts(void **state, struct span text)
{
    struct json root = { (const void *)1, 7 };
    struct err err = { 0 };
    if (json_parse(*state, text, &root, &err))
        return true;
    assert_int_equal(err.code, E_SERIALIZATION);
    assert_true(strlen(err.text) > 10);
    assert_ptr_equal(root.doc, (const void *)1); /* outputs are written only on success */
    assert_int_equal(root.at, 7);
    return false;
}

static void refuses_what_is_not_json(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{a:1}",
        "{'a':1}",
        "[1 2]",
        "nul",
        "nullx",
        "True",
        "[01]",
        "[-]",
        "[1.]",
        "[.5]",
        "[+1]",
        "[1e]",
        "[1e+]",
        "[0x10]",
        "[NaN]",
        "[Infinity]",
        "[-Infinity]",
        "[1] [2]",
        "{} x",
        "\"abc",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12G4\"",
        "\"tab\there\"",
        "\"\x01\"",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xe2\x82\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800x\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"\\udfff\"",
        "{\"\\ud834\":1}",
        "[1e400, 01]",
        "[1e400, -]",
        "[1e400, 1.]",
        "[1e400, 2e]",
        "[1e400 \"]",
        "// c\n1",
        "[/*c*/1]",
        "\xef\xbb\xbf{}",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (accepts(state, span_str(texts[i])))
            fail_msg("accepted: %s", texts[i]);
    assert_false(accepts(state, SPAN_LIT("{}\0")));
    assert_false(accepts(state, SPAN_LIT("\"a\0b\"")));
}

static void reads_scalars(void **state)
{
    assert_int_equal(json_kind(parsed(state, SPAN_LIT("null"))), JSON_NULL);
    assert_int_equal(json_kind(parsed(state, SPAN_LIT(" true "))), JSON_TRUE);
    assert_int_equal(json_kind(parsed(state, SPAN_LIT("false"))), JSON_FALSE);
    static const struct {
        const char *text;
        enum json_kind kind;
        bool fits;
        int64_t integer;
        double number;
    } rows[] = {
        { "0", JSON_INTEGER, true, 0, 0 },
        { "-0", JSON_INTEGER, true, 0, 0 },
        { "-1", JSON_INTEGER, true, -1, -1 },
        { "9223372036854775807", JSON_INTEGER, true, INT64_MAX, 9223372036854775807.0 },
        { "-9223372036854775808", JSON_INTEGER, true, INT64_MIN, -9223372036854775808.0 },
        { "9223372036854775808", JSON_INTEGER, false, 0, 9223372036854775808.0 },
        { "18446744073709551615", JSON_INTEGER, false, 0, 18446744073709551615.0 },
        { "1.5", JSON_DOUBLE, false, 0, 1.5 },
        { "1e2", JSON_DOUBLE, false, 0, 100 },
        { "-2.5E-3", JSON_DOUBLE, false, 0, -0.0025 },
        { "1e-400", JSON_DOUBLE, false, 0, 0 },
        { "1.7976931348623157e308", JSON_DOUBLE, false, 0, 1.7976931348623157e308 },
        { "18446744073709551616", JSON_DOUBLE, false, 0, 1e308 },
        { "-9223372036854775809", JSON_DOUBLE, false, 0, -1e308 },
        { "1e400", JSON_DOUBLE, false, 0, 1e308 },
        { "2e308", JSON_DOUBLE, false, 0, 1e308 },
        { "-1E+999", JSON_DOUBLE, false, 0, -1e308 },
        { "1.5e99999999999999999999", JSON_DOUBLE, false, 0, 1e308 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json value = parsed(state, span_str(rows[i].text));
        int64_t integer = 0;
        assert_int_equal(json_kind(value), rows[i].kind);
        assert_int_equal(json_to_i64(value, &integer), rows[i].fits);
        assert_true(integer == rows[i].integer);
        assert_true(json_to_double(value) == rows[i].number);
    }
}

static void reads_strings(void **state)
{
    struct json value =
        parsed(state, SPAN_LIT("\"a\\u0000b \\\"\\\\\\/\\b\\f\\n\\r\\t \\u00e9 \\ud83d\\ude00 \xc3\xa9\""));
    struct span want = SPAN_LIT("a\0b \"\\/\b\f\n\r\t \xc3\xa9 \xf0\x9f\x98\x80 \xc3\xa9");
    assert_true(span_eq(json_string(value), want));
    assert_int_equal(json_string(parsed(state, SPAN_LIT("\"\""))).len, 0);
}

static void iterates_in_order(void **state)
{
    struct json root =
        parsed(state, SPAN_LIT("{\"b\":[1,{\"x\":2},[],\"s\",3.5],\"a\":{},\"\\u0062\":18446744073709551615}"));
    assert_int_equal(json_kind(root), JSON_OBJECT);
    assert_int_equal(json_count(root), 3);
    struct json_iter it = json_iter(root);
    assert_true(json_next(&it));
    assert_true(span_is(it.key, "b"));
    assert_int_equal(json_count(it.value), 5);
    enum json_kind want[] = { JSON_INTEGER, JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_DOUBLE };
    size_t n = 0;
    for (struct json_iter in = json_iter(it.value); json_next(&in); n++) {
        assert_int_equal(in.key.len, 0);
        assert_int_equal(json_kind(in.value), want[n]);
    }
    assert_int_equal(n, 5);
    assert_true(json_next(&it));
    assert_true(span_is(it.key, "a"));
    assert_int_equal(json_count(it.value), 0);
    struct json_iter empty = json_iter(it.value);
    assert_false(json_next(&empty));
    assert_true(json_next(&it));
    assert_false(json_next(&it));
    assert_false(json_next(&it));
}

static void last_duplicate_wins(void **state)
{
    struct json root = parsed(state, SPAN_LIT("{\"k\":1,\"K\":2,\"\\u006b\":3,\"z\":4}"));
    struct json value;
    int64_t number;
    assert_int_equal(json_count(root), 4);
    assert_true(json_member(root, SPAN_LIT("k"), &value));
    assert_true(json_to_i64(value, &number));
    assert_int_equal(number, 3);
    value = root;
    assert_false(json_member(root, SPAN_LIT("kk"), &value));
    assert_int_equal(value.at, root.at);
}

/* A number that no 64-bit type holds spoils neither its neighbours nor strings that look like one. */
static void big_numbers_leave_the_rest_alone(void **state)
{
    struct json root = parsed(
        state,
        SPAN_LIT("{\"1e999\":\"say \\\"1e999\\\" \\\\\",\"n\":[1e999,-1e999,5,1.25,123456789012345678901234567890],"
                 "\"t\":true,\"e\":1e-999}"));
    struct json value;
    assert_true(json_member(root, SPAN_LIT("1e999"), &value));
    assert_true(span_is(json_string(value), "say \"1e999\" \\"));
    assert_true(json_member(root, SPAN_LIT("n"), &value));
    double want[] = { 1e308, -1e308, 5, 1.25, 1e308 };
    size_t n = 0;
    for (struct json_iter it = json_iter(value); json_next(&it); n++)
        assert_true(json_to_double(it.value) == want[n]);
    assert_int_equal(n, 5);
    assert_true(json_member(root, SPAN_LIT("t"), &value));
    assert_int_equal(json_kind(value), JSON_TRUE);
}

static bool accepts_depth(void **state, size_t depth)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    for (size_t i = 0; i < depth; i++)
        buf_add_str(&text, i % 2 ? "[" : "{\"a\":");
    buf_add_str(&text, "1");
    for (size_t i = depth; i-- > 0;)
        buf_add_char(&text, i % 2 ? ']' : '}');
    bool ok = accepts(state, buf_span(&text));
    buf_free(&text);
    return ok;
}

static void depth_is_limited(void **state)
{
    assert_true(accepts_depth(state, 1024));
    assert_false(accepts_depth(state, 1025));
    assert_false(accepts_depth(state, 10000));
    assert_false(accepts_depth(state, 100000));
    assert_true(accepts_depth(state, 3));
}

static void a_parser_is_reused_for_growing_and_failing_texts(void **state)
{
    struct buf text;
    buf_init(&text, 8 << 20);
    for (size_t n = 1; n < 200000; n = n * 3 + 1) {
        buf_clear(&text);
        buf_add_char(&text, '[');
        for (size_t i = 0; i < n; i++)
            buf_add_str(&text, i ? ",\"\"" : "\"\"");
        assert_false(accepts(state, buf_span(&text)));
        buf_add_char(&text, ']');
        assert_int_equal(json_count(parsed(state, buf_span(&text))), n);
    }
    buf_free(&text);
}

/* 200,000 numbers out of range in one text: the slow path is linear. */
static void many_big_numbers(void **state)
{
    struct buf text;
    buf_init(&text, 8 << 20);
    buf_add_char(&text, '[');
    for (int i = 0; i < 200000; i++)
        buf_add_str(&text, i ? ",1e999" : "1e999");
    buf_add_char(&text, ']');
    assert_int_equal(json_count(parsed(state, buf_span(&text))), 200000);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_what_is_not_json, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_scalars, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_strings, setup, teardown),
        cmocka_unit_test_setup_teardown(iterates_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(last_duplicate_wins, setup, teardown),
        cmocka_unit_test_setup_teardown(big_numbers_leave_the_rest_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(depth_is_limited, setup, teardown),
        cmocka_unit_test_setup_teardown(a_parser_is_reused_for_growing_and_failing_texts, setup, teardown),
        cmocka_unit_test_setup_teardown(many_big_numbers, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
