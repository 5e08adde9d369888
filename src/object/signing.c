/* signing: see signing.h for the contract. */
#include "object/signing.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

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

static void hmac(const void *key, size_t key_len, struct span text, unsigned char ret_mac[32])
{
    unsigned len = 32;
    CHECK(HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text.ptr, text.len, ret_mac, &len));
}

static void hex_sha256(struct span text, struct buf *out)
{
    unsigned char digest[32];
    SHA256((const unsigned char *)(text.ptr ? text.ptr : ""), text.len, digest);
    buf_add_hex(out, digest, sizeof digest);
}

/* The Authorization header's value: SigV4 over those lines that are to be signed, which come sorted. */
static void authorize(const struct signing_key *key, const struct signing_request *request, struct span hash,
                      struct span date, const struct signing_header *lines, size_t count, struct buf *out)
{
    struct buf canonical, names, scope, to_sign, secret;
    unsigned char mac[32];
    buf_init(&canonical, TEXT_MAX * 2);
    buf_init(&names, 1024);
    buf_init(&scope, 1024);
    buf_init(&to_sign, 4096);
    buf_init(&secret, 1024);
    buf_addf(&canonical, "%s\n" SPAN_FMT "\n" SPAN_FMT "\n", request->method, SPAN_ARG(request->path),
             SPAN_ARG(request->query));
    for (size_t i = 0; i < count; i++) {
        if (!lines[i].sign)
            continue;
        buf_addf(&canonical, "%s:" SPAN_FMT "\n", lines[i].name, SPAN_ARG(lines[i].value));
        buf_addf(&names, "%s%s", names.len > 0 ? ";" : "", lines[i].name);
    }
    buf_addf(&canonical, "\n" SPAN_FMT "\n" SPAN_FMT, SPAN_ARG(buf_span(&names)), SPAN_ARG(hash));
    buf_addf(&scope, "%.8s/" SPAN_FMT "/" SPAN_FMT "/aws4_request", date.ptr, SPAN_ARG(request->region),
             SPAN_ARG(request->service));
    buf_addf(&to_sign, "AWS4-HMAC-SHA256\n" SPAN_FMT "\n" SPAN_FMT "\n", SPAN_ARG(date), SPAN_ARG(buf_span(&scope)));
    hex_sha256(buf_span(&canonical), &to_sign);
    buf_addf(&secret, "AWS4" SPAN_FMT, SPAN_ARG(key->secret));
    hmac(secret.ptr, secret.len, span_first(date, 8), mac);
    hmac(mac, 32, request->region, mac);
    hmac(mac, 32, request->service, mac);
    hmac(mac, 32, SPAN_LIT("aws4_request"), mac);
    hmac(mac, 32, buf_span(&to_sign), mac);
    buf_addf(out, "AWS4-HMAC-SHA256 Credential=" SPAN_FMT "/" SPAN_FMT ", SignedHeaders=" SPAN_FMT ", Signature=",
             SPAN_ARG(key->id), SPAN_ARG(buf_span(&scope)), SPAN_ARG(buf_span(&names)));
    buf_add_hex(out, mac, 32);
    explicit_bzero(secret.ptr, secret.len);
    buf_free(&canonical);
    buf_free(&names);
    buf_free(&scope);
    buf_free(&to_sign);
    buf_free(&secret);
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
    size_t starts[SIGNED_HEADERS_MAX];
    size_t count = 0;
    char date[17];
    struct buf hash, authorization;
    buf_init(&hash, 65);
    buf_init(&authorization, TEXT_MAX);
    clock_basic_iso(wall_ms, date);
    insert(lines, &count, (struct signing_header){ "host", request->host, true });
    for (size_t i = 0; i < request->header_count; i++)
        insert(lines, &count, request->headers[i]);
    if (key->id.len > 0) {
        hex_sha256(request->body, &hash);
        insert(lines, &count, (struct signing_header){ "x-amz-date", span_str(date), true });
        if (content_sha256)
            insert(lines, &count, (struct signing_header){ "x-amz-content-sha256", buf_span(&hash), true });
        if (key->token.len > 0)
            insert(lines, &count, (struct signing_header){ "x-amz-security-token", key->token, true });
        authorize(key, request, buf_span(&hash), span_str(date), lines, count, &authorization);
    }
    buf_clear(&ret_headers->text);
    ret_headers->count = 0;
    for (size_t i = 0; i < count; i++)
        add_line(ret_headers, starts, lines[i].name, lines[i].value);
    if (key->id.len > 0)
        add_line(ret_headers, starts, "authorization", buf_span(&authorization));
    CHECK(!ret_headers->text.overflow && !authorization.overflow && !hash.overflow);
    for (size_t i = 0; i < ret_headers->count; i++)
        ret_headers->lines[i] = ret_headers->text.ptr + starts[i];
    buf_free(&hash);
    buf_free(&authorization);
}
