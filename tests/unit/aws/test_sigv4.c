/* sigv4: every intermediate product against spec N and against what botocore makes of the same requests. */
#include "aws/sigv4.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECRET SPAN_LIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
#define DATE SPAN_LIT("20260102T030405Z")
/* As parts of initialisers, which must be constant. */
#define S(text)                                                                                                        \
    {                                                                                                                  \
        (text), sizeof(text) - 1                                                                                       \
    }
#define H(name, value)                                                                                                 \
    {                                                                                                                  \
        S(name), S(value)                                                                                              \
    }
#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const char vector_body[] =
    "{\"DatasetArn\": \"arn:aws:rekognition:us-east-1:123456789012:project/p/dataset/train/1690476084535\"}";
static const char vector_hash[] = "a0d78ea15b447eefd0ed2840389b0366261eeaf110ae3b5eb4e3cca029dc2da9";
static const struct sigv4_scope vector_scope = { S("20260102"), S("us-east-1"), S("rekognition"), S("aws4_request") };
static const struct sigv4_header vector_headers[] = {
    H("Host", "127.0.0.1:8080"),
    H("Accept-Encoding", "identity"),
    H("X-Amz-Target", "RekognitionService.DescribeDataset"),
    H("Content-Type", "application/x-amz-json-1.1"),
    H("X-Amz-Date", "20260102T030405Z"),
    H("amz-sdk-request", "attempt=1"),
};
#define VECTOR_SIGNED SPAN_LIT("content-type;host;x-amz-date;x-amz-target")
#define VECTOR_SIGNATURE "fba8718956025a2cb885156818f8318af8dc13dafea6daa83db59a498c05d1b8"

static struct sigv4_request vector_request(void)
{
    return (struct sigv4_request){ .method = SPAN_LIT("POST"),
                                   .path = SPAN_LIT("/"),
                                   .headers = vector_headers,
                                   .header_count = COUNT_OF(vector_headers),
                                   .payload_hash = span_str(vector_hash) };
}

static void assert_span(struct span got, const char *want)
{
    if (!span_is(got, want))
        print_error("got:\n" SPAN_FMT "\nnot:\n%s\n", SPAN_ARG(got), want);
    assert_true(span_is(got, want));
}

static void assert_buf(struct buf *got, const char *want)
{
    assert_false(got->overflow);
    assert_span(buf_span(got), want);
    buf_free(got);
}

static struct buf new_buf(void)
{
    struct buf buf;
    buf_init(&buf, SIGV4_CANONICAL_MAX);
    return buf;
}

static void assert_hex(const unsigned char digest[SHA256_BYTES], const char *want)
{
    char hex[SHA256_HEX];
    sha256_hex(digest, hex);
    assert_span(span_of(hex, sizeof hex), want);
}

static void body_hash(void **state)
{
    unsigned char digest[SHA256_BYTES];
    struct sha256 hash;
    (void)state;
    sha256_of(span_str(vector_body), digest);
    assert_hex(digest, vector_hash);
    sha256_of(SPAN_NONE, digest);
    assert_hex(digest, EMPTY_HASH);
    sha256_init(&hash);
    for (size_t i = 0; i < sizeof vector_body - 1; i++)
        sha256_update(&hash, span_of(vector_body + i, 1));
    sha256_final(&hash, digest);
    assert_hex(digest, vector_hash);
    assert_null(hash.ctx);
    sha256_drop(&hash);
}

/* More hashes under way at once than a thread keeps contexts, ended in another order, some without a digest. */
static void hashes_interleave(void **state)
{
    struct sha256 hashes[10];
    unsigned char digest[SHA256_BYTES];
    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < COUNT_OF(hashes); i++) {
            sha256_init(&hashes[i]);
            sha256_update(&hashes[i], span_of(vector_body, i));
        }
        for (unsigned i = COUNT_OF(hashes); i-- > 0;) {
            sha256_update(&hashes[i], span_from(span_str(vector_body), i));
            if (i % 3 == round) {
                sha256_drop(&hashes[i]);
                continue;
            }
            sha256_final(&hashes[i], digest);
            assert_hex(digest, vector_hash);
        }
    }
}

