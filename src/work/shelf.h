/*
 * shelf: where models lie: DATA/models/ID/ for the version of that id, from its training's request on.
 *
 * While it is trained the folder is what train/request.h says. A trained one keeps `model` and the output objects, from
 * which a copy is made. Any thread; of one version one caller at a time, as models.h says.
 */
#ifndef PLACARD_WORK_SHELF_H
#define PLACARD_WORK_SHELF_H

#include "base/buf.h"
#include "object/object.h"
#include "store/version.h"

/* "DATA/models/17", appended. */
void shelf_folder(const char *data, int64_t version_id, struct buf *ret_path);

/* Removes what only the training needed. */
void shelf_keep_model(const char *folder);

/* Removes all of it, waiting for a trainer that still has it. Done too if there is nothing. */
bool shelf_drop(const char *data, int64_t version_id, struct err *err) MUST_CHECK;

/* models.h's copy. */
bool shelf_copy(const char *data, struct object_store *objects, const struct version *from, const struct version *to,
                unsigned *ret_outputs, struct err *err) MUST_CHECK;

#endif
