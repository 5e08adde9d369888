/*
 * Fuzz target for aws/sigv4. The input is lines: an Authorization header's value, a date, a path, a query, then headers
 * as NAME:VALUE. Everything must stay in bounds; canonical forms must be canonical by a second look at them; and what
 * is signed here must verify, with that secret and no other.
 */
#include <stdlib.h>

#include "aws/sigv4.h"
#include "base/check.h"
#include "base/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADERS = 80 };

static void check_date(struct span date)
{
    int64_t seconds;
    char text[SIGV4_DATE_LEN + 1];
    if (!sigv4_date_seconds(date, &seconds))
        return;
    clock_basic_iso(seconds * 1000, text);
    CHECK(span_is(date, text));
}

static void check_path(struct span path)
{
    struct buf out;
    buf_init(&out, SIGV4_CANONICAL_MAX);
    sigv4_canonical_path(path, SIGV4_PATH_SERVICE, &out);
    CHECK(!out.overflow && out.len <= 3 * path.len + 1);
    struct span rest = buf_span(&out);
    CHECK(path.len == 0 || path.ptr[0] != '/' || span_starts(rest, SPAN_LIT("/")));
    for (size_t i = 0; i < rest.len; i++)
        CHECK(rest.ptr[i] > ' ' && rest.ptr[i] < 0x7f && !strchr("?#&=+*:;@!$'()\"<>", rest.ptr[i]));
    for (size_t at = 0; rest.ptr; at++) {
        struct span segment = span_cut(&rest, '/');
        CHECK(!span_is(segment, ".") && !span_is(segment, ".."));
        CHECK(segment.len > 0 || at == 0 || !rest.ptr);
    }
    buf_free(&out);
}

/* Sorted by name and value, as many pairs as came, and nothing left to do on it. */
static void check_query(struct span query)
{
    struct buf out, again;
    buf_init(&out, SIGV4_CANONICAL_MAX);
    buf_init(&again, SIGV4_CANONICAL_MAX);
    sigv4_canonical_query(query, &out);
    sigv4_canonical_query(buf_span(&out), &again);
    CHECK(!out.overflow && span_eq(buf_span(&out), buf_span(&again)));
    struct span rest = buf_span(&out), last_name = SPAN_NONE, last_value = SPAN_NONE;
    size_t pairs = 0, came = query.len > 0;
    for (size_t i = 0; i < query.len; i++)
        came += query.ptr[i] == '&';
    while (out.len > 0 && rest.ptr) {
        struct span value = span_cut(&rest, '&');
        struct span name = span_cut(&value, '=');
        int order = pairs ? span_compare(last_name, name) : -1;
        CHECK(value.ptr && (order < 0 || (order == 0 && span_compare(last_value, value) <= 0)));
        last_name = name;
        last_value = value;
        pairs++;
    }
    CHECK(pairs == came);
    buf_free(&out);
    buf_free(&again);
}

static void check_value(struct span value)
{
    struct buf out;
    buf_init(&out, SIGV4_CANONICAL_MAX);
    sigv4_canonical_value(value, &out);
    struct span got = buf_span(&out);
    CHECK(got.len <= value.len && !span_contains(got, SPAN_LIT("  ")) && !span_contains(got, SPAN_LIT("\t")));
    CHECK(!span_starts(got, SPAN_LIT(" ")) && !span_ends(got, SPAN_LIT(" ")));
    buf_free(&out);
}

static bool names_are_tokens(const struct sigv4_request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        struct span name = request->headers[i].name;
        for (size_t j = 0; j < name.len; j++)
            if (name.ptr[j] <= ' ' || name.ptr[j] >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", name.ptr[j]))
                return false;
        if (name.len == 0)
            return false;
    }
    return request->header_count > 0;
}

static void check_signing(const struct sigv4_request *request)
{
    struct buf out;
    struct sigv4_authorization parts;
    struct sigv4_scope scope;
    struct span key_id, date = SPAN_LIT("20260102T030405Z");
    const struct sigv4_credentials credentials = { SPAN_LIT("AKIDEXAMPLE"), SPAN_LIT("secret") };
    buf_init(&out, SIGV4_CANONICAL_MAX);
    if (!sigv4_sign(request, credentials, SPAN_LIT("us-east-1"), SPAN_LIT("rekognition"), date, &out)) {
        CHECK(request->header_count > SIGV4_HEADERS_MAX);
    } else if (names_are_tokens(request)) {
        sigv4_split_authorization(buf_span(&out), &parts);
        CHECK(span_is(parts.algorithm, SIGV4_ALGORITHM) && parts.credential.ptr);
        CHECK(sigv4_split_credential(parts.credential, &key_id, &scope) && span_eq(key_id, credentials.key_id));
        CHECK(sigv4_is_signed(parts.signed_headers, request->headers[0].name));
        CHECK(sigv4_verify(request, &parts, &scope, date, credentials.secret));
        CHECK(!sigv4_verify(request, &parts, &scope, date, SPAN_LIT("Secret")));
    }
    buf_free(&out);
}

/* Whatever the header says, nothing is verified by a secret that never signed. */
static void check_claim(const struct sigv4_request *request, struct span authorization, struct span date)
{
    struct sigv4_authorization parts;
    struct sigv4_scope scope;
    struct span key_id;
    sigv4_split_authorization(authorization, &parts);
    if (parts.credential.ptr && sigv4_split_credential(parts.credential, &key_id, &scope))
        CHECK(!sigv4_verify(request, &parts, &scope, date, SPAN_LIT("a secret that nobody has")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_of(data, size);
    struct sigv4_header headers[HEADERS];
    struct sigv4_request request = { .method = SPAN_LIT("POST"), .headers = headers, .payload_hash = SPAN_LIT("-") };
    if (size == 0 || size > 65536)
        return 0;
    struct span authorization = span_cut(&rest, '\n');
    struct span date = span_cut(&rest, '\n');
    request.path = span_cut(&rest, '\n');
    request.query = span_cut(&rest, '\n');
    while (rest.ptr && request.header_count < HEADERS) {
        struct span value = span_cut(&rest, '\n');
        struct span name = span_cut(&value, ':');
        headers[request.header_count++] = (struct sigv4_header){ name, value };
        check_value(value);
    }
    check_date(date);
    check_path(request.path);
    check_query(request.query);
    for (unsigned rule = 0; rule < 2; rule++) {
        request.path_rule = rule ? SIGV4_PATH_S3 : SIGV4_PATH_SERVICE;
        check_signing(&request);
        check_claim(&request, authorization, date);
    }
    return 0;
}
