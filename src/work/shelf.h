/*
 * shelf: where models are kept.
 *
 * Without a bucket: in DATA/models/ID/ for the version of that id, for good. With one: in the object store, under
 * PREFIX ACCOUNT/REGION/TIME-ID/, where every node of a store finds them; the folder is then a cache of `model`, of
 * bounded size, and what is taken from it is compared with the bucket's etag and the file's own sum.
 *
 *     DATA/models/ID/   while it is trained, what train/request.h says; then `model` and the output objects, from
 *                       which a copy is made, and result.json. As a cache: `model` and `source` (the version's ARN and
 *                       the object's etag, a line each)
 *     the bucket        `model`, the output objects, and last result.json: a training that has one is done, whichever
 *                       node asks
 *
 * A folder that was kept before there was a bucket goes into it when its model is wanted. Any thread; of one version
 * one caller at a time, as models.h says.
 */
#ifndef PLACARD_WORK_SHELF_H
#define PLACARD_WORK_SHELF_H

#include "base/buf.h"
#include "object/object.h"
#include "store/version.h"
#include "train/request.h"

/* Lives as long as the server. */
struct shelf {
    const char *data;
    struct object_store *objects;
    struct span bucket;  /* empty: none */
    struct span prefix;  /* of the keys, with its slash; may be empty */
    int64_t cache_bytes; /* what DATA/models may hold of the bucket's */
};

/* "DATA/models/17", appended. */
void shelf_folder(const struct shelf *shelf, int64_t version_id, struct buf *ret_path);

/* The result of a training that ended already, here or on another node. */
bool shelf_result(const struct shelf *shelf, const struct version *version, bool elsewhere, struct arena *arena,
                  struct train_result *ret_result, bool *ret_found, struct err *err) MUST_CHECK;

/* Keeps what a training left in its folder, and removes what only the training needed. `go_on` is asked between the
   files of a bucket: E_LOST_LEASE where it says no. */
bool shelf_keep(const struct shelf *shelf, const struct version *version, bool (*go_on)(void *ctx, double share),
                void *ctx, struct err *err) MUST_CHECK;

/* The file of a version's model, appended. E_NOT_READY: it is not there, or damaged where it is kept. */
bool shelf_model(const struct shelf *shelf, const struct version *version, struct buf *ret_file,
                 struct err *err) MUST_CHECK;

/* Removes all of it, waiting for a trainer that still has the folder. Done too if there is nothing. */
bool shelf_drop(const struct shelf *shelf, const struct version *version, struct err *err) MUST_CHECK;

/* models.h's copy. */
bool shelf_copy(const struct shelf *shelf, const struct version *from, const struct version *to, unsigned *ret_outputs,
                struct err *err) MUST_CHECK;

#endif
