/*
 * lines: what the manifest tests write lines with. JSON stands in single quotes, which `quoted` turns into double ones;
 * `expected` does that too and writes out each `<CODE>` as the cl-errors member with the exact text of spec D.6.
 */
#ifndef PLACARD_TESTS_LINES_H
#define PLACARD_TESTS_LINES_H

#include "base/buf.h"
#include "manifest/manifest.h"

#define REF "'source-ref':'s3://bucket/a.jpg'"

/* Metadata and values without their closing bracket (`…_OPEN`), which a row may have errors before. */
#define COMMON "'human-annotated':'yes','creation-date':'2020-03-06T17:46:39.176'"
#define IMAGE_OPEN(name) "{'confidence':1,'class-name':'" name "'," COMMON ",'type':'groundtruth/image-classification'"
#define IMAGE(name) IMAGE_OPEN(name) "}"
#define BOXES_OPEN(objects)                                                                                            \
    "{'objects':[" objects "],'class-map':{'0':'Echo','1':'Echo Dot'},'type':'groundtruth/object-detection'," COMMON
#define BOXES(objects) BOXES_OPEN(objects) "}"
#define SIZE(w, h) "'image_size':[{'width':" #w ",'height':" #h ",'depth':3}]"
#define BOX_OPEN(id, t, l, w, h) "{'class_id':" #id ",'top':" #t ",'left':" #l ",'width':" #w ",'height':" #h
#define BOX(id, t, l, w, h) BOX_OPEN(id, t, l, w, h) "}"
#define GOOD_BOX BOX(1, 251, 399, 155, 101)
#define SURE "{'confidence':1}"
#define LABELED(is) ",'cl-metadata':{'is_labeled':" is "}}"

/* Both replace what `ret_text`, an initialised buf, holds. */
void quoted(struct buf *ret_text, const char *line);
void expected(struct buf *ret_text, const char *line);

/* Reads `line`, and once more what comes out, CHECKing that this changes nothing. *ret_verdict is the first one's. */
void read_twice(struct manifest_reader *reader, struct span line, struct manifest_verdict *ret_verdict);

/* "Echo[ud] Dot[ubd]": each label with used, boxed, declared. */
void describe_labels(struct buf *ret_text, const struct manifest_verdict *verdict);

#endif
