/* S3 addresses: which URLs are taken, and what bucket, key and version become in a request. */
#include "object/s3_address.h" /* before cmocka.h, which has a macro called fail */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct s3_address parsed(const char *url)
{
    struct s3_address address;
    struct err err = { 0 };
    if (!s3_address_parse(span_str(url), SPAN_LIT("eu-west-3"), &address, &err))
        fail_msg("%s: %s", url, err.text);
    return address;
}

static void expect_place(const char *url, struct object_name name, const char *host, const char *path,
                         const char *query)
{
    struct s3_address address = parsed(url);
    struct s3_place place;
    s3_place_init(&place);
    s3_address_place(&address, name, &place);
    assert_string_equal(buf_cstr(&place.host), host);
    assert_string_equal(buf_cstr(&place.path), path);
    assert_string_equal(buf_cstr(&place.query), query);
    s3_place_free(&place);
}

static void defaults(void **state)
{
    (void)state;
    struct s3_address address = parsed("http://minio.lan:9000");
    assert_false(address.endpoint.tls);
    assert_string_equal(address.endpoint.host, "minio.lan:9000");
    assert_string_equal(address.region, "eu-west-3");
    assert_string_equal(address.ca_file, "");
    assert_int_equal(address.style, S3_STYLE_PATH);
    assert_int_equal(address.attempts, 6);
    assert_int_equal(address.idle_s, 30);
}

static void hosts(void **state)
{
    (void)state;
    assert_string_equal(parsed("https://s3.example/").endpoint.host, "s3.example");
    assert_true(parsed("https://s3.example/").endpoint.tls);
    assert_string_equal(parsed("https://s3.example:443").endpoint.host, "s3.example");
    assert_string_equal(parsed("https://s3.example:80").endpoint.host, "s3.example:80");
    assert_string_equal(parsed("http://s3.example:80").endpoint.host, "s3.example");
    assert_string_equal(parsed("http://127.0.0.1:4568").endpoint.host, "127.0.0.1:4568");
    assert_string_equal(parsed("http://[::1]:4568").endpoint.host, "[::1]:4568");
    assert_string_equal(parsed("http://[2001:db8::7]").endpoint.host, "[2001:db8::7]");
}

static void hosts_of_aws(void **state)
{
    (void)state;
    assert_string_equal(parsed("https://s3.ap-south-2.amazonaws.com").region, "ap-south-2");
    assert_int_equal(parsed("https://s3.ap-south-2.amazonaws.com").style, S3_STYLE_VIRTUAL);
    assert_string_equal(parsed("https://s3.amazonaws.com").region, "eu-west-3");
    assert_string_equal(parsed("https://s3.cn-north-1.amazonaws.com.cn").region, "cn-north-1");
    assert_int_equal(parsed("https://s3.amazonaws.com.example").style, S3_STYLE_PATH);
    assert_string_equal(parsed("https://s3.ap-south-2.amazonaws.com?region=us-west-1&style=path").region, "us-west-1");
    assert_int_equal(parsed("https://s3.ap-south-2.amazonaws.com?style=path").style, S3_STYLE_PATH);
}

static void parameters(void **state)
{
    (void)state;
    struct s3_address address =
        parsed("http://h?region=xx-far-1&style=virtual&ca=%2Fetc%2Fca%20s.pem&attempts=20&idle_s=3600");
    assert_string_equal(address.region, "xx-far-1");
    assert_int_equal(address.style, S3_STYLE_VIRTUAL);
    assert_string_equal(address.ca_file, "/etc/ca s.pem");
    assert_int_equal(address.attempts, 20);
    assert_int_equal(address.idle_s, 3600);
}

static void without_any_region_it_is_the_first(void **state)
{
    (void)state;
    struct s3_address address;
    assert_true(s3_address_parse(SPAN_LIT("http://h"), SPAN_NONE, &address, NULL));
    assert_string_equal(address.region, "us-east-1");
}

