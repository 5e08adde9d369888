/* sigv4: taking an Authorization header, a credential and a date apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "aws/sigv4.h"

#include <cmocka.h>

/* NULL: not there. */
static void assert_part(struct span got, const char *want)
{
    assert_int_equal(got.ptr == NULL, want == NULL);
    assert_true(span_is(got, want));
}

static void authorization(void **state)
{
    static const struct {
        const char *value, *algorithm, *credential, *signed_headers, *signature;
    } rows[] = {
        { "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=x;y, Signature=00", "AWS4-HMAC-SHA256", "a/b", "x;y", "00" },
        { "AWS4-HMAC-SHA256 Credential=a/b,SignedHeaders=x;y,Signature=00", "AWS4-HMAC-SHA256", "a/b", "x;y", "00" },
        { "  AWS4-HMAC-SHA256   Signature=00 ,\tCredential=a ,SignedHeaders=x  ", "AWS4-HMAC-SHA256", "a", "x", "00" },
        { "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256", NULL, NULL, NULL },
        { "AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256", NULL, NULL, NULL },
        { "AWS4-X Credential=, SignedHeaders=,", "AWS4-X", "", "", NULL },
        { "AWS4-X Credential, Signature=a=b", "AWS4-X", NULL, NULL, "a=b" },
        { "AWS4-X credential=a", "AWS4-X", NULL, NULL, NULL },
        { "AWS4-X Signature=1, Signature=2", "AWS4-X", NULL, NULL, "1" },
        { "", "", NULL, NULL, NULL },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sigv4_authorization parts;
        sigv4_split_authorization(span_str(rows[i].value), &parts);
        assert_true(span_is(parts.algorithm, rows[i].algorithm));
        assert_part(parts.credential, rows[i].credential);
        assert_part(parts.signed_headers, rows[i].signed_headers);
        assert_part(parts.signature, rows[i].signature);
    }
}

static void credential(void **state)
{
    static const char *const bad[] = { "", "a", "a/b/c/d", "a/b/c/d/e/f", "a/b/c/d/e/" };
    struct span key = SPAN_LIT("untouched");
    struct sigv4_scope scope;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(sigv4_split_credential(span_str(bad[i]), &key, &scope));
    assert_true(span_is(key, "untouched"));
    assert_true(sigv4_split_credential(SPAN_LIT("k/d/r/s/t"), &key, &scope));
    assert_true(span_is(key, "k") && span_is(scope.date, "d") && span_is(scope.region, "r") &&
                span_is(scope.service, "s") && span_is(scope.terminator, "t"));
    assert_true(sigv4_split_credential(SPAN_LIT("////"), &key, &scope));
    assert_true(key.len == 0 && scope.terminator.len == 0);
}

static void signed_names(void **state)
{
    (void)state;
    assert_true(sigv4_is_signed(SPAN_LIT("host"), SPAN_LIT("host")));
    assert_true(sigv4_is_signed(SPAN_LIT("a;Host;x"), SPAN_LIT("host")));
    assert_false(sigv4_is_signed(SPAN_LIT("a;hosts;ghost"), SPAN_LIT("host")));
    assert_false(sigv4_is_signed(SPAN_LIT(""), SPAN_LIT("host")));
    assert_false(sigv4_is_signed(SPAN_NONE, SPAN_LIT("host")));
}

static void dates(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {
        { "19700101T000000Z", 0 },         { "20260102T030405Z", 1767323045 }, { "20240229T235959Z", 1709251199 },
        { "20000229T000000Z", 951782400 }, { "20261231T235959Z", 1798761599 },
    };
    static const char *const bad[] = {
        "",
        "201",
        "20260102T030405",
        "20260102T030405z",
        "20260102t030405Z",
        "20260102 030405Z",
        "20260102T030405ZZ",
        "2026-01-02T03:04:05Z",
        "20260002T030405Z",
        "20261302T030405Z",
        "20260100T030405Z",
        "20260132T030405Z",
        "20260230T030405Z",
        "20250229T030405Z",
        "21000229T030405Z",
        "20260102T240405Z",
        "20260102T036005Z",
        "20260102T030460Z",
        "2026010 T030405Z",
        "+2260102T030405Z",
    };
    int64_t seconds = 7;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(sigv4_date_seconds(span_str(bad[i]), &seconds));
    assert_int_equal(seconds, 7);
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(sigv4_date_seconds(span_str(good[i].text), &seconds));
        assert_int_equal(seconds, good[i].seconds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(authorization),
        cmocka_unit_test(credential),
        cmocka_unit_test(signed_names),
        cmocka_unit_test(dates),
    };
    return cmocka_run_group_tests_name("sigv4_parts", tests, NULL, NULL);
}
