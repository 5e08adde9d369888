/* manifest: what a line offers to a training, and the line of the validation manifest. */
#include "lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "manifest/training.h"

/* "cat dog | Echo 0.25 0.5 0.25 0.25 | ignored 1", or "invalid". */
static void describe(struct buf *text, const struct manifest_offer *offer)
{
    buf_clear(text);
    if (offer->invalid) {
        buf_add_str(text, "invalid");
        return;
    }
    for (size_t i = 0; i < offer->label_count; i++)
        buf_addf(text, SPAN_FMT " ", SPAN_ARG(offer->labels[i]));
    for (size_t i = 0; i < offer->box_count; i++) {
        const struct manifest_box *box = &offer->boxes[i];
        buf_addf(text, "[" SPAN_FMT " %g %g %g %g] ", SPAN_ARG(box->label), (double)box->left, (double)box->top,
                 (double)box->width, (double)box->height);
    }
    if (offer->warning != MANIFEST_NO_WARNING)
        buf_addf(text, "ignored %d", (int)offer->warning);
}

#define ERROR(name, text) "{'code':'ERROR_" name "','message':'" text "'}"
#define NO_VALID ERROR("NO_VALID_LABEL_ATTRIBUTES", "No valid label attributes found.")
#define BAD_IMAGE ERROR("INVALID_IMAGE", "The image is invalid. Check S3 path and/or image properties.")
#define OFF_FRAME ERROR("INVALID_BOUNDING_BOX", "The bounding box has off frame values.")

static const struct {
    const char *line, *offer, *validated;
    enum manifest_code image;
} rows[] = {
    { "{" REF ",'a':1,'a-metadata':" IMAGE("Sun") "}", "Sun ", "{" REF ",'a':1,'a-metadata':" IMAGE("Sun") "}",
      MANIFEST_OK },
    /* of a dataset: the server's keys are not the input's */
    { "{" REF ",'a':1,'a-metadata':" IMAGE("Sun") LABELED("true"), "Sun ",
      "{" REF ",'a':1,'a-metadata':" IMAGE("Sun") "}", MANIFEST_OK },
    { "{" REF
      ",'a':1,'a-metadata':" IMAGE("Sun") ",'b':1,'b-metadata':" IMAGE("Sun") ",'c':1,'c-metadata':" IMAGE("Sea") "}",
      "Sun Sea ",
      "{" REF ",'a':1,'a-metadata':" IMAGE("Sun") ",'b':1,'b-metadata':" IMAGE("Sun") ",'c':1,'c-metadata':" IMAGE(
          "Sea") ",'errors':[" BAD_IMAGE "]}",
      MANIFEST_INVALID_IMAGE },
    { "{" REF "}", "ignored 1",
      "{" REF ",'warnings':[{'code':'WARNING_UNANNOTATED_RECORD','message':'Record is unannotated.'}]}", MANIFEST_OK },
    { "{" REF ",'BB':{" SIZE(640, 480) ",'annotations':[]},'BB-metadata':" BOXES("") "}", "ignored 2",
      "{" REF ",'BB':{" SIZE(640, 480) ",'annotations':[]},'BB-metadata':" BOXES(
          "") ",'warnings':[{'code':'WARNING_NO_ANNOTATIONS','message':'No annotations were found.'}]}",
      MANIFEST_OK },
    { "{" REF ",'BB':{" SIZE(640, 480) ",'annotations':[" BOX(0, 240, 160, 160, 120) "," BOX(
          1, 0, 600, 41, 20) "]},'BB-metadata':" BOXES(SURE "," SURE) "}",
      "[Echo 0.25 0.5 0.25 0.25] ",
      "{" REF ",'BB':{" SIZE(640, 480) ",'annotations':[" BOX(0, 240, 160, 160, 120) "," BOX_OPEN(
          1, 0, 600, 41, 20) ",'errors':[" OFF_FRAME "]}]},'BB-metadata':" BOXES(SURE "," SURE) "}",
      MANIFEST_OK },
    { "{" REF ",'a':1}", "invalid",
      "{" REF ",'a':1,'errors':[" ERROR("NO_LABEL_ATTRIBUTES", "No label attributes found.") "]}", MANIFEST_OK },
    /* one attribute of two is enough */
    { "{" REF ",'a':1,'a-metadata':" IMAGE("Sun") ",'b':'x','b-metadata':" IMAGE("Sea") "}", "Sun ",
      "{" REF ",'a':1,'a-metadata':" IMAGE("Sun") ",'b':'x','b-metadata':" IMAGE("Sea") ",'errors':[" ERROR(
          "INVALID_LABEL_ATTRIBUTE_FORMAT", "The format of the label attribute b is invalid.") "]}",
      MANIFEST_OK },
    { "{'a':1,'a-metadata':" IMAGE("Sun") "}", "invalid",
      "{'a':1,'a-metadata':" IMAGE("Sun") ",'errors':[" ERROR("MISSING_SOURCE_REF",
                                                              "The source-ref key is missing.") "]}",
      MANIFEST_OK },
    { "{'source-ref':'x','a':1}", "invalid",
      "{'source-ref':'x','a':1,'errors':[" ERROR("INVALID_SOURCE_REF_FORMAT",
                                                 "The format of the source-ref value is invalid.") "]}",
      MANIFEST_OK },
    { "{ not json", "invalid", "{'errors':[" ERROR("INVALID_JSON_LINE", "The JSON Line has an invalid format.") "]}",
      MANIFEST_OK },
};

