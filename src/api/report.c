/* report: see report.h for the contract. */
#include "api/report.h"

#include "aws/arn.h"
#include "store/entry.h"

static void add_row(struct buf *out, const struct rejected_row *row)
{
    struct json_writer w = json_writer_on(out);
    json_open_object(&w);
    json_key(&w, "line");
    json_add_int(&w, row->line);
    json_key(&w, "code");
    json_add_string(&w, row->code);
    json_key(&w, "value");
    json_add_string(&w, row->value);
    json_close_object(&w);
    json_writer_end(&w);
    buf_add_char(out, '\n');
}

bool report_page(struct store *store, struct span dataset_arn, int64_t after, unsigned limit, struct buf *out,
                 int64_t *ret_next, struct err *err)
{
    struct arena arena;
    struct rejected_row *rows;
    size_t count;
    arena_init(&arena);
    bool done = rejected_list(store, &arena, dataset_arn, after, limit, &rows, &count, err);
    for (size_t i = 0; done && i < count; i++)
        add_row(out, &rows[i]);
    if (done)
        *ret_next = count == limit && count > 0 ? rows[count - 1].line : 0;
    arena_free(&arena);
    return done;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes %XX; false for a `%` that no two hex digits follow. */
static bool unescape(struct arena *arena, struct span text, struct span *ret_plain)
{
    char *plain = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 1 < text.len ? digit_of(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? digit_of(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        plain[len++] = c;
    }
    *ret_plain = span_of(plain, len);
    return true;
}

static bool find_dataset(const struct call *call, struct span query, struct span *ret_arn, struct err *err)
{
    struct span value = query, arn;
    struct arn parsed;
    if (!span_is(span_cut(&value, '='), "dataset") || !value.ptr || !unescape(call->arena, value, &arn))
        return fail(err, E_INVALID, "Ask for " REPORT_PATH "?dataset=ARN.");
    if (!arn_parse(arn, &parsed) || parsed.kind != ARN_DATASET)
        return fail(err, E_INVALID, "'" SPAN_FMT "' is not the ARN of a dataset.", SPAN_ARG(arn));
    *ret_arn = arn;
    return true;
}

bool report_answer(const struct call *call, struct span query, struct buf *out, struct err *err)
{
    struct call_need need = { .action = "rekognition:ListDatasetEntries", .named = true };
    int64_t next = 0;
    if (!find_dataset(call, query, &need.resource, err) || !call_may(call, &need, err) ||
        !call_owns(call, need.resource, err))
        return false;
    do
        if (!report_page(call->api->store, need.resource, next, REPORT_PAGE_MAX, out, &next, err))
            return false;
    while (next > 0);
    return true;
}
