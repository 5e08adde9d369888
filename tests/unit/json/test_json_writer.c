/* json_writer: shape, escapes, numbers; what it writes, json reads back. */
#include "json/json.h"
#include "json/json_writer.h"

#include <float.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h> /* after err.h: it makes a macro of fail */

static void assert_written(const struct buf *out, struct span want)
{
    if (!span_eq(buf_span(out), want))
        fail_msg("wrote " SPAN_FMT ", not " SPAN_FMT, SPAN_ARG(buf_span(out)), SPAN_ARG(want));
}

static void writes_a_document(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    struct json_writer w = json_writer_on(&out);
    json_open_object(&w);
    json_key(&w, "a");
    json_open_array(&w);
    json_close_array(&w);
    json_key(&w, "b");
    json_open_array(&w);
    json_add_int(&w, 1);
    json_add_null(&w);
    json_add_bool(&w, true);
    json_add_bool(&w, false);
    json_open_object(&w);
    json_close_object(&w);
    json_add_raw(&w, SPAN_LIT("{\"raw\":[]}"));
    json_add_string(&w, SPAN_LIT("x"));
    json_close_array(&w);
    json_key_span(&w, SPAN_LIT("q\"k"));
    json_add_int(&w, INT64_MIN);
    json_key(&w, "t");
    json_add_time_ms(&w, 1690476084738);
    json_key(&w, "u");
    json_add_time_ms(&w, 1690476084000);
    json_key(&w, "v");
    json_add_time_ms(&w, -5);
    json_close_object(&w);
    json_writer_end(&w);
    assert_written(&out,
                   SPAN_LIT("{\"a\":[],\"b\":[1,null,true,false,{},{\"raw\":[]},\"x\"],\"q\\\"k\":-9223372036854775808,"
                            "\"t\":1690476084.738,\"u\":1690476084.000,\"v\":-0.005}"));
    buf_free(&out);
}

static void escapes_strings(void **state)
{
    (void)state;
    static const struct {
        struct span text;
        const char *want;
    } rows[] = {
        { { "", 0 }, "" },
        { { "a\"b\\c/d", 7 }, "a\\\"b\\\\c/d" },
        { { "\b\t\n\f\r", 5 }, "\\b\\t\\n\\f\\r" },
        { { "\0\x01\x1f\x7f", 4 }, "\\u0000\\u0001\\u001f\x7f" },
        { { "plain text of more than one word", 32 }, "plain text of more than one word" },
        { { "eight in\"ext word\\", 18 }, "eight in\\\"ext word\\\\" },
        { { "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9 }, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
        { { "\xff", 1 }, "\xEF\xBF\xBD" },
        { { "a\xc3", 2 }, "a\xEF\xBF\xBD" },
        { { "\xc0\x80", 2 }, "\xEF\xBF\xBD\xEF\xBF\xBD" },
        { { "\xe2\x82z", 3 }, "\xEF\xBF\xBDz" },
        { { "\xed\xa0\x80", 3 }, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" },
        { { "\xf0\x9f\x98", 3 }, "\xEF\xBF\xBD" },
        { { "\xf4\x90\x80\x80", 4 }, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" },
        { { "abcdefgh\x80ijklmnop", 17 }, "abcdefgh\xEF\xBF\xBDijklmnop" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out, want;
        buf_init(&out, 4096);
        buf_init(&want, 4096);
        struct json_writer w = json_writer_on(&out);
        json_add_string(&w, rows[i].text);
        json_writer_end(&w);
        buf_addf(&want, "\"%s\"", rows[i].want);
        assert_written(&out, buf_span(&want));
        buf_free(&out);
        buf_free(&want);
    }
}

/* Every byte at every place of a word, through the parser and back. */
static void every_byte_survives(void **state)
{
    (void)state;
    struct json_parser *parser = json_parser_new();
    struct buf out;
    buf_init(&out, 4096);
    for (int byte = 0; byte < 256; byte++) {
        for (int at = 0; at < 20; at++) {
            char text[20];
            memset(text, 'x', sizeof text);
            text[at] = (char)byte;
            buf_clear(&out);
            struct json_writer w = json_writer_on(&out);
            json_add_string(&w, span_of(text, sizeof text));
            struct json root;
            assert_true(json_parse(parser, buf_span(&out), &root, NULL));
            struct span read = json_string(root);
            if (byte < 0x80)
                assert_true(span_eq(read, span_of(text, sizeof text)));
            else
                assert_int_equal(read.len, sizeof text + 2);
        }
    }
    buf_free(&out);
    json_parser_free(parser);
}

static void write_double(struct buf *out, double value)
{
    buf_clear(out);
    struct json_writer w = json_writer_on(out);
    json_add_double(&w, value);
    json_writer_end(&w);
}

static void doubles_are_short_and_exact(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    static const struct {
        double value;
        const char *want;
    } rows[] = {
        { 0, "0" },
        { 1, "1" },
        { -2.5, "-2.5" },
        { 0.1, "0.1" },
        { 0.1 + 0.2, "0.30000000000000004" },
        { 1e21, "1e+21" },
        { 1e-7, "1e-07" },
        { (double)67.56399536132812f, "67.56399536132812" },
        { (double)0.1f, "0.10000000149011612" },
        { 5e-324, "5e-324" },
        { DBL_MAX, "1.7976931348623157e+308" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        write_double(&out, rows[i].value);
        assert_written(&out, span_str(rows[i].want));
    }
    buf_clear(&out);
    struct json_writer w = json_writer_on(&out);
    json_add_float(&w, 0.198987677693367f);
    assert_written(&out, SPAN_LIT("0.198987677693367"));

    struct json_parser *parser = json_parser_new();
    uint64_t bits = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double value;
        memcpy(&value, &bits, sizeof value);
        if (value != value || value - value != 0)
            continue;
        write_double(&out, value);
        struct json root;
        assert_true(json_parse(parser, buf_span(&out), &root, NULL));
        assert_true(json_to_double(root) == value);
    }
    json_parser_free(parser);
    buf_free(&out);
}

/* Only where a locale with another decimal point is installed; the loop above holds in any. */
static void locale_does_not_matter(void **state)
{
    (void)state;
    static const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8", "fa_IR.UTF-8", "nl_NL.UTF-8" };
    struct buf out;
    buf_init(&out, 4096);
    int found = 0;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        locale_t locale = newlocale(LC_ALL_MASK, names[i], (locale_t)0);
        if (!locale)
            continue;
        found++;
        locale_t before = uselocale(locale);
        write_double(&out, 1234.5);
        uselocale(before);
        freelocale(locale);
        assert_written(&out, SPAN_LIT("1234.5"));
    }
    buf_free(&out);
    if (!found)
        skip();
}

static void stops_at_the_buffers_maximum(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 16);
    struct json_writer w = json_writer_on(&out);
    json_open_array(&w);
    for (int i = 0; i < 100; i++)
        json_add_string(&w, SPAN_LIT("long enough"));
    json_close_array(&w);
    json_writer_end(&w);
    assert_true(out.overflow);
    assert_true(out.len <= 16);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_a_document),      cmocka_unit_test(escapes_strings),
        cmocka_unit_test(every_byte_survives),    cmocka_unit_test(doubles_are_short_and_exact),
        cmocka_unit_test(locale_does_not_matter), cmocka_unit_test(stops_at_the_buffers_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
