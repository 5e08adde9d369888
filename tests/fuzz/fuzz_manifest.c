/*
 * fuzz_manifest: whatever the bytes of a line are, the verdict holds together: what is stored parses, ends in the
 * server's key, reads the same when it is fed back, and its labels are different.
 */
#include <stdint.h>

#include "base/buf.h"
#include "json/json.h"
#include "manifest/manifest.h"
#include "manifest/training.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct manifest_limits tight = {
    .line_chars = 2000,
    .label_chars = 4,
    .labels_per_line = 1,
    .boxes_per_line = 1,
    .side_min_px = 64,
    .side_max_px = 4096,
};

static void check_labels(const struct manifest_verdict *verdict, const struct manifest_limits *limits)
{
    for (size_t i = 0; i < verdict->label_count; i++) {
        const struct manifest_label *label = &verdict->labels[i];
        CHECK(label->name.len > 0 && label->name.len <= (size_t)limits->label_chars * 4);
        CHECK(label->declared && (label->used || !label->boxed));
        for (size_t j = 0; j < i; j++)
            CHECK(!span_eq(label->name, verdict->labels[j].name));
    }
}

/* `line` is the verdict's: the reader may not be used before this returns. */
static void check_line(const struct manifest_verdict *verdict)
{
    struct json_parser *parser = json_parser_new();
    struct json root, member, labeled;
    CHECK(json_parse(parser, verdict->line, &root, NULL));
    CHECK(json_kind(root) == JSON_OBJECT);
    struct json_iter it = json_iter(root), last = it;
    while (json_next(&it))
        last = it;
    CHECK(span_is(last.key, "cl-metadata"));
    CHECK(json_member(last.value, SPAN_LIT("is_labeled"), &labeled));
    CHECK(json_kind(labeled) == (verdict->labeled ? JSON_TRUE : JSON_FALSE));
    CHECK(json_member(root, SPAN_LIT("source-ref"), &member));
    CHECK(span_eq(json_string(member), verdict->source_ref));
    CHECK(span_starts(span_from(verdict->source_ref, 5), verdict->bucket));
    CHECK(verdict->line.ptr[0] == '{' && verdict->line.ptr[verdict->line.len - 1] == '}');
    if (verdict->error)
        CHECK(span_contains(verdict->line, SPAN_LIT("\"cl-errors\":[{\"code\":\"ERROR_")));
    json_parser_free(parser);
}

static void check_again(const struct manifest_verdict *verdict, const struct manifest_limits *limits)
{
    struct manifest_reader *reader = manifest_reader_new(limits);
    struct manifest_verdict again;
    manifest_read(reader, verdict->line, &again);
    CHECK(again.fate == MANIFEST_KEPT);
    CHECK(span_eq(again.line, verdict->line));
    CHECK(span_eq(again.source_ref, verdict->source_ref));
    CHECK(again.labeled == verdict->labeled && again.error == verdict->error);
    CHECK(again.label_count == verdict->label_count);
    for (size_t i = 0; i < again.label_count; i++) {
        CHECK(span_eq(again.labels[i].name, verdict->labels[i].name));
        CHECK(again.labels[i].used == verdict->labels[i].used && again.labels[i].boxed == verdict->labels[i].boxed);
    }
    manifest_reader_free(reader);
}

/* What a training makes of the line: its validation manifest reads as the line did, and offers the same. */
static void check_training(struct manifest_reader *reader, const struct manifest_verdict *verdict,
                           const struct manifest_limits *limits)
{
    struct manifest_offer offer, same;
    struct manifest_verdict again;
    struct buf out;
    buf_init(&out, 64 << 20);
    manifest_offer(reader, verdict, &offer);
    size_t labels = offer.label_count, boxes = offer.box_count;
    CHECK(!offer.invalid || (labels == 0 && boxes == 0 && offer.warning == MANIFEST_NO_WARNING) || verdict->error);
    for (size_t i = 0; i < boxes; i++) {
        const struct manifest_box *box = &offer.boxes[i];
        CHECK(box->left >= 0 && box->top >= 0 && box->width > 0 && box->height > 0);
        CHECK(box->left + box->width <= 1.0001f && box->top + box->height <= 1.0001f);
    }
    manifest_validated(reader, verdict, &offer, MANIFEST_OK, &out);
    struct json_parser *parser = json_parser_new();
    struct json root;
    CHECK(json_parse(parser, buf_span(&out), &root, NULL) && json_kind(root) == JSON_OBJECT);
    if (verdict->fate == MANIFEST_KEPT) {
        struct manifest_reader *other = manifest_reader_new(limits);
        manifest_read(other, buf_span(&out), &again);
        if (again.fate == MANIFEST_KEPT) { /* the errors may have made it too long */
            manifest_offer(other, &again, &same);
            CHECK(same.invalid == offer.invalid && same.warning == offer.warning);
            CHECK(same.label_count == labels && same.box_count == boxes);
        }
        manifest_reader_free(other);
    }
    json_parser_free(parser);
    buf_free(&out);
}

static void check_limits(struct span line, const struct manifest_limits *limits)
{
    struct manifest_reader *reader = manifest_reader_new(limits);
    struct manifest_verdict verdict;
    manifest_read(reader, line, &verdict);
    switch (verdict.fate) {
    case MANIFEST_BLANK:
        break;
    case MANIFEST_DROPPED:
        CHECK(verdict.code > MANIFEST_OK && verdict.code < MANIFEST_DUPLICATE_SOURCE_REF);
        CHECK(verdict.offending.len <= 256);
        check_training(reader, &verdict, limits);
        break;
    case MANIFEST_KEPT:
        check_line(&verdict);
        check_labels(&verdict, limits);
        check_again(&verdict, limits);
        check_training(reader, &verdict, limits);
        break;
    }
    manifest_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_of(data, size);
    struct span line = span_cut(&rest, '\n');
    check_limits(line, &manifest_limits_default);
    check_limits(line, &tight);
    return 0;
}
