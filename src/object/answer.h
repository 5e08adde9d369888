/* answer: what an S3 endpoint's answer says, where it has to be read out of a text. Pure. */
#ifndef PLACARD_OBJECT_ANSWER_H
#define PLACARD_OBJECT_ANSWER_H

#include "base/err.h"
#include "base/span.h"

/* The value of the first header of that name among lines as they came, name compared without case, blanks around it
   taken off; false when it is not there. */
bool answer_header(struct span lines, const char *name, struct span *ret_value) MUST_CHECK;

/* `bytes FROM-TO/TOTAL`: the whole's length, if the part begins at `offset`. */
bool answer_range_total(struct span content_range, uint64_t offset, uint64_t *ret_total) MUST_CHECK;

/* The `<Code>` of an error's XML, for the log, at most 64 bytes; empty when there is none. */
struct span answer_error_code(struct span body);

#endif
