/*
 * Fuzz target for object/answer. The input is header lines up to a NUL, then the body of an error. What is found lies
 * in what came; a range that is taken is written the same again; and a code is what stands between `<Code>` and `<`.
 */
#define _GNU_SOURCE /* memmem */
#include "base/buf.h"
#include "object/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct span part, struct span whole)
{
    CHECK(part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

/* Leading zeros are all that may be lost on the way. */
static void check_range(struct span range)
{
    uint64_t offset = 0, total;
    struct span rest = span_from(range, 6), last;
    struct span first = span_cut(&rest, '-');
    if (!span_to_u64(first, INT64_MAX, &offset) || !answer_range_total(range, offset, &total))
        return;
    uint64_t to = 0, same = 0;
    last = span_cut(&rest, '/');
    CHECK(span_starts(range, SPAN_LIT("bytes ")) && span_to_u64(last, UINT64_MAX, &to) &&
          span_to_u64(rest, UINT64_MAX, &same));
    CHECK(offset <= to && to < total && same == total);
    CHECK(!answer_range_total(range, offset + 1, &total));
}

static void check_code(struct span body)
{
    struct span code = answer_error_code(body);
    const char *mark = memmem(body.ptr, body.len, "<Code>", 6);
    check_within(code, body);
    if (!mark) {
        CHECK(code.len == 0);
        return;
    }
    struct span rest = span_from(body, (size_t)(mark - body.ptr) + 6);
    CHECK(span_eq(code, span_first(span_cut(&rest, '<'), 64)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "ETag", "Content-Length", "Content-Range" };
    struct span body = span_of(size ? (const char *)data : "", size), value;
    struct span lines = span_cut(&body, '\0');
    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        if (!answer_header(lines, names[i], &value))
            continue;
        check_within(value, lines);
        CHECK(!span_contains(value, SPAN_LIT("\n")) && span_eq(value, span_trim(value)));
        check_range(value);
    }
    check_code(body.ptr ? body : lines);
    return 0;
}
