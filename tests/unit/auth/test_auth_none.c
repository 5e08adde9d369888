/* auth_none: which hosts are this machine, and what a server without signatures lets in. */
#include "letter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void loopback_hosts(void **state)
{
    static const char *const yes[] = { "127.0.0.1",  "127.0.0.1:80",   "127.1.2.3:65535", "127.255.255.255",
                                       "localhost",  "localhost:8790", "LocalHost:1",     "[::1]",
                                       "[::1]:8790", "127.0.0.0" };
    static const char *const no[] = { "",
                                      "example.com",
                                      "example.com:80",
                                      "127.0.0.1.example.com",
                                      "localhost.example.com",
                                      "localhost.",
                                      "localhost:",
                                      "localhost:x",
                                      "localhost:80:80",
                                      "localhost:123456",
                                      "localhost@example.com",
                                      "evil-localhost",
                                      "128.0.0.1",
                                      "10.0.0.1",
                                      "0.0.0.0",
                                      "1270.0.1",
                                      "127.0.0",
                                      "127.1",
                                      "127.0.0.1.1",
                                      "127.0.0.256",
                                      "127.0.0.",
                                      "127.0.0.01",
                                      "0127.0.0.1",
                                      "127.0.0.0x1",
                                      "2130706433",
                                      "::1",
                                      "[::1",
                                      "[::1]x",
                                      "[::1]:",
                                      "[::2]",
                                      "[::ffff:127.0.0.1]" };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(yes); i++)
        if (!auth_host_is_loopback(span_str(yes[i])))
            fail_msg("refused: %s", yes[i]);
    for (size_t i = 0; i < COUNT_OF(no); i++)
        if (auth_host_is_loopback(span_str(no[i])))
            fail_msg("taken: %s", no[i]);
    assert_false(auth_host_is_loopback(SPAN_NONE));
}

static struct letter_server unsigned_server(void)
{
    return (struct letter_server){ .options = { .none = true,
                                                .service = SPAN_LIT("rekognition"),
                                                .partition = SPAN_LIT("aws-cn"),
                                                .account = SPAN_LIT("123456789012"),
                                                .region = SPAN_LIT("eu-west-9") } };
}

static void everybody_is_root(void **state)
{
    struct letter_server server = unsigned_server();
    struct letter letter;
    (void)state;
    letter_sign(&letter, NULL);
    letter_remove(&letter, "Authorization");
    struct letter_answer answer = letter_send(&letter, &server);
    assert_true(answer.passed && answer.root);
    assert_string_equal(answer.account, "123456789012");
    assert_string_equal(answer.region, "eu-west-9");
    assert_string_equal(answer.user, "");
    assert_string_equal(answer.arn, "arn:aws-cn:iam::123456789012:root");
}

static void the_scope_names_the_region(void **state)
{
    static const char *const rows[][2] = {
        { "AWS4-HMAC-SHA256 Credential=x/20260102/us-west-2/rekognition/aws4_request", "us-west-2" },
        { "AWS4-HMAC-SHA256 Credential=x/1/ap-1/y/z, SignedHeaders=, Signature=", "ap-1" },
        { "AWS4-HMAC-SHA256 Credential=x/1/AP 1/y/z", "eu-west-9" },
        { "AWS4-HMAC-SHA256 Credential=x/1", "eu-west-9" },
        { "AWS4-HMAC-SHA256", "eu-west-9" },
        { "Basic x", "eu-west-9" },
        { "", "eu-west-9" },
    };
    struct letter_server server = unsigned_server();
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct letter letter;
        letter_sign(&letter, NULL);
        letter_set(&letter, "Authorization", rows[i][0]);
        struct letter_answer answer = letter_send(&letter, &server);
        assert_true(answer.passed);
        assert_string_equal(answer.region, rows[i][1]);
    }
}

static void web_pages_stay_out(void **state)
{
    static const char *const types[] = { "",
                                         "text/plain",
                                         "application/json",
                                         "application/x-www-form-urlencoded",
                                         "application/x-amz-json-1.0",
                                         "application/x-amz-json-1.1; charset=utf-8",
                                         "text/plain; application/x-amz-json-1.1" };
    static const char *const hosts[] = { "example.com", "evil.example:8790", "127.0.0.1.example.com", "" };
    struct letter_server server = unsigned_server();
    struct letter letter;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        letter_sign(&letter, NULL);
        letter_set(&letter, "Content-Type", types[i]);
        struct letter_answer answer = letter_send(&letter, &server);
        assert_true(!answer.passed && answer.refused_at_head && answer.err.code == E_DENIED);
    }
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        letter_sign(&letter, NULL);
        letter_set(&letter, "Host", hosts[i]);
        struct letter_answer answer = letter_send(&letter, &server);
        assert_true(!answer.passed && answer.refused_at_head && answer.err.code == E_DENIED);
    }
    letter_sign(&letter, NULL);
    letter_remove(&letter, "Content-Type");
    assert_false(letter_send(&letter, &server).passed);
    letter_sign(&letter, NULL);
    letter_remove(&letter, "Host");
    assert_false(letter_send(&letter, &server).passed);
    letter_sign(&letter, NULL);
    letter_add(&letter, "Host", "127.0.0.1:8080");
    assert_false(letter_send(&letter, &server).passed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loopback_hosts),
        cmocka_unit_test(everybody_is_root),
        cmocka_unit_test(the_scope_names_the_region),
        cmocka_unit_test(web_pages_stay_out),
    };
    return cmocka_run_group_tests_name("auth_none", tests, NULL, NULL);
}
