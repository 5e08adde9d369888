/* lines: see lines.h for the contract. */
#include "lines.h"

#include <stdlib.h>

static const char *const messages[][2] = {
    { "NO_LABEL_ATTRIBUTES", "No label attributes found." },
    { "INVALID_LABEL_ATTRIBUTE_FORMAT", "The format of the label attribute BB is invalid." },
    { "INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", "The format of the label attribute metadata is invalid." },
    { "NO_VALID_LABEL_ATTRIBUTES", "No valid label attributes found." },
    { "UNSUPPORTED_USE_CASE_TYPE",
      "The use case type of the BB-metadata label attribute metadata is unsupported. Check the type field." },
    { "INVALID_LABEL_NAME_LENGTH", "The length of the label name is invalid." },
    { "MISSING_BOUNDING_BOX_CONFIDENCE", "One or more bounding boxes has a missing confidence value." },
    { "MISSING_CLASS_MAP_ID", "One of more class ids is missing from the class map." },
    { "INVALID_BOUNDING_BOX", "The bounding box has off frame values." },
    { "BOUNDING_BOX_TOO_SMALL", "The height and width of the bounding box is too small." },
    { "TOO_MANY_BOUNDING_BOXES", "There are more bounding boxes than the allowed maximum." },
    { "TOO_MANY_LABELS", "There are more labels than the allowed maximum." },
    { "NO_VALID_ANNOTATIONS", "No valid annotations found." },
    { "INVALID_IMAGE_DIMENSION", "The image dimension(s) do not conform to allowed dimensions." },
};

static void add_quoted_char(struct buf *text, char c)
{
    buf_add_char(text, c == '\'' ? '"' : c);
}

void quoted(struct buf *ret_text, const char *line)
{
    buf_clear(ret_text);
    for (; *line; line++)
        add_quoted_char(ret_text, *line);
}

static const char *message_of(struct span code)
{
    for (size_t i = 0; i < COUNT_OF(messages); i++)
        if (span_is(code, messages[i][0]))
            return messages[i][1];
    check_failed(__FILE__, __LINE__, "a test names an unknown code");
}

/* `codes` are separated by bars. */
static void add_errors(struct buf *text, struct span codes)
{
    const char *comma = "";
    buf_add_str(text, "\"cl-errors\":[");
    while (codes.ptr) {
        struct span code = span_cut(&codes, '|');
        buf_addf(text, "%s{\"code\":\"ERROR_" SPAN_FMT "\",\"message\":\"%s\"}", comma, SPAN_ARG(code),
                 message_of(code));
        comma = ",";
    }
    buf_add_char(text, ']');
}

void expected(struct buf *ret_text, const char *line)
{
    buf_clear(ret_text);
    for (; *line; line++) {
        if (*line != '<') {
            add_quoted_char(ret_text, *line);
            continue;
        }
        const char *end = strchr(line, '>');
        CHECK(end);
        add_errors(ret_text, span_of(line + 1, (size_t)(end - line - 1)));
        line = end;
    }
}

static void add_labels(struct buf *text, const struct manifest_verdict *verdict)
{
    for (size_t i = 0; i < verdict->label_count; i++) {
        const struct manifest_label *label = &verdict->labels[i];
        buf_addf(text, "%s" SPAN_FMT "[%s%s%s]", i ? " " : "", SPAN_ARG(label->name), label->used ? "u" : "",
                 label->boxed ? "b" : "", label->declared ? "d" : "");
    }
}

void describe_labels(struct buf *ret_text, const struct manifest_verdict *verdict)
{
    buf_clear(ret_text);
    add_labels(ret_text, verdict);
}

/* Another reader reads the output, so that the caller's verdict stays. */
void read_twice(struct manifest_reader *reader, struct span line, struct manifest_verdict *ret_verdict)
{
    static const struct manifest_limits *const limits = &manifest_limits_default;
    manifest_read(reader, line, ret_verdict);
    if (ret_verdict->fate != MANIFEST_KEPT)
        return;
    struct manifest_reader *second = manifest_reader_new(limits);
    struct manifest_verdict again;
    struct buf before, after;
    buf_init(&before, 64 << 20);
    buf_init(&after, 64 << 20);
    manifest_read(second, ret_verdict->line, &again);
    CHECK(again.fate == MANIFEST_KEPT);
    CHECK(span_eq(again.line, ret_verdict->line));
    CHECK(span_eq(again.source_ref, ret_verdict->source_ref));
    CHECK(again.labeled == ret_verdict->labeled && again.error == ret_verdict->error);
    add_labels(&before, ret_verdict);
    add_labels(&after, &again);
    CHECK(span_eq(buf_span(&before), buf_span(&after)));
    buf_free(&before);
    buf_free(&after);
    manifest_reader_free(second);
}
