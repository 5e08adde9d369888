/*
 * model: the tables agree with themselves, and every pattern that has a matcher in C means what PCRE2 makes of its
 * text.
 */
#include "api/decode.h"
#include "api/operation.h"
#include "api/patterns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define P_ARN "arn:aws:rekognition:us-east-1:123456789012:project/p/1690476084535"
#define D_ARN "arn:aws:rekognition:us-east-1:123456789012:project/p/dataset/train/1690476084535"
#define LETTERS_64 "0123456789abcdef0123456789ABCDEF____----....zyxwvutsrqponmlkjihg"
#define NAME_255 LETTERS_64 LETTERS_64 LETTERS_64 "0123456789abcdef0123456789ABCDEF____----....zyxwvutsrqponmlkjih"

struct row {
    enum pattern pattern;
    const char *value;
    bool matches;
};

static const struct row rows[] = {
    { PATTERN_PROJECT_ARN, P_ARN, true },
    { PATTERN_PROJECT_ARN, P_ARN "\n", false },
    { PATTERN_PROJECT_ARN, "\n" P_ARN, false },
    { PATTERN_PROJECT_ARN, P_ARN "x", false },
    { PATTERN_PROJECT_ARN, D_ARN, false },
    { PATTERN_PROJECT_ARN, "", false },
    { PATTERN_DATASET_ARN, D_ARN, true },
    { PATTERN_DATASET_ARN, D_ARN "\n", false },
    { PATTERN_DATASET_ARN, P_ARN, false },
    { PATTERN_NAME, "a-Z_0.9", true },
    { PATTERN_NAME, NAME_255 "x", true },
    { PATTERN_NAME, "", false },
    { PATTERN_NAME, "a b", false },
    { PATTERN_NAME, "a\n", false },
    { PATTERN_NAME, "gr\xc3\xb6sse", false },
    { PATTERN_NAME, "a/b", false },
    { PATTERN_NAME, "a,b", false },
    { PATTERN_BUCKET, "", true },
    { PATTERN_BUCKET, "a-Z_0.9", true },
    { PATTERN_BUCKET, "a/b", false },
    { PATTERN_BUCKET, "a\n", false },
    { PATTERN_LABEL, "a", true },
    { PATTERN_LABEL, " ", true },
    { PATTERN_LABEL, "\xf0\x9f\x98\x80", true },
    { PATTERN_LABEL, "", false },
    { PATTERN_LABEL, "a\n", false },
    { PATTERN_LABEL, "\n", false },
    { PATTERN_LABEL, "a\nb", false },
    { PATTERN_LABEL, "a\r", false },
    { PATTERN_LABEL, "\xff", false },
    { PATTERN_QUERY, "a", true },
    { PATTERN_QUERY, " a ", true },
    { PATTERN_QUERY, "\xc2\xa0", true }, /* no-break space is none of \s */
    { PATTERN_QUERY, "", false },
    { PATTERN_QUERY, "  \t", false },
    { PATTERN_QUERY, "a\n", false },
    { PATTERN_TAG_KEY, "Team", true },
    { PATTERN_TAG_KEY, "a b_.:/=+-@9", true },
    { PATTERN_TAG_KEY, "\xc3\xa4\xce\xb1\xe4\xb8\xad\xd9\xa3", true },
    { PATTERN_TAG_KEY, "\xe3\x80\x80\xc2\xa0\xe2\x80\xa8", true }, /* separators of all kinds */
    { PATTERN_TAG_KEY, "", true },                                 /* its length is another matter */
    { PATTERN_TAG_KEY, "aws", true },
    { PATTERN_TAG_KEY, "AWS:x", true },
    { PATTERN_TAG_KEY, " aws:x", true },
    { PATTERN_TAG_KEY, "aws:", false },
    { PATTERN_TAG_KEY, "aws:x", false },
    { PATTERN_TAG_KEY, "a\n", false },
    { PATTERN_TAG_KEY, "a\t", false },
    { PATTERN_TAG_KEY, "k!", false },
    { PATTERN_TAG_KEY, "a*", false },
    { PATTERN_TAG_KEY, "\xf0\x9f\x98\x80", false },
    { PATTERN_TAG_KEY, "e\xcc\x81", false }, /* a combining mark is no letter */
    { PATTERN_TAG_VALUE, "", true },
    { PATTERN_TAG_VALUE, "aws:x", true },
    { PATTERN_TAG_VALUE, "a,b", false },
    { PATTERN_TAG_VALUE, "a\n", false },
    { PATTERN_ENTRY, "{}", true },
    { PATTERN_ENTRY, "{}\n", false },
    { PATTERN_ENTRY, "x", false },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct model_pattern *pattern = &patterns[rows[i].pattern];
        if (model_pattern_matches(pattern, span_str(rows[i].value)) != rows[i].matches ||
            pattern_text_matches(pattern, span_str(rows[i].value)) != rows[i].matches)
            fail_msg("%s on '%s'", pattern->text, rows[i].value);
    }
    assert_false(model_pattern_matches(&patterns[PATTERN_NAME], span_of("a\0b", 3)));
    assert_true(model_pattern_matches(&patterns[PATTERN_BUCKET], SPAN_NONE));
}

