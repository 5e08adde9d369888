/*
 * place: what a fuzz target needs of a machine: a folder of its own in $TMPDIR, gone when the process ends well, and a
 * file whose content is the input. Made at the first call and kept; one thread.
 */
#ifndef PLACARD_TESTS_FUZZ_PLACE_H
#define PLACARD_TESTS_FUZZ_PLACE_H

#include "base/span.h"

/* The folder's path, without a slash at its end. */
const char *place_folder(void);

/* A path in it; the text lives until the eighth call from now. */
const char *place_path(const char *name);

/* Makes the file anew with this content, mode 0600. */
void place_write(const char *path, struct span content);

/* Removes a folder's content and makes the folder again. */
void place_empty(const char *path);

/* The path under which a file of this content can be opened; the same path each time. */
const char *place_file(struct span content);

#endif
