/* sigv4_canonical: the canonical path and query; see sigv4.h. botocore's reading of both is the measure. */
#include <stdlib.h>

#include "aws/sigv4.h"

static void add_escaped(struct buf *out, unsigned char c)
{
    static const char digits[] = "0123456789ABCDEF";
    const char text[3] = { '%', digits[c >> 4], digits[c & 15] };
    buf_add(out, span_of(text, sizeof text));
}

static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '~';
}

static void add_segment(struct buf *out, struct span segment)
{
    for (size_t i = 0; i < segment.len; i++) {
        unsigned char c = (unsigned char)segment.ptr[i];
        if (is_unreserved(c))
            buf_add_char(out, (char)c);
        else
            add_escaped(out, c);
    }
}

/* Takes the last segment, and the slash before it, off what has been written since `start`. */
static void drop_segment(struct buf *out, size_t start)
{
    while (out->len > start && out->ptr[out->len - 1] != '/')
        out->len--;
    if (out->len > start)
        out->len--;
}

void sigv4_canonical_path(struct span path, enum sigv4_path rule, struct buf *out)
{
    if (path.len == 0 || span_is(path, "/")) {
        buf_add_char(out, '/');
        return;
    }
    if (rule == SIGV4_PATH_S3) {
        buf_add(out, path);
        return;
    }
    if (path.ptr[0] == '/')
        buf_add_char(out, '/');
    size_t start = out->len;
    bool slash_ends = path.ptr[path.len - 1] == '/';
    while (path.ptr) {
        struct span segment = span_cut(&path, '/');
        if (segment.len == 0 || span_is(segment, "."))
            continue;
        if (span_is(segment, "..")) {
            drop_segment(out, start);
            continue;
        }
        if (out->len > start)
            buf_add_char(out, '/');
        add_segment(out, segment);
    }
    if (slash_ends && out->len > start)
        buf_add_char(out, '/');
}

struct pair {
    struct span name;
    struct span value;
};

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *one = a, *other = b;
    int order = span_compare(one->name, other->name);
    return order != 0 ? order : span_compare(one->value, other->value);
}

static void add_sorted(struct buf *out, struct span query)
{
    size_t count = 1, at = 0;
    for (size_t i = 0; i < query.len; i++)
        count += query.ptr[i] == '&';
    struct pair *pairs = mem_alloc(count * sizeof *pairs);
    while (query.ptr) {
        struct span value = span_cut(&query, '&');
        pairs[at].name = span_cut(&value, '=');
        pairs[at++].value = value;
    }
    qsort(pairs, count, sizeof *pairs, compare_pairs);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_char(out, '&');
        buf_add(out, pairs[i].name);
        buf_add_char(out, '=');
        buf_add(out, pairs[i].value);
    }
    free(pairs);
}

void sigv4_canonical_query(struct span query, struct buf *out)
{
    struct buf escaped;
    if (query.len == 0)
        return;
    buf_init(&escaped, SIGV4_CANONICAL_MAX);
    for (size_t i = 0; i < query.len; i++) {
        unsigned char c = (unsigned char)query.ptr[i];
        if (c > ' ' && c < 0x7f)
            buf_add_char(&escaped, (char)c);
        else
            add_escaped(&escaped, c);
    }
    if (escaped.overflow)
        out->overflow = true;
    else
        add_sorted(out, buf_span(&escaped));
    buf_free(&escaped);
}
