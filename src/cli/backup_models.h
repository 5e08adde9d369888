/*
 * backup_models: the files of DATA/models, which `backup` takes along and `restore` brings back.
 *
 * Models that a bucket keeps are not taken: what DATA/models has of them is a cache.
 */
#ifndef PLACARD_CLI_BACKUP_MODELS_H
#define PLACARD_CLI_BACKUP_MODELS_H

#include "base/buf.h"
#include "base/err.h"

struct model_counts {
    int64_t kept;      /* models in the backup */
    int64_t bytes;     /* of all their files */
    int64_t missing;   /* versions that should have a model, of which there is none in DATA/models */
    int64_t elsewhere; /* versions whose model a bucket keeps */
};

/* Into the copied database at `place`. `bucket`: models are kept in one, which DATA/models is a cache of. */
bool models_pack(const char *data, struct span place, bool bucket, struct model_counts *ret_counts,
                 struct err *err) MUST_CHECK;

/* Out of it, into the folder `into`, which is made; the copied database is without them afterwards. */
bool models_unpack(struct span place, const char *into, struct model_counts *ret_counts, struct err *err) MUST_CHECK;

/*
 * DATA/models as it will be changes places with what is there: models_swap_init, the folder `fresh` is filled (or not),
 * models_swap, and in the end models_swap_end, which removes the old ones, or puts them back where it is not done.
 */
struct models_swap {
    struct buf place, fresh, old;
    bool swapped;
};

void models_swap_init(struct models_swap *swap, const char *data);
bool models_swap(struct models_swap *swap, struct err *err) MUST_CHECK;
void models_swap_end(struct models_swap *swap, bool done);

#endif
