/* Log lines: both forms parse back whatever is logged, long texts are cut, dropped lines are confessed. */
#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char said[1 << 16];

/* Runs `speak` with standard error going to a file, and leaves in `said` what went there. */
static void listen_to(bool json, void (*speak)(void))
{
    char name[] = "/tmp/placard-log-XXXXXX";
    int file = mkstemp(name), before = dup(STDERR_FILENO);
    assert_true(file >= 0 && before >= 0);
    dup2(file, STDERR_FILENO);
    log_start(LOG_INFO, json);
    speak();
    log_stop();
    dup2(before, STDERR_FILENO);
    close(before);
    ssize_t got = pread(file, said, sizeof said - 1, 0);
    assert_true(got >= 0);
    said[got] = '\0';
    close(file);
    unlink(name);
}

static void speak_oddly(void)
{
    log_line(LOG_INFO, "two words", LOG_S("plain", "a/b:c"), LOG_S("none", ""),
             LOG_S("odd", "a \"b\" \\ \n\x01\xc3\xa9"), LOG_N("least", INT64_MIN), LOG_N("zero", 0));
    log_line(LOG_DEBUG, "not heard", LOG_N("x", 1));
}

static void logfmt(void **state)
{
    (void)state;
    listen_to(false, speak_oddly);
    assert_memory_equal(said, "time=20", 7);
    assert_string_equal(strstr(said, " level="),
                        " level=info msg=\"two words\" plain=a/b:c none=\"\" odd=\"a \\\"b\\\" \\\\ "
                        "\\n\\u0001\\u00c3\\u00a9\" least=-9223372036854775808 zero=0\n");
}

static void json(void **state)
{
    (void)state;
    listen_to(true, speak_oddly);
    assert_memory_equal(said, "{\"time\":\"20", 11);
    assert_string_equal(
        strstr(said, ",\"level\""),
        ",\"level\":\"info\",\"msg\":\"two words\",\"plain\":\"a/b:c\",\"none\":\"\",\"odd\":\"a \\\"b\\\" "
        "\\\\ \\n\\u0001\\u00c3\\u00a9\",\"least\":-9223372036854775808,\"zero\":0}\n");
}

static void speak_long(void)
{
    static char text[5000];
    memset(text, '\x01', sizeof text);
    log_line(LOG_WARN, "long", LOG_T("text", span_of(text, sizeof text)), LOG_T("more", span_of(text, sizeof text)));
    memset(text, 'x', sizeof text);
    log_line(LOG_INFO, "long", LOG_T("text", span_of(text, sizeof text)));
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    listen_to(true, speak_long);
    const char *end = strchr(said, '\n');
    assert_non_null(end);
    assert_memory_equal(end - 5, "...\"}", 5);
    assert_true(end - said < 3000);
    assert_memory_equal(said + strlen(said) - 6, "...\"}\n", 6);
}

static void speak_much(void)
{
    for (unsigned i = 0; i < 200; i++)
        log_line(LOG_INFO, "line", LOG_N("number", i));
}

static void lines_keep_their_order(void **state)
{
    (void)state;
    listen_to(false, speak_much);
    const char *at = said;
    for (unsigned i = 0; i < 200; i++) {
        char wanted[32];
        snprintf(wanted, sizeof wanted, "number=%u\n", i);
        at = strstr(at, wanted);
        assert_non_null(at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logfmt),
        cmocka_unit_test(json),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(lines_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
