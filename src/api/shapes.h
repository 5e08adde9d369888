/*
 * shapes: the shapes that several messages use, and how a shape's row is written. For model_*.c alone.
 */
#ifndef PLACARD_API_SHAPES_H
#define PLACARD_API_SHAPES_H

#include "api/model.h"
#include "api/patterns.h"

#define NO_MIN MODEL_NO_BOUND
#define NO_MAX MODEL_NO_BOUND

#define SHAPE_STRING(name_, min_, max_, pattern_)                                                                      \
    {                                                                                                                  \
        .name = (name_), .kind = MODEL_STRING, .min = (min_), .max = (max_), .pattern = (pattern_),                    \
        .size = sizeof(struct span)                                                                                    \
    }
#define SHAPE_ENUM(name_, words_)                                                                                      \
    {                                                                                                                  \
        .name = (name_), .kind = MODEL_ENUM, .min = NO_MIN, .max = NO_MAX, .words = (words_), .size = sizeof(int)      \
    }
#define SHAPE_INTEGER(name_, min_, max_)                                                                               \
    {                                                                                                                  \
        .name = (name_), .kind = MODEL_INTEGER, .min = (min_), .max = (max_), .size = sizeof(struct model_integer)     \
    }
#define SHAPE_FLOAT(name_, min_, max_)                                                                                 \
    {                                                                                                                  \
        .name = (name_), .kind = MODEL_FLOAT, .min = (min_), .max = (max_), .size = sizeof(struct model_float)         \
    }
#define SHAPE_BOOLEAN(name_)                                                                                           \
    {                                                                                                                  \
        .name = (name_), .kind = MODEL_BOOLEAN, .min = NO_MIN, .max = NO_MAX, .size = sizeof(struct model_boolean)     \
    }
#define SHAPE_LIST(name_, item_, min_, max_)                                                                           \
    {                                                                                                                  \
        .name = (name_), .kind = MODEL_LIST, .min = (min_), .max = (max_), .item = (item_),                            \
        .size = sizeof(struct model_list)                                                                              \
    }
/* A structure of requests: what it becomes is `type_`. */
#define SHAPE_STRUCT(name_, members_, type_)                                                                           \
    {                                                                                                                  \
        .name = (name_), .kind = MODEL_STRUCT, .min = NO_MIN, .max = NO_MAX, .members = (members_),                    \
        .member_count = COUNT_OF(members_), .size = sizeof(type_)                                                      \
    }
/* One of answers alone: it is described, never decoded. */
#define SHAPE_ANSWER(name_, members_)                                                                                  \
    {                                                                                                                  \
        .name = (name_), .kind = MODEL_STRUCT, .min = NO_MIN, .max = NO_MAX, .members = (members_),                    \
        .member_count = COUNT_OF(members_)                                                                             \
    }
#define SHAPE_EMPTY_ANSWER(name_)                                                                                      \
    {                                                                                                                  \
        .name = (name_), .kind = MODEL_STRUCT, .min = NO_MIN, .max = NO_MAX                                            \
    }

extern const struct model_shape shape_project_arn, shape_dataset_arn, shape_project_name, shape_next_token;
extern const struct model_shape shape_feature, shape_auto_update, shape_dataset_type, shape_dataset_label;
extern const struct model_shape shape_version_arn, shape_version_name, shape_version_status, shape_inference_units;
extern const struct model_shape shape_version_description, shape_kms_key, shape_boolean, shape_percent;
extern const struct model_shape shape_policy_name, shape_policy_revision, shape_policy_document;
extern const struct model_shape shape_s3_object, shape_manifest, shape_output_config, shape_assets;
extern const struct model_shape shape_training_data, shape_testing_data, shape_feature_config;
extern const struct model_shape shape_tag_key, shape_tag_value, shape_tag_map;

#endif