/* --- matchers in C against their texts ---------------------------------------------------------------------------- */

static uint32_t seed = 20230727;

static uint32_t random_below(uint32_t bound)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % bound;
}

static void append(struct buf *out, const char *const *pieces, size_t count)
{
    buf_add_str(out, pieces[random_below((uint32_t)count)]);
}

/* The pieces of an ARN in their order: what may stand there, and what may not, or only looks like it. */
enum { CHOICES = 6 };
static const struct piece {
    const char *right[CHOICES], *wrong[CHOICES];
} pieces[] = {
    { { "arn:" }, { "arn", "Arn:", " arn:", "\n", "" } },
    { { "aws:", "aws-cn:", "-:", "0:" }, { ":", "AWS:", "a b:", "a\xc3\xa4:" } },
    { { "rekognition:" }, { "s3:", "rekognition", "Rekognition:", ":" } },
    { { "us-east-1:", "eu-west-2:", "1:", "-:" }, { ":", "US:", "a_b:", "a:b:" } },
    { { "123456789012:", "000000000000:" }, { "12345678901:", "1234567890123:", "12345678901x:", ":" } },
    { { "project/" }, { "project", "Project/", "projects/", "/", "" } },
    { { "p", "a.B_c-9", NAME_255, "dataset", "version", "1" }, { NAME_255 "x", "", "a b", "/", "\xc3\xa4" } },
    { { "/", "/dataset/train/", "/dataset/test/" },
      { "/version/v/", "/version/" NAME_255 "/", "/dataset/TRAIN/", "/dataset/", "/dataset//", "" } },
    { { "1", "1690476084535", "007" }, { "", "x", "-1", "1/1", "\xd9\xa3" } },
    { { "" }, { "\n", " ", "/", "\r", "x" } },
};

/* An ARN in which each piece is mostly right. */
static void make_arn(struct buf *out)
{
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        const char *const *choices = random_below(10) ? pieces[i].right : pieces[i].wrong;
        size_t count = 0;
        while (count < CHOICES && choices[count])
            count++;
        append(out, choices, count);
        if (i == 8 && random_below(50) == 0) /* past the longest ARN, and around it */
            for (unsigned more = random_below(2500); more > 0; more--)
                buf_add_char(out, '7');
    }
}

/* Letters of the classes, their neighbours in ASCII, and now and then others. */
static void make_letters(struct buf *out)
{
    static const char usual[] = "aAzZmM09_.-aAzZmM09_.-aAzZmM09_.-aAzZmM09_.-@[`{/:,+ \n\r\t\x01\x7f";
    static const char *const others[] = { "\xc3\xa4", "\xe4\xb8\xad", "\xf0\x9f\x98\x80", "\xd9\xa3", "\xe2\x80\xa8" };
    for (unsigned i = random_below(12); i > 0; i--) {
        if (random_below(40) == 0)
            append(out, others, COUNT_OF(others));
        else
            buf_add_char(out, usual[random_below(random_below(2) ? 44 : sizeof usual - 1)]);
    }
}