static void vector_products(void **state)
{
    struct sigv4_request request = vector_request();
    struct buf canonical = new_buf(), to_sign = new_buf();
    unsigned char key[SHA256_BYTES];
    char signature[SHA256_HEX];
    (void)state;
    assert_true(sigv4_canonical_request(&request, VECTOR_SIGNED, &canonical));
    sigv4_string_to_sign(DATE, &vector_scope, buf_span(&canonical), &to_sign);
    sigv4_signature(SECRET, &vector_scope, buf_span(&to_sign), signature);
    assert_buf(&canonical, "POST\n/\n\ncontent-type:application/x-amz-json-1.1\nhost:127.0.0.1:8080\n"
                           "x-amz-date:20260102T030405Z\nx-amz-target:RekognitionService.DescribeDataset\n\n"
                           "content-type;host;x-amz-date;x-amz-target\n"
                           "a0d78ea15b447eefd0ed2840389b0366261eeaf110ae3b5eb4e3cca029dc2da9");
    assert_buf(&to_sign, "AWS4-HMAC-SHA256\n20260102T030405Z\n20260102/us-east-1/rekognition/aws4_request\n"
                         "4096e722e381db9cf90c4c387e775083655e22a331fab74b500a22e32092ba38");
    sigv4_key(SECRET, &vector_scope, key);
    assert_hex(key, "a1f378b72f9d2a90662b94f8c4304279d969605cc8c58b4c8087fcd19a6f01ef");
    assert_span(span_of(signature, sizeof signature), VECTOR_SIGNATURE);
}

static void vector_with_token(void **state)
{
    struct sigv4_header headers[COUNT_OF(vector_headers) + 1];
    struct sigv4_request request = vector_request();
    struct span names = SPAN_LIT("content-type;host;x-amz-date;x-amz-security-token;x-amz-target");
    struct buf canonical = new_buf(), to_sign = new_buf();
    char signature[SHA256_HEX];
    (void)state;
    headers[0] = (struct sigv4_header)H("x-amz-security-token", "FQoGZXIvYXdzEXAMPLETOKEN==");
    memcpy(headers + 1, vector_headers, sizeof vector_headers);
    request.headers = headers;
    request.header_count = COUNT_OF(headers);
    assert_true(sigv4_canonical_request(&request, names, &canonical));
    sigv4_string_to_sign(DATE, &vector_scope, buf_span(&canonical), &to_sign);
    assert_true(
        span_ends(buf_span(&to_sign), SPAN_LIT("\n35d664d86cac361a8acacd713e6e3b8bfae36c77c056360b56c4ffec739061e4")));
    sigv4_signature(SECRET, &vector_scope, buf_span(&to_sign), signature);
    assert_span(span_of(signature, sizeof signature),
                "305d1ef058b466198dcced44b6f1f04ca015f778fbd68d6a773c5b072ab94ae7");
    buf_free(&canonical);
    buf_free(&to_sign);
}

static void paths_as_botocore_has_them(void **state)
{
    static const char *const rows[][2] = {
        { "", "/" },
        { "/", "/" },
        { "//", "/" },
        { "/.", "/" },
        { "/..", "/" },
        { "/a/..", "/" },
        { "/a/../", "/" },
        { "/a/b/.", "/a/b" },
        { "/a/./b", "/a/b" },
        { "/a//b//", "/a/b/" },
        { "/a%20b", "/a%2520b" },
        { "/%2F", "/%252F" },
        { "/~x_y-z.0", "/~x_y-z.0" },
        { "/a+b*c", "/a%2Bb%2Ac" },
        { "/../../a", "/a" },
        { "/\xc3\xa9", "/%C3%A9" },
        { "x/y", "x/y" },
        { "a/..", "" },
        { "*", "%2A" },
        { "/a/b/../../../c/", "/c/" },
        { "/...", "/..." },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out = new_buf();
        sigv4_canonical_path(span_str(rows[i][0]), SIGV4_PATH_SERVICE, &out);
        assert_buf(&out, rows[i][1]);
    }
    struct buf out = new_buf();
    sigv4_canonical_path(SPAN_LIT("/bucket/a%20b/../%C3%A9//x"), SIGV4_PATH_S3, &out);
    assert_buf(&out, "/bucket/a%20b/../%C3%A9//x");
    sigv4_canonical_path(SPAN_NONE, SIGV4_PATH_S3, &out);
    assert_buf(&out, "/");
}

/* A path written behind other text must not reach into it. */
static void paths_stay_behind_what_is_there(void **state)
{
    struct buf out = new_buf();
    (void)state;
    buf_add_str(&out, "POST/x\n");
    sigv4_canonical_path(SPAN_LIT("/../a/../../.."), SIGV4_PATH_SERVICE, &out);
    assert_buf(&out, "POST/x\n/");
}

