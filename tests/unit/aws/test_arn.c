/* arn: the three patterns of spec B.0.1, each of their ends tried. */
#include "aws/arn.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define PREFIX "arn:aws:rekognition:us-east-1:123456789012:"
#define NAME_255                                                                                                       \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" \
    "0123456789abcdef0123456789abcde"

static const char *const good[] = {
    PREFIX "project/p/1655158560634",
    PREFIX "project/A-z_0.9/0",
    PREFIX "project/dataset/1",
    PREFIX "project/" NAME_255 "/1",
    PREFIX "project/p/123456789012345678901234567890",
    PREFIX "project/p/dataset/train/1690476084535",
    PREFIX "project/p/dataset/test/007",
    PREFIX "project/version/dataset/train/1",
    PREFIX "project/p/version/p.2020-04-13T11.30.45/1690474772815",
    PREFIX "project/p/version/" NAME_255 "/1",
    PREFIX "project/./version/../1",
    "arn:aws-us-gov:rekognition:us-gov-west-1:000000000000:project/p/1",
    "arn:-:rekognition:-:000000000000:project/p/1",
    "arn:1:rekognition:2:000000000000:project/p/1",
};

static const char *const bad[] = {
    "",
    "arn",
    "arn:aws:rekognition:",
    PREFIX,
    PREFIX "project",
    PREFIX "project/",
    PREFIX "project/p",
    PREFIX "project/p/",
    PREFIX "project//1",
    PREFIX "project/p/1a",
    PREFIX "project/p/-1",
    PREFIX "project/p/1/",
    PREFIX "project/p/1\n",
    PREFIX "project/p /1",
    PREFIX "project/p:q/1",
    PREFIX "project/\xc3\xa9/1",
    PREFIX "project/" NAME_255 "x/1",
    PREFIX "Project/p/1",
    PREFIX "projects/p/1",
    PREFIX "project/p/dataset/train",
    PREFIX "project/p/dataset/train/",
    PREFIX "project/p/dataset/TRAIN/1",
    PREFIX "project/p/dataset/validation/1",
    PREFIX "project/p/dataset//1",
    PREFIX "project/p/dataset/train/1/2",
    PREFIX "project/p/dataset/train/x",
    PREFIX "project/p/dataset/1",
    PREFIX "project/p/version/1",
    PREFIX "project/p/version//1",
    PREFIX "project/p/version/v",
    PREFIX "project/p/version/v/",
    PREFIX "project/p/version/v/w",
    PREFIX "project/p/version/" NAME_255 "x/1",
    PREFIX "project/p/versions/v/1",
    PREFIX "project/p/model/v/1",
    " " PREFIX "project/p/1",
    PREFIX "project/p/1 ",
    "ARN:aws:rekognition:us-east-1:123456789012:project/p/1",
    "arn:AWS:rekognition:us-east-1:123456789012:project/p/1",
    "arn::rekognition:us-east-1:123456789012:project/p/1",
    "arn:aws_cn:rekognition:us-east-1:123456789012:project/p/1",
    "arn:aws:Rekognition:us-east-1:123456789012:project/p/1",
    "arn:aws:s3:us-east-1:123456789012:project/p/1",
    "arn:aws:rekognition::123456789012:project/p/1",
    "arn:aws:rekognition:US-EAST-1:123456789012:project/p/1",
    "arn:aws:rekognition:us-east-1:12345678901:project/p/1",
    "arn:aws:rekognition:us-east-1:1234567890123:project/p/1",
    "arn:aws:rekognition:us-east-1:12345678901a:project/p/1",
    "arn:aws:rekognition:us-east-1::project/p/1",
    "arn:aws:rekognition:us-east-1:123456789012/project/p/1",
    "arn:aws:rekognition:us-east-1:123456789012::project/p/1",
    "arn:aws:s3:::bucket/project/p/1",
};

static void patterns(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good) + COUNT_OF(bad); i++) {
        bool want = i < COUNT_OF(good);
        const char *text = want ? good[i] : bad[i - COUNT_OF(good)];
        struct arn arn = { .number = SPAN_LIT("untouched") };
        if (arn_parse(span_str(text), &arn) != want)
            fail_msg("%s: %s", want ? "refused" : "taken", text);
        assert_true(want || span_is(arn.number, "untouched"));
    }
}

static bool matches(const regex_t *pattern, const char *text)
{
    return regexec(pattern, text, 0, NULL, 0) == 0;
}