static void urls_that_are_none(void **state)
{
    static const char *const urls[] = { "",
                                        "h:9000",
                                        "ftp://h",
                                        "http://",
                                        "https://?region=a",
                                        "http://user:word@h",
                                        "http://h/path",
                                        "http://h:0",
                                        "http://h:65536",
                                        "http://h:",
                                        "http://h:9000x",
                                        "http://h h",
                                        "http://h\r\nx",
                                        "http://[::1",
                                        "http://[::1]9000",
                                        "http://[]:1",
                                        "http://[g]x",
                                        "http://h?",
                                        "http://h?region=",
                                        "http://h?region=a b",
                                        "http://h?region=a/b",
                                        "http://h?regions=a",
                                        "http://h?style=virtually",
                                        "http://h?attempts=0",
                                        "http://h?attempts=21",
                                        "http://h?idle_s=3601",
                                        "http://h?ca=%0",
                                        "http://h?ca=%zz",
                                        "http://h?ca=%00",
                                        "http://h?ca=" };
    (void)state;
    for (unsigned i = 0; i < COUNT_OF(urls); i++) {
        struct s3_address address;
        struct err err = { 0 };
        if (s3_address_parse(span_str(urls[i]), SPAN_NONE, &address, &err))
            fail_msg("taken: %s", urls[i]);
        assert_int_equal(err.code, E_CONFIG);
    }
    char longest[400] = "http://";
    memset(longest + 7, 'h', 300);
    assert_false(s3_address_parse(span_of(longest, 307), SPAN_NONE, &(struct s3_address){ 0 }, NULL));
}

static void places(void **state)
{
    (void)state;
    struct object_name name = { SPAN_LIT("my-bucket"), SPAN_LIT("a b/ü+&=?#%~x..y"), SPAN_LIT("3/L4+k=") };
    expect_place("http://h:9", name, "h:9", "/my-bucket/a%20b/%C3%BC%2B%26%3D%3F%23%25~x..y",
                 "versionId=3%2FL4%2Bk%3D");
    expect_place("http://h:9?style=virtual", name, "my-bucket.h:9", "/a%20b/%C3%BC%2B%26%3D%3F%23%25~x..y",
                 "versionId=3%2FL4%2Bk%3D");
    name = (struct object_name){ SPAN_LIT("my-bucket"), SPAN_LIT("//a/../b/."), SPAN_NONE };
    expect_place("http://h", name, "h", "/my-bucket///a/../b/.", "");
}

static void buckets_without_a_key(void **state)
{
    (void)state;
    struct object_name name = { .bucket = SPAN_LIT("my-bucket") };
    expect_place("http://h", name, "h", "/my-bucket", "");
    expect_place("http://h?style=virtual", name, "my-bucket.h", "/", "");
}

/* No host can be called so, or no certificate would fit it. */
static void buckets_that_stay_in_the_path(void **state)
{
    static const char *const buckets[] = {
        "Bucket",  "buck_et", "-bucket",
        "bucket-", "bucket.", "b123456789012345678901234567890123456789012345678901234567890123"
    };
    (void)state;
    for (unsigned i = 0; i < COUNT_OF(buckets); i++) {
        char path[128];
        snprintf(path, sizeof path, "/%s/k", buckets[i]);
        struct object_name name = { .bucket = span_str(buckets[i]), .key = SPAN_LIT("k") };
        expect_place("http://h?style=virtual", name, "h", path, "");
    }
    struct object_name dotted = { .bucket = SPAN_LIT("my.bucket"), .key = SPAN_LIT("k") };
    expect_place("http://h?style=virtual", dotted, "my.bucket.h", "/k", "");
    expect_place("https://h?style=virtual", dotted, "h", "/my.bucket/k", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(hosts),
        cmocka_unit_test(hosts_of_aws),
        cmocka_unit_test(parameters),
        cmocka_unit_test(without_any_region_it_is_the_first),
        cmocka_unit_test(urls_that_are_none),
        cmocka_unit_test(places),
        cmocka_unit_test(buckets_without_a_key),
        cmocka_unit_test(buckets_that_stay_in_the_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