static void queries_as_botocore_has_them(void **state)
{
    static const char *const rows[][2] = {
        { "", "" },
        { "a", "a=" },
        { "a=", "a=" },
        { "b&a", "a=&b=" },
        { "a=1&b=2&a=0", "a=0&a=1&b=2" },
        { "a=b=c", "a=b=c" },
        { "&", "=&=" },
        { "a&&b", "=&a=&b=" },
        { "a=%2f&A=1", "A=1&a=%2f" },
        { "=x", "=x" },
        { "a-b=1&a=2", "a=2&a-b=1" },
        { "a=1&a", "a=&a=1" },
        { "x=+y", "x=+y" },
        { "versionId=a%2Fb%3D&list-type=2&prefix=", "list-type=2&prefix=&versionId=a%2Fb%3D" },
        { "\xe1\x88\xb4=bar", "%E1%88%B4=bar" }, /* AWS escapes what came raw */
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out = new_buf();
        sigv4_canonical_query(span_str(rows[i][0]), &out);
        assert_buf(&out, rows[i][1]);
    }
}

static void header_values(void **state)
{
    static const char *const rows[][2] = {
        { "", "" },
        { "   ", "" },
        { " a ", "a" },
        { "a  b", "a b" },
        { "  a   b \t c  ", "a b c" },
        { "\t", "" },
        { "a\tb", "a b" },
        { "\"a  b\"", "\"a b\"" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out = new_buf();
        buf_add_str(&out, ":");
        sigv4_canonical_value(span_str(rows[i][0]), &out);
        assert_span(span_from(buf_span(&out), 1), rows[i][1]);
        buf_free(&out);
    }
}

static void headers_join_and_sort(void **state)
{
    const struct sigv4_header headers[] = {
        H("X-B", " two  words"), H("host", "h"), H("x-a", "1"), H("x-b", "second"), H("Unsigned", "u"), H("X-A", "2 "),
    };
    struct sigv4_request request = {
        .method = SPAN_LIT("POST"), .headers = headers, .header_count = COUNT_OF(headers), .payload_hash = SPAN_LIT("-")
    };
    struct buf out = new_buf();
    (void)state;
    assert_true(sigv4_canonical_request(&request, SPAN_LIT("x-b;Host;x-a;gone;x-a"), &out));
    assert_buf(&out, "POST\n/\n\ngone:\nhost:h\nx-a:1,2\nx-b:two words,second\n\ngone;host;x-a;x-b\n-");
    assert_true(sigv4_canonical_request(&request, SPAN_NONE, &out));
    assert_buf(&out, "POST\n/\n\nhost:h\nunsigned:u\nx-a:1,2\nx-b:two words,second\n\nhost;unsigned;x-a;x-b\n-");
}

static void too_many_signed_headers(void **state)
{
    struct sigv4_request request = vector_request();
    struct buf names = new_buf(), out = new_buf();
    (void)state;
    for (unsigned i = 0; i < SIGV4_HEADERS_MAX; i++)
        buf_addf(&names, "%sh%03u", i ? ";" : "", i);
    assert_true(sigv4_canonical_request(&request, buf_span(&names), &out));
    buf_add_str(&names, ";h000");
    assert_true(sigv4_canonical_request(&request, buf_span(&names), &out));
    buf_add_str(&names, ";host");
    assert_false(sigv4_canonical_request(&request, buf_span(&names), &out));
    buf_free(&names);
    buf_free(&out);
}

static void signing_a_service(void **state)
{
    const struct sigv4_header headers[] = {
        H("content-type", "application/x-amz-json-1.1"),
        H("host", "127.0.0.1:8080"),
        H("x-amz-date", "20260102T030405Z"),
        H("x-amz-target", "RekognitionService.DescribeDataset"),
    };
    struct sigv4_request request = vector_request();
    struct buf out = new_buf();
    (void)state;
    request.headers = headers;
    request.header_count = COUNT_OF(headers);
    assert_true(sigv4_sign(&request, (struct sigv4_credentials){ SPAN_LIT("AKIDEXAMPLE"), SECRET },
                           SPAN_LIT("us-east-1"), SPAN_LIT("rekognition"), DATE, &out));
    assert_buf(&out, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/rekognition/aws4_request, "
                     "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=" VECTOR_SIGNATURE);
}

static void signing_s3(void **state)
{
    const struct sigv4_header headers[] = {
        H("host", "s3.test"),
        H("x-amz-date", "20260102T030405Z"),
        H("x-amz-content-sha256", EMPTY_HASH),
    };
    struct sigv4_request request = { .method = SPAN_LIT("GET"),
                                     .path = SPAN_LIT("/bucket/a%20b/../%C3%A9//x"),
                                     .query = SPAN_LIT("versionId=a%2Fb%3D&list-type=2&prefix="),
                                     .path_rule = SIGV4_PATH_S3,
                                     .headers = headers,
                                     .header_count = COUNT_OF(headers),
                                     .payload_hash = SPAN_LIT(EMPTY_HASH) };
    struct buf out = new_buf();
    (void)state;
    assert_true(sigv4_sign(&request, (struct sigv4_credentials){ SPAN_LIT("AKIDEXAMPLE"), SECRET },
                           SPAN_LIT("eu-central-1"), SPAN_LIT("s3"), DATE, &out));
    assert_buf(&out, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-central-1/s3/aws4_request, "
                     "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
                     "Signature=8ec99e0c618e84e16095652d74cdfb5c5bc575441ddf615e7362d8d39ca3b4bd");
}

static void odd_path_and_query(void **state)
{
    const struct sigv4_header headers[] = {
        H("X-Spaces", "  a   b \t c  "),
        H("Host", "h"),
        H("X-Amz-Date", "20260102T030405Z"),
    };
    struct sigv4_request request = { .method = SPAN_LIT("POST"),
                                     .path = SPAN_LIT("/pre%20fix/./a/../b//c~d/"),
                                     .query = SPAN_LIT("b=2&a=1&a=0&empty&c=%2f%20+"),
                                     .headers = headers,
                                     .header_count = COUNT_OF(headers),
                                     .payload_hash = SPAN_LIT(EMPTY_HASH) };
    struct buf out = new_buf();
    (void)state;
    assert_true(sigv4_canonical_request(&request, SPAN_NONE, &out));
    assert_buf(&out, "POST\n/pre%2520fix/b/c~d/\na=0&a=1&b=2&c=%2f%20+&empty=\nhost:h\n"
                     "x-amz-date:20260102T030405Z\nx-spaces:a b c\n\nhost;x-amz-date;x-spaces\n" EMPTY_HASH);
    assert_true(sigv4_sign(&request, (struct sigv4_credentials){ SPAN_LIT("AKIDEXAMPLE"), SECRET },
                           SPAN_LIT("us-east-1"), SPAN_LIT("rekognition"), DATE, &out));
    assert_true(
        span_ends(buf_span(&out), SPAN_LIT("707ef7895d4dc1d39f71db454d57c380974f5d669677b61add7312811df49fca")));
    buf_free(&out);
}

static bool verify(struct sigv4_request request, const char *signature, struct span secret)
{
    struct sigv4_authorization parts = { SPAN_LIT(SIGV4_ALGORITHM), SPAN_NONE, VECTOR_SIGNED, span_str(signature) };
    return sigv4_verify(&request, &parts, &vector_scope, DATE, secret);
}

static void verifying(void **state)
{
    struct sigv4_request request = vector_request();
    (void)state;
    assert_true(verify(request, VECTOR_SIGNATURE, SECRET));
    assert_false(verify(request, "", SECRET));
    assert_false(verify(request, "fba8718956025a2cb885156818f8318af8dc13dafea6daa83db59a498c05d1b", SECRET));
    assert_false(verify(request, VECTOR_SIGNATURE "0", SECRET));
    assert_false(verify(request, "FBA8718956025A2CB885156818F8318AF8DC13DAFEA6DAA83DB59A498C05D1B8", SECRET));
    for (unsigned i = 0; i < SHA256_HEX; i++) {
        char other[] = VECTOR_SIGNATURE;
        other[i] = other[i] == '0' ? '1' : '0';
        assert_false(verify(request, other, SECRET));
    }
    request.method = SPAN_LIT("GET");
    assert_false(verify(request, VECTOR_SIGNATURE, SECRET));
    request = vector_request();
    request.query = SPAN_LIT("a");
    assert_false(verify(request, VECTOR_SIGNATURE, SECRET));
    request = vector_request();
    request.payload_hash = SPAN_LIT("UNSIGNED-PAYLOAD");
    assert_false(verify(request, VECTOR_SIGNATURE, SECRET));
    struct sigv4_authorization none = { .signature = SPAN_LIT(VECTOR_SIGNATURE) };
    request = vector_request();
    assert_false(sigv4_verify(&request, &none, &vector_scope, DATE, SECRET));
}

/* Any number of keys, days and regions in turn get their own signature, whatever the cache holds. */
static void cache_never_mixes(void **state)
{
    struct span text = SPAN_LIT("text");
    char first[300][SHA256_HEX], again[SHA256_HEX];
    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < COUNT_OF(first); i++) {
            char secret[16], date[16], region[16];
            snprintf(secret, sizeof secret, "secret%u", i % 10);
            snprintf(date, sizeof date, "202601%02u", i / 10 % 10);
            snprintf(region, sizeof region, "r-%u", i / 100);
            const struct sigv4_scope scope = { span_str(date), span_str(region), SPAN_LIT("rekognition"),
                                               SPAN_LIT("aws4_request") };
            sigv4_signature(span_str(secret), &scope, text, round ? again : first[i]);
            for (unsigned j = 0; !round && j < i; j++)
                assert_memory_not_equal(first[j], first[i], SHA256_HEX);
            if (round)
                assert_memory_equal(again, first[i], SHA256_HEX);
        }
        sigv4_forget_keys();
    }
}

