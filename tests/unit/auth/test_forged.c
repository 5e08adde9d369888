/*
 * What a forger tries: the parts of a header said twice, a target that was not signed, and a clock on how long a wrong
 * signature takes to be refused.
 *
 * The clock is Welch's t-test, as dudect does it: the same request, with a signature that is wrong in its first digit
 * or only in its last one, by the toss of a coin; the slowest tenth of all is left out, for it is the machine's. Did
 * the time depend on how many digits match, the means would differ: |t| must stay under T_BOUND. One run in a billion
 * is over 6 by chance, but a busy machine is no dice, so up to TRIES runs may be. That the clock sees well enough is
 * shown by a comparison that stops at the first wrong digit, which it must find out each time.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "letter.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SAMPLES = 100000, TRIES = 3 };
#define T_BOUND 6.0

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

static void assert_refused(const struct letter *letter, enum err_code code, const char *text)
{
    struct letter_answer answer = letter_send(letter, &server);
    assert_false(answer.passed);
    assert_true(answer.refused_at_head);
    assert_string_equal(answer.err.text, text);
    assert_int_equal(answer.err.code, code);
}

/* Whoever sees a request whose target is not signed could make another call of it. */
static void target_not_signed(void **state)
{
    struct letter letter;
    (void)state;
    letter_sign(&letter, NULL);
    letter_replace(&letter, ";x-amz-target", "");
    assert_refused(&letter, E_AUTH_SIGNATURE, "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.");
}

/* Of two, another reader might take the other one. */
static void a_part_twice(void **state)
{
    static const char *const parts[] = { "Credential=a/b/c/d/e, ", "SignedHeaders=host, ", "Signature=0, " };
    struct letter letter;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        char more[64], text[1024];
        letter_sign(&letter, NULL);
        snprintf(more, sizeof more, "AWS4-HMAC-SHA256 %s", parts[i]);
        letter_replace(&letter, "AWS4-HMAC-SHA256 ", more);
        snprintf(text, sizeof text, "Authorization header has a parameter more than once. Authorization=%s",
                 letter_authorization(&letter));
        assert_refused(&letter, E_AUTH_INCOMPLETE, text);
    }
}

struct sample {
    double ns;
    bool late; /* only the last digit is wrong */
};

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int by_time(const void *a, const void *b)
{
    double left = ((const struct sample *)a)->ns, right = ((const struct sample *)b)->ns;
    return (left > right) - (left < right);
}

/* |t| of the two kinds, the slowest tenth left out. */
static double welch(struct sample *samples, double *ret_difference_ns)
{
    size_t kept = SAMPLES / 10 * 9;
    double sum[2] = { 0 }, squares[2] = { 0 }, count[2] = { 0 };
    qsort(samples, SAMPLES, sizeof samples[0], by_time);
    for (size_t i = 0; i < kept; i++) {
        sum[samples[i].late] += samples[i].ns;
        count[samples[i].late]++;
    }
    double mean[2] = { sum[0] / count[0], sum[1] / count[1] };
    for (size_t i = 0; i < kept; i++) {
        double off = samples[i].ns - mean[samples[i].late];
        squares[samples[i].late] += off * off;
    }
    double error = sqrt(squares[0] / (count[0] - 1) / count[0] + squares[1] / (count[1] - 1) / count[1]);
    *ret_difference_ns = mean[1] - mean[0];
    return fabs(*ret_difference_ns / error);
}

/* What nobody should write. */
static bool leaky_same(const char *a, const volatile char *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

/* Times SAMPLES refusals; with `leaky`, a comparison that stops early is done beside the real one. */
static double measure(bool leaky, double *ret_difference_ns)
{
    struct letter letter;
    struct auth auth;
    struct err err;
    struct principal who;
    unsigned char digest[SHA256_BYTES];
    char right[SHA256_HEX];
    letter_sign(&letter, NULL);
    sha256_of(span_str(letter.body), digest);
    assert_true(auth_head(&server.options, server.keys, &letter.request, server.now_ms, &auth, &err));
    assert_true(auth_complete(&auth, &letter.request, digest, server.now_ms, &who, &err));
    assert_int_equal(auth.parts.signature.len, SHA256_HEX);
    memcpy(right, auth.parts.signature.ptr, sizeof right);
    char *signature = (char *)(uintptr_t)auth.parts.signature.ptr; /* it lies in the letter, which is ours */
    struct sample *samples = test_malloc(SAMPLES * sizeof *samples);
    volatile bool sink = false;
    unsigned coin = 12345;
    for (size_t i = 0; i < SAMPLES; i++) {
        coin = coin * 1103515245u + 12345u;
        bool late = coin >> 16 & 1;
        size_t at = late ? SHA256_HEX - 1 : 0;
        signature[at] = signature[at] == '0' ? '1' : '0';
        double from = now_ns();
        bool passed = auth_complete(&auth, &letter.request, digest, server.now_ms, &who, &err);
        if (leaky)
            sink = leaky_same(right, signature, sizeof right);
        samples[i] = (struct sample){ .ns = now_ns() - from, .late = late };
        assert_false(passed || sink);
        signature[at] = right[at];
    }
    auth_end(&auth);
    double t = welch(samples, ret_difference_ns);
    test_free(samples);
    return t;
}

static void a_wrong_signature_takes_its_time(void **state)
{
    double t = 0, difference = 0;
    (void)state;
    for (int i = 0; i < TRIES; i++) {
        t = measure(false, &difference);
        print_message("wrong in its last digit or in its first: %+.1f ns, |t| = %.2f\n", difference, t);
        if (t < T_BOUND)
            return;
    }
    fail_msg("|t| = %.2f, %+.1f ns: the time tells how many digits are right", t, difference);
}

static void the_clock_sees_a_leak(void **state)
{
    double t = 0, difference = 0;
    (void)state;
    for (int i = 0; i < TRIES; i++) {
        t = measure(true, &difference);
        print_message("the same, with a comparison that stops early: %+.1f ns, |t| = %.2f\n", difference, t);
        if (t > T_BOUND)
            return;
    }
    fail_msg("|t| = %.2f, %+.1f ns: the measurement is too coarse to find anything", t, difference);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(target_not_signed),
        TEST(a_part_twice),
        TEST(a_wrong_signature_takes_its_time),
        TEST(the_clock_sees_a_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
