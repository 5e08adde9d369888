/*
 * arn: the names of projects, datasets and model versions (spec B.0.1), to the letter of the model's patterns. No I/O;
 * whether something of that name exists, or may be named by the caller, is asked elsewhere.
 *
 *     arn:PARTITION:rekognition:REGION:ACCOUNT:project/NAME/NUMBER
 *     arn:PARTITION:rekognition:REGION:ACCOUNT:project/NAME/dataset/train|test/NUMBER
 *     arn:PARTITION:rekognition:REGION:ACCOUNT:project/NAME/version/NAME/NUMBER
 */
#ifndef PLACARD_AWS_ARN_H
#define PLACARD_AWS_ARN_H

#include "base/buf.h"
#include "base/span.h"

enum { ARN_LEN_MIN = 20, ARN_LEN_MAX = 2048, ARN_NAME_MAX = 255 };

enum arn_kind { ARN_PROJECT, ARN_DATASET, ARN_VERSION };
enum arn_dataset { ARN_TRAIN, ARN_TEST };

/* Who and where: what the ARNs of one account and region have in common. */
struct arn_place {
    struct span partition;
    struct span region;
    struct span account;
};

struct arn {
    enum arn_kind kind;
    struct arn_place place;
    struct span project;
    enum arn_dataset dataset; /* of an ARN_DATASET */
    struct span version;      /* of an ARN_VERSION */
    struct span number;       /* digits, of any count: only those that we made are small */
};

/* An ARN of one of the three kinds; its spans point into `text`. False, nothing written, for any other text. */
bool arn_parse(struct span text, struct arn *ret_arn) MUST_CHECK;

/* One or more of [a-zA-Z0-9_.-], 255 at the most: the name of a project or of a version. */
bool arn_is_name(struct span text);

/* Writes it; what arn_parse took apart comes out the same. */
void arn_format(const struct arn *arn, struct buf *out);

/* The same for things that get their number now. */
void arn_format_project(const struct arn_place *place, struct span project, int64_t number, struct buf *out);
void arn_format_dataset(const struct arn_place *place, struct span project, enum arn_dataset dataset, int64_t number,
                        struct buf *out);
void arn_format_version(const struct arn_place *place, struct span project, struct span version, int64_t number,
                        struct buf *out);

/* "train" or "test", as it stands in an ARN. */
const char *arn_dataset_name(enum arn_dataset dataset);

#endif
