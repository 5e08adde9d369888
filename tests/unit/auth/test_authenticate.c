/* authenticate: the table of spec A.6.1 row by row, each row made by one change to a request that passes. */
#include "letter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SIGNED "content-type;host;x-amz-date;x-amz-target"
#define BAD_TOKEN "The security token included in the request is invalid"
#define MISMATCH                                                                                                       \
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key " \
    "and signing method. Consult the service documentation for details."
#define MISSING "Request is missing Authentication Token"

static struct letter_server server;

static int start(void **state)
{
    (void)state;
    letter_server_start(&server);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    letter_server_end(&server);
    return 0;
}

static void assert_passes(const struct letter *letter)
{
    struct letter_answer answer = letter_send(letter, &server);
    if (!answer.passed)
        fail_msg("refused: %s", answer.err.text);
}

static void assert_refused(const struct letter *letter, bool at_head, enum err_code code, const char *text)
{
    struct letter_answer answer = letter_send(letter, &server);
    assert_false(answer.passed);
    assert_int_equal(answer.refused_at_head, at_head);
    assert_string_equal(answer.err.text, text);
    assert_string_equal(err_name(answer.err.code), err_name(code));
}

static void an_unchanged_letter_passes(void **state)
{
    struct letter letter;
    (void)state;
    letter_sign(&letter, NULL);
    struct letter_answer answer = letter_send(&letter, &server);
    assert_true(answer.passed);
    assert_string_equal(answer.account, "123456789012");
    assert_string_equal(answer.region, "us-east-1");
    assert_string_equal(answer.user, "ann");
    assert_string_equal(answer.arn, "arn:aws:iam::123456789012:user/ann");
    assert_true(answer.has_policy && !answer.root);
    letter_sign(&letter, &(struct letter_wish){ .key_id = "AKIAROOT", .secret = "root's", .region = "xx-1" });
    answer = letter_send(&letter, &server);
    assert_true(answer.passed && answer.root && !answer.has_policy);
    assert_string_equal(answer.region, "xx-1");
    assert_string_equal(answer.arn, "arn:aws:iam::123456789012:root");
    assert_string_equal(answer.user, "");
}

static void no_authorization(void **state)
{
    static const char *const others[] = {
        "", "   ", "Basic dXNlcjpwYXNz", "Bearer x", "aws4-hmac-sha256 Credential=x", "AWS4", "AWS3-HTTPS x"
    };
    struct letter letter;
    (void)state;
    letter_sign(&letter, NULL);
    letter_remove(&letter, "Authorization");
    assert_refused(&letter, true, E_AUTH_MISSING, MISSING);
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        letter_sign(&letter, NULL);
        letter_set(&letter, "Authorization", others[i]);
        assert_refused(&letter, true, E_AUTH_MISSING, MISSING);
    }
}

static void signature_in_the_query(void **state)
{
    struct letter letter;
    (void)state;
    letter_sign(&letter, NULL);
    letter.request.query = SPAN_LIT("a=b&X-Amz-Algorithm=AWS4-HMAC-SHA256");
    assert_refused(&letter, true, E_AUTH_SIGNATURE,
                   "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.");
    letter_remove(&letter, "Authorization");
    assert_refused(&letter, true, E_AUTH_MISSING,
                   MISSING ": a signature in the query is not accepted here, sign with an Authorization header");
}

static void parts_missing(void **state)
{
    static const struct {
        const char *authorization, *text;
        bool dated;
    } rows[] = {
        { "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=0", "Authorization header requires 'Credential' parameter. ",
          true },
        { "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host", "Authorization header requires 'Signature' parameter. ",
          true },
        { "AWS4-HMAC-SHA256 Credential=a, Signature=0", "Authorization header requires 'SignedHeaders' parameter. ",
          true },
        { "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=0",
          "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ", false },
        { "AWS4-HMAC-SHA256 x=y",
          "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. "
          "Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either "
          "a "
          "'X-Amz-Date' or a 'Date' header. ",
          false },
        { "AWS4-X",
          "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. "
          "Authorization header requires 'SignedHeaders' parameter. ",
          true },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct letter letter;
        char text[1024];
        letter_sign(&letter, NULL);
        letter_set(&letter, "Authorization", rows[i].authorization);
        if (!rows[i].dated)
            letter_remove(&letter, "X-Amz-Date");
        snprintf(text, sizeof text, "%sAuthorization=%s", rows[i].text, rows[i].authorization);
        assert_refused(&letter, true, E_AUTH_INCOMPLETE, text);
    }
}

