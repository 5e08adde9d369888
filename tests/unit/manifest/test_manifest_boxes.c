/* manifest: what is checked once the form is right (spec D.6): types, names, boxes, several attributes of one line. */
#include "lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rows.h"

/* One attribute BB with two sound classes: its value's members, what stands in place of them, of the metadata, entry.
 */
#define DETECTION(members, objects, want_members, want_objects, want_entry, labels, is)                                \
    {                                                                                                                  \
        "{" REF ",'BB':{" members "},'BB-metadata':" BOXES(objects) "}",                                               \
            "{" REF ",'BB':{" want_members "},'BB-metadata':" want_objects want_entry LABELED(is), labels              \
    }
#define BOXED(size, boxes) size ",'annotations':[" boxes "]"
#define TWO SURE "," SURE

static void stops_at_confidence_and_class_map(void **state)
{
    (void)state;
#define MISSING(boxes, objects, code)                                                                                  \
    DETECTION(BOXED(SIZE(640, 480), boxes), objects, BOXED(SIZE(640, 480), boxes), BOXES_OPEN(objects) ",<" code ">}", \
              "", "", "true")
    static const struct row rows[] = {
        MISSING(GOOD_BOX, "", "MISSING_BOUNDING_BOX_CONFIDENCE"),
        MISSING(GOOD_BOX, TWO, "MISSING_BOUNDING_BOX_CONFIDENCE"),
        MISSING(GOOD_BOX, "{}", "MISSING_BOUNDING_BOX_CONFIDENCE"),
        MISSING(GOOD_BOX, "1", "MISSING_BOUNDING_BOX_CONFIDENCE"),
        MISSING(GOOD_BOX, "{'confidence':null}", "MISSING_BOUNDING_BOX_CONFIDENCE"),
        MISSING(GOOD_BOX "," GOOD_BOX, SURE ",{'confidence':'1'}", "MISSING_BOUNDING_BOX_CONFIDENCE"),
        MISSING(BOX(2, 0, 0, 5, 5), SURE, "MISSING_CLASS_MAP_ID"),
        MISSING(BOX(-1, 0, 0, 5, 5), SURE, "MISSING_CLASS_MAP_ID"),
        MISSING(BOX(1e400, 0, 0, 5, 5), SURE, "MISSING_CLASS_MAP_ID"),
        MISSING(BOX(18446744073709551615, 0, 0, 5, 5), SURE, "MISSING_CLASS_MAP_ID"),
        MISSING(GOOD_BOX "," BOX(10, 0, 0, 5, 5), TWO, "MISSING_CLASS_MAP_ID"),
        /* a box off the frame is not reported beside it: further checks are stopped */
        MISSING(BOX(1, -5, 0, 5, 5) "," BOX(10, 0, 0, 5, 5), TWO, "MISSING_CLASS_MAP_ID"),
    };
    check_rows(rows, COUNT_OF(rows));
}

