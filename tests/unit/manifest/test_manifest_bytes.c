/* manifest: bytes and key order stay, the server's keys come and go, and lines come from anywhere. */
#include "lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rows.h"

#define GONE                                                                                                           \
    ",'cl-metadata':{'is_labeled':true,'x':[1,{}]},'cl-errors':[{'code':'X','message':'a,b}]'}],'cl-warnings':[]"

static void takes_out_the_servers_keys(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "{" REF GONE "}", "{" REF LABELED("false"), "" },
        { "{'cl-metadata':{}," REF "}", "{" REF LABELED("false"), "" },
        { "{'errors':1,'warnings':2," REF ",'cl-errors':3,'cl-warnings':4,'cl-errors':5}", "{" REF LABELED("false"),
          "" },
        { "{'\\u0063l-metadata':7,'err\\u006frs':7," REF "}", "{" REF LABELED("false"), "" },
        /* cl-metadata is nobody's metadata, and the server's keys are no attributes */
        { "{" REF ",'cl':1,'cl-metadata':" IMAGE("S") "}", "{" REF ",'cl':1,<NO_LABEL_ATTRIBUTES>" LABELED("false"),
          "" },
        { "{" REF ",'errors':1,'errors-metadata':" IMAGE("S") "}",
          "{" REF ",'errors-metadata':" IMAGE("S") ",<NO_LABEL_ATTRIBUTES>" LABELED("false"), "" },
        { "{" REF ",'cl-metadata':1,'cl-metadata-metadata':" IMAGE("S") "}",
          "{" REF ",'cl-metadata-metadata':" IMAGE("S") ",<NO_LABEL_ATTRIBUTES>" LABELED("false"), "" },
        /* metadata, value and annotations */
        { "{" REF ",'a':1,'a-metadata':" IMAGE_OPEN("S") GONE "}}",
          "{" REF ",'a':1,'a-metadata':" IMAGE("S") LABELED("true"), "S[ud]" },
        { "{" REF ",'BB':{'cl-errors':[]," SIZE(640, 480) ",'warnings':[1,2],'annotations':[" BOX_OPEN(1, 251, 399, 155,
                                                                                                       101) GONE
          "},{'errors':1,'class_id':0,'top':1,'left':2,'width':3,'height':4}]},'BB-metadata':" BOXES(SURE "," SURE) "}",
          "{" REF ",'BB':{" SIZE(
              640, 480) ",'annotations':[" GOOD_BOX
                        ",{'class_id':0,'top':1,'left':2,'width':3,'height':4}]},'BB-metadata':" BOXES(SURE "," SURE)
                            LABELED("true"),
          "Echo[ubd] Echo Dot[ubd]" },
        /* an error that was mended goes, one that came is put in its place */
        { "{" REF ",'BB':{" SIZE(640, 480) ",'annotations':[" BOX_OPEN(1, -1, 0, 9, 9) ",'errors':[]}," BOX_OPEN(
              0, 0, 0, 9, 9) ",<INVALID_BOUNDING_BOX>}],<NO_VALID_ANNOTATIONS>},'BB-metadata'"
                             ":" BOXES(SURE "," SURE) ",<NO_VALID_LABEL_ATTRIBUTES>" LABELED("true"),
          "{" REF ",'BB':{" SIZE(640, 480) ",'annotations':[" BOX_OPEN(1, -1, 0, 9, 9) ",<INVALID_BOUNDING_BOX>}," BOX(
              0, 0, 0, 9, 9) "]},'BB-metadata':" BOXES(SURE "," SURE) LABELED("true"),
          "Echo[ubd] Echo Dot[d]" },
        /* also where the type is unknown and the annotations are not looked at */
        { "{" REF ",'BB':{'annotations':[{'cl-errors':[]},7,{ } ]},'BB-metadata':{'type':'x'," COMMON "}}",
          "{" REF ",'BB':{'annotations':[{},7,{ } ]},'BB-metadata':{'type':'x'," COMMON
          ",<UNSUPPORTED_USE_CASE_TYPE>},<NO_VALID_LABEL_ATTRIBUTES>" LABELED("true"),
          "" },
        /* elsewhere those names are the user's */
        { "{" REF ",'x':{'cl-errors':1},'BB':{" SIZE(
              640,
              480) ",'annotations':[],'note':{'errors':2}},'BB-metadata':" BOXES_OPEN("") ",'note':{'cl-metadata':3}}}",
          "{" REF
          ",'x':{'cl-errors':1},'BB':{" SIZE(640, 480) ",'annotations':[],'note':{'errors':2}},'BB-metadata'"
                                                       ":" BOXES_OPEN("") ",'note':{'cl-metadata':3}}" LABELED("false"),
          "Echo[d] Echo Dot[d]" },
        /* only the last of equal members is the server's to change */
        { "{" REF ",'a':{'errors':1},'a':1,'a-metadata':{'errors':1},'a-metadata':" IMAGE_OPEN("S") ",'errors':1}}",
          "{" REF ",'a':{'errors':1},'a':1,'a-metadata':{'errors':1},'a-metadata':" IMAGE("S") LABELED("true"),
          "S[ud]" },
        { "{" REF
          ",'BB':{'annotations':[{'errors':1}]," SIZE(640, 480) ",'annotations':[]},'BB-metadata':" BOXES("") "}",
          "{" REF ",'BB':{'annotations':[{'errors':1}]," SIZE(640, 480) ",'annotations':[]},'BB-metadata':" BOXES("")
              LABELED("false"),
          "Echo[d] Echo Dot[d]" },
    };
    check_rows(rows, COUNT_OF(rows));
}