static void bad_dates(void **state)
{
    static const char *const dates[] = { "201",
                                         "",
                                         "x",
                                         "20260102T030405",
                                         "2026-01-02T03:04:05Z",
                                         "20261302T030405Z",
                                         "20260230T030405Z",
                                         "20260102T250405Z",
                                         "20260102T030405Z0",
                                         "Fri, 02 Jan 2026 03:04:05 CET",
                                         "Fri, 32 Jan 2026 03:04:05 GMT",
                                         "Fri, 02 jan 2026 03:04:05 GMT",
                                         "Fri, 02 Jan 26 03:04:05 GMT",
                                         "Fri 02 Jan 2026 03:04:05 GMT",
                                         "Fri, 02 Jan 2026 3:04:05 GMT",
                                         "Fri, 02 Jan 2026 03:04:05 GMT x",
                                         "Fri, 31 Feb 2026 03:04:05 GMT" };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(dates); i++) {
        struct letter letter;
        char text[1024];
        letter_sign(&letter, NULL);
        letter_set(&letter, "X-Amz-Date", dates[i]);
        snprintf(text, sizeof text,
                 "Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601",
                 dates[i]);
        assert_refused(&letter, true, E_AUTH_INCOMPLETE, text);
    }
}

/* botocore sends Date alone when its caller has set one; it signs the same moment in the other form. */
static void the_date_header_counts_where_the_other_is_not(void **state)
{
    static const char *const dates[] = { "Fri, 02 Jan 2026 03:04:05 GMT", "Fri, 02 Jan 2026 03:04:05 -0000",
                                         "2 Jan 2026 03:04:05 UTC", LETTER_DATE };
    struct letter letter;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(dates); i++) {
        letter_sign(&letter, &(struct letter_wish){ .http_date = dates[i] });
        assert_passes(&letter);
    }
    letter_sign(&letter, NULL);
    letter_add(&letter, "Date", "whatever");
    assert_passes(&letter);
}

static void clock_skew(void **state)
{
    struct letter letter;
    (void)state;
    letter_sign(&letter, NULL);
    server.now_ms = LETTER_MOMENT_MS + 15 * 60000;
    assert_passes(&letter);
    server.now_ms += 1;
    assert_refused(&letter, true, E_AUTH_SIGNATURE,
                   "Signature expired: 20260102T030405Z is now earlier than 20260102T030405Z (20260102T031905Z - 15 "
                   "min.)");
    server.now_ms = LETTER_MOMENT_MS + INT64_C(86400000);
    assert_refused(&letter, true, E_AUTH_SIGNATURE,
                   "Signature expired: 20260102T030405Z is now earlier than 20260103T024905Z (20260103T030405Z - 15 "
                   "min.)");
    server.now_ms = LETTER_MOMENT_MS - 15 * 60000;
    assert_passes(&letter);
    server.now_ms -= 60000;
    assert_refused(&letter, true, E_AUTH_SIGNATURE,
                   "Signature not yet current: 20260102T030405Z is still later than 20260102T030305Z (20260102T024805Z "
                   "+ 15 min.)");
    server.options.skew_ms = 90000;
    server.now_ms = LETTER_MOMENT_MS + 120000;
    assert_refused(&letter, true, E_AUTH_SIGNATURE,
                   "Signature expired: 20260102T030405Z is now earlier than 20260102T030435Z (20260102T030605Z - 90 "
                   "sec.)");
    server.options.skew_ms = 500;
    assert_refused(&letter, true, E_AUTH_SIGNATURE,
                   "Signature expired: 20260102T030405Z is now earlier than 20260102T030604Z (20260102T030605Z - 500 "
                   "ms)");
}

static void host_not_signed(void **state)
{
    struct letter letter;
    (void)state;
    letter_sign(&letter, NULL);
    letter_replace(&letter, "host;", "");
    assert_refused(&letter, true, E_AUTH_SIGNATURE, "'Host' must be a 'SignedHeader' in the AWS Authorization.");
    letter_replace(&letter, "content-type;", "ghost;hosts;");
    assert_refused(&letter, true, E_AUTH_SIGNATURE, "'Host' must be a 'SignedHeader' in the AWS Authorization.");
}

