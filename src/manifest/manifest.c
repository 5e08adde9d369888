/* manifest: see manifest.h for the contract. */
#include "manifest/manifest.h"

#include <stdlib.h>

#include "manifest/reader.h"

enum {
    OFFENDING_BYTES = 256,
    BUCKET_MIN = 3,
    BUCKET_MAX = 255,
    KEY_MAX = 1024,
    OWN_SHARE = 8 /* a line may be this many times too long before the server's keys are taken out of it */
};

const struct manifest_limits manifest_limits_default = {
    .line_chars = 100000,
    .label_chars = 256,
    .labels_per_line = 50,
    .boxes_per_line = 50,
    .side_min_px = 64,
    .side_max_px = 4096,
};

struct manifest_reader *manifest_reader_new(const struct manifest_limits *limits)
{
    struct manifest_reader *reader = mem_zero(1, sizeof *reader);
    reader->limits = *limits;
    reader->parser = json_parser_new();
    buf_init(&reader->line, SIZE_MAX / 4);
    buf_init(&reader->message, SIZE_MAX / 4);
    return reader;
}

void manifest_reader_free(struct manifest_reader *reader)
{
    if (!reader)
        return;
    json_parser_free(reader->parser);
    free(reader->members);
    free(reader->attributes);
    free(reader->boxes);
    free(reader->classes);
    free(reader->labels);
    free(reader->offered_labels);
    free(reader->offered_boxes);
    names_free(&reader->names);
    buf_free(&reader->line);
    buf_free(&reader->message);
    free(reader);
}

size_t utf8_chars(struct span text)
{
    size_t chars = 0;
    for (size_t i = 0; i < text.len; i++)
        chars += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    return chars;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Also of form feeds and vertical tabs, which JSON does not take for white space. */
static bool is_blank(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_space(text.ptr[i]) && text.ptr[i] != '\f' && text.ptr[i] != '\v')
            return false;
    return true;
}

/* Without the white space that JSON allows around a text. */
static struct span trimmed(struct span text)
{
    while (text.len > 0 && is_space(text.ptr[0]))
        text = span_from(text, 1);
    while (text.len > 0 && is_space(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

/* At most 256 bytes, ending where a character ends. */
static struct span excerpt(struct span text)
{
    if (text.len <= OFFENDING_BYTES)
        return text;
    size_t len = OFFENDING_BYTES;
    for (int back = 0; back < 3 && ((unsigned char)text.ptr[len] & 0xC0) == 0x80; back++)
        len--;
    return span_first(text, len);
}

static void drop(struct manifest_verdict *ret_verdict, enum manifest_code code, struct span offending)
{
    *ret_verdict = (struct manifest_verdict){ .fate = MANIFEST_DROPPED, .code = code, .offending = excerpt(offending) };
}

/* s3://bucket/key; a NUL, which no S3 key holds, would end the name early wherever C reads it. */
static bool split_source_ref(struct span text, struct span *ret_bucket)
{
    static const struct span scheme = { "s3://", 5 };
    if (!span_starts(text, scheme))
        return false;
    struct span key = span_from(text, scheme.len);
    struct span bucket = span_cut(&key, '/');
    if (!key.ptr || key.len < 1 || key.len > KEY_MAX || memchr(key.ptr, '\0', key.len))
        return false;
    if (bucket.len < BUCKET_MIN || bucket.len > BUCKET_MAX)
        return false;
    for (size_t i = 0; i < bucket.len; i++) {
        char c = bucket.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '.' && c != '-' && c != '_')
            return false;
    }
    *ret_bucket = bucket;
    return true;
}

/* False, with the verdict, if the line has no usable source-ref; else fills source_ref and bucket. */
static bool read_source_ref(struct manifest_reader *reader, struct manifest_verdict *verdict)
{
    if (reader->source_ref == NAMES_NONE) {
        drop(verdict, MANIFEST_MISSING_SOURCE_REF, reader->text);
        return false;
    }
    struct json value = reader->members[reader->source_ref].value;
    if (json_kind(value) != JSON_STRING) {
        drop(verdict, MANIFEST_INVALID_SOURCE_REF_FORMAT, reader->text);
        return false;
    }
    struct span text = json_string(value);
    if (!split_source_ref(text, &verdict->bucket)) {
        drop(verdict, MANIFEST_INVALID_SOURCE_REF_FORMAT, text);
        return false;
    }
    verdict->source_ref = text;
    return true;
}

/* How many code points the line has over the limit; a line of no more bytes than that need not be counted. */
static size_t excess_chars(const struct manifest_reader *reader, struct span line)
{
    size_t limit = reader->limits.line_chars;
    if (limit == 0 || line.len <= limit)
        return 0;
    size_t chars = utf8_chars(line);
    return chars > limit ? chars - limit : 0;
}

static size_t own_chars(const struct manifest_reader *reader)
{
    return utf8_chars(buf_span(&reader->line)) - reader->added_chars;
}

void manifest_read(struct manifest_reader *reader, struct span line, struct manifest_verdict *ret_verdict)
{
    static const struct span bom = { "\xEF\xBB\xBF", 3 };
    if (span_starts(line, bom))
        line = span_from(line, bom.len);
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    reader->text = trimmed(line);
    if (is_blank(reader->text)) {
        *ret_verdict = (struct manifest_verdict){ .fate = MANIFEST_BLANK };
        return;
    }
    size_t excess = excess_chars(reader, line);
    struct json entry;
    if (excess > (size_t)reader->limits.line_chars * (OWN_SHARE - 1)) {
        drop(ret_verdict, MANIFEST_LINE_TOO_LONG, reader->text);
        return;
    }
    if (!json_parse(reader->parser, reader->text, &entry, NULL) || json_kind(entry) != JSON_OBJECT) {
        drop(ret_verdict, excess ? MANIFEST_LINE_TOO_LONG : MANIFEST_INVALID_JSON_LINE, reader->text);
        return;
    }
    scan_members(reader, entry);
    scan_attributes(reader);
    struct manifest_verdict verdict = { .fate = MANIFEST_KEPT };
    verdict.labeled = judge_entry(reader);
    write_listed(reader, verdict.labeled);
    /* What the server put into a listed line does not count when it comes back. */
    if (excess > 0 && own_chars(reader) + line.len - reader->text.len > reader->limits.line_chars) {
        drop(ret_verdict, MANIFEST_LINE_TOO_LONG, reader->text);
        return;
    }
    if (read_source_ref(reader, &verdict)) {
        verdict.line = buf_span(&reader->line);
        verdict.error = reader->faulty;
        verdict.labels = reader->labels;
        verdict.label_count = reader->label_count;
    }
    *ret_verdict = verdict;
}
