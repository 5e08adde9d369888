/*
 * request: what the server and the process that trains tell each other, as files of one folder.
 *
 *     request.json              from the server, once; the same for every attempt
 *     train.lines test.lines    the two sides as lines: of datasets from the server, of manifests fetched by the
 * trainer checkpoint, spent         the trainer's own, replaced as it goes model, NAME.json          what came of it
 * (see train_output_names) result.json               last of all: how it ended. A folder that has one is done lock held
 * by the trainer, so that there is never a second one
 *
 * Beside that the trainer says on its standard output how far it is ("PHASE SHARE" a line), and stops when its standard
 * input ends, which is when the server has.
 */
#ifndef PLACARD_TRAIN_REQUEST_H
#define PLACARD_TRAIN_REQUEST_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "object/object.h"

#define TRAIN_PATH_ROOM 8192

/* The output objects of spec E.2; place i is bit 1 << i of a set. */
enum train_output {
    TRAIN_EVALUATION,
    TRAIN_SUMMARY,
    TRAIN_TRAINING_TRUTH,
    TRAIN_TESTING_TRUTH,
    TRAIN_TRAINING_VALIDATION,
    TRAIN_TESTING_VALIDATION,
    TRAIN_OUTPUTS
};
extern const char *const train_output_names[TRAIN_OUTPUTS]; /* "EvaluationResultSummary" and so on */

enum { TRAIN_SIDES = 2 }; /* 0 training, 1 testing */

struct train_bucket {
    struct span name;
    struct span account;
};

struct train_request {
    struct span version_arn;
    struct span account;         /* the version's; it must own the images' buckets */
    struct span default_account; /* of buckets that are not listed */
    const struct train_bucket *buckets;
    size_t bucket_count;
    struct span objects; /* the object store's place */
    struct span output_bucket;
    struct span output_keys[TRAIN_OUTPUTS];
    struct span backbone; /* its folder */
    struct span features; /* folder of kept features; empty: none are kept */
    int64_t features_bytes;
    int64_t threads;                                  /* 0: as many as cores are idle */
    bool split;                                       /* a fifth of the training side is to test */
    const struct object_name *manifests[TRAIN_SIDES]; /* none: the lines are in the folder */
    size_t manifest_counts[TRAIN_SIDES];
    /* quotas, 0: lifted */
    int64_t manifest_bytes, manifest_lines, labels, line_chars, label_chars, labels_per_image, boxes_per_image;
    int64_t image_bytes, side_min_px, side_max_px, dropped_percent;
    bool log_json;
    int64_t log_level;
};

void train_request_write(const struct train_request *request, struct buf *out);
bool train_request_read(struct span json, struct arena *arena, struct train_request *ret_request,
                        struct err *err) MUST_CHECK;

struct train_result {
    struct span version_arn;
    bool trained;
    struct span message; /* where not */
    float f1;
    int64_t billable_seconds;
    unsigned outputs; /* those written to the output bucket */
};

void train_result_write(const struct train_result *result, struct buf *out);
bool train_result_read(struct span json, struct arena *arena, struct train_result *ret_result,
                       struct err *err) MUST_CHECK;

#endif
