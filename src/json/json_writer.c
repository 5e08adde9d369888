/* json_writer: see json_writer.h for the contract. */
#include "json/json_writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct json_writer json_writer_on(struct buf *out)
{
    return (struct json_writer){ .out = out };
}

/* What stands before a value, and the state after it. */
static void begin_value(struct json_writer *w)
{
    if (w->depth > 0 && w->closing[w->depth - 1] == '}') {
        CHECK(w->keyed);
        w->keyed = false;
    } else if (w->comma) {
        CHECK(w->depth > 0);
        buf_add_char(w->out, ',');
    }
    w->comma = true;
}

static void open_level(struct json_writer *w, char opening, char closing)
{
    begin_value(w);
    CHECK(w->depth < JSON_WRITER_DEPTH);
    w->closing[w->depth++] = closing;
    w->comma = false;
    buf_add_char(w->out, opening);
}

static void close_level(struct json_writer *w, char closing)
{
    CHECK(w->depth > 0 && w->closing[w->depth - 1] == closing && !w->keyed);
    w->depth--;
    w->comma = true;
    buf_add_char(w->out, closing);
}

void json_open_object(struct json_writer *w)
{
    open_level(w, '{', '}');
}

void json_close_object(struct json_writer *w)
{
    close_level(w, '}');
}

void json_open_array(struct json_writer *w)
{
    open_level(w, '[', ']');
}

void json_close_array(struct json_writer *w)
{
    close_level(w, ']');
}

static void begin_key(struct json_writer *w)
{
    CHECK(w->depth > 0 && w->closing[w->depth - 1] == '}' && !w->keyed);
    if (w->comma)
        buf_add_char(w->out, ',');
    w->keyed = true;
}

/* Eight bytes at once: whether each is printable ASCII that stands for itself in a JSON string. */
static bool plain_word(const char *at)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t word;
    memcpy(&word, at, sizeof word);
    uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');
    /* (x - n) borrows into the high bit of a byte below n; bytes with the high bit set are refused by themselves */
    uint64_t bad = word | (word - ones * 0x20) | (quote - ones) | (backslash - ones);
    return (bad & highs) == 0;
}

/* The length of the UTF-8 character at the head of text, or 0; *ret_bad is then how many bytes to replace. */
static size_t utf8_length(struct span text, size_t *ret_bad)
{
    const unsigned char *at = (const unsigned char *)text.ptr;
    unsigned char low = 0x80, high = 0xBF;
    size_t need;
    *ret_bad = 1;
    if (at[0] >= 0xC2 && at[0] <= 0xDF) {
        need = 2;
    } else if (at[0] >= 0xE0 && at[0] <= 0xEF) {
        need = 3;
        low = at[0] == 0xE0 ? 0xA0 : 0x80;
        high = at[0] == 0xED ? 0x9F : 0xBF;
    } else if (at[0] >= 0xF0 && at[0] <= 0xF4) {
        need = 4;
        low = at[0] == 0xF0 ? 0x90 : 0x80;
        high = at[0] == 0xF4 ? 0x8F : 0xBF;
    } else {
        return 0;
    }
    for (size_t i = 1; i < need; i++) {
        if (i >= text.len || at[i] < low || at[i] > high) {
            *ret_bad = i;
            return 0;
        }
        low = 0x80;
        high = 0xBF;
    }
    return need;
}

static void add_escape(struct buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_names[128] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r' };
    if (c == '"' || c == '\\') {
        buf_add(out, span_of((char[]){ '\\', (char)c }, 2));
    } else if (short_names[c]) {
        buf_add(out, span_of((char[]){ '\\', short_names[c] }, 2));
    } else {
        buf_add(out, span_of((char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6));
    }
}

static void add_quoted(struct buf *out, struct span text)
{
    size_t from = 0; /* what has not been copied yet */
    size_t at = 0;
    buf_add_char(out, '"');
    while (at < text.len) {
        if (text.len - at >= 8 && plain_word(text.ptr + at)) {
            at += 8;
            continue;
        }
        unsigned char c = (unsigned char)text.ptr[at];
        size_t skip = 1, keep = 1;
        if (c >= 0x80)
            keep = utf8_length(span_from(text, at), &skip);
        else if (c < 0x20 || c == '"' || c == '\\')
            keep = 0;
        if (keep > 0) {
            at += keep;
            continue;
        }
        buf_add(out, span_of(text.ptr + from, at - from));
        if (c >= 0x80)
            buf_add(out, SPAN_LIT("\xEF\xBF\xBD"));
        else
            add_escape(out, c);
        at += skip;
        from = at;
    }
    buf_add(out, span_from(text, from));
    buf_add_char(out, '"');
}

void json_key(struct json_writer *w, const char *key)
{
    begin_key(w);
    struct span text = span_str(key);
    if (buf_reserve(w->out, text.len + 3)) {
        buf_add_char(w->out, '"');
        buf_add(w->out, text);
        buf_add(w->out, SPAN_LIT("\":"));
    }
}

void json_key_span(struct json_writer *w, struct span key)
{
    begin_key(w);
    add_quoted(w->out, key);
    buf_add_char(w->out, ':');
}

void json_add_string(struct json_writer *w, struct span text)
{
    begin_value(w);
    add_quoted(w->out, text);
}

void json_add_int(struct json_writer *w, int64_t value)
{
    begin_value(w);
    if (value < 0)
        buf_add_char(w->out, '-');
    buf_add_u64(w->out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void json_add_bool(struct json_writer *w, bool value)
{
    begin_value(w);
    buf_add(w->out, value ? SPAN_LIT("true") : SPAN_LIT("false"));
}

void json_add_null(struct json_writer *w)
{
    begin_value(w);
    buf_add(w->out, SPAN_LIT("null"));
}

/* printf and strtod speak the process's locale, whose decimal point may be any bytes: it becomes a dot at the end. */
void json_add_double(struct json_writer *w, double value)
{
    CHECK(isfinite(value));
    begin_value(w);
    char text[48];
    int len = 0;
    int fewest = fpclassify(value) == FP_SUBNORMAL ? 1 : 15;
    for (int digits = fewest; digits <= 17; digits++) {
        len = snprintf(text, sizeof text, "%.*g", digits, value);
        CHECK(len > 0 && (size_t)len < sizeof text);
        if (strtod(text, NULL) == value)
            break;
    }
    bool point = false;
    for (int i = 0; i < len; i++) {
        if ((text[i] >= '0' && text[i] <= '9') || text[i] == '-' || text[i] == '+' || text[i] == 'e') {
            buf_add_char(w->out, text[i]);
        } else if (!point) {
            buf_add_char(w->out, '.');
            point = true;
        }
    }
}

void json_add_float(struct json_writer *w, float value)
{
    json_add_double(w, (double)value);
}

void json_add_raw(struct json_writer *w, struct span json)
{
    begin_value(w);
    buf_add(w->out, json);
}

void json_add_time_ms(struct json_writer *w, int64_t wall_ms)
{
    begin_value(w);
    uint64_t ms = wall_ms < 0 ? 0 - (uint64_t)wall_ms : (uint64_t)wall_ms;
    if (wall_ms < 0)
        buf_add_char(w->out, '-');
    buf_add_u64(w->out, ms / 1000);
    unsigned rest = (unsigned)(ms % 1000);
    buf_add(
        w->out,
        span_of((char[]){ '.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10), (char)('0' + rest % 10) }, 4));
}

void json_writer_end(const struct json_writer *w)
{
    CHECK(w->depth == 0 && w->comma);
}
