/*
 * manifest: the manual says what the code does: every code stands in a row with its exact text, and every example that
 * is a whole line is kept without an error.
 *
 *     test_manifest_docs docs/manifests.md
 */
#include "base/buf.h"
#include "manifest/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct buf manual;

/* The row of the table that begins with the code's name. */
static struct span row_of(const char *name)
{
    struct buf head;
    buf_init(&head, 256);
    buf_addf(&head, "| `%s`", name);
    struct span rest = buf_span(&manual), found = SPAN_NONE;
    while (rest.ptr && !found.ptr) {
        struct span line = span_cut(&rest, '\n');
        if (span_starts(line, buf_span(&head)))
            found = line;
    }
    buf_free(&head);
    return found;
}

static void names_every_code(void **state)
{
    (void)state;
    for (unsigned code = MANIFEST_OK + 1; code < MANIFEST_CODE_COUNT; code++) {
        struct span row = row_of(manifest_code_name(code));
        struct span text = span_str(manifest_code_message(code));
        struct buf message;
        buf_init(&message, 1024);
        buf_add_char(&message, '`');
        buf_add(&message, span_cut(&text, '{'));
        if (text.ptr) {
            buf_add_str(&message, code == MANIFEST_UNSUPPORTED_USE_CASE_TYPE ? "NAME-metadata" : "NAME");
            buf_add(&message, span_from(text, 1));
        }
        buf_add_char(&message, '`');
        if (!span_contains(row, buf_span(&message)))
            fail_msg("%s: no row with " SPAN_FMT, manifest_code_name(code), SPAN_ARG(buf_span(&message)));
        buf_free(&message);
    }
}

static void shows_lines_that_are_accepted(void **state)
{
    (void)state;
    struct manifest_reader *reader = manifest_reader_new(&manifest_limits_default);
    struct span rest = buf_span(&manual);
    unsigned examples = 0, labeled = 0;
    while (rest.ptr) {
        struct span line = span_cut(&rest, '\n');
        if (!span_starts(line, SPAN_LIT("{\"source-ref\"")) || span_contains(line, SPAN_LIT("…")))
            continue;
        struct manifest_verdict verdict;
        manifest_read(reader, line, &verdict);
        assert_int_equal(verdict.fate, MANIFEST_KEPT);
        assert_false(verdict.error);
        examples++;
        labeled += verdict.labeled;
    }
    assert_int_equal(examples, 4);
    assert_int_equal(labeled, 2);
    manifest_reader_free(reader);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_every_code),
        cmocka_unit_test(shows_lines_that_are_accepted),
    };
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (!file) {
        fprintf(stderr, "Usage: test_manifest_docs MANUAL\n");
        return 2;
    }
    char chunk[4096];
    size_t got;
    buf_init(&manual, 1 << 20);
    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0)
        buf_add(&manual, span_of(chunk, got));
    fclose(file);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_free(&manual);
    return failed;
}
