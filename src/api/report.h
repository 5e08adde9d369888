/*
 * report: the lines that the last create or update of a dataset dropped (spec D.5.2), which AWS does not show. JSON
 * Lines, `{"line":17,"code":"ERROR_…","value":"…"}`, by line number.
 *
 * GET /placard/rejected-lines?dataset=ARN gives it over HTTP, signed like any call, to whoever may list the dataset's
 * entries; `placard rejected ARN` on the server's own machine.
 */
#ifndef PLACARD_API_REPORT_H
#define PLACARD_API_REPORT_H

#include "api/call.h"

#define REPORT_PATH "/placard/rejected-lines"
#define REPORT_PAGE_MAX 10000

/*
 * Appends at most `limit` lines after line `after`; *ret_next is where to go on, 0 at the end. E_NOT_FOUND: no such
 * dataset.
 */
bool report_page(struct store *store, struct span dataset_arn, int64_t after, unsigned limit, struct buf *out,
                 int64_t *ret_next, struct err *err) MUST_CHECK;

/* The whole of it for the caller; `query` as on the wire. E_INVALID: it does not name one dataset. */
bool report_answer(const struct call *call, struct span query, struct buf *out, struct err *err) MUST_CHECK;

#endif