static void judges_boxes(void **state)
{
    (void)state;
    /* beside a good box: the bad one says so, and the rest is used */
#define BESIDE(t, l, w, h, size, code)                                                                                 \
    DETECTION(BOXED(size, BOX(0, 0, 0, 10, 10) " , " BOX(1, t, l, w, h) " "), TWO,                                     \
              BOXED(size, BOX(0, 0, 0, 10, 10) " , " BOX_OPEN(1, t, l, w, h) ",<" code ">} "), BOXES(TWO), "",         \
              "Echo[ubd] Echo Dot[d]", "true")
#define FITS(t, l, w, h, size)                                                                                         \
    DETECTION(BOXED(size, BOX(1, t, l, w, h)), SURE, BOXED(size, BOX(1, t, l, w, h)), BOXES(SURE), "",                 \
              "Echo[d] Echo Dot[ubd]", "true")
    static const struct row rows[] = {
        FITS(0, 0, 2, 2, SIZE(640, 480)),
        FITS(478, 638, 2, 2, SIZE(640, 480)),
        FITS(0, 0, 2, 2, SIZE(1280, 1280)),
        FITS(0, 0, 4, 4, SIZE(4096, 4096)),
        FITS(0, 0, 2, 2, SIZE(2559, 64)),
        BESIDE(-1, 0, 5, 5, SIZE(640, 480), "INVALID_BOUNDING_BOX"),
        BESIDE(0, -1, 5, 5, SIZE(640, 480), "INVALID_BOUNDING_BOX"),
        BESIDE(0, 0, -5, 5, SIZE(640, 480), "INVALID_BOUNDING_BOX"),
        BESIDE(0, 0, 5, -5, SIZE(640, 480), "INVALID_BOUNDING_BOX"),
        BESIDE(0, 636, 5, 5, SIZE(640, 480), "INVALID_BOUNDING_BOX"),
        BESIDE(476, 0, 5, 5, SIZE(640, 480), "INVALID_BOUNDING_BOX"),
        BESIDE(1e400, 0, 5, 5, SIZE(640, 480), "INVALID_BOUNDING_BOX"),
        BESIDE(0, 0, 1e400, 5, SIZE(640, 480), "INVALID_BOUNDING_BOX"),
        BESIDE(0, -1e400, 5, 5, SIZE(640, 480), "INVALID_BOUNDING_BOX"),
        BESIDE(9223372036854775807, 0, 9223372036854775807, 5, SIZE(640, 480), "INVALID_BOUNDING_BOX"),
        BESIDE(0, 0, 0, 0, SIZE(640, 480), "BOUNDING_BOX_TOO_SMALL"),
        BESIDE(0, 0, 1, 1, SIZE(640, 480), "BOUNDING_BOX_TOO_SMALL"),
        BESIDE(0, 0, 1, 100, SIZE(640, 480), "BOUNDING_BOX_TOO_SMALL"),
        BESIDE(0, 0, 100, 1, SIZE(640, 480), "BOUNDING_BOX_TOO_SMALL"),
        /* more than one pixel of the image, but not once its longer side is 1,280 */
        BESIDE(0, 0, 2, 2, SIZE(2560, 64), "BOUNDING_BOX_TOO_SMALL"),
        BESIDE(0, 0, 3, 3, SIZE(4096, 4096), "BOUNDING_BOX_TOO_SMALL"),
        /* no box left */
        DETECTION(BOXED(SIZE(640, 480), BOX(0, -1, 0, 5, 5) "," BOX(1, 0, 0, 1, 1)), TWO,
                  BOXED(SIZE(640, 480), BOX_OPEN(0, -1, 0, 5, 5) ",<INVALID_BOUNDING_BOX>}," BOX_OPEN(
                                            1, 0, 0, 1, 1) ",<BOUNDING_BOX_TOO_SMALL>}") ",<NO_VALID_ANNOTATIONS>",
                  BOXES(TWO), ",<NO_VALID_LABEL_ATTRIBUTES>", "", "true"),
    };
    check_rows(rows, COUNT_OF(rows));
}

static void judges_dimensions(void **state)
{
    (void)state;
#define DIMENSION(w, h)                                                                                                \
    DETECTION(BOXED(SIZE(w, h), BOX(1, 0, 0, 9, 9)), SURE,                                                             \
              BOXED(SIZE(w, h), BOX(1, 0, 0, 9, 9)) ",<INVALID_IMAGE_DIMENSION>", BOXES(SURE),                         \
              ",<NO_VALID_LABEL_ATTRIBUTES>", "", "true")
    static const struct row rows[] = {
        DIMENSION(63, 64),
        DIMENSION(64, 63),
        DIMENSION(4097, 4096),
        DIMENSION(4096, 4097),
        /* a box is measured by the image it claims to be in */
        DETECTION(BOXED(SIZE(1e400, 640), BOX(1, 0, 0, 9, 9)), SURE,
                  BOXED(SIZE(1e400, 640),
                        BOX_OPEN(1, 0, 0, 9,
                                 9) ",<BOUNDING_BOX_TOO_SMALL>}") ",<NO_VALID_ANNOTATIONS|INVALID_IMAGE_DIMENSION>",
                  BOXES(SURE), ",<NO_VALID_LABEL_ATTRIBUTES>", "", "true"),
        /* nothing fits on no image */
        DETECTION(
            BOXED(SIZE(0, -1), BOX(1, 0, 0, 9, 9)), SURE,
            BOXED(SIZE(0, -1),
                  BOX_OPEN(1, 0, 0, 9, 9) ",<INVALID_BOUNDING_BOX>}") ",<NO_VALID_ANNOTATIONS|INVALID_IMAGE_DIMENSION>",
            BOXES(SURE), ",<NO_VALID_LABEL_ATTRIBUTES>", "", "true"),
    };
    check_rows(rows, COUNT_OF(rows));
}

#define WRONG_OPEN "{'objects':[],'class-map':{},'type':'groundtruth/wrongtype'," COMMON
#define WRONG WRONG_OPEN "}"

