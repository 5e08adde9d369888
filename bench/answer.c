/* answer: see answer.h. */
#define _GNU_SOURCE /* memmem */
#include "answer.h"

bool answer_whole(const struct buf *in, unsigned *ret_status, size_t *ret_length)
{
    const char *end = memmem(in->ptr, in->len, "\r\n\r\n", 4);
    if (!end || in->len < 12)
        return false;
    struct span head = span_of(in->ptr, (size_t)(end - in->ptr));
    uint64_t status = 0, length = UINT64_MAX;
    for (struct span rest = head; rest.ptr;) {
        struct span value = span_cut(&rest, '\n'), name = span_cut(&value, ':');
        if (value.ptr && span_eq_nocase(name, SPAN_LIT("content-length")) &&
            !span_to_u64(span_trim(span_first(value, value.len - (rest.ptr ? 1 : 0))), ANSWER_MAX, &length))
            return false;
    }
    if (length == UINT64_MAX || in->len < head.len + 4 + length)
        return false;
    if (!span_to_u64(span_of(in->ptr + 9, 3), 999, &status))
        status = 0;
    *ret_status = (unsigned)status;
    *ret_length = (size_t)length;
    return true;
}
