/* manifest: its parts alone: names, splice and the codes' texts. */
#include "base/buf.h"
#include "manifest/manifest.h"
#include "manifest/names.h"
#include "manifest/splice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* Few names are searched, many are sorted: both must find the same. */
static void finds_first_and_last(void **state)
{
    (void)state;
    enum { MANY = 300 };
    static const uint32_t counts[] = { 0, 1, 2, 7, 8, 9, 10, 64, MANY };
    struct names names = { 0 };
    char texts[MANY][16];
    for (size_t c = 0; c < COUNT_OF(counts); c++) {
        uint32_t count = counts[c];
        for (uint32_t kinds = 1; kinds <= count; kinds = kinds * 2 + 1) {
            names_clear(&names);
            for (uint32_t i = 0; i < count; i++) {
                snprintf(texts[i], sizeof texts[i], "%u", (i * 7 + 3) % kinds);
                names_add(&names, span_str(texts[i]));
            }
            names_seal(&names);
            for (uint32_t i = 0; i < count; i++) {
                uint32_t first = NAMES_NONE, last = NAMES_NONE;
                for (uint32_t j = 0; j < count; j++) {
                    if (strcmp(texts[j], texts[i]) != 0)
                        continue;
                    first = first == NAMES_NONE ? j : first;
                    last = j;
                }
                assert_int_equal(names_find(&names, span_str(texts[i]), NAMES_FIRST), first);
                assert_int_equal(names_find(&names, span_str(texts[i]), NAMES_LAST), last);
            }
        }
        static const char *const absent[] = { "", "x", "/", "0 ", "9999" };
        for (size_t i = 0; i < COUNT_OF(absent); i++) {
            assert_int_equal(names_find(&names, span_str(absent[i]), NAMES_FIRST), NAMES_NONE);
            assert_int_equal(names_find(&names, span_str(absent[i]), NAMES_LAST), NAMES_NONE);
        }
    }
    names_free(&names);
}

static void cuts_into_parts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *parts; /* head|value|tail; */
    } rows[] = {
        { "{}", "" },
        { "[]", "" },
        { "{ \t}", "" },
        { "[1]", "|1|;" },
        { "[ 1 , 2 ]", " |1| ; |2| ;" },
        { "{\"a\":1}", "\"a\":|1|;" },
        { "{ \"a\" : 1 ,\"b\":{\"c\":[1,{}]} }", " \"a\" : |1| ;\"b\":|{\"c\":[1,{}]}| ;" },
        { "[\"]\\\",\",[\"}\\\\\"],null,-1e5]", "|\"]\\\",\"|;|[\"}\\\\\"]|;|null|;|-1e5|;" },
        { "{\"a\\\":1,\":\",}\",\"\":[ ]}", "\"a\\\":1,\":|\",}\"|;\"\":|[ ]|;" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf parts, whole;
        buf_init(&parts, 4096);
        buf_init(&whole, 4096);
        struct splice walk = splice_open(span_str(rows[i].text));
        struct splice_part part;
        bool any = false;
        while (splice_next(&walk, &part)) {
            buf_addf(&parts, SPAN_FMT "|" SPAN_FMT "|" SPAN_FMT ";", SPAN_ARG(part.head), SPAN_ARG(part.value),
                     SPAN_ARG(part.tail));
            buf_add_char(&whole, any ? ',' : rows[i].text[0]);
            buf_add(&whole, part.whole);
            any = true;
        }
        assert_false(splice_next(&walk, &part));
        assert_string_equal(buf_cstr(&parts), rows[i].parts);
        if (any) {
            buf_add_char(&whole, rows[i].text[strlen(rows[i].text) - 1]);
            assert_string_equal(buf_cstr(&whole), rows[i].text);
        }
        buf_free(&parts);
        buf_free(&whole);
    }
}

static void codes_have_names_and_texts(void **state)
{
    (void)state;
    for (unsigned code = MANIFEST_OK + 1; code < MANIFEST_CODE_COUNT; code++) {
        assert_true(span_starts(span_str(manifest_code_name(code)), SPAN_LIT("ERROR_")));
        assert_true(span_ends(span_str(manifest_code_message(code)), SPAN_LIT(".")));
        for (unsigned other = MANIFEST_OK + 1; other < code; other++)
            assert_string_not_equal(manifest_code_name(code), manifest_code_name(other));
    }
    assert_string_equal(manifest_code_name(MANIFEST_INVALID_JSON_LINE), "ERROR_INVALID_JSON_LINE");
    assert_string_equal(manifest_code_message(MANIFEST_INVALID_JSON_LINE), "The JSON Line has an invalid format.");
    assert_string_equal(manifest_code_name(MANIFEST_MISSING_SOURCE_REF), "ERROR_MISSING_SOURCE_REF");
    assert_string_equal(manifest_code_message(MANIFEST_MISSING_SOURCE_REF), "The source-ref key is missing.");
    assert_string_equal(manifest_code_name(MANIFEST_INVALID_SOURCE_REF_FORMAT), "ERROR_INVALID_SOURCE_REF_FORMAT");
    assert_string_equal(manifest_code_message(MANIFEST_INVALID_SOURCE_REF_FORMAT),
                        "The format of the source-ref value is invalid.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_first_and_last),
        cmocka_unit_test(cuts_into_parts),
        cmocka_unit_test(codes_have_names_and_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