static void judges_types_and_names(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* the example of spec D.6: labelled and in error */
        { "{" REF ",'BB':{" BOXED(SIZE(640, 480), GOOD_BOX) "},'BB-metadata':" WRONG "}",
          "{" REF ",'BB':{" BOXED(SIZE(640, 480),
                                  GOOD_BOX) "},'BB-metadata':" WRONG_OPEN
                                            ",<UNSUPPORTED_USE_CASE_TYPE>},<NO_VALID_LABEL_ATTRIBUTES>" LABELED("true"),
          "" },
        { "{" REF ",'BB':[0,1],'BB-metadata':{'type':'groundtruth/image-classification-multilabel'," COMMON "}}",
          "{" REF ",'BB':[0,1],'BB-metadata':{'type':'groundtruth/image-classification-multilabel'," COMMON
          ",<UNSUPPORTED_USE_CASE_TYPE>},<NO_VALID_LABEL_ATTRIBUTES>" LABELED("false"),
          "" },
        /* another attribute keeps the entry usable */
        { "{" REF ",'BB':{},'BB-metadata':" WRONG ",'a':1,'a-metadata':" IMAGE("S") "}",
          "{" REF ",'BB':{},'BB-metadata':" WRONG_OPEN ",<UNSUPPORTED_USE_CASE_TYPE>},'a':1,'a-metadata':" IMAGE("S")
              LABELED("true"),
          "S[ud]" },
        { "{" REF ",'a':1,'a-metadata':" IMAGE("") "}",
          "{" REF ",'a':1,'a-metadata':" IMAGE_OPEN(
              "") ",<INVALID_LABEL_NAME_LENGTH>},<NO_VALID_LABEL_ATTRIBUTES>" LABELED("false"),
          "" },
        { "{" REF ",'BB':{" BOXED(SIZE(640, 480), "") "},'BB-metadata':{'objects':[],'class-map':{'0':''},"
                                                      "'type':'groundtruth/object-detection'," COMMON "}}",
          "{" REF ",'BB':{" BOXED(SIZE(640, 480),
                                  "") "},'BB-metadata':{'objects':[],'class-map':{'0':''},"
                                      "'type':'groundtruth/object-detection'," COMMON
                                      ",<INVALID_LABEL_NAME_LENGTH>},<NO_VALID_LABEL_ATTRIBUTES>" LABELED("false"),
          "" },
        /* of equal ids the last one counts, whatever those before it are */
        { "{" REF ",'BB':{" BOXED(SIZE(640, 480), "") "},'BB-metadata':{'objects':[],'class-map':{'0':null,'0':'E'},"
                                                      "'type':'groundtruth/object-detection'," COMMON "}}",
          "{" REF ",'BB':{" BOXED(SIZE(640, 480), "") "},'BB-metadata':{'objects':[],'class-map':{'0':null,'0':'E'},"
                                                      "'type':'groundtruth/object-detection'," COMMON
                                                      "}" LABELED("false"),
          "E[d]" },
    };
    check_rows(rows, COUNT_OF(rows));
}

/* "Stops further checks": all attributes are looked at for errors of that kind, then none for others. */
static void stops_for_the_whole_line(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* the broken metadata hides the type and the box off the frame; labels of sound attributes count */
        { "{" REF ",'BB':{" BOXED(SIZE(640, 480), GOOD_BOX "," BOX(0, -1, 0, 5, 5)) "},'BB-metadata':" BOXES(
              TWO) ",'a':1,'a-metadata':{},'b':1,'b-metadata':" WRONG ",'c':1,'c-metadata':" IMAGE("S") "}",
          "{" REF ",'BB':{" BOXED(SIZE(640, 480), GOOD_BOX "," BOX(0, -1, 0, 5, 5)) "},'BB-metadata':" BOXES(
              TWO) ",'a':1,'a-metadata':{<INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT>},'b':1,'b-metadata':" WRONG
                   ",'c':1,'c-metadata':" IMAGE("S") LABELED("true"),
          "Echo[d] Echo Dot[ubd] S[ud]" },
        /* two of that kind are both shown */
        { "{" REF ",'BB':'x','BB-metadata':" IMAGE("S") ",'a':1,'a-metadata':{}}",
          "{" REF
          ",'BB':'x','BB-metadata':" IMAGE("S") ",'a':1,'a-metadata':{<INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT>}"
                                                ",<INVALID_LABEL_ATTRIBUTE_FORMAT>" LABELED("true"),
          "" },
        { "{" REF ",'BB':'x','BB-metadata':" IMAGE("S") ",'a':1,'a-metadata':7}",
          "{" REF ",'BB':'x','BB-metadata':" IMAGE(
              "S") ",'a':1,'a-metadata':7"
                   ",<INVALID_LABEL_ATTRIBUTE_FORMAT|INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT>" LABELED("true"),
          "" },
    };
    check_rows(rows, COUNT_OF(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_at_confidence_and_class_map),
        cmocka_unit_test(judges_boxes),
        cmocka_unit_test(judges_dimensions),
        cmocka_unit_test(judges_types_and_names),
        cmocka_unit_test(stops_for_the_whole_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
