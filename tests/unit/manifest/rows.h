/* rows: a table of lines, what is stored for each (both as `expected` of lines.h), and which labels it has. After
 * <cmocka.h>. */
#ifndef PLACARD_TESTS_ROWS_H
#define PLACARD_TESTS_ROWS_H

#include <stddef.h>

struct row {
    const char *line;
    const char *want;
    const char *labels;
};

/* Fails the test that runs if a row's line is not stored as wanted, or reads otherwise when fed back. The error flag
 * and is_labeled are taken from the wanted line; the source-ref is always REF of lines.h. */
void check_rows(const struct row *rows, size_t count);

#endif
