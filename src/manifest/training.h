/*
 * training: what a kept line offers to a training, and the line as its validation manifest has it (spec E.1, E.2.4).
 *
 * Both speak of the line that manifest_read read last on the same reader, which must not have been blank; what they
 * point to dies as a verdict's does.
 */
#ifndef PLACARD_MANIFEST_TRAINING_H
#define PLACARD_MANIFEST_TRAINING_H

#include "base/buf.h"
#include "manifest/manifest.h"

/* Why a sound line is ignored (spec D.6). */
enum manifest_warning { MANIFEST_NO_WARNING, MANIFEST_UNANNOTATED_RECORD, MANIFEST_NO_ANNOTATIONS };

/* A box without fault, as ratios of the image. */
struct manifest_box {
    struct span label;
    float left, top, width, height;
};

struct manifest_offer {
    bool invalid;                  /* dropped, an error stands at the entry, or none of its attributes can be used */
    enum manifest_warning warning; /* ignored */
    const struct span *labels;     /* of the whole image, each name once */
    size_t label_count;
    const struct manifest_box *boxes;
    size_t box_count;
};
void manifest_offer(struct manifest_reader *reader, const struct manifest_verdict *verdict,
                    struct manifest_offer *ret_offer);

/*
 * Appends the line, without a line end: the input with `errors` and `warnings` where they belong. `image` is
 * MANIFEST_INVALID_IMAGE where the image cannot be used, else MANIFEST_OK. What is not JSON is replaced by an object
 * that says so alone. The verdict's `line` dies with it.
 */
void manifest_validated(struct manifest_reader *reader, const struct manifest_verdict *verdict,
                        const struct manifest_offer *offer, enum manifest_code image, struct buf *out);

#endif