static void another_algorithm(void **state)
{
    struct letter letter;
    (void)state;
    letter_sign(&letter, NULL);
    letter_replace(&letter, "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA25");
    assert_refused(&letter, true, E_AUTH_INCOMPLETE,
                   "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA25' (only AWS4-HMAC-SHA256 for now). ");
}

static void credential_without_five_parts(void **state)
{
    static const char *const rows[] = { "", "a", "a/b/c/d", "a/b/c/d/e/f" };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct letter letter;
        char text[1024];
        letter_sign(&letter, NULL);
        letter_replace(&letter, "AKIAANN/20260102/us-east-1/rekognition/aws4_request", rows[i]);
        snprintf(text, sizeof text,
                 "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
                 "'%s'",
                 rows[i]);
        assert_refused(&letter, true, E_AUTH_INCOMPLETE, text);
    }
}

#define REGION_65 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg"

static void scopes(void **state)
{
    static const char *const rows[][2] = {
        { "20260102//rekognition/aws4_request", "Credential should be scoped to a valid region, not ''. " },
        { "20260102/US-EAST-1/rekognition/aws4_request",
          "Credential should be scoped to a valid region, not 'US-EAST-1'. " },
        { "20260102/us_east/rekognition/aws4_request",
          "Credential should be scoped to a valid region, not 'us_east'. " },
        { "20260102/" REGION_65 "/rekognition/aws4_request",
          "Credential should be scoped to a valid region, not '" REGION_65 "'. " },
        { "20260102/us-east-1/s3/aws4_request", "Credential should be scoped to correct service: 'rekognition'. " },
        { "20260102/us-east-1/Rekognition/aws4_request",
          "Credential should be scoped to correct service: 'rekognition'. " },
        { "20260102/us-east-1/rekognition/aws5_request",
          "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. " },
        { "20130101/us-east-1/rekognition/aws4_request",
          "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20130101' != "
          "'20260102', from '20260102T030405Z'." },
        { "b/C/d/e",
          "Credential should be scoped to a valid region, not 'C'. Credential should be scoped to correct service: "
          "'rekognition'. Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. Date in "
          "Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: 'b' != '20260102', from "
          "'20260102T030405Z'." },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct letter letter;
        letter_sign(&letter, NULL);
        letter_replace(&letter, "20260102/us-east-1/rekognition/aws4_request", rows[i][0]);
        assert_refused(&letter, true, E_AUTH_SIGNATURE, rows[i][1]);
    }
}

static void keys_unknown_and_disabled(void **state)
{
    struct letter letter;
    (void)state;
    letter_sign(&letter, &(struct letter_wish){ .key_id = "AKIANOBODY" });
    assert_refused(&letter, true, E_AUTH_UNKNOWN_KEY, BAD_TOKEN ".");
    letter_sign(&letter, &(struct letter_wish){ .key_id = "AKIAOFF", .secret = "off's" });
    assert_refused(&letter, true, E_AUTH_UNKNOWN_KEY, BAD_TOKEN ".");
    letter_sign(&letter,
                &(struct letter_wish){ .key_id = "ASIAOFF", .secret = "session's", .token = LETTER_SESSION_TOKEN });
    assert_refused(&letter, true, E_AUTH_UNKNOWN_KEY, BAD_TOKEN ".");
}

