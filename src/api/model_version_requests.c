/* model_version_requests: the shapes of requests about model versions, project policies and detection (spec M); see
   model.h for the contract. */
#include "api/model.h"
#include "api/shapes.h"

#define REQUIRED true
#define OPTIONAL false

/* --- versions ----------------------------------------------------------------------------------------------------- */

static const struct model_member create_version[] = {
    { "ProjectArn", &shape_project_arn, REQUIRED, offsetof(struct in_create_project_version, project_arn) },
    { "VersionName", &shape_version_name, REQUIRED, offsetof(struct in_create_project_version, version_name) },
    { "OutputConfig", &shape_output_config, REQUIRED, offsetof(struct in_create_project_version, output_config) },
    { "TrainingData", &shape_training_data, OPTIONAL, offsetof(struct in_create_project_version, training_data) },
    { "TestingData", &shape_testing_data, OPTIONAL, offsetof(struct in_create_project_version, testing_data) },
    { "Tags", &shape_tag_map, OPTIONAL, offsetof(struct in_create_project_version, tags) },
    { "KmsKeyId", &shape_kms_key, OPTIONAL, offsetof(struct in_create_project_version, kms_key_id) },
    { "VersionDescription", &shape_version_description, OPTIONAL,
      offsetof(struct in_create_project_version, version_description) },
    { "FeatureConfig", &shape_feature_config, OPTIONAL, offsetof(struct in_create_project_version, feature_config) },
};
const struct model_shape shape_create_project_version_request =
    SHAPE_STRUCT("CreateProjectVersionRequest", create_version, struct in_create_project_version);

static const struct model_shape version_names = SHAPE_LIST("VersionNames", &shape_version_name, 1, 10);
static const struct model_shape versions_page_size = SHAPE_INTEGER("ProjectVersionsPageSize", 1, 100);

static const struct model_member describe_versions[] = {
    { "ProjectArn", &shape_project_arn, REQUIRED, offsetof(struct in_describe_project_versions, project_arn) },
    { "VersionNames", &version_names, OPTIONAL, offsetof(struct in_describe_project_versions, version_names) },
    { "NextToken", &shape_next_token, OPTIONAL, offsetof(struct in_describe_project_versions, next_token) },
    { "MaxResults", &versions_page_size, OPTIONAL, offsetof(struct in_describe_project_versions, max_results) },
};
const struct model_shape shape_describe_project_versions_request =
    SHAPE_STRUCT("DescribeProjectVersionsRequest", describe_versions, struct in_describe_project_versions);

static const struct model_member start_version[] = {
    { "ProjectVersionArn", &shape_version_arn, REQUIRED,
      offsetof(struct in_start_project_version, project_version_arn) },
    { "MinInferenceUnits", &shape_inference_units, REQUIRED,
      offsetof(struct in_start_project_version, min_inference_units) },
    { "MaxInferenceUnits", &shape_inference_units, OPTIONAL,
      offsetof(struct in_start_project_version, max_inference_units) },
};
const struct model_shape shape_start_project_version_request =
    SHAPE_STRUCT("StartProjectVersionRequest", start_version, struct in_start_project_version);

static const struct model_member version[] = {
    { "ProjectVersionArn", &shape_version_arn, REQUIRED, offsetof(struct in_project_version, project_version_arn) },
};
const struct model_shape shape_stop_project_version_request =
    SHAPE_STRUCT("StopProjectVersionRequest", version, struct in_project_version);
const struct model_shape shape_delete_project_version_request =
    SHAPE_STRUCT("DeleteProjectVersionRequest", version, struct in_project_version);

