/* conf: which source wins, what a bad value says, and that what is printed reads back the same. */
#include "base/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/placard-conf-XXXXXX";

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int drop_file(void **state)
{
    (void)state;
    return unlink(path);
}

/* Loads from a file's text (NULL: none), the variables and the flags; true when it succeeds. */
static bool load(struct conf *conf, const char *file, const char *const *environment, const char *const *flags,
                 struct err *err)
{
    const char *argv[16] = { "--config", path };
    int argc = file ? 2 : 0;
    if (file)
        write_file(file);
    for (; flags && *flags; flags++)
        argv[argc++] = *flags;
    conf_init(conf);
    if (!conf_take_flags(conf, NULL, &argc, argv, err))
        return false;
    assert_int_equal(argc, 0);
    return conf_load(conf, environment, err);
}

static void expect_error(const char *file, const char *const *environment, const char *const *flags,
                         const char *sentence)
{
    struct conf conf;
    struct err err;
    assert_false(load(&conf, file, environment, flags, &err));
    assert_int_equal(err.code, E_CONFIG);
    if (!strstr(err.text, sentence))
        fail_msg("`%s` is not in `%s`", sentence, err.text);
    conf_free(&conf);
}

static void test_defaults(void **state)
{
    (void)state;
    struct conf conf;
    struct err err;
    assert_true(load(&conf, NULL, NULL, NULL, &err));
    assert_string_equal(conf.values.listen, "127.0.0.1:8790");
    assert_string_equal(conf.values.account, "123456789012");
    assert_int_equal(conf.values.auth, CONF_AUTH_SIGV4);
    assert_int_equal(conf.values.body_bytes, 8 * 1024 * 1024);
    assert_int_equal(conf.values.head_bytes, 32 * 1024);
    assert_int_equal(conf.values.request_ms, 20000);
    assert_int_equal(conf.values.clock_skew_ms, 15 * 60 * 1000);
    assert_int_equal(conf.values.limit.count, 0);
    assert_int_equal(conf.sources[0], CONF_DEFAULT);
    conf_free(&conf);
}

static void test_flag_over_environment_over_file(void **state)
{
    (void)state;
    struct conf conf;
    struct err err;
    const char *environment[] = { "PLACARD_POOL_QUEUE=20", "PLACARD_LISTEN=127.0.0.1:2", "HOME=/nowhere", NULL };
    const char *flags[] = { "--listen=127.0.0.1:3", NULL };
    assert_true(load(&conf, "pool-queue = 10\nlisten = 127.0.0.1:1\nidle-ms = 5000 # five seconds\n# whole line\n\n",
                     environment, flags, &err));
    assert_string_equal(conf.values.listen, "127.0.0.1:3");
    assert_int_equal(conf.values.pool_queue, 20);
    assert_int_equal(conf.values.idle_ms, 5000);
    conf_free(&conf);
}

static void test_lists_replace_and_pairs_merge(void **state)
{
    (void)state;
    struct conf conf;
    struct err err;
    const char *environment[] = { "PLACARD_LIMIT=labels=7,line-chars=none", NULL };
    const char *flags[] = {
        "--cors-origin", "https://a.example", "--cors-origin", "https://b.example", "--limit", "labels=9", NULL
    };
    assert_true(load(&conf, "cors-origin = https://c.example\nlimit.boxes = 3\nlimit.labels = 1\nrate = A=1/2, B=3\n",
                     environment, flags, &err));
    assert_int_equal(conf.values.cors_origin.count, 2);
    assert_string_equal(conf.values.cors_origin.items[1], "https://b.example");
    assert_string_equal(conf_pair(&conf.values.limit, "labels"), "9");
    assert_string_equal(conf_pair(&conf.values.limit, "line-chars"), "none");
    assert_string_equal(conf_pair(&conf.values.limit, "boxes"), "3");
    assert_int_equal(conf.values.limit.count, 3);
    assert_string_equal(conf_pair(&conf.values.rate, "A"), "1/2");
    assert_null(conf_pair(&conf.values.rate, "C"));
    conf_free(&conf);
}

