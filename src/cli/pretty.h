/* pretty: JSON laid out for people. */
#ifndef PLACARD_CLI_PRETTY_H
#define PLACARD_CLI_PRETTY_H

#include "base/buf.h"

/* The same tokens in the same order, four spaces a level. The text must be JSON; what it says is not touched. */
void pretty_json(struct span text, struct buf *out);

#endif
