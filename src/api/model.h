/*
 * model: the shapes of the API's messages (spec M) as constant tables. The tables are the model, there is no generator:
 * decode fills C structs by them, dump-model prints them, and a test compares them with botocore's service model.
 *
 * A shape says what a value may be and how it lies in memory once decoded:
 *
 *     MODEL_STRING   struct span; ptr NULL: absent
 *     MODEL_ENUM     int: the place in `words`; MODEL_ABSENT: absent
 *     MODEL_INTEGER  struct model_integer
 *     MODEL_FLOAT    struct model_float
 *     MODEL_LONG     in answers alone
 *     MODEL_BOOLEAN  struct model_boolean
 *     MODEL_BLOB     struct span, decoded from base64; ptr NULL: absent
 *     MODEL_TIME     in answers alone
 *     MODEL_LIST     struct model_list; items lie one behind the other, `item->size` bytes each (of structs: a
 *                    pointer each); past the shape's bound, or past MODEL_ITEMS_KEPT where it has none, they are
 *                    counted only
 *     MODEL_MAP      struct model_list of struct model_pair, in the order sent, each key once (the last value counts)
 *     MODEL_STRUCT   as a member or an item: a pointer to the struct of `size` bytes, NULL: absent; at the top the
 *                    struct itself
 */
#ifndef PLACARD_API_MODEL_H
#define PLACARD_API_MODEL_H

#include "base/check.h"
#include "base/span.h"

enum model_kind {
    MODEL_STRING,
    MODEL_ENUM,
    MODEL_INTEGER,
    MODEL_LONG,
    MODEL_FLOAT,
    MODEL_BOOLEAN,
    MODEL_BLOB,
    MODEL_TIME,
    MODEL_LIST,
    MODEL_MAP,
    MODEL_STRUCT
};

#define MODEL_ABSENT (-1)
#define MODEL_NO_BOUND INT64_MIN
#define MODEL_ITEMS_KEPT 16

struct model_integer {
    bool given;
    int64_t value;
};

struct model_float {
    bool given;
    double value;
};

struct model_boolean {
    bool given;
    bool value;
};

struct model_list {
    bool given;
    size_t count;
    void *items;
};

struct model_pair {
    struct span key;
    struct span value;
};

/* A pattern that the whole value must match. `matches` is the same in C where speed matters; NULL: by the text. */
struct model_pattern {
    const char *text; /* exactly as in the service model */
    bool (*matches)(struct span value);
};

struct model_shape;

struct model_member {
    const char *name;
    const struct model_shape *shape;
    bool required;
    size_t at; /* offset in the C struct; of requests alone */
};

struct model_shape {
    const char *name; /* the service model's */
    enum model_kind kind;
    int64_t min, max; /* of a length (in code points, bytes of a blob, or items) or of a number; or MODEL_NO_BOUND */
    const struct model_pattern *pattern;
    const char *const *words;             /* of an enum, NULL at the end */
    const struct model_shape *key, *item; /* of a map; `item` of a list too */
    const struct model_member *members;
    size_t member_count;
    size_t size;
};

/* --- what requests become ----------------------------------------------------------------------------------------- */

/* Places in the words of the enums of requests. */
enum model_dataset_type { MODEL_TYPE_TRAIN, MODEL_TYPE_TEST };
enum model_feature { MODEL_CONTENT_MODERATION, MODEL_CUSTOM_LABELS };
enum model_auto_update { MODEL_AUTO_UPDATE_ENABLED, MODEL_AUTO_UPDATE_DISABLED };

struct in_create_project {
    struct span project_name;
    int feature;
    int auto_update;
    struct model_list tags; /* of struct model_pair */
};

struct in_describe_projects {
    struct span next_token;
    struct model_integer max_results;
    struct model_list project_names; /* of struct span */
    struct model_list features;      /* of int */
};

struct in_delete_project {
    struct span project_arn;
};

struct in_s3_object {
    struct span bucket;
    struct span name;
    struct span version;
};

struct in_ground_truth_manifest {
    struct in_s3_object *s3_object;
};

struct in_dataset_source {
    struct in_ground_truth_manifest *ground_truth_manifest;
    struct span dataset_arn;
};

struct in_create_dataset {
    struct in_dataset_source *dataset_source;
    int dataset_type;
    struct span project_arn;
    struct model_list tags; /* of struct model_pair */
};

/* DescribeDataset and DeleteDataset. */
struct in_dataset {
    struct span dataset_arn;
};

struct in_list_dataset_entries {
    struct span dataset_arn;
    struct model_list contains_labels; /* of struct span */
    struct model_boolean labeled;
    struct span source_ref_contains;
    struct model_boolean has_errors;
    struct span next_token;
    struct model_integer max_results;
};

struct in_list_dataset_labels {
    struct span dataset_arn;
    struct span next_token;
    struct model_integer max_results;
};