static void test_numbers(void **state)
{
    (void)state;
    struct conf conf;
    struct err err;
    const char *flags[] = { "--body-bytes", "1MiB", "--bodies-bytes", "2GiB", "--head-bytes", "8192", NULL };
    assert_true(load(&conf, NULL, NULL, flags, &err));
    assert_int_equal(conf.values.body_bytes, 1048576);
    assert_int_equal(conf.values.bodies_bytes, 2147483648);
    assert_int_equal(conf.values.head_bytes, 8192);
    conf_free(&conf);
    expect_error("pool-queue = 0\n", NULL, NULL, "line 1: pool-queue: `0` is not between 1 and 1000000");
    expect_error("pool-queue = -1\n", NULL, NULL, "`-1` is not a number");
    expect_error("pool-queue = 1KiB\n", NULL, NULL, "`1KiB` is not a number");
    expect_error("body-bytes = 99999999999999999999GiB\n", NULL, NULL, "is not a number of bytes");
    expect_error("body-bytes = 18446744073709551615GiB\n", NULL, NULL, "is not a number of bytes");
}

static void test_sentences_name_the_place(void **state)
{
    (void)state;
    const char *bad_variable[] = { "PLACARD_AUTH=maybe", NULL };
    const char *bad_flag[] = { "--log-level", "loud", NULL };
    const char *bad_pair[] = { "--limit", "labels", NULL };
    const char *no_value[] = { "--listen", NULL };
    const char *no_file[] = { "--config", "/nowhere/placard.conf", NULL };
    const char *folder[] = { "--config", "/", NULL };
    expect_error("\n\nlisen = x\n", NULL, NULL, ", line 3: there is no setting `lisen`; did you mean `listen`?");
    expect_error("quite-unlike-any = x\n", NULL, NULL, "`placard print-config` shows all");
    expect_error("limits.labels = 3\n", NULL, NULL, "there is no setting `limits.labels`");
    expect_error("listen\n", NULL, NULL, "line 1: this is not `key = value`");
    expect_error(NULL, bad_variable, NULL, "PLACARD_AUTH: `maybe` is not one of sigv4 or none");
    expect_error(NULL, NULL, bad_flag, "--log-level: `loud` is not one of debug, info, warn or error");
    expect_error(NULL, NULL, bad_pair, "--limit: `labels` is not of the form KEY=VALUE");
    expect_error(NULL, NULL, no_value, "--listen: a value is missing");
    expect_error(NULL, NULL, no_file, "cannot be read");
    expect_error(NULL, NULL, folder, "not a regular file");
    expect_error("data = a\x01z\n", NULL, NULL, "control character");
}

static void test_flags_of_others_stay(void **state)
{
    (void)state;
    struct conf conf;
    struct err err;
    const char *const only[] = { "data", NULL };
    const char *argv[] = { "create", "--account", "000000000001", "--data", "d", "--", "--data", "x" };
    int argc = COUNT_OF(argv);
    conf_init(&conf);
    assert_true(conf_take_flags(&conf, only, &argc, argv, &err));
    assert_true(conf_load(&conf, NULL, &err));
    assert_int_equal(argc, 6);
    assert_string_equal(argv[1], "--account");
    assert_string_equal(argv[3], "--");
    assert_string_equal(argv[5], "x");
    assert_string_equal(conf.values.data, "d");
    assert_false(conf_unknown_flag("--dta=3", &err));
    assert_string_equal(err.text, "there is no flag --dta; did you mean --data?");
    conf_free(&conf);
}