/* The same four texts run together must not be one key; a secret too long to be kept signs all the same. */
static void cache_names_are_unambiguous(void **state)
{
    const struct sigv4_scope one = { SPAN_LIT("20260102"), SPAN_LIT("ab"), SPAN_LIT("c"), SPAN_LIT("aws4_request") };
    const struct sigv4_scope other = { SPAN_LIT("20260102"), SPAN_LIT("a"), SPAN_LIT("bc"), SPAN_LIT("aws4_request") };
    char a[SHA256_HEX], b[SHA256_HEX], secret[1000];
    (void)state;
    sigv4_signature(SECRET, &one, SPAN_LIT("t"), a);
    sigv4_signature(SECRET, &other, SPAN_LIT("t"), b);
    assert_memory_not_equal(a, b, SHA256_HEX);
    memset(secret, 's', sizeof secret);
    sigv4_signature(span_of(secret, sizeof secret), &one, SPAN_LIT("t"), a);
    sigv4_signature(span_of(secret, sizeof secret - 1), &one, SPAN_LIT("t"), b);
    assert_memory_not_equal(a, b, SHA256_HEX);
    sigv4_signature(span_of(secret, sizeof secret), &one, SPAN_LIT("t"), b);
    assert_memory_equal(a, b, SHA256_HEX);
}

