/*
 * child: runs another program and waits for it.
 *
 * The program is looked for in PATH, runs in `folder`, reads nothing, and what it writes to standard output and error
 * together is kept. E_NOT_FOUND if there is no such program, E_OBJECT if it ended with another status than 0 or by a
 * signal; the sentence names it, and ret_said has what it said in both cases of an end. One thread at a time.
 */
#ifndef PLACARD_CLI_CHILD_H
#define PLACARD_CLI_CHILD_H

#include "base/buf.h"
#include "base/err.h"

/* argv ends with NULL. What goes past the maximum of ret_said is dropped. */
bool child_run(const char *const *argv, const char *folder, struct buf *ret_said, struct err *err) MUST_CHECK;

#endif
