/*
 * feature_cache: what was computed of images, kept on the disk for later trainings, up to a bound.
 *
 * A file for each item, in a folder named by its key's first byte; what has not been used for longest goes first.
 * Nothing that is kept is needed: a file that is damaged, cut or of other bytes than asked for is a miss, and what
 * cannot be written is not kept. Any thread; several processes may share a folder.
 */
#ifndef PLACARD_TRAIN_FEATURE_CACHE_H
#define PLACARD_TRAIN_FEATURE_CACHE_H

#include "base/buf.h"
#include "base/err.h"

struct features;

enum { FEATURES_KEY_BYTES = 32 };

/* `folder` is made. `bytes_max` is of all files together. */
bool features_open(const char *folder, int64_t bytes_max, struct features **ret_features, struct err *err) MUST_CHECK;
void features_close(struct features *features);

/* `key` and `what` together name an item; `space` (a backbone's sha256, or 32 zeros) keeps names of different makers
   apart. */
struct features_name {
    const unsigned char *key;
    const unsigned char *space;
    const char *what;
};

/* Appends what is kept under the name. */
bool features_get(struct features *features, const struct features_name *name, struct buf *ret_bytes);
void features_put(struct features *features, const struct features_name *name, struct span bytes);

struct features_counts {
    uint64_t hits, misses;
    int64_t bytes; /* kept now */
};
struct features_counts features_count(struct features *features);

#endif
