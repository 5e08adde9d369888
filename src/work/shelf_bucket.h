/* shelf_bucket: the half of shelf.h that is a bucket. Each function is called only where there is one. */
#ifndef PLACARD_WORK_SHELF_BUCKET_H
#define PLACARD_WORK_SHELF_BUCKET_H

#include "work/shelf.h"

/* What is kept of a model, by the names of its files; result.json is last. */
enum { SHELF_FILES = TRAIN_OUTPUTS + 2 };
const char *shelf_file_name(unsigned place, struct buf *room);

/* Appends a file of the version; *ret_found false: it has none. */
bool bucket_get(const struct shelf *shelf, const struct version *version, const char *name, struct buf *ret_content,
                bool *ret_found, struct err *err) MUST_CHECK;

/* E_OBJECT: it has none; E_OBJECT_DENIED: it may not be looked at. */
bool bucket_stat(const struct shelf *shelf, const struct version *version, const char *name,
                 struct object_info *ret_info, struct err *err) MUST_CHECK;

/* Makes the bucket if it is not there. E_INTERNAL where it takes nothing. */
bool bucket_put(const struct shelf *shelf, const struct version *version, const char *name, struct span content,
                struct err *err) MUST_CHECK;

/* The files of the folder, as shelf_keep says. */
bool bucket_keep(const struct shelf *shelf, const struct version *version, const char *folder,
                 bool (*go_on)(void *ctx, double share), void *ctx, struct err *err) MUST_CHECK;
bool bucket_drop(const struct shelf *shelf, const struct version *version, struct err *err) MUST_CHECK;

/* shelf_model, by way of the cache. */
bool bucket_model(const struct shelf *shelf, const struct version *version, struct buf *ret_file,
                  struct err *err) MUST_CHECK;

/* The cache: notes that the folder's model is the bucket's. A failure is logged; the model is fetched again then. */
void cache_note(const struct shelf *shelf, const struct version *version, const char *folder);
/* Brings it down to its size; the version's own folder stays. */
void cache_trim(const struct shelf *shelf, int64_t version_id);

#endif
