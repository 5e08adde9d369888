/* model_shared: the structures and scalars around model versions that requests and answers share (spec M); see model.h
   for the contract. */
#include "api/model.h"
#include "api/shapes.h"
#include "aws/arn.h"

#define OPTIONAL false

static const char *const version_statuses[] = { "TRAINING_IN_PROGRESS",
                                                "TRAINING_COMPLETED",
                                                "TRAINING_FAILED",
                                                "STARTING",
                                                "RUNNING",
                                                "FAILED",
                                                "STOPPING",
                                                "STOPPED",
                                                "DELETING",
                                                "COPYING_IN_PROGRESS",
                                                "COPYING_COMPLETED",
                                                "COPYING_FAILED",
                                                "DEPRECATED",
                                                "EXPIRED",
                                                NULL };

const struct model_shape shape_version_arn =
    SHAPE_STRING("ProjectVersionArn", ARN_LEN_MIN, ARN_LEN_MAX, &patterns[PATTERN_VERSION_ARN]);
const struct model_shape shape_version_name = SHAPE_STRING("VersionName", 1, ARN_NAME_MAX, &patterns[PATTERN_NAME]);
const struct model_shape shape_version_description =
    SHAPE_STRING("VersionDescription", 1, 255, &patterns[PATTERN_DESCRIPTION]);
const struct model_shape shape_version_status = SHAPE_ENUM("ProjectVersionStatus", version_statuses);
const struct model_shape shape_inference_units = SHAPE_INTEGER("InferenceUnits", 1, NO_MAX);
const struct model_shape shape_kms_key = SHAPE_STRING("KmsKeyId", 1, 2048, &patterns[PATTERN_KMS_KEY]);
const struct model_shape shape_boolean = SHAPE_BOOLEAN("Boolean");
const struct model_shape shape_percent = SHAPE_FLOAT("Percent", 0, 100);

const struct model_shape shape_policy_name = SHAPE_STRING("ProjectPolicyName", 1, 128, &patterns[PATTERN_NAME]);
const struct model_shape shape_policy_revision =
    SHAPE_STRING("ProjectPolicyRevisionId", NO_MIN, 64, &patterns[PATTERN_REVISION]);
const struct model_shape shape_policy_document =
    SHAPE_STRING("ProjectPolicyDocument", 1, 2000, &patterns[PATTERN_DOCUMENT]);

/* --- where objects lie -------------------------------------------------------------------------------------------- */

static const struct model_shape bucket = SHAPE_STRING("S3Bucket", 3, 255, &patterns[PATTERN_BUCKET]);
static const struct model_shape key_prefix = SHAPE_STRING("S3KeyPrefix", NO_MIN, 1024, NULL);
static const struct model_shape object_name = SHAPE_STRING("S3ObjectName", 1, 1024, NULL);
static const struct model_shape object_version = SHAPE_STRING("S3ObjectVersion", 1, 1024, NULL);

static const struct model_member s3_object[] = {
    { "Bucket", &bucket, OPTIONAL, offsetof(struct in_s3_object, bucket) },
    { "Name", &object_name, OPTIONAL, offsetof(struct in_s3_object, name) },
    { "Version", &object_version, OPTIONAL, offsetof(struct in_s3_object, version) },
};
const struct model_shape shape_s3_object = SHAPE_STRUCT("S3Object", s3_object, struct in_s3_object);

static const struct model_member manifest[] = {
    { "S3Object", &shape_s3_object, OPTIONAL, offsetof(struct in_ground_truth_manifest, s3_object) },
};
const struct model_shape shape_manifest =
    SHAPE_STRUCT("GroundTruthManifest", manifest, struct in_ground_truth_manifest);

static const struct model_member output_config[] = {
    { "S3Bucket", &bucket, OPTIONAL, offsetof(struct in_output_config, s3_bucket) },
    { "S3KeyPrefix", &key_prefix, OPTIONAL, offsetof(struct in_output_config, s3_key_prefix) },
};
const struct model_shape shape_output_config = SHAPE_STRUCT("OutputConfig", output_config, struct in_output_config);

/* --- what is trained on ------------------------------------------------------------------------------------------- */

static const struct model_member asset_members[] = {
    { "GroundTruthManifest", &shape_manifest, OPTIONAL, offsetof(struct in_asset, ground_truth_manifest) },
};
static const struct model_shape asset = SHAPE_STRUCT("Asset", asset_members, struct in_asset);
const struct model_shape shape_assets = SHAPE_LIST("Assets", &asset, NO_MIN, NO_MAX);

static const struct model_member training_data[] = {
    { "Assets", &shape_assets, OPTIONAL, offsetof(struct in_training_data, assets) },
};
const struct model_shape shape_training_data = SHAPE_STRUCT("TrainingData", training_data, struct in_training_data);

static const struct model_member testing_data[] = {
    { "Assets", &shape_assets, OPTIONAL, offsetof(struct in_testing_data, assets) },
    { "AutoCreate", &shape_boolean, OPTIONAL, offsetof(struct in_testing_data, auto_create) },
};
const struct model_shape shape_testing_data = SHAPE_STRUCT("TestingData", testing_data, struct in_testing_data);

static const struct model_member content_moderation_members[] = {
    { "ConfidenceThreshold", &shape_percent, OPTIONAL, offsetof(struct in_content_moderation, confidence_threshold) },
};
static const struct model_shape content_moderation = SHAPE_STRUCT(
    "CustomizationFeatureContentModerationConfig", content_moderation_members, struct in_content_moderation);

static const struct model_member feature_config[] = {
    { "ContentModeration", &content_moderation, OPTIONAL, offsetof(struct in_feature_config, content_moderation) },
};
const struct model_shape shape_feature_config =
    SHAPE_STRUCT("CustomizationFeatureConfig", feature_config, struct in_feature_config);