static void test_print_reads_back(void **state)
{
    (void)state;
    struct conf conf, again;
    struct err err;
    struct buf text, text_again;
    const char *flags[] = { "--limit",
                            "labels=9",
                            "--rate",
                            "123456789012:DescribeDataset=5/10",
                            "--cors-origin",
                            "https://a.example,https://b.example",
                            "--auth",
                            "none",
                            NULL };
    buf_init(&text, 65536);
    buf_init(&text_again, 65536);
    assert_true(load(&conf, NULL, NULL, flags, &err));
    conf_print(&conf, &text);
    assert_true(load(&again, buf_cstr(&text), NULL, NULL, &err));
    conf_print(&again, &text_again);
    for (unsigned i = 0; i < CONF_ROWS; i++) {
        if (conf.sources[i] == CONF_FLAG)
            assert_int_equal(again.sources[i], CONF_FILE);
        assert_non_null(strstr(buf_cstr(&text), conf_rows[i].help));
    }
    assert_string_equal(conf_pair(&again.values.rate, "123456789012:DescribeDataset"), "5/10");
    assert_string_equal(again.values.cors_origin.items[1], "https://b.example");
    assert_int_equal(again.values.auth, CONF_AUTH_NONE);
    conf_free(&conf);
    conf_free(&again);
    buf_free(&text);
    buf_free(&text_again);
}

/* What the file's own signs are part of is printed in quotes. */
static void test_quotes(void **state)
{
    (void)state;
    struct conf conf, again;
    struct err err;
    struct buf text;
    const char *flags[] = { "--data", "/srv/my #1 disk ", "--region", "\"q\"", "--limit", "a #b=1", NULL };
    buf_init(&text, 65536);
    assert_true(load(&conf, NULL, NULL, flags, &err));
    conf_print(&conf, &text);
    assert_non_null(strstr(buf_cstr(&text), "\ndata = \"/srv/my #1 disk \"\n"));
    assert_true(load(&again, buf_cstr(&text), NULL, NULL, &err));
    assert_string_equal(again.values.data, "/srv/my #1 disk ");
    assert_string_equal(again.values.region, "\"q\"");
    assert_string_equal(conf_pair(&again.values.limit, "a #b"), "1");
    conf_free(&conf);
    conf_free(&again);
    buf_free(&text);
    expect_error("data = \"a\" # b\n", NULL, NULL, "line 1: the closing quote is missing");
}

static void test_reload(void **state)
{
    (void)state;
    struct conf conf;
    struct err err;
    struct buf notes;
    const char *flags[] = { "--limit", "boxes=2", NULL };
    buf_init(&notes, 4096);
    assert_true(load(&conf, "limit.labels = 1\nlisten = 127.0.0.1:1\n", NULL, flags, &err));
    write_file("limit.labels = 5\nrate.DescribeDataset = 3\nlisten = 127.0.0.1:2\n");
    assert_true(conf_reload(&conf, &notes, &err));
    assert_string_equal(conf_pair(&conf.values.limit, "labels"), "5");
    assert_string_equal(conf_pair(&conf.values.limit, "boxes"), "2");
    assert_string_equal(conf_pair(&conf.values.rate, "DescribeDataset"), "3");
    assert_string_equal(conf.values.listen, "127.0.0.1:1");
    assert_non_null(strstr(buf_cstr(&notes), "`listen` has changed"));
    assert_null(strstr(buf_cstr(&notes), "limit"));

    write_file("limit.labels = 6\nnonsense\n");
    assert_false(conf_reload(&conf, &notes, &err));
    assert_string_equal(conf_pair(&conf.values.limit, "labels"), "5");
    conf_free(&conf);
    buf_free(&notes);
}

/* Every row has its own name, a help sentence and a default that reads. */
static void test_table(void **state)
{
    (void)state;
    struct buf help;
    buf_init(&help, 65536);
    conf_help(&help);
    for (unsigned i = 0; i < CONF_ROWS; i++) {
        assert_non_null(strstr(buf_cstr(&help), conf_rows[i].name));
        assert_int_equal(conf_rows[i].help[strlen(conf_rows[i].help) - 1], '.');
        for (unsigned k = 0; k < i; k++) {
            assert_string_not_equal(conf_rows[i].name, conf_rows[k].name);
            assert_int_not_equal(conf_rows[i].at, conf_rows[k].at);
        }
    }
    buf_free(&help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_flag_over_environment_over_file),
        cmocka_unit_test(test_lists_replace_and_pairs_merge),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_sentences_name_the_place),
        cmocka_unit_test(test_flags_of_others_stay),
        cmocka_unit_test(test_print_reads_back),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests_name("conf", tests, make_file, drop_file);
}