static void signatures_that_do_not_match(void **state)
{
    static const char *const rows[] = { "", "0", "zz" };
    struct letter letter;
    (void)state;
    letter_sign(&letter, &(struct letter_wish){ .secret = "another" });
    assert_refused(&letter, false, E_AUTH_SIGNATURE, MISMATCH);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        letter_sign(&letter, NULL);
        letter_replace(&letter, strstr(letter.authorization, "Signature=") + 10, rows[i]);
        assert_refused(&letter, false, E_AUTH_SIGNATURE, MISMATCH);
    }
    letter_sign(&letter, NULL);
    letter.body = "{}";
    assert_refused(&letter, false, E_AUTH_SIGNATURE, MISMATCH);
    letter_sign(&letter, NULL);
    letter.request.path = SPAN_LIT("/other");
    assert_refused(&letter, false, E_AUTH_SIGNATURE, MISMATCH);
    letter_sign(&letter, NULL);
    letter.request.query = SPAN_LIT("a=b");
    assert_refused(&letter, false, E_AUTH_SIGNATURE, MISMATCH);
    letter_sign(&letter, NULL);
    letter.request.method = SPAN_LIT("GET");
    assert_refused(&letter, false, E_AUTH_SIGNATURE, MISMATCH);
    letter_sign(&letter, NULL);
    letter_set(&letter, "X-Amz-Target", "RekognitionService.DeleteDataset");
    assert_refused(&letter, false, E_AUTH_SIGNATURE, MISMATCH);
    letter_sign(&letter, NULL);
    letter_set(&letter, "Host", "127.0.0.1");
    assert_refused(&letter, false, E_AUTH_SIGNATURE, MISMATCH);
    letter_sign(&letter, NULL);
    letter_add(&letter, "X-Amz-Target", "RekognitionService.DeleteDataset");
    assert_refused(&letter, true, E_AUTH_INCOMPLETE, "The header 'X-Amz-Target' stands in the request more than once.");
    letter_sign(&letter, NULL);
    letter_replace(&letter, "x-amz-date;", "x-amz-date;x-amz-gone;");
    assert_refused(&letter, false, E_AUTH_SIGNATURE, MISMATCH);
}

static void what_may_differ(void **state)
{
    struct letter letter;
    (void)state;
    letter_sign(&letter, NULL);
    letter_set(&letter, "amz-sdk-request", "attempt=2");
    letter_set(&letter, "Content-Type", "  application/x-amz-json-1.1 ");
    struct sigv4_header first = letter.headers[0];
    letter.headers[0] = letter.headers[3];
    letter.headers[3] = first;
    assert_passes(&letter);
    letter_replace(&letter, ", SignedHeaders", ",SignedHeaders");
    letter_replace(&letter, ", Signature", "  ,   Signature");
    assert_passes(&letter);
    letter_sign(&letter, &(struct letter_wish){ .path = "/pre%20fix/../a//", .query = "b=2&a=1&a=0&empty" });
    assert_passes(&letter);
    letter.request.query = SPAN_LIT("a=0&a=1&b=2&empty=");
    assert_passes(&letter);
}

static void content_sha256(void **state)
{
    static const char other[] = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    static const char upper[] = "44136FA355B3678A1146AD16F7E8649E94FB4FC21FE77E8310C060F61CAAFF8A";
    static const char *const none[] = { "UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "", "44136fa3" };
    struct letter letter;
    (void)state;
    letter_sign(&letter, &(struct letter_wish){ .content_sha256 = "real" });
    assert_passes(&letter);
    letter_sign(&letter, &(struct letter_wish){ .content_sha256 = upper });
    letter.body = "{}";
    assert_passes(&letter);
    letter_sign(&letter, &(struct letter_wish){ .content_sha256 = other });
    assert_refused(&letter, false, E_AUTH_SIGNATURE, "The X-Amz-Content-Sha256 header is not the SHA-256 of the body.");
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        char text[256];
        letter_sign(&letter, &(struct letter_wish){ .content_sha256 = none[i] });
        snprintf(text, sizeof text, "The X-Amz-Content-Sha256 header must be the SHA-256 of the body in hex, not '%s'.",
                 none[i]);
        assert_refused(&letter, true, E_AUTH_SIGNATURE, text);
    }
}

static void headers_that_stand_twice(void **state)
{
    static const char *const names[] = { "Authorization", "X-Amz-Date", "X-Amz-Security-Token",
                                         "X-Amz-Content-Sha256" };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct letter letter;
        char text[256];
        letter_sign(&letter, NULL);
        letter_add(&letter, names[i], LETTER_DATE);
        if (i > 1)
            letter_add(&letter, names[i], LETTER_DATE);
        snprintf(text, sizeof text, "The header '%s' stands in the request more than once.", names[i]);
        assert_refused(&letter, true, E_AUTH_INCOMPLETE, text);
    }
}