/* The model's own patterns decide the same, and about each text with one byte put in, taken out or changed. */
static void the_models_patterns_agree(void **state)
{
    static const char head[] = "^arn:[a-z0-9-]+:rekognition:[a-z0-9-]+:[0-9]{12}:project/[a-zA-Z0-9_.-]{1,255}/";
    static const char *const tails[] = { "[0-9]+$", "dataset/(train|test)/[0-9]+$",
                                         "version/[a-zA-Z0-9_.-]{1,255}/[0-9]+$" };
    static const char bytes[] = "a0A:/._-*\n";
    regex_t patterns_[3];
    char text[512], pattern[256];
    (void)state;
    for (unsigned k = 0; k < 3; k++) {
        snprintf(pattern, sizeof pattern, "%s%s", head, tails[k]);
        assert_int_equal(regcomp(&patterns_[k], pattern, REG_EXTENDED | REG_NOSUB), 0);
    }
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        size_t len = strlen(good[i]);
        for (size_t at = 0; at <= len && len < 120; at++) {
            for (size_t b = 0; b < 2 * sizeof bytes - 1; b++) {
                char put[2] = { b < sizeof bytes ? bytes[b] : bytes[b - sizeof bytes], '\0' };
                bool replace = b >= sizeof bytes && at < len;
                snprintf(text, sizeof text, "%.*s%s%s", (int)at, good[i], put, good[i] + at + replace);
                struct arn arn = { .kind = ARN_PROJECT };
                bool got = arn_parse(span_str(text), &arn);
                bool any = false;
                for (unsigned k = 0; k < 3; k++)
                    any |= matches(&patterns_[k], text);
                if (got != any || (got && !matches(&patterns_[arn.kind], text)))
                    fail_msg("disagree on %s", text);
            }
        }
    }
    for (unsigned k = 0; k < 3; k++)
        regfree(&patterns_[k]);
}

static void length_is_bounded(void **state)
{
    struct buf text;
    struct arn arn;
    (void)state;
    buf_init(&text, 4096);
    buf_add_str(&text, PREFIX "project/p/");
    while (text.len < ARN_LEN_MAX)
        buf_add_char(&text, '7');
    assert_true(arn_parse(buf_span(&text), &arn));
    buf_add_char(&text, '7');
    assert_false(arn_parse(buf_span(&text), &arn));
    buf_free(&text);
}

static void parts(void **state)
{
    struct arn arn;
    (void)state;
    assert_true(
        arn_parse(SPAN_LIT("arn:aws-cn:rekognition:cn-north-1:123456789012:project/birds/version/v.1/42"), &arn));
    assert_int_equal(arn.kind, ARN_VERSION);
    assert_true(span_is(arn.place.partition, "aws-cn") && span_is(arn.place.region, "cn-north-1"));
    assert_true(span_is(arn.place.account, "123456789012") && span_is(arn.project, "birds"));
    assert_true(span_is(arn.version, "v.1") && span_is(arn.number, "42"));
    assert_true(arn_parse(SPAN_LIT(PREFIX "project/p/dataset/test/1"), &arn));
    assert_true(arn.kind == ARN_DATASET && arn.dataset == ARN_TEST);
    assert_true(arn_parse(SPAN_LIT(PREFIX "project/p/dataset/train/1"), &arn));
    assert_true(arn.kind == ARN_DATASET && arn.dataset == ARN_TRAIN);
}

static void formatting_gives_back_what_was_parsed(void **state)
{
    struct buf out;
    struct arn arn;
    (void)state;
    buf_init(&out, 4096);
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(arn_parse(span_str(good[i]), &arn));
        buf_clear(&out);
        arn_format(&arn, &out);
        assert_string_equal(buf_cstr(&out), good[i]);
    }
    buf_free(&out);
}

static void formatting_new_ones(void **state)
{
    const struct arn_place place = { SPAN_LIT("aws"), SPAN_LIT("us-east-1"), SPAN_LIT("123456789012") };
    struct buf out;
    (void)state;
    buf_init(&out, 4096);
    arn_format_project(&place, SPAN_LIT("p"), 1655158560634, &out);
    assert_string_equal(buf_cstr(&out), PREFIX "project/p/1655158560634");
    buf_clear(&out);
    arn_format_dataset(&place, SPAN_LIT("p"), ARN_TEST, 1, &out);
    assert_string_equal(buf_cstr(&out), PREFIX "project/p/dataset/test/1");
    buf_clear(&out);
    arn_format_version(&place, SPAN_LIT("p"), SPAN_LIT("v"), INT64_MAX, &out);
    assert_string_equal(buf_cstr(&out), PREFIX "project/p/version/v/9223372036854775807");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns),
        cmocka_unit_test(the_models_patterns_agree),
        cmocka_unit_test(length_is_bounded),
        cmocka_unit_test(parts),
        cmocka_unit_test(formatting_gives_back_what_was_parsed),
        cmocka_unit_test(formatting_new_ones),
    };
    return cmocka_run_group_tests_name("arn", tests, NULL, NULL);
}
