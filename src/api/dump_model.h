/* dump_model: the tables of operations and shapes as JSON, for `placard dump-model`. */
#ifndef PLACARD_API_DUMP_MODEL_H
#define PLACARD_API_DUMP_MODEL_H

#include "base/buf.h"

/*
 * {"operations":[{"name":…,"input":SHAPE,"output":SHAPE,"errors":[…]}…]}. A SHAPE has `type` (structure, list, map,
 * string, integer, boolean, blob, timestamp) and where it has them `min`, `max`, `pattern`, `enum`, `members`,
 * `required`, `member` (of a list), `key` and `value` (of a map).
 */
void dump_model(struct buf *out);

#endif