static void lines_offer_and_are_validated(void **state)
{
    (void)state;
    struct manifest_reader *reader = manifest_reader_new(&manifest_limits_default);
    struct buf line, want, got;
    buf_init(&line, 1 << 20);
    buf_init(&want, 1 << 20);
    buf_init(&got, 1 << 20);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct manifest_verdict verdict;
        struct manifest_offer offer;
        quoted(&line, rows[i].line);
        manifest_read(reader, buf_span(&line), &verdict);
        manifest_offer(reader, &verdict, &offer);
        describe(&got, &offer);
        assert_string_equal(buf_cstr(&got), rows[i].offer);
        buf_clear(&got);
        manifest_validated(reader, &verdict, &offer, rows[i].image, &got);
        quoted(&want, rows[i].validated);
        assert_string_equal(buf_cstr(&got), buf_cstr(&want));
        /* nothing of it stays in the reader */
        manifest_read(reader, buf_span(&line), &verdict);
        manifest_offer(reader, &verdict, &offer);
        describe(&got, &offer);
        assert_string_equal(buf_cstr(&got), rows[i].offer);
    }
    buf_free(&line);
    buf_free(&want);
    buf_free(&got);
    manifest_reader_free(reader);
}

static void a_repeated_source_ref_is_said(void **state)
{
    (void)state;
    struct manifest_reader *reader = manifest_reader_new(&manifest_limits_default);
    struct manifest_verdict verdict;
    struct manifest_offer offer;
    struct buf line, got, want;
    buf_init(&line, 4096);
    buf_init(&got, 4096);
    buf_init(&want, 4096);
    quoted(&line, "{" REF "}");
    manifest_read(reader, buf_span(&line), &verdict);
    verdict.fate = MANIFEST_DROPPED;
    verdict.code = MANIFEST_DUPLICATE_SOURCE_REF;
    manifest_offer(reader, &verdict, &offer);
    assert_true(offer.invalid);
    manifest_validated(reader, &verdict, &offer, MANIFEST_OK, &got);
    quoted(&want, "{" REF ",'errors':[" ERROR("DUPLICATE_SOURCE_REF", "The source-ref value is not unique.") "]}");
    assert_string_equal(buf_cstr(&got), buf_cstr(&want));
    buf_free(&line);
    buf_free(&got);
    buf_free(&want);
    manifest_reader_free(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_offer_and_are_validated),
        cmocka_unit_test(a_repeated_source_ref_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
