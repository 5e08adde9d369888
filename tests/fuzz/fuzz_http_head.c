/*
 * Fuzz target for http/head. The input is a head as it comes from the network. It is split as laxly as libmicrohttpd
 * 0.9.75 does: lines end at any LF, a NUL cuts a line short, a folded line lengthens the name before it. Whatever
 * head_check lets pass must then be a head by a second, strict reading of the same bytes, with the same framing.
 */
#include <stdlib.h>

#include "base/check.h"
#include "http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADERS = 64, HEAD_BYTES = 2000, BODY_BYTES = 1000000 };

struct lax {
    struct head head;
    struct http_header headers[HEADERS];
    char *folded[HEADERS]; /* names put together from two lines live on their own */
    size_t folds;
};

/* The next line's start, ended by a NUL; *at goes behind it. NULL when no line ends any more. */
static char *lax_line(char **at, char *end)
{
    char *line = *at;
    char *feed = memchr(line, '\n', (size_t)(end - line));
    if (!feed)
        return NULL;
    *feed = '\0';
    if (feed > line && feed[-1] == '\r')
        feed[-1] = '\0';
    *at = feed + 1;
    return line;
}

static bool lax_request_line(struct head *head, char *line, size_t len)
{
    char *space = memchr(line, ' ', len);
    if (!space)
        return false;
    *space = '\0';
    char *target = space + 1;
    while (*target == ' ')
        target++;
    char *version = line + len;
    while (version > target && version[-1] != ' ')
        version--;
    if (version <= target || line + len - version != 8 || memcmp(version, "HTTP/1.", 7) != 0 || version[7] < '0' ||
        version[7] > '9')
        return false;
    version[-1] = '\0';
    head->method = span_str(line);
    head->target = span_str(target);
    head->target_at = target;
    head->version = span_str(version);
    return true;
}

static bool lax_header(struct lax *lax, char *line)
{
    struct http_header *last = lax->head.header_count ? &lax->headers[lax->head.header_count - 1] : NULL;
    if (last && (*line == ' ' || *line == '\t')) {
        while (*line == ' ' || *line == '\t')
            line++;
        char *name = mem_alloc(last->name.len + strlen(line) + 1);
        memcpy(name, last->name.ptr, last->name.len);
        memcpy(name + last->name.len, line, strlen(line) + 1);
        CHECK(lax->folds < HEADERS);
        lax->folded[lax->folds++] = name;
        last->name = span_str(name);
        return lax->folds < HEADERS;
    }
    char *colon = strchr(line, ':');
    if (!colon || lax->head.header_count == HEADERS)
        return false;
    *colon = '\0';
    char *value = colon + 1;
    while (*value == ' ' || *value == '\t')
        value++;
    lax->headers[lax->head.header_count++] = (struct http_header){ span_str(line), span_str(value) };
    return true;
}

static bool lax_split(struct lax *lax, char *text, size_t len)
{
    char *at = text, *end = text + len;
    char *feed = memchr(text, '\n', len);
    size_t first = feed ? (size_t)(feed - text) : 0;
    if (first > 0 && feed[-1] == '\r')
        first--;
    char *line = lax_line(&at, end);
    if (!line || !lax_request_line(&lax->head, line, first))
        return false;
    while ((line = lax_line(&at, end)) != NULL && *line)
        if (!lax_header(lax, line))
            return false;
    lax->head.headers = lax->headers;
    lax->head.bytes = (size_t)(at - text);
    return line != NULL;
}

/* The strict reading: aborts where what was let pass is not in order. */

/* Where lines end, a NUL cannot be told from a CR or a LF any more (see head.h): reads it as one. It may stand nowhere
   else, and a line's end is two bytes all the same. */
static void forgive_nuls(char *text, size_t len)
{
    for (size_t i = 0, run = 0; i < len; i += run + 1) {
        bool nul = false;
        for (run = 0; i + run < len && memchr("\r\n", text[i + run], 3); run++)
            nul |= text[i + run] == '\0';
        CHECK(!nul || run == 2 || (run == 4 && i + run == len));
        for (size_t j = 0; nul && j < run; j++)
            text[i + j] = "\r\n"[j % 2];
    }
}

static struct span strict_line(struct span *rest)
{
    struct span line = span_cut(rest, '\n');
    CHECK(rest->ptr && line.len > 0 && line.ptr[line.len - 1] == '\r');
    line.len--;
    for (size_t i = 0; i < line.len; i++)
        CHECK(((unsigned char)line.ptr[i] >= ' ' && line.ptr[i] != 0x7f) || line.ptr[i] == '\t');
    return line;
}

static void strict_token(struct span text)
{
    CHECK(text.len > 0);
    for (size_t i = 0; i < text.len; i++)
        CHECK(text.ptr[i] > ' ' && !strchr("\"(),/:;<=>?@[\\]{}", text.ptr[i]));
}

static void strict_read(struct span text, const struct head_body *body)
{
    struct span rest = text;
    struct span line = strict_line(&rest);
    strict_token(span_cut(&line, ' '));
    struct span target = span_cut(&line, ' ');
    CHECK(target.len > 0 && line.len == 8);
    bool http_1_0 = span_is(line, "HTTP/1.0");
    unsigned hosts = 0, lengths = 0, encodings = 0;
    uint64_t length = 0;
    while ((line = strict_line(&rest)).len > 0) {
        struct span name = span_cut(&line, ':');
        CHECK(line.ptr);
        strict_token(name);
        struct span value = span_trim(line);
        hosts += span_eq_nocase(name, SPAN_LIT("host"));
        if (span_eq_nocase(name, SPAN_LIT("content-length"))) {
            lengths++;
            CHECK(span_to_u64(value, BODY_BYTES, &length));
        } else if (span_eq_nocase(name, SPAN_LIT("transfer-encoding"))) {
            encodings++;
            CHECK(span_is(value, "chunked"));
        }
    }
    CHECK(rest.len == 0 && text.len <= HEAD_BYTES);
    CHECK(hosts == 1 || (http_1_0 && hosts == 0));
    CHECK(lengths + encodings <= 1 && !(http_1_0 && encodings));
    CHECK(body->chunked == (encodings == 1) && body->length == length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct head_limits limits = { .head_bytes = HEAD_BYTES, .body_bytes = BODY_BYTES, .in_place = true };
    struct lax *lax = mem_zero(1, sizeof *lax);
    char *text = mem_dup(data, size);
    struct head_body body = { .chunked = false };
    struct head_refusal refusal = { .status = 0 };
    if (lax_split(lax, text, size)) {
        if (head_check(&lax->head, &limits, &body, &refusal)) {
            memcpy(text, data, size);
            forgive_nuls(text, lax->head.bytes);
            strict_read(span_of(text, lax->head.bytes), &body);
        } else {
            CHECK(refusal.status == 400 || refusal.status == 413 || refusal.status == 431);
        }
    }
    for (size_t i = 0; i < lax->folds; i++)
        free(lax->folded[i]);
    free(text);
    free(lax);
    return 0;
}
