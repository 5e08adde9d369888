/*
 * file: whole files of the data directory, read and replaced. Errors are E_INTERNAL with the path; E_NOT_FOUND for a
 * file that is not there.
 */
#ifndef PLACARD_TRAIN_FILE_H
#define PLACARD_TRAIN_FILE_H

#include "base/buf.h"
#include "base/err.h"

/* Appends the content; a file that has more than the buf has room for is E_INTERNAL. */
bool file_read(const char *path, struct buf *ret_content, struct err *err) MUST_CHECK;

/* Writes beside it, then renames: a reader sees the old content or the new. `durable`: on the disk on return. */
bool file_replace(const char *path, struct span content, bool durable, struct err *err) MUST_CHECK;

/* Gives `fresh`, written through the descriptor, its name: what is found under that name is whole and on the disk. */
bool file_publish(int file, const char *fresh, const char *path, struct err *err) MUST_CHECK;

/* Makes the folder (mode 0700) and those above it. */
bool file_make_folder(const char *path, struct err *err) MUST_CHECK;

/* Removes a folder with the files in it (no folders below). Done too if it is not there. */
bool file_remove_folder(const char *path, struct err *err) MUST_CHECK;

/* "FOLDER/NAME" into `path`, which is cleared first. */
const char *file_path(struct buf *path, const char *folder, const char *name);

#endif
