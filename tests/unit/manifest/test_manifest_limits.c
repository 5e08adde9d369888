/* manifest: the quotas of spec F.1, and lines that are large in every way. */
#include "lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static const struct manifest_limits no_limits;

struct fixture {
    struct manifest_reader *reader;
    struct manifest_reader *unlimited;
    struct buf text;
    struct buf part;
};

static int setup(void **state)
{
    struct fixture *f = mem_zero(1, sizeof *f);
    f->reader = manifest_reader_new(&manifest_limits_default);
    f->unlimited = manifest_reader_new(&no_limits);
    buf_init(&f->text, 64 << 20);
    buf_init(&f->part, 64 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    manifest_reader_free(f->reader);
    manifest_reader_free(f->unlimited);
    buf_free(&f->text);
    buf_free(&f->part);
    free(f);
    return 0;
}

static void add(struct fixture *f, const char *quoted_text)
{
    quoted(&f->part, quoted_text);
    buf_add(&f->text, buf_span(&f->part));
}

static void begin(struct fixture *f, const char *quoted_text)
{
    buf_clear(&f->text);
    add(f, quoted_text);
}

static struct manifest_verdict verdict_of(struct fixture *f, struct manifest_reader *reader)
{
    struct manifest_verdict verdict;
    manifest_read(reader, buf_span(&f->text), &verdict);
    return verdict;
}

static bool says(const struct manifest_verdict *verdict, const char *code)
{
    return span_contains(verdict->line, span_str(code));
}

/* `filler` so often that the line has `chars` code points. */
static void make_long(struct fixture *f, size_t chars, const char *filler)
{
    static const char head[] = "{" REF ",'x':'", tail[] = "'}";
    begin(f, head);
    for (size_t i = 0; i < chars - (sizeof head - 1) - (sizeof tail - 1); i++)
        buf_add_str(&f->text, filler);
    add(f, tail);
}

static void line_length_counts_characters(void **state)
{
    struct fixture *f = *state;
    static const char *const fillers[] = { "x", "\xc3\xa9", "\xe2\x82\xac", "\xF0\x9F\x98\x80" };
    for (size_t i = 0; i < COUNT_OF(fillers); i++) {
        struct manifest_verdict verdict;
        make_long(f, 100000, fillers[i]);
        read_twice(f->reader, buf_span(&f->text), &verdict);
        assert_int_equal(verdict.fate, MANIFEST_KEPT);
        buf_add_char(&f->text, '\r');
        assert_int_equal(verdict_of(f, f->reader).fate, MANIFEST_KEPT);
        f->text.len--;
        buf_add_char(&f->text, ' ');
        assert_int_equal(verdict_of(f, f->reader).code, MANIFEST_LINE_TOO_LONG);
        make_long(f, 100001, fillers[i]);
        verdict = verdict_of(f, f->reader);
        assert_int_equal(verdict.fate, MANIFEST_DROPPED);
        assert_int_equal(verdict.code, MANIFEST_LINE_TOO_LONG);
        assert_true(verdict.offending.len > 250 && verdict.offending.len <= 256);
        assert_int_equal(verdict_of(f, f->unlimited).fate, MANIFEST_KEPT);
    }
    /* too long goes before not JSON and before no source-ref */
    make_long(f, 100001, "x");
    f->text.ptr[0] = '[';
    assert_int_equal(verdict_of(f, f->reader).code, MANIFEST_LINE_TOO_LONG);
    make_long(f, 100001, "x");
    f->text.ptr[3] = 'S';
    assert_int_equal(verdict_of(f, f->reader).code, MANIFEST_LINE_TOO_LONG);
    assert_int_equal(verdict_of(f, f->unlimited).code, MANIFEST_MISSING_SOURCE_REF);
    begin(f, "");
    for (int i = 0; i < 2000000; i++)
        buf_add_char(&f->text, ' ');
    assert_int_equal(verdict_of(f, f->reader).fate, MANIFEST_BLANK);
}

/* What the server adds to a line at the limit does not count when a client sends it back, but all else does. */
static void own_keys_do_not_count(void **state)
{
    struct fixture *f = *state;
    struct manifest_verdict verdict;
    make_long(f, 100000 - 20, "x");
    f->text.len--;
    add(f, ",'b':1            }");
    assert_true(buf_span(&f->text).len <= 100000);
    read_twice(f->reader, buf_span(&f->text), &verdict);
    assert_true(verdict.error);
    assert_true(verdict.line.len > 100000);
    make_long(f, 100000, "x");
    f->text.len--;
    add(f, ",'cl-errors':['");
    for (int i = 0; i < 200000; i++)
        buf_add_char(&f->text, 'y');
    add(f, "']}");
    assert_int_equal(verdict_of(f, f->reader).fate, MANIFEST_KEPT);
    f->text.len--;
    add(f, ",'z':1}");
    assert_int_equal(verdict_of(f, f->reader).code, MANIFEST_LINE_TOO_LONG);
    /* a limit stays: eight times as long is not even looked at */
    make_long(f, 50000, "x");
    f->text.len--;
    add(f, ",'cl-errors':['");
    for (int i = 0; i < 800000; i++)
        buf_add_char(&f->text, 'y');
    add(f, "']}");
    assert_int_equal(verdict_of(f, f->reader).code, MANIFEST_LINE_TOO_LONG);
}

static void source_ref_bounds(void **state)
{
    struct fixture *f = *state;
    static const struct {
        size_t bucket;
        size_t key;
        bool ok;
    } rows[] = {
        { 3, 1, true }, { 2, 1, false }, { 255, 1, true }, { 256, 1, false }, { 3, 1024, true }, { 3, 1025, false },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(f, "{'source-ref':'s3://");
        for (size_t n = 0; n < rows[i].bucket; n++)
            buf_add_char(&f->text, "aZ0.-_"[n % 6]);
        buf_add_char(&f->text, '/');
        for (size_t n = 0; n < rows[i].key; n++)
            buf_add_char(&f->text, n == 0 ? 'k' : '/');
        add(f, "'}");
        struct manifest_verdict verdict = verdict_of(f, f->reader);
        assert_int_equal(verdict.fate, rows[i].ok ? MANIFEST_KEPT : MANIFEST_DROPPED);
        if (rows[i].ok)
            assert_int_equal(verdict.bucket.len, rows[i].bucket);
        else
            assert_int_equal(verdict.code, MANIFEST_INVALID_SOURCE_REF_FORMAT);
    }
}

static void make_named(struct fixture *f, size_t chars, const char *filler, bool box)
{
    begin(f, box ? "{" REF
                   ",'BB':{" SIZE(640, 480) ",'annotations':[]},'BB-metadata':{'objects':[]," COMMON
                                            ",'type':'groundtruth/object-detection','class-map':{'0':'short','1':'"
                 : "{" REF ",'BB':1,'BB-metadata':{'confidence':0," COMMON
                   ",'type':'groundtruth/image-classification','class-name':'");
    for (size_t i = 0; i < chars; i++)
        buf_add_str(&f->text, filler);
    add(f, box ? "'}}}" : "'}}");
}

static void label_names_have_256_characters(void **state)
{
    struct fixture *f = *state;
    for (int box = 0; box < 2; box++) {
        make_named(f, 256, "\xF0\x9F\x98\x80", box);
        struct manifest_verdict verdict = verdict_of(f, f->reader);
        assert_false(verdict.error);
        assert_int_equal(verdict.label_count, box + 1);
        make_named(f, 257, "x", box);
        verdict = verdict_of(f, f->reader);
        assert_true(verdict.error);
        assert_true(says(&verdict, "\"ERROR_INVALID_LABEL_NAME_LENGTH\",\"message\":\"The length of the label name is "
                                   "invalid.\"}]},\"cl-errors\":[{\"code\":\"ERROR_NO_VALID_LABEL_ATTRIBUTES\""));
        assert_int_equal(verdict.label_count, 0);
        verdict = verdict_of(f, f->unlimited);
        assert_false(verdict.error);
        assert_int_equal(verdict.label_count, box + 1);
    }
}

static void add_boxes(struct fixture *f, const char *name, int count)
{
    buf_addf(&f->text, ",\"%s\":{\"image_size\":[{\"width\":640,\"height\":480,\"depth\":3}],\"annotations\":[", name);
    for (int i = 0; i < count; i++)
        add(f, i ? "," GOOD_BOX : GOOD_BOX);
    buf_addf(&f->text, "]},\"%s-metadata\":", name);
    add(f, "{'objects':[");
    for (int i = 0; i < count; i++)
        add(f, i ? "," SURE : SURE);
    add(f, "],'class-map':{'1':'Echo'},'type':'groundtruth/object-detection'," COMMON "}");
}

static void boxes_per_image(void **state)
{
    struct fixture *f = *state;
    begin(f, "{" REF);
    add_boxes(f, "A", 50);
    add(f, "}");
    struct manifest_verdict verdict = verdict_of(f, f->reader);
    assert_false(verdict.error);
    begin(f, "{" REF);
    add_boxes(f, "A", 51);
    add(f, "}");
    verdict = verdict_of(f, f->reader);
    assert_true(says(&verdict,
                     "],\"cl-errors\":[{\"code\":\"ERROR_TOO_MANY_BOUNDING_BOXES\",\"message\":\"There are more "
                     "bounding boxes than the allowed maximum.\"}]},\"A-metadata\":"));
    assert_true(says(&verdict, "},\"cl-errors\":[{\"code\":\"ERROR_NO_VALID_LABEL_ATTRIBUTES\""));
    assert_int_equal(verdict.label_count, 0);
    assert_true(verdict.labeled);
    assert_false(verdict_of(f, f->unlimited).error);
    /* attributes of one image share the limit; the one that goes past it is at fault */
    begin(f, "{" REF);
    add_boxes(f, "A", 30);
    add_boxes(f, "B", 21);
    add_boxes(f, "C", 20);
    add(f, "}");
    verdict = verdict_of(f, f->reader);
    assert_true(says(&verdict, "]},\"A-metadata\""));
    assert_true(says(&verdict, "ERROR_TOO_MANY_BOUNDING_BOXES\",\"message\":\"There are more bounding boxes than the "
                               "allowed maximum.\"}]},\"B-metadata\""));
    assert_true(says(&verdict, "]},\"C-metadata\""));
    assert_false(says(&verdict, "NO_VALID_LABEL_ATTRIBUTES"));
    assert_int_equal(verdict.label_count, 1);
}

static void labels_per_image(void **state)
{
    struct fixture *f = *state;
    for (int count = 50; count <= 51; count++) {
        begin(f, "{" REF);
        for (int i = 0; i < count; i++) {
            buf_addf(&f->text, ",\"a%d\":1,\"a%d-metadata\":{\"confidence\":1,\"class-name\":\"L%d\",", i, i, i);
            add(f, COMMON ",'type':'groundtruth/image-classification'}");
        }
        add(f, "}");
        struct manifest_verdict verdict = verdict_of(f, f->reader);
        assert_int_equal(verdict.error, count > 50);
        assert_int_equal(says(&verdict, "},\"cl-errors\":[{\"code\":\"ERROR_TOO_MANY_LABELS\",\"message\":\"There are "
                                        "more labels than the allowed maximum.\"}],\"cl-metadata\":"),
                         count > 50);
        assert_int_equal(verdict.label_count, 50);
        assert_int_equal(verdict_of(f, f->unlimited).label_count, count);
    }
}

static void sides_can_be_lifted(void **state)
{
    struct fixture *f = *state;
    begin(f, "{" REF ",'BB':{" SIZE(10, 9000) ",'annotations':[]},'BB-metadata':" BOXES("") "}");
    assert_true(verdict_of(f, f->reader).error);
    assert_false(verdict_of(f, f->unlimited).error);
    begin(f, "{" REF ",'BB':{" SIZE(0, 9000) ",'annotations':[]},'BB-metadata':" BOXES("") "}");
    assert_true(verdict_of(f, f->unlimited).error);
}

static void depth(void **state)
{
    struct fixture *f = *state;
    static const size_t depths[] = { 1000, 10000 };
    for (size_t d = 0; d < COUNT_OF(depths); d++) {
        begin(f, "{'x':");
        for (size_t i = 0; i < depths[d]; i++)
            buf_add_char(&f->text, '[');
        for (size_t i = 0; i < depths[d]; i++)
            buf_add_char(&f->text, ']');
        add(f, "," REF "}");
        struct manifest_verdict verdict = verdict_of(f, f->reader);
        assert_int_equal(verdict.fate, d == 0 ? MANIFEST_KEPT : MANIFEST_DROPPED);
        if (d == 1)
            assert_int_equal(verdict.code, MANIFEST_INVALID_JSON_LINE);
    }
}

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

enum { KINDS = 7, BOXES_FROM = 4, FEW = 8000, MANY = 64000 };

static void many_attributes(struct fixture *f, int kind, int count)
{
    begin(f, "{" REF);
    for (int i = 0; i < count; i++) {
        switch (kind) {
        case 0: /* keys */
            buf_addf(&f->text, ",\"a long beginning that all have, and a number %d\":1", i);
            break;
        case 1: /* the same key */
            buf_add_str(&f->text, ",\"a\":1,\"cl-errors\":1");
            break;
        case 2: /* broken attributes */
            buf_addf(&f->text, ",\"%d\":1,\"%d-metadata\":{}", i, i);
            break;
        default: /* labels, each twice */
            buf_addf(&f->text, ",\"%d\":1,\"%d-metadata\":{\"confidence\":1,\"class-name\":\"%d\",", i, i, i / 2);
            buf_add_str(&f->text, "\"human-annotated\":\"yes\",\"creation-date\":\"x\",\"type\":\"groundtruth/"
                                  "image-classification\"}");
            break;
        }
    }
    add(f, "}");
}

/* Each with another class; off the frame; an old error in each. */
static void many_boxes(struct fixture *f, int kind, int count)
{
    begin(f, "{" REF ",'BB':{" SIZE(640, 480) ",'annotations':[");
    for (int i = 0; i < count; i++)
        buf_addf(&f->text, "%s{\"class_id\":%d,\"top\":%d,\"left\":0,\"width\":9,\"height\":9%s}", i ? "," : "", i,
                 kind == 5 ? -1 : 0, kind == 6 ? ",\"cl-errors\":[]" : "");
    buf_add_str(&f->text, "]},\"BB-metadata\":{\"objects\":[");
    for (int i = 0; i < count; i++)
        buf_add_str(&f->text, i ? ",{\"confidence\":1}" : "{\"confidence\":1}");
    buf_add_str(&f->text, "],\"class-map\":{");
    for (int i = 0; i < count; i++)
        buf_addf(&f->text, "%s\"%d\":\"%d\"", i ? "," : "", i, i / 2);
    add(f, "},'type':'groundtruth/object-detection'," COMMON "}}");
}

/* The CPU seconds of a verdict on a line with so many things of a kind: the least of a few. */
static double seconds_for(struct fixture *f, int kind, int count)
{
    double least = 0;
    (kind >= BOXES_FROM ? many_boxes : many_attributes)(f, kind, count);
    assert_false(f->text.overflow);
    for (int round = 0; round < 2; round++) {
        double from_s = cpu_s();
        struct manifest_verdict verdict = verdict_of(f, f->unlimited);
        double took_s = cpu_s() - from_s;
        assert_int_equal(verdict.fate, MANIFEST_KEPT);
        if (kind == 3 || kind == 4 || kind == 6)
            assert_int_equal(verdict.label_count, count / 2);
        if (round == 0 || took_s < least)
            least = took_s;
    }
    return least;
}

/* Eight times as many things take 8 times as long, a little more for sorting, 64 times where it is quadratic. Both are
   measured here, so that neither a sanitizer nor a busy machine counts. */
static void nothing_is_quadratic(void **state)
{
    enum { MORE_AT_MOST = 28 };
    struct fixture *f = *state;
    for (int kind = 0; kind < KINDS; kind++) {
        double few_s = seconds_for(f, kind, FEW), many_s = seconds_for(f, kind, MANY);
        if (many_s > MORE_AT_MOST * few_s)
            fail_msg("kind %d: %d things take %.4f s, %d take %.4f s", kind, FEW, few_s, MANY, many_s);
        print_message("kind %d: %.1f times as long for %d times as many\n", kind, many_s / few_s, MANY / FEW);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(line_length_counts_characters, setup, teardown),
        cmocka_unit_test_setup_teardown(own_keys_do_not_count, setup, teardown),
        cmocka_unit_test_setup_teardown(source_ref_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(label_names_have_256_characters, setup, teardown),
        cmocka_unit_test_setup_teardown(boxes_per_image, setup, teardown),
        cmocka_unit_test_setup_teardown(labels_per_image, setup, teardown),
        cmocka_unit_test_setup_teardown(sides_can_be_lifted, setup, teardown),
        cmocka_unit_test_setup_teardown(depth, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_quadratic, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
