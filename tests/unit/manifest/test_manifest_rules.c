/* manifest: every code of spec D.5.2 and D.6, its place, and the labels that are left; one row per rule. */
#include "lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rows.h"

static void drops_lines(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum manifest_code code;
    } rows[] = {
        { "{", MANIFEST_INVALID_JSON_LINE },
        { "not json", MANIFEST_INVALID_JSON_LINE },
        { "[" REF "]", MANIFEST_INVALID_JSON_LINE },
        { "['" REF "']", MANIFEST_INVALID_JSON_LINE },
        { "[]", MANIFEST_INVALID_JSON_LINE },
        { "'source-ref'", MANIFEST_INVALID_JSON_LINE },
        { "{" REF "} {}", MANIFEST_INVALID_JSON_LINE },
        { "{" REF ",}", MANIFEST_INVALID_JSON_LINE },
        { "{" REF ",'a':01}", MANIFEST_INVALID_JSON_LINE },
        { "{" REF ",'a':NaN}", MANIFEST_INVALID_JSON_LINE },
        { "{" REF ",'a':'\\ud800'}", MANIFEST_INVALID_JSON_LINE },
        { "{" REF ",'a':'\\udc00'}", MANIFEST_INVALID_JSON_LINE },
        { "{" REF ",'a':'\xff'}", MANIFEST_INVALID_JSON_LINE },
        { "{" REF ",'a':'\xed\xa0\x80'}", MANIFEST_INVALID_JSON_LINE },
        { "\x1f\x8b\x08", MANIFEST_INVALID_JSON_LINE },
        { "\f{" REF "}", MANIFEST_INVALID_JSON_LINE },
        { "{}", MANIFEST_MISSING_SOURCE_REF },
        { "{'cl-metadata':{'is_labeled':true}}", MANIFEST_MISSING_SOURCE_REF },
        { "{'Source-Ref':'s3://bucket/a.jpg'}", MANIFEST_MISSING_SOURCE_REF },
        { "{'a':1,'a-metadata':" IMAGE("Sun") "}", MANIFEST_MISSING_SOURCE_REF },
        { "{'source-ref':null}", MANIFEST_INVALID_SOURCE_REF_FORMAT },
        { "{'source-ref':7}", MANIFEST_INVALID_SOURCE_REF_FORMAT },
        { "{'source-ref':['s3://bucket/a.jpg']}", MANIFEST_INVALID_SOURCE_REF_FORMAT },
        { "{'source-ref':''}", MANIFEST_INVALID_SOURCE_REF_FORMAT },
        { "{'source-ref':'bucket/a.jpg'}", MANIFEST_INVALID_SOURCE_REF_FORMAT },
        { "{'source-ref':'S3://bucket/a.jpg'}", MANIFEST_INVALID_SOURCE_REF_FORMAT },
        { "{'source-ref':' s3://bucket/a.jpg'}", MANIFEST_INVALID_SOURCE_REF_FORMAT },
        { "{'source-ref':'https://bucket.s3.amazonaws.com/a.jpg'}", MANIFEST_INVALID_SOURCE_REF_FORMAT },
        { "{'source-ref':'s3://bucket'}", MANIFEST_INVALID_SOURCE_REF_FORMAT },
        { "{'source-ref':'s3://bucket/'}", MANIFEST_INVALID_SOURCE_REF_FORMAT },
        { "{'source-ref':'s3:///a.jpg'}", MANIFEST_INVALID_SOURCE_REF_FORMAT },
        { "{'source-ref':'s3://bu/a.jpg'}", MANIFEST_INVALID_SOURCE_REF_FORMAT },
        { "{'source-ref':'s3://buck et/a.jpg'}", MANIFEST_INVALID_SOURCE_REF_FORMAT },
        { "{'source-ref':'s3://b\xc3\xbc"
          "cket/a.jpg'}",
          MANIFEST_INVALID_SOURCE_REF_FORMAT },
        { "{'source-ref':'s3://bucket/a\\u0000.jpg'}", MANIFEST_INVALID_SOURCE_REF_FORMAT },
        { "{" REF ",'source-ref':'no'}", MANIFEST_INVALID_SOURCE_REF_FORMAT },
    };
    struct manifest_reader *reader = manifest_reader_new(&manifest_limits_default);
    struct buf text;
    buf_init(&text, 1 << 20);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct manifest_verdict verdict;
        quoted(&text, rows[i].line);
        manifest_read(reader, buf_span(&text), &verdict);
        if (verdict.fate != MANIFEST_DROPPED || verdict.code != rows[i].code)
            fail_msg("%s: fate %d, %s", rows[i].line, (int)verdict.fate, manifest_code_name(verdict.code));
        assert_true(verdict.offending.len <= 256);
    }
    buf_free(&text);
    manifest_reader_free(reader);
}

