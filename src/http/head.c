/* head: see head.h for the contract. */
#include "http/head.h"

/* The characters of a token (RFC 9110, 5.6.2). */
static const bool token_char[256] = {
    ['!'] = true, ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true, ['\''] = true, ['*'] = true, ['+'] = true,
    ['-'] = true, ['.'] = true, ['^'] = true, ['_'] = true, ['`'] = true, ['|'] = true,  ['~'] = true, ['0'] = true,
    ['1'] = true, ['2'] = true, ['3'] = true, ['4'] = true, ['5'] = true, ['6'] = true,  ['7'] = true, ['8'] = true,
    ['9'] = true, ['a'] = true, ['b'] = true, ['c'] = true, ['d'] = true, ['e'] = true,  ['f'] = true, ['g'] = true,
    ['h'] = true, ['i'] = true, ['j'] = true, ['k'] = true, ['l'] = true, ['m'] = true,  ['n'] = true, ['o'] = true,
    ['p'] = true, ['q'] = true, ['r'] = true, ['s'] = true, ['t'] = true, ['u'] = true,  ['v'] = true, ['w'] = true,
    ['x'] = true, ['y'] = true, ['z'] = true, ['A'] = true, ['B'] = true, ['C'] = true,  ['D'] = true, ['E'] = true,
    ['F'] = true, ['G'] = true, ['H'] = true, ['I'] = true, ['J'] = true, ['K'] = true,  ['L'] = true, ['M'] = true,
    ['N'] = true, ['O'] = true, ['P'] = true, ['Q'] = true, ['R'] = true, ['S'] = true,  ['T'] = true, ['U'] = true,
    ['V'] = true, ['W'] = true, ['X'] = true, ['Y'] = true, ['Z'] = true,
};

/* What the framing headers said, counted. */
struct framing {
    unsigned hosts;
    unsigned lengths;
    unsigned encodings;
    struct span length;
    struct span encoding;
};

static bool refuse(struct head_refusal *ret_refusal, unsigned status, const char *why)
{
    *ret_refusal = (struct head_refusal){ .status = status, .why = why };
    return false;
}

static bool is_token(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!token_char[(unsigned char)text.ptr[i]])
            return false;
    return text.len > 0;
}

/* Visible ASCII alone: a target has everything else percent-encoded. */
static bool is_target(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c >= 0x7f)
            return false;
    }
    return text.len > 0;
}

static bool is_number(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len > 0;
}

/* No control byte but the tab; bytes from 0x80 on are passed as they are. */
static bool is_value(struct span text)
{
    unsigned bad = 0; /* without a branch in the loop the compiler takes sixteen bytes at a time */
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bad |= (unsigned)(c < ' ') & (unsigned)(c != '\t');
        bad |= (unsigned)(c == 0x7f);
    }
    return bad == 0;
}

/* What a line's end has become: both its bytes are cleared where there were two. */
static bool is_line_end(const char *at)
{
    return at[0] == '\0' && at[1] == '\0';
}

/* Whether the spans, laid side by side with their separators, are the whole head. */
static bool is_contiguous(const struct head *head)
{
    const char *at = head->method.ptr + head->method.len + 1;
    if (head->target_at != at)
        return false;
    at += head->target.len + 1;
    if (head->version.ptr != at)
        return false;
    at += head->version.len;
    const char *end = head->method.ptr + head->bytes;
    if (end - at < 4 || !is_line_end(at))
        return false;
    at += 2;
    for (size_t i = 0; i < head->header_count; i++) {
        struct span name = head->headers[i].name, value = head->headers[i].value;
        if (name.ptr != at || value.ptr <= name.ptr + name.len || value.ptr > end ||
            end - value.ptr < (ptrdiff_t)value.len + 4)
            return false;
        for (const char *gap = name.ptr + name.len + 1; gap < value.ptr; gap++)
            if (*gap != ' ' && *gap != '\t')
                return false;
        at = value.ptr + value.len;
        if (!is_line_end(at))
            return false;
        at += 2;
    }
    return at + 2 == end && is_line_end(at);
}

static void note_framing(struct framing *framing, struct http_header header)
{
    switch (header.name.len) { /* the lengths are unlike, so that most headers cost one comparison of numbers */
    case sizeof "Host" - 1:
        framing->hosts += span_eq_nocase(header.name, SPAN_LIT("Host"));
        break;
    case sizeof "Content-Length" - 1:
        if (span_eq_nocase(header.name, SPAN_LIT("Content-Length"))) {
            framing->lengths++;
            framing->length = header.value;
        }
        break;
    case sizeof "Transfer-Encoding" - 1:
        if (span_eq_nocase(header.name, SPAN_LIT("Transfer-Encoding"))) {
            framing->encodings++;
            framing->encoding = header.value;
        }
        break;
    default:
        break;
    }
}

static bool check_framing(const struct framing *framing, bool http_1_0, const struct head_limits *limits,
                          struct head_body *ret_body, struct head_refusal *ret_refusal)
{
    if (framing->hosts > 1)
        return refuse(ret_refusal, 400, "more than one Host");
    if (framing->hosts == 0 && !http_1_0)
        return refuse(ret_refusal, 400, "no Host");
    if (framing->lengths > 1)
        return refuse(ret_refusal, 400, "more than one Content-Length");
    if (framing->encodings > 0) {
        if (framing->lengths > 0)
            return refuse(ret_refusal, 400, "Content-Length beside Transfer-Encoding");
        if (framing->encodings > 1 || !span_is(framing->encoding, "chunked"))
            return refuse(ret_refusal, 400, "a Transfer-Encoding other than chunked");
        if (http_1_0)
            return refuse(ret_refusal, 400, "Transfer-Encoding in HTTP/1.0");
        *ret_body = (struct head_body){ .chunked = true };
        return true;
    }
    uint64_t length = 0;
    if (framing->lengths > 0) {
        if (!is_number(framing->length))
            return refuse(ret_refusal, 400, "a Content-Length that is no number");
        if (!span_to_u64(framing->length, limits->body_bytes, &length))
            return refuse(ret_refusal, 413, "Content-Length over the limit");
    }
    *ret_body = (struct head_body){ .length = length };
    return true;
}

bool head_check(const struct head *head, const struct head_limits *limits, struct head_body *ret_body,
                struct head_refusal *ret_refusal)
{
    if (limits->in_place && !is_contiguous(head))
        return refuse(ret_refusal, 400, "a NUL, a folded line, a bare LF or stray white space in the head");
    if (head->bytes > limits->head_bytes)
        return refuse(ret_refusal, 431, "the head is over the limit");
    if (!is_token(head->method))
        return refuse(ret_refusal, 400, "the method is no token");
    if (!is_target(head->target))
        return refuse(ret_refusal, 400, "the target is empty or holds bytes that must be percent-encoded");
    struct framing framing = { .length = SPAN_NONE };
    for (size_t i = 0; i < head->header_count; i++) {
        if (!is_token(head->headers[i].name))
            return refuse(ret_refusal, 400, "a header's name is no token, or a space stands before its colon");
        if (!is_value(head->headers[i].value))
            return refuse(ret_refusal, 400, "a control byte in a header's value");
        note_framing(&framing, head->headers[i]);
    }
    return check_framing(&framing, span_is(head->version, "HTTP/1.0"), limits, ret_body, ret_refusal);
}
