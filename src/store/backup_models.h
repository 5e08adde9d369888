/*
 * backup_models: the files of trained models as rows of a backup, in a table that a database in use has not.
 *
 *     backup_models_open(place, &models) -> any calls -> backup_models_close(models, done)
 *
 * A file comes and goes in parts, in their order, so that none has to be in memory as a whole. One thread.
 */
#ifndef PLACARD_STORE_BACKUP_MODELS_H
#define PLACARD_STORE_BACKUP_MODELS_H

#include "base/arena.h"
#include "store/backup.h"

enum { BACKUP_PART_BYTES = 4 * 1024 * 1024, BACKUP_FILE_NAME_MAX = 255 };

struct backup_models;

/* Begins a write of the file at `place`; close commits it, or with `done` false leaves the file as it was. */
bool backup_models_open(struct span place, struct backup_models **ret_models, struct err *err) MUST_CHECK;
bool backup_models_close(struct backup_models *models, bool done, struct err *err) MUST_CHECK;

/* The ids of the versions that have a model: trained or copied ones. */
bool backup_models_versions(struct backup_models *models, struct arena *arena, int64_t **ret_ids, size_t *ret_count,
                            struct err *err) MUST_CHECK;

bool backup_models_put(struct backup_models *models, int64_t version_id, struct span name, int64_t part,
                       struct span content, struct err *err) MUST_CHECK;

/* Hands every part on, files one after the other. `take` says false to end it, with its error in *err. */
typedef bool backup_part_taker(void *ctx, int64_t version_id, struct span name, int64_t part, struct span content,
                               struct err *err);
bool backup_models_each(struct backup_models *models, backup_part_taker *take, void *ctx, struct err *err) MUST_CHECK;

/* Takes the table out again, and its space out of the file. Not between open and close. */
bool backup_models_strip(struct span place, struct err *err) MUST_CHECK;

#endif