/* A line that stays as it is, its labels, and what is added. */
#define CLEAN(line, labels, is)                                                                                        \
    {                                                                                                                  \
        "{" line "}", "{" line LABELED(is), labels                                                                     \
    }

static void keeps_good_lines(void **state)
{
    (void)state;
    static const struct row rows[] = {
        CLEAN(REF, "", "false"),
        CLEAN(REF ",'a':1,'a-metadata':" IMAGE("Sunrise"), "Sunrise[ud]", "true"),
        CLEAN(REF ",'a':0,'a-metadata':" IMAGE("Sunrise"), "Sunrise[ud]", "true"),
        CLEAN(REF ",'a':-7.0,'a-metadata':" IMAGE("Sunrise"), "Sunrise[ud]", "true"),
        /* metadata before its value, other keys anywhere */
        CLEAN("'a-metadata':" IMAGE("Sunrise") ",'x':[null],'a':1," REF, "Sunrise[ud]", "true"),
        CLEAN(REF
              ",'a':1,'a-metadata':{'more':{'errors':[1]},'confidence':0.25,'class-name':'Sunrise','human-annotated':"
              "'no','creation-date':'2013-11-18 02:53:27','type':'groundtruth/image-classification','job-name':''}",
              "Sunrise[ud]", "true"),
        /* several labels; a name twice counts once; the order of the values, not of the metadata */
        CLEAN(REF ",'a':1,'b':1,'c':1,'c-metadata':" IMAGE("C") ",'b-metadata':" IMAGE("B") ",'a-metadata':" IMAGE("B"),
              "B[ud] C[ud]", "true"),
        /* boxes; a class that no box uses is declared */
        CLEAN(REF ",'BB':{" SIZE(640, 480) ",'annotations':[" GOOD_BOX "]},'BB-metadata':" BOXES(SURE),
              "Echo[d] Echo Dot[ubd]", "true"),
        CLEAN(REF ",'BB':{'annotations':[" GOOD_BOX
                  "," BOX(0, 0, 0, 640, 480) "]," SIZE(640, 480) "},'BB-metadata':" BOXES(SURE ",{'confidence':0.5}"),
              "Echo[ubd] Echo Dot[ubd]", "true"),
        CLEAN(REF ",'BB':{" SIZE(64, 4096) ",'annotations':[" BOX(
                  0, 4092.0, 60.0, 4, 4) "]},'BB-metadata':"
                                         "{'objects':[{'confidence':-3}],'class-map':{'0':'Far'},'type':'groundtruth/"
                                         "object-detection'," COMMON "}",
              "Far[ubd]", "true"),
        /* no boxes: nothing is labelled, classes are declared, and nothing is wrong */
        CLEAN(REF ",'BB':{" SIZE(640, 480) ",'annotations':[]},'BB-metadata':" BOXES(""), "Echo[d] Echo Dot[d]",
              "false"),
        CLEAN(REF ",'BB':{" SIZE(
                  640, 480) ",'annotations':[]},'BB-metadata':{'objects':[],'class-map':{},"
                            "'type':'groundtruth/object-detection','class-name':'not a label here'," COMMON "}",
              "", "false"),
        /* mixed: one name on the image and on a box */
        CLEAN(REF ",'BB':{" SIZE(640, 480) ",'annotations':[" GOOD_BOX
                                           "]},'BB-metadata':" BOXES(SURE) ",'a':1,'a-metadata':" IMAGE("Echo"),
              "Echo[ud] Echo Dot[ubd]", "true"),
        /* numbers that no type holds, where nobody looks */
        CLEAN(REF ",'x':1e400,'a':1,'a-metadata':" IMAGE("S") ",'y':-99999999999999999999999", "S[ud]", "true"),
        CLEAN(REF ",'a':123456789012345678901234567890,'a-metadata':" IMAGE("S"), "S[ud]", "true"),
        /* what is metadata of another attribute is none itself */
        CLEAN(REF ",'a':1,'a-metadata':" IMAGE("S") ",'a-metadata-metadata':" IMAGE("T"), "S[ud]", "true"),
        CLEAN(REF ",'a-metadata':1,'a-metadata-metadata':" IMAGE("T"), "T[ud]", "true"),
        CLEAN(REF ",'':1,'-metadata':" IMAGE("T"), "T[ud]", "true"),
        /* escaped keys are the keys they read as */
        CLEAN(REF ",'\\u0061':1,'a\\u002dmetadata':" IMAGE("\\u0053un"), "Sun[ud]", "true"),
        /* the last of several members of one name counts */
        CLEAN("'source-ref':'no'," REF ",'a':'x','a':1,'a-metadata':0,'a-metadata':" IMAGE("Last"), "Last[ud]", "true"),
        CLEAN(
            REF ",'BB':{'annotations':7," SIZE(
                640, 480) ",'annotations':[{'class_id':9,'class_id':1,'top':-1,'left':0,"
                          "'width':5,'height':5,'top':0}]},'BB-metadata':{'class-map':{'5':'A'},'objects':[" SURE
                          "],'class-map':{'1':'old','1':'new'},'type':'x','type':'groundtruth/object-detection'," COMMON
                          "}",
            "new[ubd]", "true"),
    };
    check_rows(rows, COUNT_OF(rows));
}

