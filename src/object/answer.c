/* answer: see answer.h for the contract. */
#include "object/answer.h"

enum { CODE_MAX = 64 };

bool answer_header(struct span lines, const char *name, struct span *ret_value)
{
    while (lines.ptr) {
        struct span value = span_cut(&lines, '\n');
        struct span key = span_cut(&value, ':');
        if (!value.ptr || !span_eq_nocase(key, span_str(name)))
            continue;
        if (span_ends(value, SPAN_LIT("\r")))
            value.len--;
        *ret_value = span_trim(value);
        return true;
    }
    return false;
}

bool answer_range_total(struct span content_range, uint64_t offset, uint64_t *ret_total)
{
    uint64_t from, to, total;
    if (!span_starts(content_range, SPAN_LIT("bytes ")))
        return false;
    struct span rest = span_from(content_range, 6);
    struct span last = span_cut(&rest, '/');
    struct span first = span_cut(&last, '-');
    if (!span_to_u64(first, INT64_MAX, &from) || !span_to_u64(last, INT64_MAX, &to) ||
        !span_to_u64(rest, INT64_MAX, &total) || from != offset || to < from || to >= total)
        return false;
    *ret_total = total;
    return true;
}

struct span answer_error_code(struct span body)
{
    static const struct span mark = { "<Code>", 6 };
    for (size_t i = 0; i + mark.len <= body.len; i++) {
        struct span rest = span_from(body, i);
        if (!span_starts(rest, mark))
            continue;
        rest = span_from(rest, mark.len);
        return span_first(span_cut(&rest, '<'), CODE_MAX);
    }
    return SPAN_NONE;
}
