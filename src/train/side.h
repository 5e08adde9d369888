/*
 * side: the lines of one manifest (or of several, one after the other) as a training sees them.
 *
 * `side_load` reads train.lines or test.lines of the folder (fetching them first where the request names manifests) and
 * judges every line; then images are checked (check.h) and lines chosen (choose.h). Labels are numbers of an intern
 * that both sides share. One thread.
 */
#ifndef PLACARD_TRAIN_SIDE_H
#define PLACARD_TRAIN_SIDE_H

#include "manifest/training.h"
#include "train/intern.h"
#include "train/request.h"
#include "vision/learn.h"

/* Errors of a whole manifest (spec D.5.4), the one that says most first; those from TRAIN_LABEL_OVERLAP on are of both
 * sides together. */
enum train_error {
    TRAIN_IMAGES_FORBIDDEN,
    TRAIN_NO_IMAGE_COPIED,
    TRAIN_TOO_MANY_INVALID,
    TRAIN_SEVERAL_BUCKETS,
    TRAIN_BUCKET_OWNER,
    TRAIN_TOO_MANY_LABELS,
    TRAIN_TOO_FEW_LABELS,
    TRAIN_TOO_FEW_USABLE_LABELS,
    TRAIN_TOO_FEW_FOR_SPLIT,
    TRAIN_LABEL_OVERLAP,
    TRAIN_USABLE_LABEL_OVERLAP,
    TRAIN_ERRORS
};

struct train_error_text {
    const char *code;
    const char *message;
};
extern const struct train_error_text train_error_texts[TRAIN_ERRORS];

enum line_fate { LINE_USABLE, LINE_IGNORED, LINE_INVALID };

struct line {
    struct span text; /* without its line end */
    enum line_fate fate;
    bool repeated; /* its source-ref is that of an earlier line */
    bool bad_image;
    bool unread;                         /* the image could not even be fetched */
    bool forbidden;                      /* because the object store refuses to have it read */
    uint32_t ref;                        /* of side->refs; UINT32_MAX: none */
    uint32_t first_label, label_count;   /* of the whole image, in side->labels */
    uint32_t first_box, box_count;       /* in side->boxes */
    unsigned char key[LEARN_KEY_BYTES];  /* SHA-256 of the image */
    unsigned char look[LEARN_KEY_BYTES]; /* what it looks like (alike.h) */
    uint32_t width, height;
    uint32_t image; /* its place in the set that is learnt from; UINT32_MAX: none */
};

struct side {
    struct span content; /* the mapped file */
    struct line *lines;
    size_t count, room;
    uint32_t *labels;
    size_t label_count, label_room;
    struct learn_box *boxes; /* label: a number of the intern */
    size_t box_count, box_room;
    struct intern refs;
    bool several_buckets;
    struct span bucket;     /* of the first line that has one; in the arena of refs */
    const char *file_error; /* a text of spec D.5.3; nothing else is known then */
    unsigned errors;        /* bits 1 << enum train_error */
};

void side_init(struct side *side);
void side_free(struct side *side);

/* Everything about the manifest that fails it is in file_error; false is a failure of ours or of the object store's. */
bool side_load(struct side *side, unsigned number, const char *folder, const struct train_request *request,
               struct object_store *objects, struct intern *names, struct err *err) MUST_CHECK;

struct manifest_limits side_limits(const struct train_request *request);

/* The bucket and key of a line's image. */
struct object_name side_image(const struct side *side, const struct line *line);

#endif