static void test_matchers_against_their_texts(void **state)
{
    (void)state;
    unsigned matched[PATTERNS] = { 0 }, missed[PATTERNS] = { 0 };
    struct buf text;
    buf_init(&text, 8192);
    for (unsigned i = 0; i < 60000; i++) {
        buf_clear(&text);
        if (i % 2)
            make_arn(&text);
        else
            make_letters(&text);
        for (unsigned p = 0; p < PATTERNS; p++) {
            if (!patterns[p].matches)
                continue;
            bool got = patterns[p].matches(buf_span(&text));
            if (got != pattern_text_matches(&patterns[p], buf_span(&text)))
                fail_msg("%s on '%s'", patterns[p].text, buf_cstr(&text));
            *(got ? &matched[p] : &missed[p]) += 1;
        }
    }
    buf_free(&text);
    for (unsigned p = 0; p < PATTERNS; p++)
        if (patterns[p].matches && (matched[p] < 200 || missed[p] < 200))
            fail_msg("%s: %u matched, %u did not: the strings try too little", patterns[p].text, matched[p], missed[p]);
}

static void hold(struct span value)
{
    for (unsigned p = 0; p < PATTERNS; p++)
        if (patterns[p].matches)
            assert_int_equal(patterns[p].matches(value), pattern_text_matches(&patterns[p], value));
}

/* Every ASCII letter in every place of some values: instead of the letter there, and before it. */
static void test_matchers_on_every_letter(void **state)
{
    (void)state;
    static const char *const values[] = { "", "a", "ab", P_ARN, D_ARN };
    char text[128];
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        size_t len = strlen(values[i]);
        for (size_t at = 0; at <= len; at++) {
            for (unsigned letter = 0; letter < 128; letter++) {
                memcpy(text, values[i], at);
                text[at] = (char)letter;
                memcpy(text + at + 1, values[i] + at, len - at);
                hold(span_of(text, len + 1));
                if (at < len)
                    memcpy(text + at + 1, values[i] + at + 1, len - at - 1);
                hold(span_of(text, len));
            }
        }
    }
}

static void test_long_values_are_judged(void **state)
{
    (void)state;
    size_t len = 8 << 20;
    char *text = mem_alloc(len);
    memset(text, ' ', len);
    assert_false(model_pattern_matches(&patterns[PATTERN_QUERY], span_of(text, len)));
    assert_true(model_pattern_matches(&patterns[PATTERN_TAG_KEY], span_of(text, len)));
    text[0] = 'x';
    assert_true(model_pattern_matches(&patterns[PATTERN_QUERY], span_of(text, len)));
    free(text);
}

/* --- the tables --------------------------------------------------------------------------------------------------- */

static void check_shape(const struct model_shape *shape, bool request);

static void check_members(const struct model_shape *shape, bool request)
{
    size_t end = 0;
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct model_member *member = &shape->members[i];
        size_t bytes = member->shape->kind == MODEL_STRUCT ? sizeof(void *) : member->shape->size;
        check_shape(member->shape, request);
        if (!request) {
            assert_false(member->required);
            continue;
        }
        assert_true(member->at >= end); /* in the struct's order, none over another */
        end = member->at + bytes;
        assert_true(end <= shape->size);
    }
    if (request)
        assert_true(shape->size - end < 8);
}

static void check_shape(const struct model_shape *shape, bool request)
{
    assert_non_null(shape->name);
    assert_int_equal(shape->kind == MODEL_ENUM, shape->words != NULL);
    assert_int_equal(shape->kind == MODEL_MAP, shape->key != NULL);
    assert_int_equal(shape->kind == MODEL_MAP || shape->kind == MODEL_LIST, shape->item != NULL);
    assert_true(!shape->pattern || shape->kind == MODEL_STRING);
    if (shape->key)
        check_shape(shape->key, request);
    if (shape->item)
        check_shape(shape->item, request);
    if (request) {
        assert_true(shape->size > 0);
        assert_int_not_equal(shape->kind, MODEL_TIME);
        assert_int_not_equal(shape->kind, MODEL_LONG);
        if (shape->item) /* what bounds the memory that a body takes; without a bound, MODEL_ITEMS_KEPT does */
            assert_true(shape->max <= 200);
    }
    if (shape->kind == MODEL_STRUCT)
        check_members(shape, request);
}

static void test_tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPERATIONS; i++) {
        char name[64];
        check_shape(operations[i].input, true);
        check_shape(operations[i].output, false);
        snprintf(name, sizeof name, "%sRequest", operations[i].name);
        assert_string_equal(operations[i].input->name, name);
        snprintf(name, sizeof name, "%sResponse", operations[i].name);
        assert_string_equal(operations[i].output->name, name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_matchers_against_their_texts),
        cmocka_unit_test(test_matchers_on_every_letter),
        cmocka_unit_test(test_long_values_are_judged),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
