/*
 * Fuzz target for object/s3_address and endpoint. The input is lines: a URL, a region, a bucket, a key, a version. What
 * is taken for an address can stand in a request without ending a line, and a name's place is its name, escaped.
 */
#include <stdio.h>

#include "object/s3_address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_plain(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || strchr("-._~", c);
}

static void check_address(const struct s3_address *address)
{
    struct span host = span_str(address->endpoint.host), region = span_str(address->region);
    CHECK(host.len > 0 && region.len > 0);
    for (size_t i = 0; i < host.len; i++)
        CHECK(is_plain(host.ptr[i]) || strchr(":[]", host.ptr[i]));
    for (size_t i = 0; i < region.len; i++)
        CHECK(is_plain(region.ptr[i]));
    CHECK(address->attempts >= 1 && address->attempts <= 20 && address->idle_s >= 1 && address->idle_s <= 3600);
}

/* The same bytes by the rule itself, written another way. */
static void check_escaped(struct span text, struct span escaped, bool keep_slash)
{
    size_t at = 0;
    for (size_t i = 0; i < text.len; i++) {
        char hex[4];
        bool kept = (text.ptr[i] && is_plain(text.ptr[i])) || (keep_slash && text.ptr[i] == '/');
        snprintf(hex, sizeof hex, "%%%02X", (unsigned)(unsigned char)text.ptr[i]);
        struct span want = kept ? span_of(text.ptr + i, 1) : span_str(hex);
        CHECK(span_starts(span_from(escaped, at), want));
        at += want.len;
    }
    CHECK(at == escaped.len);
}

static void check_place(const struct s3_address *address, struct object_name name)
{
    struct s3_place place;
    s3_place_init(&place);
    s3_address_place(address, name, &place);
    struct span path = buf_span(&place.path), host = buf_span(&place.host), query = buf_span(&place.query);
    CHECK(span_ends(host, span_str(address->endpoint.host)) && span_starts(path, SPAN_LIT("/")));
    path = span_from(path, 1);
    if (host.len == strlen(address->endpoint.host)) {
        CHECK(span_starts(path, name.bucket));
        path = span_from(path, name.bucket.len);
        CHECK(path.len == 0 || path.ptr[0] == '/');
        path = span_from(path, 1);
    } else {
        CHECK(address->style == S3_STYLE_VIRTUAL && span_starts(host, name.bucket));
        CHECK(!span_contains(name.bucket, SPAN_LIT(".")) || !address->endpoint.tls);
    }
    check_escaped(name.key, path, true);
    CHECK(query.len == 0 || span_starts(query, SPAN_LIT("versionId=")));
    check_escaped(name.version, span_from(query, 10), false);
    s3_place_free(&place);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_of(size ? (const char *)data : "", size);
    struct span url = span_cut(&rest, '\n'), region = span_cut(&rest, '\n');
    struct object_name name = { span_cut(&rest, '\n'), span_cut(&rest, '\n'), span_cut(&rest, '\n') };
    struct s3_address address;
    struct err err = { .code = E_OK };
    if (!s3_address_parse(url, region, &address, &err)) {
        CHECK(err.code == E_CONFIG && err.text[0] != '\0');
        return 0;
    }
    check_address(&address);
    if (object_bucket_is_sound(name.bucket) && name.key.len <= 1024 && name.version.len < OBJECT_VERSION_ROOM)
        check_place(&address, name);
    return 0;
}
