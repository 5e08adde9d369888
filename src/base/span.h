/*
 * span: a view of bytes that somebody else owns.
 *
 * A span never owns, never ends in NUL by promise, and is passed by value. Its bytes live as long as what it was cut
 * from: a request's arena, a buf, a literal. `SPAN_LIT("x")` makes one from a literal, `SPAN_FMT` / `SPAN_ARG(s)`
 * print one with printf.
 */
#ifndef PLACARD_BASE_SPAN_H
#define PLACARD_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const char *ptr;
    size_t len;
};

#define SPAN_LIT(s) ((struct span){ (s), sizeof(s) - 1 })
#define SPAN_NONE ((struct span){ NULL, 0 })
#define SPAN_FMT "%.*s"
#define SPAN_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

static inline struct span span_of(const void *ptr, size_t len)
{
    return (struct span){ (const char *)ptr, len };
}

/* The bytes of a C string, without its NUL. NULL gives an empty span. */
static inline struct span span_str(const char *text)
{
    return (struct span){ text, text ? strlen(text) : 0 };
}

static inline bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool span_is(struct span a, const char *text)
{
    return span_eq(a, span_str(text));
}

static inline bool span_starts(struct span a, struct span prefix)
{
    return a.len >= prefix.len && (prefix.len == 0 || memcmp(a.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool span_ends(struct span a, struct span suffix)
{
    return a.len >= suffix.len && (suffix.len == 0 || memcmp(a.ptr + a.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

/* Bytes from `from` (clamped) to the end. */
static inline struct span span_from(struct span a, size_t from)
{
    if (from > a.len)
        from = a.len;
    return from == 0 ? a : (struct span){ a.ptr + from, a.len - from }; /* nothing is added to NULL, not even 0 */
}

static inline struct span span_first(struct span a, size_t count)
{
    return (struct span){ a.ptr, count < a.len ? count : a.len };
}

/* ASCII case-insensitive equality. */
bool span_eq_nocase(struct span a, struct span b);

/* Whether `needle` occurs in `hay`; an empty needle always does. */
bool span_contains(struct span hay, struct span needle);

/* Without leading and trailing spaces and tabs. */
struct span span_trim(struct span a);

/*
 * Cuts `*rest` at the first `sep`: returns what stood before it and leaves in `*rest` what follows. Without a `sep`,
 * returns all and leaves `*rest` with ptr == NULL, which ends a `while (rest.ptr)` loop.
 */
struct span span_cut(struct span *rest, char sep);

/* A decimal number of digits alone, in 0..max. False for anything else, an empty span and overflow included. */
bool span_to_u64(struct span a, uint64_t max, uint64_t *ret_value);

/* Compares as memcmp does, the shorter first where one is a prefix of the other. */
int span_compare(struct span a, struct span b);

#endif
