/* head: the pure checks, on heads split here the way libmicrohttpd splits them: in place. */
#include "http/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h> /* after err.h: it makes a macro of fail */

static const struct head_limits limits = { .head_bytes = 400, .body_bytes = 1000, .in_place = true };

struct split {
    char text[512]; /* the head, its line ends cleared */
    struct http_header headers[16];
    struct head head;
};

/* Splits an orderly head; what is not orderly is left for head_check to find. */
static void split(struct span text, struct split *ret_split)
{
    struct split *s = ret_split;
    assert_true(text.len <= sizeof s->text);
    memcpy(s->text, text.ptr, text.len);
    struct span rest = span_of(s->text, text.len);
    struct span line = span_cut(&rest, '\n');
    line = span_first(line, line.len - 1);
    s->head = (struct head){ .headers = s->headers, .bytes = text.len };
    s->head.method = span_cut(&line, ' ');
    s->head.target = span_cut(&line, ' ');
    s->head.target_at = s->head.target.ptr;
    s->head.version = line;
    while (rest.ptr) {
        line = span_cut(&rest, '\n');
        if (line.len <= 1)
            break;
        line = span_first(line, line.len - 1);
        struct http_header *header = &s->headers[s->head.header_count++];
        header->name = span_cut(&line, ':');
        while (line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
            line = span_from(line, 1);
        header->value = line;
    }
    for (size_t i = 0; i + 1 < text.len; i++)
        if (s->text[i] == '\r' && s->text[i + 1] == '\n')
            memset(s->text + i, 0, 2);
}

static unsigned check(const char *text, struct head_body *ret_body)
{
    static struct split s;
    struct head_refusal refusal;
    split(span_str(text), &s);
    return head_check(&s.head, &limits, ret_body, &refusal) ? 0 : refusal.status;
}

struct row {
    const char *head;
    unsigned status;
};

static void refuses_what_it_must(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 0 },
        { "GET / HTTP/1.0\r\n\r\n", 0 },
        { "GET / HTTP/1.1\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nhost:\r\n\r\n", 0 },
        { "GET / HTTP/1.1\r\nHost: h\r\nHOST: h\r\n\r\n", 400 },
        { "GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", 400 },
        { "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n", 0 },
        { "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n", 413 },
        { "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413 },
        { "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n", 400 },
        { "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400 },
        { "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n", 400 },
        { "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", 400 },
        { "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400 },
        { "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
        { "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 0 },
        { "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
        { "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked \r\n\r\n", 400 },
        { "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n", 400 },
        { "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400 },
        { "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nHost: h\r\nX\t: y\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nHost: h\r\n: y\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nHost: h\r\nX: a\x01\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nHost: h\r\nX: a\x7f\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nHost: h\r\nX: a\tb \xc3\xa9\r\n\r\n", 0 },
        { "G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
        { "GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
        { "GET /a\tb HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct head_body body;
        unsigned status = check(rows[i].head, &body);
        if (status != rows[i].status)
            fail_msg("%u, not %u: %s", status, rows[i].status, rows[i].head);
    }
}

static void says_how_the_body_is_delimited(void **state)
{
    (void)state;
    struct head_body body = { 0 };
    assert_int_equal(check("POST / HTTP/1.1\r\nHost: h\r\ncontent-length: 0042\r\n\r\n", &body), 0);
    assert_false(body.chunked);
    assert_int_equal(body.length, 42);
    assert_int_equal(check("POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: chunked\r\n\r\n", &body), 0);
    assert_true(body.chunked);
    assert_int_equal(body.length, 0);
    assert_int_equal(check("POST / HTTP/1.1\r\nHost: h\r\n\r\n", &body), 0);
    assert_false(body.chunked);
    assert_int_equal(body.length, 0);
}

static void counts_the_head(void **state)
{
    (void)state;
    char text[512];
    struct head_body body;
    for (int pad = 300; pad < 420; pad++) {
        int len = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: h\r\nX: %0*d\r\n\r\n", pad, 0);
        assert_int_equal(check(text, &body), len > 400 ? 431 : 0);
    }
}

/* One byte too many between any two spans, or at the end, is a line that libmicrohttpd cut short or put together. */
static void misses_no_gap(void **state)
{
    (void)state;
    struct span head = SPAN_LIT("GET /x HTTP/1.1\r\nHost: h\r\nX:  yes\r\n\r\n");
    static struct split s;
    struct head_body body;
    struct head_refusal refusal;
    split(head, &s);
    assert_true(head_check(&s.head, &limits, &body, &refusal));
    struct span *const ends[] = { &s.head.method,     &s.head.target,      &s.head.version,
                                  &s.headers[0].name, &s.headers[0].value, &s.headers[1].value };
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        split(head, &s);
        ends[i]->len--; /* as a NUL within would */
        assert_false(head_check(&s.head, &limits, &body, &refusal));
        assert_int_equal(refusal.status, 400);
    }
    split(head, &s);
    s.headers[0].name.ptr = s.text + 400; /* as a folded line's name, kept elsewhere */
    assert_false(head_check(&s.head, &limits, &body, &refusal));
    for (size_t i = 0; i < head.len; i++) { /* a line's end that is none */
        split(head, &s);
        if (s.text[i] != '\0')
            continue;
        s.text[i] = '$';
        assert_false(head_check(&s.head, &limits, &body, &refusal));
    }
    split(head, &s);
    s.head.bytes++;
    assert_false(head_check(&s.head, &limits, &body, &refusal));
    split(head, &s);
    s.head.header_count = 1;
    assert_false(head_check(&s.head, &limits, &body, &refusal));
    const struct head_limits elsewhere = { .head_bytes = 400, .body_bytes = 1000, .in_place = false };
    assert_true(head_check(&s.head, &elsewhere, &body, &refusal));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_it_must),
        cmocka_unit_test(says_how_the_body_is_delimited),
        cmocka_unit_test(counts_the_head),
        cmocka_unit_test(misses_no_gap),
    };
    return cmocka_run_group_tests_name("head", tests, NULL, NULL);
}
