/* rows: see rows.h for the contract. */
#include "lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rows.h"

void check_rows(const struct row *rows, size_t count)
{
    struct manifest_reader *reader = manifest_reader_new(&manifest_limits_default);
    struct buf line, want, labels;
    buf_init(&line, 1 << 20);
    buf_init(&want, 1 << 20);
    buf_init(&labels, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        struct manifest_verdict verdict;
        expected(&line, rows[i].line);
        expected(&want, rows[i].want);
        read_twice(reader, buf_span(&line), &verdict);
        if (verdict.fate != MANIFEST_KEPT)
            fail_msg("%s: %s", rows[i].line, manifest_code_name(verdict.code));
        if (!span_eq(verdict.line, buf_span(&want)))
            fail_msg("row %zu\n" SPAN_FMT "\nnot\n" SPAN_FMT, i, SPAN_ARG(verdict.line), SPAN_ARG(buf_span(&want)));
        assert_int_equal(verdict.error, strchr(rows[i].want, '<') != NULL);
        assert_int_equal(verdict.labeled, strstr(rows[i].want, LABELED("true")) != NULL);
        assert_true(span_is(verdict.source_ref, "s3://bucket/a.jpg"));
        assert_true(span_is(verdict.bucket, "bucket"));
        describe_labels(&labels, &verdict);
        if (!span_is(buf_span(&labels), rows[i].labels))
            fail_msg("%s: labels " SPAN_FMT, rows[i].line, SPAN_ARG(buf_span(&labels)));
    }
    buf_free(&line);
    buf_free(&want);
    buf_free(&labels);
    manifest_reader_free(reader);
}