static const struct model_member copy_version[] = {
    { "SourceProjectArn", &shape_project_arn, REQUIRED, offsetof(struct in_copy_project_version, source_project_arn) },
    { "SourceProjectVersionArn", &shape_version_arn, REQUIRED,
      offsetof(struct in_copy_project_version, source_project_version_arn) },
    { "DestinationProjectArn", &shape_project_arn, REQUIRED,
      offsetof(struct in_copy_project_version, destination_project_arn) },
    { "VersionName", &shape_version_name, REQUIRED, offsetof(struct in_copy_project_version, version_name) },
    { "OutputConfig", &shape_output_config, REQUIRED, offsetof(struct in_copy_project_version, output_config) },
    { "Tags", &shape_tag_map, OPTIONAL, offsetof(struct in_copy_project_version, tags) },
    { "KmsKeyId", &shape_kms_key, OPTIONAL, offsetof(struct in_copy_project_version, kms_key_id) },
};
const struct model_shape shape_copy_project_version_request =
    SHAPE_STRUCT("CopyProjectVersionRequest", copy_version, struct in_copy_project_version);

/* --- policies ----------------------------------------------------------------------------------------------------- */

static const struct model_shape policies_page_size = SHAPE_INTEGER("ListProjectPoliciesPageSize", 1, 5);

static const struct model_member put_policy[] = {
    { "ProjectArn", &shape_project_arn, REQUIRED, offsetof(struct in_put_project_policy, project_arn) },
    { "PolicyName", &shape_policy_name, REQUIRED, offsetof(struct in_put_project_policy, policy_name) },
    { "PolicyRevisionId", &shape_policy_revision, OPTIONAL,
      offsetof(struct in_put_project_policy, policy_revision_id) },
    { "PolicyDocument", &shape_policy_document, REQUIRED, offsetof(struct in_put_project_policy, policy_document) },
};
const struct model_shape shape_put_project_policy_request =
    SHAPE_STRUCT("PutProjectPolicyRequest", put_policy, struct in_put_project_policy);

static const struct model_member list_policies[] = {
    { "ProjectArn", &shape_project_arn, REQUIRED, offsetof(struct in_list_project_policies, project_arn) },
    { "NextToken", &shape_next_token, OPTIONAL, offsetof(struct in_list_project_policies, next_token) },
    { "MaxResults", &policies_page_size, OPTIONAL, offsetof(struct in_list_project_policies, max_results) },
};
const struct model_shape shape_list_project_policies_request =
    SHAPE_STRUCT("ListProjectPoliciesRequest", list_policies, struct in_list_project_policies);

static const struct model_member delete_policy[] = {
    { "ProjectArn", &shape_project_arn, REQUIRED, offsetof(struct in_delete_project_policy, project_arn) },
    { "PolicyName", &shape_policy_name, REQUIRED, offsetof(struct in_delete_project_policy, policy_name) },
    { "PolicyRevisionId", &shape_policy_revision, OPTIONAL,
      offsetof(struct in_delete_project_policy, policy_revision_id) },
};
const struct model_shape shape_delete_project_policy_request =
    SHAPE_STRUCT("DeleteProjectPolicyRequest", delete_policy, struct in_delete_project_policy);

/* --- detection ---------------------------------------------------------------------------------------------------- */

static const struct model_shape image_bytes = {
    .name = "ImageBlob",
    .kind = MODEL_BLOB,
    .min = 1,
    .max = 5242880,
    .size = sizeof(struct span),
};
static const struct model_member image_members[] = {
    { "Bytes", &image_bytes, OPTIONAL, offsetof(struct in_image, bytes) },
    { "S3Object", &shape_s3_object, OPTIONAL, offsetof(struct in_image, s3_object) },
};
static const struct model_shape image = SHAPE_STRUCT("Image", image_members, struct in_image);
static const struct model_shape max_results = SHAPE_INTEGER("UInteger", 0, NO_MAX);

static const struct model_member detect[] = {
    { "ProjectVersionArn", &shape_version_arn, REQUIRED,
      offsetof(struct in_detect_custom_labels, project_version_arn) },
    { "Image", &image, REQUIRED, offsetof(struct in_detect_custom_labels, image) },
    { "MaxResults", &max_results, OPTIONAL, offsetof(struct in_detect_custom_labels, max_results) },
    { "MinConfidence", &shape_percent, OPTIONAL, offsetof(struct in_detect_custom_labels, min_confidence) },
};
const struct model_shape shape_detect_custom_labels_request =
    SHAPE_STRUCT("DetectCustomLabelsRequest", detect, struct in_detect_custom_labels);
