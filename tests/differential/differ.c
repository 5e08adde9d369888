/*
 * differ: what the production code makes of bytes, for a Python that has its own opinion of them.
 *
 * Frames on standard input, each a length (32 bits, little-endian), a letter and that many bytes; one answer a frame on
 * standard output, a length and the bytes, until the input ends.
 *
 *     J  JSON                  `!` if it is refused, else its value: n t f, i<decimal>, d<hex float>, s<hex of bytes>,
 *                              [ … ] and { s<key> value … } with blanks between
 *     C  a request, as lines:  the canonical request and, behind an empty line, the Authorization header. Lines are
 *        method, `s3` or        path rule, path, query, payload hash, date, region, service, then NAME:VALUE of each header
 *     M  a manifest line       `blank`; `dropped CODE`; or `kept LABELED ERROR`, the stored line, and a line for each
 *                              label: flags and the name in hex
 */
#include <stdio.h>
#include <stdlib.h>

#include "aws/sigv4.h"
#include "base/buf.h"
#include "json/json.h"
#include "manifest/manifest.h"

enum { FRAME_MAX = 64 << 20, HEADERS = 100 };

static void add_hex(struct buf *out, struct span text)
{
    buf_add_char(out, 's');
    buf_add_hex(out, text.ptr, text.len);
}

static void add_value(struct buf *out, struct json value);

static void add_members(struct buf *out, struct json value, bool object)
{
    buf_add_char(out, object ? '{' : '[');
    for (struct json_iter it = json_iter(value); json_next(&it);) {
        buf_add_char(out, ' ');
        if (object) {
            add_hex(out, it.key);
            buf_add_char(out, ' ');
        }
        add_value(out, it.value);
    }
    buf_add_str(out, object ? " }" : " ]");
}

static void add_value(struct buf *out, struct json value)
{
    int64_t number;
    switch (json_kind(value)) {
    case JSON_NULL:
        buf_add_char(out, 'n');
        return;
    case JSON_TRUE:
        buf_add_char(out, 't');
        return;
    case JSON_FALSE:
        buf_add_char(out, 'f');
        return;
    case JSON_STRING:
        add_hex(out, json_string(value));
        return;
    case JSON_ARRAY:
    case JSON_OBJECT:
        add_members(out, value, json_kind(value) == JSON_OBJECT);
        return;
    case JSON_INTEGER:
        if (json_to_i64(value, &number)) {
            buf_addf(out, "i%lld", (long long)number);
            return;
        }
        buf_addf(out, "u%.0f", json_to_double(value));
        return;
    case JSON_DOUBLE:
        buf_addf(out, "d%a", json_to_double(value));
    }
}

static void read_json(struct json_parser *parser, struct span text, struct buf *out)
{
    struct json root;
    struct err err;
    if (json_parse(parser, text, &root, &err))
        add_value(out, root);
    else
        buf_add_char(out, '!');
}

static void read_request(struct span text, struct buf *out)
{
    struct sigv4_header headers[HEADERS];
    struct sigv4_request request = { .headers = headers };
    request.method = span_cut(&text, '\n');
    request.path_rule = span_is(span_cut(&text, '\n'), "s3") ? SIGV4_PATH_S3 : SIGV4_PATH_SERVICE;
    request.path = span_cut(&text, '\n');
    request.query = span_cut(&text, '\n');
    request.payload_hash = span_cut(&text, '\n');
    struct span date = span_cut(&text, '\n'), region = span_cut(&text, '\n'), service = span_cut(&text, '\n');
    while (text.ptr && request.header_count < HEADERS) {
        struct span value = span_cut(&text, '\n');
        struct span name = span_cut(&value, ':');
        headers[request.header_count++] = (struct sigv4_header){ name, value };
    }
    const struct sigv4_credentials credentials = { SPAN_LIT("AKIDEXAMPLE"), SPAN_LIT("secret") };
    bool done = sigv4_canonical_request(&request, SPAN_NONE, out);
    buf_add_str(out, "\n\n");
    if (!done || !sigv4_sign(&request, credentials, region, service, date, out)) {
        buf_clear(out);
        buf_add_char(out, '!');
    }
}

static void read_line(struct manifest_reader *reader, struct span line, struct buf *out)
{
    struct manifest_verdict verdict;
    manifest_read(reader, line, &verdict);
    if (verdict.fate == MANIFEST_BLANK) {
        buf_add_str(out, "blank");
        return;
    }
    if (verdict.fate == MANIFEST_DROPPED) {
        buf_addf(out, "dropped %s", manifest_code_name(verdict.code));
        return;
    }
    buf_addf(out, "kept %d %d\n", verdict.labeled, verdict.error);
    buf_add(out, verdict.line);
    for (size_t i = 0; i < verdict.label_count; i++) {
        const struct manifest_label *label = &verdict.labels[i];
        buf_addf(out, "\n%s%s%s ", label->used ? "u" : "", label->boxed ? "b" : "", label->declared ? "d" : "");
        buf_add_hex(out, label->name.ptr, label->name.len);
    }
}

static bool read_whole(void *into, size_t len)
{
    return fread(into, 1, len, stdin) == len;
}

static void answer(struct span bytes)
{
    uint32_t len = (uint32_t)bytes.len;
    CHECK(fwrite(&len, sizeof len, 1, stdout) == 1 && fwrite(bytes.ptr, 1, bytes.len, stdout) == bytes.len);
    fflush(stdout);
}

int main(void)
{
    struct json_parser *parser = json_parser_new();
    struct manifest_reader *reader = manifest_reader_new(&manifest_limits_default);
    struct buf in, out;
    uint32_t len;
    char letter;
    buf_init(&in, FRAME_MAX);
    buf_init(&out, FRAME_MAX);
    while (read_whole(&len, sizeof len) && read_whole(&letter, 1) && len <= FRAME_MAX) {
        buf_clear(&in);
        buf_clear(&out);
        CHECK(buf_reserve(&in, len + 1) && read_whole(in.ptr, len));
        struct span bytes = span_of(in.ptr, len);
        if (letter == 'J')
            read_json(parser, bytes, &out);
        else if (letter == 'C')
            read_request(bytes, &out);
        else
            read_line(reader, bytes, &out);
        CHECK(!out.overflow);
        answer(buf_span(&out));
    }
    json_parser_free(parser);
    manifest_reader_free(reader);
    buf_free(&in);
    buf_free(&out);
    return 0;
}