#define BAD_META(members)                                                                                              \
    {                                                                                                                  \
        "{" REF ",'BB':1,'BB-metadata':{" members "}}",                                                                \
            "{" REF ",'BB':1,'BB-metadata':{" members ",<INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT>}" LABELED("true"),   \
            ""                                                                                                         \
    }
#define BAD_META_BARE(members)                                                                                         \
    {                                                                                                                  \
        "{" REF ",'BB':1,'BB-metadata':{" members "}}",                                                                \
            "{" REF ",'BB':1,'BB-metadata':{" members ",<INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT>}" LABELED("false"),  \
            ""                                                                                                         \
    }
#define TYPE_IMAGE "'type':'groundtruth/image-classification'"
#define TYPE_BOXES "'type':'groundtruth/object-detection'"

static void finds_bad_metadata(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* no attribute at all, though the line says something */
        { "{" REF ",'a':1}", "{" REF ",'a':1,<NO_LABEL_ATTRIBUTES>" LABELED("false"), "" },
        { "{" REF ",'a-metadata':" IMAGE("S") "}",
          "{" REF ",'a-metadata':" IMAGE("S") ",<NO_LABEL_ATTRIBUTES>" LABELED("false"), "" },
        { "{" REF ",'source-ref-metadata':" IMAGE("S") "}",
          "{" REF ",'source-ref-metadata':" IMAGE("S") ",<NO_LABEL_ATTRIBUTES>" LABELED("false"), "" },
        /* the metadata is no object: the entry says so */
        { "{" REF ",'BB':1,'BB-metadata':7}",
          "{" REF ",'BB':1,'BB-metadata':7,<INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT>" LABELED("false"), "" },
        { "{" REF ",'BB':1,'BB-metadata':[{}]}",
          "{" REF ",'BB':1,'BB-metadata':[{}],<INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT>" LABELED("false"), "" },
        { "{" REF ",'BB':1,'BB-metadata':{ }}",
          "{" REF ",'BB':1,'BB-metadata':{<INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT>}" LABELED("false"), "" },
        BAD_META_BARE(COMMON "," TYPE_IMAGE ",'confidence':1"),
        BAD_META_BARE(COMMON "," TYPE_IMAGE ",'confidence':1,'class-name':null"),
        BAD_META_BARE(COMMON "," TYPE_IMAGE ",'confidence':1,'class-name':['S']"),
        BAD_META(COMMON "," TYPE_IMAGE ",'class-name':'S'"),
        BAD_META(COMMON "," TYPE_IMAGE ",'class-name':'S','confidence':'1'"),
        BAD_META(COMMON "," TYPE_IMAGE ",'class-name':'S','confidence':1.01"),
        BAD_META(COMMON "," TYPE_IMAGE ",'class-name':'S','confidence':-0.1"),
        BAD_META(COMMON "," TYPE_IMAGE ",'class-name':'S','confidence':1e400"),
        BAD_META(COMMON ",'class-name':'S','confidence':1"),
        BAD_META(COMMON ",'type':null,'class-name':'S','confidence':1"),
        BAD_META("'creation-date':'x'," TYPE_IMAGE ",'class-name':'S','confidence':1"),
        BAD_META("'human-annotated':'yes'," TYPE_IMAGE ",'class-name':'S','confidence':1"),
        BAD_META("'human-annotated':'maybe','creation-date':'x'," TYPE_IMAGE ",'class-name':'S','confidence':1"),
        BAD_META("'human-annotated':true,'creation-date':'x'," TYPE_IMAGE ",'class-name':'S','confidence':1"),
        BAD_META("'human-annotated':'yes','creation-date':''," TYPE_IMAGE ",'class-name':'S','confidence':1"),
        BAD_META("'human-annotated':'yes','creation-date':1," TYPE_IMAGE ",'class-name':'S','confidence':1"),
        BAD_META(COMMON "," TYPE_IMAGE ",'class-name':'S','confidence':1,'job-name':1"),
        BAD_META_BARE(COMMON "," TYPE_BOXES ",'class-map':{}"),
        BAD_META_BARE(COMMON "," TYPE_BOXES ",'objects':[]"),
        BAD_META_BARE(COMMON "," TYPE_BOXES ",'objects':{},'class-map':{}"),
        BAD_META_BARE(COMMON "," TYPE_BOXES ",'objects':[],'class-map':[]"),
        BAD_META_BARE(COMMON "," TYPE_BOXES ",'objects':[],'class-map':{'0':1}"),
        BAD_META_BARE(COMMON "," TYPE_BOXES ",'objects':[],'class-map':{'zero':'S'}"),
        BAD_META_BARE(COMMON "," TYPE_BOXES ",'objects':[],'class-map':{'':'S'}"),
    };
    check_rows(rows, COUNT_OF(rows));
}

