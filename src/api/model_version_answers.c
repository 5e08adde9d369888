/* model_version_answers: the shapes of answers about model versions, project policies and detection (spec M), which
   dump-model prints; see model.h for the contract. */
#include "api/model.h"
#include "api/shapes.h"

static const struct model_shape date_time = { .name = "DateTime", .kind = MODEL_TIME, .min = NO_MIN, .max = NO_MAX };
static const struct model_shape text = SHAPE_STRING("String", NO_MIN, NO_MAX, NULL);
static const struct model_shape number = SHAPE_FLOAT("Float", NO_MIN, NO_MAX);

/* --- versions ----------------------------------------------------------------------------------------------------- */

static const struct model_member version_arn[] = {
    { "ProjectVersionArn", &shape_version_arn },
};
const struct model_shape shape_create_project_version_response =
    SHAPE_ANSWER("CreateProjectVersionResponse", version_arn);
const struct model_shape shape_copy_project_version_response = SHAPE_ANSWER("CopyProjectVersionResponse", version_arn);

static const struct model_member version_status[] = {
    { "Status", &shape_version_status },
};
const struct model_shape shape_start_project_version_response =
    SHAPE_ANSWER("StartProjectVersionResponse", version_status);
const struct model_shape shape_stop_project_version_response =
    SHAPE_ANSWER("StopProjectVersionResponse", version_status);
const struct model_shape shape_delete_project_version_response =
    SHAPE_ANSWER("DeleteProjectVersionResponse", version_status);

static const struct model_member validation_members[] = {
    { "Assets", &shape_assets },
};
static const struct model_shape validation = SHAPE_ANSWER("ValidationData", validation_members);

static const struct model_member training_result_members[] = {
    { "Input", &shape_training_data },
    { "Output", &shape_training_data },
    { "Validation", &validation },
};
static const struct model_shape training_result = SHAPE_ANSWER("TrainingDataResult", training_result_members);

static const struct model_member testing_result_members[] = {
    { "Input", &shape_testing_data },
    { "Output", &shape_testing_data },
    { "Validation", &validation },
};
static const struct model_shape testing_result = SHAPE_ANSWER("TestingDataResult", testing_result_members);

static const struct model_member summary_members[] = {
    { "S3Object", &shape_s3_object },
};
static const struct model_shape summary = SHAPE_ANSWER("Summary", summary_members);

static const struct model_member evaluation_members[] = {
    { "F1Score", &number },
    { "Summary", &summary },
};
static const struct model_shape evaluation = SHAPE_ANSWER("EvaluationResult", evaluation_members);

static const struct model_shape status_message = SHAPE_STRING("StatusMessage", NO_MIN, NO_MAX, NULL);
static const struct model_shape base_model_version = SHAPE_STRING("String", NO_MIN, NO_MAX, NULL);
static const struct model_shape seconds = { .name = "ULong", .kind = MODEL_LONG, .min = 0, .max = NO_MAX };

static const struct model_member description_members[] = {
    { "ProjectVersionArn", &shape_version_arn },
    { "CreationTimestamp", &date_time },
    { "MinInferenceUnits", &shape_inference_units },
    { "Status", &shape_version_status },
    { "StatusMessage", &status_message },
    { "BillableTrainingTimeInSeconds", &seconds },
    { "TrainingEndTimestamp", &date_time },
    { "OutputConfig", &shape_output_config },
    { "TrainingDataResult", &training_result },
    { "TestingDataResult", &testing_result },
    { "EvaluationResult", &evaluation },
    { "ManifestSummary", &shape_manifest },
    { "KmsKeyId", &shape_kms_key },
    { "MaxInferenceUnits", &shape_inference_units },
    { "SourceProjectVersionArn", &shape_version_arn },
    { "VersionDescription", &shape_version_description },
    { "Feature", &shape_feature },
    { "BaseModelVersion", &base_model_version },
    { "FeatureConfig", &shape_feature_config },
};
static const struct model_shape description = SHAPE_ANSWER("ProjectVersionDescription", description_members);
static const struct model_shape descriptions = SHAPE_LIST("ProjectVersionDescriptions", &description, NO_MIN, NO_MAX);

static const struct model_member describe_versions[] = {
    { "ProjectVersionDescriptions", &descriptions },
    { "NextToken", &shape_next_token },
};
const struct model_shape shape_describe_project_versions_response =
    SHAPE_ANSWER("DescribeProjectVersionsResponse", describe_versions);

/* --- policies ----------------------------------------------------------------------------------------------------- */

static const struct model_member put_policy[] = {
    { "PolicyRevisionId", &shape_policy_revision },
};
const struct model_shape shape_put_project_policy_response = SHAPE_ANSWER("PutProjectPolicyResponse", put_policy);

static const struct model_member policy_members[] = {
    { "ProjectArn", &shape_project_arn },
    { "PolicyName", &shape_policy_name },
    { "PolicyRevisionId", &shape_policy_revision },
    { "PolicyDocument", &shape_policy_document },
    { "CreationTimestamp", &date_time },
    { "LastUpdatedTimestamp", &date_time },
};
static const struct model_shape policy = SHAPE_ANSWER("ProjectPolicy", policy_members);
static const struct model_shape policies = SHAPE_LIST("ProjectPolicies", &policy, NO_MIN, NO_MAX);

static const struct model_member list_policies[] = {
    { "ProjectPolicies", &policies },
    { "NextToken", &shape_next_token },
};
const struct model_shape shape_list_project_policies_response =
    SHAPE_ANSWER("ListProjectPoliciesResponse", list_policies);

const struct model_shape shape_delete_project_policy_response = SHAPE_EMPTY_ANSWER("DeleteProjectPolicyResponse");

/* --- detection ---------------------------------------------------------------------------------------------------- */

static const struct model_member box_members[] = {
    { "Width", &number },
    { "Height", &number },
    { "Left", &number },
    { "Top", &number },
};
static const struct model_shape box = SHAPE_ANSWER("BoundingBox", box_members);

static const struct model_member point_members[] = {
    { "X", &number },
    { "Y", &number },
};
static const struct model_shape point = SHAPE_ANSWER("Point", point_members);
static const struct model_shape polygon = SHAPE_LIST("Polygon", &point, NO_MIN, NO_MAX);

static const struct model_member geometry_members[] = {
    { "BoundingBox", &box },
    { "Polygon", &polygon },
};
static const struct model_shape geometry = SHAPE_ANSWER("Geometry", geometry_members);

static const struct model_member label_members[] = {
    { "Name", &text },
    { "Confidence", &shape_percent },
    { "Geometry", &geometry },
};
static const struct model_shape label = SHAPE_ANSWER("CustomLabel", label_members);
static const struct model_shape labels = SHAPE_LIST("CustomLabels", &label, NO_MIN, NO_MAX);

static const struct model_member detect[] = {
    { "CustomLabels", &labels },
};
const struct model_shape shape_detect_custom_labels_response = SHAPE_ANSWER("DetectCustomLabelsResponse", detect);
