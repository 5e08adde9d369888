/*
 * model_file: a trained model as one file.
 *
 *     "placard model 1\n" · XXH3-128 of all that follows · kind · backbone's id and sha256 · labels, each with its
 *     assumed threshold · payload (what classify_train or detect_train gave)
 *
 * All numbers are little-endian and 32 bits wide. The same model gives the same bytes. A file that was cut, in which a
 * bit was flipped, or which is none of ours, is refused with a sentence; a file that is read whole was written by
 * model_write. Pure.
 */
#ifndef PLACARD_VISION_MODEL_FILE_H
#define PLACARD_VISION_MODEL_FILE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum model_kind { MODEL_SINGLE_LABEL, MODEL_MULTI_LABEL, MODEL_DETECTION };

enum {
    MODEL_LABELS_MAX = 65536,
    MODEL_NAME_MAX = 4096,
    MODEL_BACKBONE_ID_MAX = 64,
    MODEL_SHA_BYTES = 32,
    MODEL_FILE_MAX = 256 * 1024 * 1024
};

struct model_label {
    struct span name;
    float threshold; /* the assumed one, 0 to 1 (spec E.3) */
};

struct model {
    enum model_kind kind;
    struct span backbone_id;
    unsigned char backbone_sha256[MODEL_SHA_BYTES];
    const struct model_label *labels;
    size_t label_count;
    struct span payload;
};

/* Appends the file. What the model holds is within the maxima above (CHECKed). */
void model_write(const struct model *model, struct buf *ret_file);

/* The spans point into `file`, the labels lie in the arena. E_INVALID. */
bool model_read(struct span file, struct arena *arena, struct model *ret_model, struct err *err) MUST_CHECK;

/* Whether it was trained on this backbone; E_INVALID names both where it was not. */
bool model_fits(const struct model *model, const char *backbone_id, const unsigned char sha256[MODEL_SHA_BYTES],
                struct err *err) MUST_CHECK;

#endif