static void keeps_bytes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* white space inside stays, outside goes; no comma before what stands alone */
        { " \t{ " REF " } \r\t ", "{ " REF " " LABELED("false"), "" },
        { "{ 'cl-metadata' : { } , " REF " , 'errors' : [ ] }", "{ " REF " " LABELED("false"), "" },
        { "{" REF ",'a':1 , 'a-metadata' : { 'errors' : 1 } , 'b' : 2 }",
          "{" REF ",'a':1 , 'a-metadata' : {<INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT>} , 'b' : 2 ,'cl-metadata':"
          "{'is_labeled':false}}",
          "" },
        { "{" REF ",'BB':{ 'errors':1 },'BB-metadata':" IMAGE("S") "}",
          "{" REF ",'BB':{<INVALID_LABEL_ATTRIBUTE_FORMAT>},'BB-metadata':" IMAGE("S") LABELED("true"), "" },
        /* spelling of strings and numbers */
        { "{" REF ",'a':1.0e0,'x':[1e400,-0,'\\\\','],}{','\\u00e9\\/\xc3\xa9\\'{'],'a-metadata':" IMAGE_OPEN(
              "S") ",'errors':0}}",
          "{" REF ",'a':1.0e0,'x':[1e400,-0,'\\\\','],}{','\\u00e9\\/\xc3\xa9\\'{'],'a-metadata':" IMAGE("S")
              LABELED("true"),
          "S[ud]" },
    };
    check_rows(rows, COUNT_OF(rows));
}

static struct manifest_verdict verdict_of(struct manifest_reader *reader, struct span line)
{
    struct manifest_verdict verdict;
    read_twice(reader, line, &verdict);
    return verdict;
}

static void takes_any_line_end_and_bom(void **state)
{
    (void)state;
    static const struct span want =
        SPAN_LIT("{\"source-ref\":\"s3://bucket/a.jpg\",\"cl-metadata\":{\"is_labeled\":false}}");
    static const char *const lines[] = {
        "{\"source-ref\":\"s3://bucket/a.jpg\"}",
        "{\"source-ref\":\"s3://bucket/a.jpg\"}\r",
        "\xEF\xBB\xBF{\"source-ref\":\"s3://bucket/a.jpg\"}",
        "\xEF\xBB\xBF {\"source-ref\":\"s3://bucket/a.jpg\"} \r",
    };
    static const char *const blanks[] = {
        "", " ", "\t \t", "\r", " \r", "\xEF\xBB\xBF", "\xEF\xBB\xBF \r", "\f", "\v "
    };
    static const char *const bad[] = { "\xEF\xBB\xBF\xEF\xBB\xBF{}", "\xEF\xBB", "\xC2\xA0", "{}\n{}" };
    struct manifest_reader *reader = manifest_reader_new(&manifest_limits_default);
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        assert_true(span_eq(verdict_of(reader, span_str(lines[i])).line, want));
    for (size_t i = 0; i < COUNT_OF(blanks); i++)
        assert_int_equal(verdict_of(reader, span_str(blanks[i])).fate, MANIFEST_BLANK);
    assert_int_equal(verdict_of(reader, SPAN_NONE).fate, MANIFEST_BLANK);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(verdict_of(reader, span_str(bad[i])).code, MANIFEST_INVALID_JSON_LINE);
    assert_int_equal(verdict_of(reader, SPAN_LIT("{\"source-ref\":\"s3://bucket/a.jpg\"}\0")).code,
                     MANIFEST_INVALID_JSON_LINE);
    manifest_reader_free(reader);
}