static void sessions(void **state)
{
    struct letter_wish wish = { .key_id = "ASIAANN", .secret = "session's", .token = LETTER_SESSION_TOKEN };
    struct letter letter;
    (void)state;
    letter_sign(&letter, &wish);
    struct letter_answer answer = letter_send(&letter, &server);
    assert_true(answer.passed && answer.has_policy && !answer.root);
    assert_string_equal(answer.arn, "arn:aws:iam::123456789012:user/ann");
    server.now_ms = LETTER_SESSION_EXPIRES_MS - 1;
    assert_passes(&letter);
    server.now_ms = LETTER_SESSION_EXPIRES_MS;
    assert_refused(&letter, false, E_AUTH_EXPIRED, "The security token included in the request is expired");
    wish.token = "another";
    letter_sign(&letter, &wish);
    assert_refused(&letter, false, E_AUTH_UNKNOWN_KEY, BAD_TOKEN);
    wish.token = NULL;
    letter_sign(&letter, &wish);
    assert_refused(&letter, false, E_AUTH_UNKNOWN_KEY, BAD_TOKEN);
    letter_add(&letter, "X-Amz-Security-Token", LETTER_SESSION_TOKEN);
    server.now_ms = LETTER_MOMENT_MS;
    assert_passes(&letter);
    letter_sign(&letter, &(struct letter_wish){ .token = LETTER_SESSION_TOKEN });
    assert_refused(&letter, false, E_AUTH_UNKNOWN_KEY, BAD_TOKEN);
    wish = (struct letter_wish){ .key_id = "ASIAANN", .secret = "wrong", .token = LETTER_SESSION_TOKEN };
    letter_sign(&letter, &wish);
    assert_refused(&letter, false, E_AUTH_SIGNATURE, MISMATCH);
}

/* What was found at the head stays good until the end, whatever becomes of the keys meanwhile; the next head sees it.
 */
static void keys_that_change_between_head_and_body(void **state)
{
    struct letter letter;
    struct auth auth;
    struct principal who;
    struct keyring *empty = NULL;
    unsigned char digest[SHA256_BYTES];
    (void)state;
    letter_sign(&letter, NULL);
    assert_true(auth_head(&server.options, server.keys, &letter.request, server.now_ms, &auth, NULL));
    assert_true(keyring_build(SPAN_LIT("aws"), NULL, 0, NULL, 0, &empty, NULL));
    keyring_put(server.keys, empty);
    sha256_of(span_str(letter.body), digest);
    assert_true(auth_complete(&auth, &letter.request, digest, server.now_ms, &who, NULL));
    assert_true(span_is(who.user, "ann"));
    struct policy_question question = { .action = SPAN_LIT("rekognition:DescribeDataset"), .resource = SPAN_LIT("*") };
    assert_true(principal_may(&who, &question, NULL));
    auth_end(&auth);
    auth_end(&auth);
    assert_refused(&letter, true, E_AUTH_UNKNOWN_KEY, BAD_TOKEN ".");
}

static void who_may(void **state)
{
    struct principal who = { .arn = SPAN_LIT("arn:aws:iam::123456789012:user/ann") };
    struct policy_question question = { .action = SPAN_LIT("rekognition:DeleteDataset"),
                                        .resource = SPAN_LIT("arn:x") };
    struct err err;
    (void)state;
    assert_false(principal_may(&who, &question, &err));
    assert_int_equal(err.code, E_DENIED);
    assert_string_equal(err.text, "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: "
                                  "rekognition:DeleteDataset on resource: arn:x");
    who.root = true;
    assert_true(principal_may(&who, &question, &err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_unchanged_letter_passes),
        TEST(no_authorization),
        TEST(signature_in_the_query),
        TEST(parts_missing),
        TEST(bad_dates),
        TEST(the_date_header_counts_where_the_other_is_not),
        TEST(clock_skew),
        TEST(host_not_signed),
        TEST(another_algorithm),
        TEST(credential_without_five_parts),
        TEST(scopes),
        TEST(keys_unknown_and_disabled),
        TEST(signatures_that_do_not_match),
        TEST(what_may_differ),
        TEST(content_sha256),
        TEST(headers_that_stand_twice),
        TEST(sessions),
        TEST(keys_that_change_between_head_and_body),
        TEST(who_may),
    };
    return cmocka_run_group_tests_name("authenticate", tests, NULL, NULL);
}
