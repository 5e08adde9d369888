/* signing: see signing.h for the contract. */
#include "object/signing.h"

#include "aws/sigv4.h"
#include "base/clock.h"

enum { TEXT_MAX = 64 * 1024 };

void signed_headers_init(struct signed_headers *headers)
{
    *headers = (struct signed_headers){ 0 };
    buf_init(&headers->text, TEXT_MAX);
}

void signed_headers_free(struct signed_headers *headers)
{
    if (headers->text.ptr)
        explicit_bzero(headers->text.ptr, headers->text.room);
    buf_free(&headers->text);
    headers->count = 0;
}

/* The Authorization header's value, over those lines that are to be signed. */
static void authorize(const struct signing_key *key, const struct signing_request *request, enum sigv4_path path_rule,
                      struct span hash, struct span date, const struct signing_header *lines, size_t count,
                      struct buf *out)
{
    struct sigv4_header headers[SIGNED_HEADERS_MAX];
    size_t signed_count = 0;
    for (size_t i = 0; i < count; i++)
        if (lines[i].sign)
            headers[signed_count++] = (struct sigv4_header){ span_str(lines[i].name), lines[i].value };
    const struct sigv4_request to_sign = { .method = span_str(request->method),
                                           .path = request->path,
                                           .query = request->query,
                                           .path_rule = path_rule,
                                           .headers = headers,
                                           .header_count = signed_count,
                                           .payload_hash = hash };
    const struct sigv4_credentials credentials = { key->id, key->secret };
    CHECK(sigv4_sign(&to_sign, credentials, request->region, request->service, date, out));
}

static void add_line(struct signed_headers *headers, size_t *starts, const char *name, struct span value)
{
    CHECK(headers->count < SIGNED_HEADERS_MAX);
    starts[headers->count++] = headers->text.len;
    buf_add_str(&headers->text, name);
    buf_add_str(&headers->text, ": ");
    buf_add(&headers->text, value);
    buf_add_char(&headers->text, '\0');
}

/* Inserts by name: what SigV4 signs is sorted. */
static void insert(struct signing_header *lines, size_t *count, struct signing_header line)
{
    CHECK(*count < SIGNED_HEADERS_MAX - 1);
    size_t at = (*count)++;
    for (; at > 0 && strcmp(lines[at - 1].name, line.name) > 0; at--)
        lines[at] = lines[at - 1];
    lines[at] = line;
}

void signing_headers(const struct signing_key *key, const struct signing_request *request, bool content_sha256,
                     int64_t wall_ms, struct signed_headers *ret_headers)
{
    struct signing_header lines[SIGNED_HEADERS_MAX];
    size_t starts[SIGNED_HEADERS_MAX] = { 0 };
    size_t count = 0;
    char date[17], hash[SHA256_HEX];
    unsigned char digest[SHA256_BYTES];
    struct buf authorization;
    buf_init(&authorization, TEXT_MAX);
    clock_basic_iso(wall_ms, date);
    insert(lines, &count, (struct signing_header){ "host", request->host, true });
    for (size_t i = 0; i < request->header_count; i++)
        insert(lines, &count, request->headers[i]);
    if (key->id.len > 0) {
        sha256_of(request->body, digest);
        sha256_hex(digest, hash);
        insert(lines, &count, (struct signing_header){ "x-amz-date", span_str(date), true });
        if (content_sha256)
            insert(lines, &count, (struct signing_header){ "x-amz-content-sha256", span_of(hash, sizeof hash), true });
        if (key->token.len > 0)
            insert(lines, &count, (struct signing_header){ "x-amz-security-token", key->token, true });
        authorize(key, request, content_sha256 ? SIGV4_PATH_S3 : SIGV4_PATH_SERVICE, span_of(hash, sizeof hash),
                  span_str(date), lines, count, &authorization);
    }
    buf_clear(&ret_headers->text);
    ret_headers->count = 0;
    for (size_t i = 0; i < count; i++)
        add_line(ret_headers, starts, lines[i].name, lines[i].value);
    if (key->id.len > 0)
        add_line(ret_headers, starts, "authorization", buf_span(&authorization));
    CHECK(!ret_headers->text.overflow && !authorization.overflow);
    for (size_t i = 0; i < ret_headers->count; i++)
        ret_headers->lines[i] = ret_headers->text.ptr + starts[i];
    buf_free(&authorization);
}
