/*
 * rejected: the report of the lines that the last create or update of a dataset dropped (spec D.5.2), which AWS does
 * not show. JSON Lines, `{"line":17,"code":"ERROR_…","value":"…"}`, by line number.
 */
#ifndef PLACARD_CLI_REJECTED_H
#define PLACARD_CLI_REJECTED_H

#include "base/buf.h"
#include "store/store.h"

#define REJECTED_PAGE_MAX 10000

/*
 * Appends at most `limit` lines after line `after`; *ret_next is where to go on, 0 at the end. E_NOT_FOUND: no such
 * dataset.
 */
bool rejected_report(struct store *store, struct span dataset_arn, int64_t after, unsigned limit, struct buf *out,
                     int64_t *ret_next, struct err *err) MUST_CHECK;

#endif
