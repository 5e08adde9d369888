/* span: see span.h for the contract. */
#define _GNU_SOURCE
#include "base/span.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool span_eq_nocase(struct span a, struct span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

bool span_contains(struct span hay, struct span needle)
{
    if (needle.len == 0)
        return true;
    if (hay.len == 0)
        return false;
    return memmem(hay.ptr, hay.len, needle.ptr, needle.len) != NULL;
}

struct span span_trim(struct span a)
{
    while (a.len > 0 && (a.ptr[0] == ' ' || a.ptr[0] == '\t')) {
        a.ptr++;
        a.len--;
    }
    while (a.len > 0 && (a.ptr[a.len - 1] == ' ' || a.ptr[a.len - 1] == '\t'))
        a.len--;
    return a;
}

struct span span_cut(struct span *rest, char sep)
{
    struct span all = *rest;
    const char *at = all.len ? memchr(all.ptr, sep, all.len) : NULL;
    if (!at) {
        *rest = SPAN_NONE;
        return all;
    }
    size_t before = (size_t)(at - all.ptr);
    *rest = span_from(all, before + 1);
    return span_first(all, before);
}

bool span_to_u64(struct span a, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (a.len == 0)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (a.ptr[i] < '0' || a.ptr[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(a.ptr[i] - '0');
        if (value > (max - digit) / 10 || digit > max)
            return false;
        value = value * 10 + digit;
    }
    *ret_value = value;
    return true;
}

int span_compare(struct span a, struct span b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.ptr, b.ptr, common) : 0;
    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}
