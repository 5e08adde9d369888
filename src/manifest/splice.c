/* splice: see splice.h for the contract. */
#include "manifest/splice.h"

#include "base/check.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && is_space(*at))
        at++;
    return at;
}

/* From an opening quote to past the closing one. */
static const char *skip_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\')
            at++;
    CHECK(at < end);
    return at + 1;
}

/* To the separator that ends a part: a comma or closing bracket outside of everything opened since `at`. */
static const char *skip_part(const char *at, const char *end)
{
    size_t depth = 0;
    while (at < end) {
        switch (*at) {
        case '"':
            at = skip_string(at, end);
            continue;
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            if (depth == 0)
                return at;
            depth--;
            break;
        case ',':
            if (depth == 0)
                return at;
            break;
        default:
            break;
        }
        at++;
    }
    CHECK(at < end);
    return at;
}

struct splice splice_open(struct span value)
{
    CHECK(value.len >= 2 && (value.ptr[0] == '{' || value.ptr[0] == '['));
    return (struct splice){ .at = value.ptr + 1, .end = value.ptr + value.len, .object = value.ptr[0] == '{' };
}

bool splice_next(struct splice *walk, struct splice_part *ret_part)
{
    const char *from = walk->at;
    const char *at = skip_space(from, walk->end);
    if (at == walk->end || *at == '}' || *at == ']') {
        walk->at = walk->end; /* nothing is behind the closing bracket for us */
        return false;
    }
    if (walk->object) {
        CHECK(*at == '"');
        at = skip_space(skip_string(at, walk->end), walk->end);
        CHECK(at < walk->end && *at == ':');
        at = skip_space(at + 1, walk->end);
    }
    const char *to = skip_part(at, walk->end);
    CHECK(to > at);
    const char *behind = to;
    while (is_space(behind[-1]))
        behind--;
    ret_part->whole = span_of(from, (size_t)(to - from));
    ret_part->head = span_of(from, (size_t)(at - from));
    ret_part->value = span_of(at, (size_t)(behind - at));
    ret_part->tail = span_of(behind, (size_t)(to - behind));
    walk->at = *to == ',' ? to + 1 : walk->end;
    return true;
}