struct in_dataset_changes {
    struct span ground_truth;
};

struct in_update_dataset_entries {
    struct span dataset_arn;
    struct in_dataset_changes *changes;
};

struct in_distribute_dataset {
    struct span arn;
};

struct in_distribute_dataset_entries {
    struct model_list datasets; /* of struct in_distribute_dataset * */
};

struct in_output_config {
    struct span s3_bucket;
    struct span s3_key_prefix;
};

struct in_asset {
    struct in_ground_truth_manifest *ground_truth_manifest;
};

struct in_training_data {
    struct model_list assets; /* of struct in_asset * */
};

struct in_testing_data {
    struct model_list assets; /* of struct in_asset * */
    struct model_boolean auto_create;
};

struct in_content_moderation {
    struct model_float confidence_threshold;
};

struct in_feature_config {
    struct in_content_moderation *content_moderation;
};

struct in_create_project_version {
    struct span project_arn;
    struct span version_name;
    struct in_output_config *output_config;
    struct in_training_data *training_data;
    struct in_testing_data *testing_data;
    struct model_list tags; /* of struct model_pair */
    struct span kms_key_id;
    struct span version_description;
    struct in_feature_config *feature_config;
};

struct in_describe_project_versions {
    struct span project_arn;
    struct model_list version_names; /* of struct span */
    struct span next_token;
    struct model_integer max_results;
};

struct in_start_project_version {
    struct span project_version_arn;
    struct model_integer min_inference_units;
    struct model_integer max_inference_units;
};

/* StopProjectVersion and DeleteProjectVersion. */
struct in_project_version {
    struct span project_version_arn;
};

struct in_copy_project_version {
    struct span source_project_arn;
    struct span source_project_version_arn;
    struct span destination_project_arn;
    struct span version_name;
    struct in_output_config *output_config;
    struct model_list tags; /* of struct model_pair */
    struct span kms_key_id;
};

struct in_put_project_policy {
    struct span project_arn;
    struct span policy_name;
    struct span policy_revision_id;
    struct span policy_document;
};

struct in_list_project_policies {
    struct span project_arn;
    struct span next_token;
    struct model_integer max_results;
};

struct in_delete_project_policy {
    struct span project_arn;
    struct span policy_name;
    struct span policy_revision_id;
};

struct in_image {
    struct span bytes;
    struct in_s3_object *s3_object;
};

struct in_detect_custom_labels {
    struct span project_version_arn;
    struct in_image *image;
    struct model_integer max_results;
    struct model_float min_confidence;
};

struct in_tag_resource {
    struct span resource_arn;
    struct model_list tags; /* of struct model_pair */
};

struct in_untag_resource {
    struct span resource_arn;
    struct model_list tag_keys; /* of struct span */
};

struct in_list_tags_for_resource {
    struct span resource_arn;
};

/* --- the shapes of requests and answers, by operation ------------------------------------------------------------- */

extern const struct model_shape shape_create_project_request, shape_create_project_response;
extern const struct model_shape shape_describe_projects_request, shape_describe_projects_response;
extern const struct model_shape shape_delete_project_request, shape_delete_project_response;
extern const struct model_shape shape_create_dataset_request, shape_create_dataset_response;
extern const struct model_shape shape_describe_dataset_request, shape_describe_dataset_response;
extern const struct model_shape shape_list_dataset_entries_request, shape_list_dataset_entries_response;
extern const struct model_shape shape_list_dataset_labels_request, shape_list_dataset_labels_response;
extern const struct model_shape shape_update_dataset_entries_request, shape_update_dataset_entries_response;
extern const struct model_shape shape_distribute_dataset_entries_request, shape_distribute_dataset_entries_response;
extern const struct model_shape shape_delete_dataset_request, shape_delete_dataset_response;
extern const struct model_shape shape_create_project_version_request, shape_create_project_version_response;
extern const struct model_shape shape_describe_project_versions_request, shape_describe_project_versions_response;
extern const struct model_shape shape_start_project_version_request, shape_start_project_version_response;
extern const struct model_shape shape_stop_project_version_request, shape_stop_project_version_response;
extern const struct model_shape shape_delete_project_version_request, shape_delete_project_version_response;
extern const struct model_shape shape_copy_project_version_request, shape_copy_project_version_response;
extern const struct model_shape shape_put_project_policy_request, shape_put_project_policy_response;
extern const struct model_shape shape_list_project_policies_request, shape_list_project_policies_response;
extern const struct model_shape shape_delete_project_policy_request, shape_delete_project_policy_response;
extern const struct model_shape shape_detect_custom_labels_request, shape_detect_custom_labels_response;
extern const struct model_shape shape_tag_resource_request, shape_tag_resource_response;
extern const struct model_shape shape_untag_resource_request, shape_untag_resource_response;
extern const struct model_shape shape_list_tags_for_resource_request, shape_list_tags_for_resource_response;

#endif