static void names_itself_in_messages(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *part;
    } rows[] = {
        { "{" REF ",'a\\u0022\\n\xc3\xa9':'x','a\\u0022\\n\xc3\xa9-metadata':" IMAGE("S") "}",
          "The format of the label attribute a\\\"\\n\xc3\xa9 is invalid.\"" },
        { "{" REF ",'':1,'-metadata':{'type':'x'," COMMON "}}",
          "The use case type of the -metadata label attribute metadata is unsupported. Check the type field.\"" },
        { "{" REF ",'{}':'x','{}-metadata':" IMAGE("S") "}", "The format of the label attribute {} is invalid.\"" },
    };
    struct manifest_reader *reader = manifest_reader_new(&manifest_limits_default);
    struct buf text;
    buf_init(&text, 1 << 20);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        quoted(&text, rows[i].line);
        struct manifest_verdict verdict = verdict_of(reader, buf_span(&text));
        assert_true(verdict.error);
        if (!span_contains(verdict.line, span_str(rows[i].part)))
            fail_msg("no %s in " SPAN_FMT, rows[i].part, SPAN_ARG(verdict.line));
    }
    buf_free(&text);
    manifest_reader_free(reader);
}

static void names_hold_any_character(void **state)
{
    (void)state;
    struct manifest_reader *reader = manifest_reader_new(&manifest_limits_default);
    struct buf text;
    buf_init(&text, 1 << 20);
    quoted(&text, "{" REF ",'a':1,'a-metadata':" IMAGE("\\u0000\\n\\ud83d\\ude00") "}");
    struct manifest_verdict verdict = verdict_of(reader, buf_span(&text));
    assert_int_equal(verdict.label_count, 1);
    assert_true(span_eq(verdict.labels[0].name, SPAN_LIT("\0\n\xF0\x9F\x98\x80")));
    buf_free(&text);
    manifest_reader_free(reader);
}

static void shows_what_was_dropped(void **state)
{
    (void)state;
    struct manifest_reader *reader = manifest_reader_new(&manifest_limits_default);
    struct buf text;
    buf_init(&text, 1 << 20);
    struct manifest_verdict verdict = verdict_of(reader, SPAN_LIT(" nonsense \r"));
    assert_true(span_is(verdict.offending, "nonsense"));
    assert_int_equal(verdict.line.len, 0);
    verdict = verdict_of(reader, SPAN_LIT("{\"source-ref\":\"http:\\/\\/x\"}"));
    assert_true(span_is(verdict.offending, "http://x"));
    for (int shift = 0; shift < 4; shift++) { /* cut between characters, wherever byte 256 falls */
        buf_clear(&text);
        for (int i = 0; i < shift; i++)
            buf_add_char(&text, 'x');
        for (int i = 0; i < 100; i++)
            buf_add_str(&text, "\xF0\x9F\x98\x80");
        verdict = verdict_of(reader, buf_span(&text));
        assert_int_equal(verdict.code, MANIFEST_INVALID_JSON_LINE);
        assert_int_equal(verdict.offending.len, 252 + (size_t)shift + (shift == 0 ? 4 : 0));
    }
    buf_free(&text);
    manifest_reader_free(reader);
}

static void reads_after_any_line(void **state)
{
    (void)state;
    struct manifest_reader *reader = manifest_reader_new(&manifest_limits_default);
    struct buf good, bad;
    buf_init(&good, 1 << 20);
    buf_init(&bad, 1 << 20);
    quoted(&good, "{" REF ",'a':1,'a-metadata':" IMAGE("S") "}");
    static const char *const others[] = {
        "{",
        "",
        "{'source-ref':1}",
        "{" REF ",'b':1}",
        "{" REF ",'BB':{" SIZE(1, 1) ",'annotations':[]},'BB-metadata':" BOXES("") "}",
        "{" REF GONE "}",
    };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        quoted(&bad, others[i]);
        verdict_of(reader, buf_span(&bad));
        struct manifest_verdict verdict = verdict_of(reader, buf_span(&good));
        assert_int_equal(verdict.fate, MANIFEST_KEPT);
        assert_false(verdict.error);
        assert_true(verdict.labeled);
        assert_int_equal(verdict.label_count, 1);
        assert_int_equal(verdict.line.len, buf_span(&good).len + strlen(",'cl-metadata':{'is_labeled':true}"));
    }
    buf_free(&good);
    buf_free(&bad);
    manifest_reader_free(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_out_the_servers_keys), cmocka_unit_test(keeps_bytes),
        cmocka_unit_test(takes_any_line_end_and_bom), cmocka_unit_test(names_itself_in_messages),
        cmocka_unit_test(names_hold_any_character),   cmocka_unit_test(shows_what_was_dropped),
        cmocka_unit_test(reads_after_any_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
