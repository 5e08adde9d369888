/* model: the shapes that requests and answers share; see model.h for the contract, model_requests.c and model_answers.c
   for the messages. */
#include "api/model.h"

#include "api/shapes.h"
#include "aws/arn.h"

static const char *const features[] = {
    [MODEL_CONTENT_MODERATION] = "CONTENT_MODERATION",
    [MODEL_CUSTOM_LABELS] = "CUSTOM_LABELS",
    NULL,
};
static const char *const auto_updates[] = {
    [MODEL_AUTO_UPDATE_ENABLED] = "ENABLED",
    [MODEL_AUTO_UPDATE_DISABLED] = "DISABLED",
    NULL,
};
static const char *const dataset_types[] = {
    [MODEL_TYPE_TRAIN] = "TRAIN",
    [MODEL_TYPE_TEST] = "TEST",
    NULL,
};

const struct model_shape shape_project_arn =
    SHAPE_STRING("ProjectArn", ARN_LEN_MIN, ARN_LEN_MAX, &patterns[PATTERN_PROJECT_ARN]);
const struct model_shape shape_dataset_arn =
    SHAPE_STRING("DatasetArn", ARN_LEN_MIN, ARN_LEN_MAX, &patterns[PATTERN_DATASET_ARN]);
const struct model_shape shape_project_name = SHAPE_STRING("ProjectName", 1, ARN_NAME_MAX, &patterns[PATTERN_NAME]);
const struct model_shape shape_next_token = SHAPE_STRING("ExtendedPaginationToken", NO_MIN, 1024, NULL);

const struct model_shape shape_feature = SHAPE_ENUM("CustomizationFeature", features);
const struct model_shape shape_auto_update = SHAPE_ENUM("ProjectAutoUpdate", auto_updates);
const struct model_shape shape_dataset_type = SHAPE_ENUM("DatasetType", dataset_types);
const struct model_shape shape_dataset_label = SHAPE_STRING("DatasetLabel", 1, 255, &patterns[PATTERN_LABEL]);

const struct model_shape shape_tag_key = SHAPE_STRING("TagKey", 1, 128, &patterns[PATTERN_TAG_KEY]);
const struct model_shape shape_tag_value = SHAPE_STRING("TagValue", 0, 256, &patterns[PATTERN_TAG_VALUE]);
const struct model_shape shape_tag_map = {
    .name = "TagMap",
    .kind = MODEL_MAP,
    .min = 0,
    .max = 200,
    .key = &shape_tag_key,
    .item = &shape_tag_value,
    .size = sizeof(struct model_list),
};