static void *verify_much(void *ctx)
{
    unsigned *right = ctx;
    for (unsigned i = 0; i < 2000; i++) {
        *right += verify(vector_request(), VECTOR_SIGNATURE, SECRET);
        *right += verify(vector_request(), VECTOR_SIGNATURE, SPAN_LIT("another"));
        if (i % 100 == 0)
            sigv4_forget_keys();
    }
    return NULL;
}

static void threads(void **state)
{
    pthread_t ids[4];
    unsigned right[4] = { 0 };
    (void)state;
    for (unsigned i = 0; i < COUNT_OF(ids); i++)
        assert_int_equal(pthread_create(&ids[i], NULL, verify_much, &right[i]), 0);
    for (unsigned i = 0; i < COUNT_OF(ids); i++) {
        pthread_join(ids[i], NULL);
        assert_int_equal(right[i], 2000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(body_hash),
        cmocka_unit_test(hashes_interleave),
        cmocka_unit_test(vector_products),
        cmocka_unit_test(vector_with_token),
        cmocka_unit_test(paths_as_botocore_has_them),
        cmocka_unit_test(paths_stay_behind_what_is_there),
        cmocka_unit_test(queries_as_botocore_has_them),
        cmocka_unit_test(header_values),
        cmocka_unit_test(headers_join_and_sort),
        cmocka_unit_test(too_many_signed_headers),
        cmocka_unit_test(signing_a_service),
        cmocka_unit_test(signing_s3),
        cmocka_unit_test(odd_path_and_query),
        cmocka_unit_test(verifying),
        cmocka_unit_test(cache_never_mixes),
        cmocka_unit_test(cache_names_are_unambiguous),
        cmocka_unit_test(threads),
    };
    return cmocka_run_group_tests_name("sigv4", tests, NULL, NULL);
}