/* A detection value that is an object, broken; and the same where it is not one. */
#define BAD_VALUE(members, is)                                                                                         \
    {                                                                                                                  \
        "{" REF ",'BB':{" members "},'BB-metadata':" BOXES(SURE) "}",                                                  \
            "{" REF ",'BB':{" members ",<INVALID_LABEL_ATTRIBUTE_FORMAT>},'BB-metadata':" BOXES(SURE) LABELED(is), ""  \
    }
#define BAD_SCALAR(value, metadata, is)                                                                                \
    {                                                                                                                  \
        "{" REF ",'BB':" value ",'BB-metadata':" metadata "}",                                                         \
            "{" REF ",'BB':" value ",'BB-metadata':" metadata ",<INVALID_LABEL_ATTRIBUTE_FORMAT>" LABELED(is), ""      \
    }
#define SIZES(text) "'image_size':" text ",'annotations':[" GOOD_BOX "]"
#define ONE(box) SIZE(640, 480) ",'annotations':[" box "]"

static void finds_bad_values(void **state)
{
    (void)state;
    static const struct row rows[] = {
        BAD_SCALAR("'1'", IMAGE("S"), "true"),
        BAD_SCALAR("1.5", IMAGE("S"), "true"),
        BAD_SCALAR("null", IMAGE("S"), "true"),
        BAD_SCALAR("true", IMAGE("S"), "true"),
        /* SageMaker's own multi-label form is not taken */
        BAD_SCALAR("[0,1]", IMAGE("S"), "true"),
        { "{" REF ",'BB':{},'BB-metadata':" IMAGE("S") "}",
          "{" REF ",'BB':{<INVALID_LABEL_ATTRIBUTE_FORMAT>},'BB-metadata':" IMAGE("S") LABELED("true"), "" },
        BAD_SCALAR("1", BOXES(SURE), "false"),
        BAD_SCALAR("[]", BOXES(SURE), "false"),
        BAD_VALUE(SIZE(640, 480), "false"),
        BAD_VALUE(SIZE(640, 480) ",'annotations':{}", "false"),
        BAD_VALUE("'annotations':[" GOOD_BOX "]", "true"),
        BAD_VALUE(SIZES("{}"), "true"),
        BAD_VALUE(SIZES("[]"), "true"),
        BAD_VALUE(SIZES("[7]"), "true"),
        BAD_VALUE(SIZES("[{'width':640,'height':480,'depth':3},{'width':640,'height':480,'depth':3}]"), "true"),
        BAD_VALUE(SIZES("[{'width':640,'height':480}]"), "true"),
        BAD_VALUE(SIZES("[{'width':640,'depth':3}]"), "true"),
        BAD_VALUE(SIZES("[{'height':480,'depth':3}]"), "true"),
        BAD_VALUE(SIZES("[{'width':'640','height':480,'depth':3}]"), "true"),
        BAD_VALUE(SIZES("[{'width':640.5,'height':480,'depth':3}]"), "true"),
        BAD_VALUE(ONE("7"), "true"),
        BAD_VALUE(ONE("{}"), "true"),
        BAD_VALUE(ONE("{'top':251,'left':399,'width':155,'height':101}"), "true"),
        BAD_VALUE(ONE("{'class_id':1,'left':399,'width':155,'height':101}"), "true"),
        BAD_VALUE(ONE("{'class_id':1,'top':251,'width':155,'height':101}"), "true"),
        BAD_VALUE(ONE("{'class_id':1,'top':251,'left':399,'height':101}"), "true"),
        BAD_VALUE(ONE("{'class_id':1,'top':251,'left':399,'width':155}"), "true"),
        BAD_VALUE(ONE("{'class_id':'1','top':251,'left':399,'width':155,'height':101}"), "true"),
        BAD_VALUE(ONE(BOX(1, 251.5, 399, 155, 101)), "true"),
        BAD_VALUE(ONE(BOX(1, 251, 399, 155, null)), "true"),
        BAD_VALUE(ONE("{'class_id':1,'top':0,'left':0,'width':5,'height':5,'top':'x'}"), "true"),
    };
    check_rows(rows, COUNT_OF(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drops_lines),
        cmocka_unit_test(keeps_good_lines),
        cmocka_unit_test(finds_bad_metadata),
        cmocka_unit_test(finds_bad_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
