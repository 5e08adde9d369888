/* model_requests: the shapes of requests (spec M); see model.h for the contract. */
#include "api/model.h"
#include "api/shapes.h"

#define REQUIRED true
#define OPTIONAL false

/* Each operation that answers in pages has a shape of its own for the size of one. */
static const struct model_shape projects_page_size = SHAPE_INTEGER("ProjectsPageSize", 1, 100);
static const struct model_shape entries_page_size = SHAPE_INTEGER("ListDatasetEntriesPageSize", 1, 100);
static const struct model_shape labels_page_size = SHAPE_INTEGER("ListDatasetLabelsPageSize", 1, 100);

/* --- projects ----------------------------------------------------------------------------------------------------- */

static const struct model_member create_project[] = {
    { "ProjectName", &shape_project_name, REQUIRED, offsetof(struct in_create_project, project_name) },
    { "Feature", &shape_feature, OPTIONAL, offsetof(struct in_create_project, feature) },
    { "AutoUpdate", &shape_auto_update, OPTIONAL, offsetof(struct in_create_project, auto_update) },
    { "Tags", &shape_tag_map, OPTIONAL, offsetof(struct in_create_project, tags) },
};
const struct model_shape shape_create_project_request =
    SHAPE_STRUCT("CreateProjectRequest", create_project, struct in_create_project);

static const struct model_shape project_names = SHAPE_LIST("ProjectNames", &shape_project_name, 1, 10);
static const struct model_shape features = SHAPE_LIST("CustomizationFeatures", &shape_feature, 1, 2);

static const struct model_member describe_projects[] = {
    { "NextToken", &shape_next_token, OPTIONAL, offsetof(struct in_describe_projects, next_token) },
    { "MaxResults", &projects_page_size, OPTIONAL, offsetof(struct in_describe_projects, max_results) },
    { "ProjectNames", &project_names, OPTIONAL, offsetof(struct in_describe_projects, project_names) },
    { "Features", &features, OPTIONAL, offsetof(struct in_describe_projects, features) },
};
const struct model_shape shape_describe_projects_request =
    SHAPE_STRUCT("DescribeProjectsRequest", describe_projects, struct in_describe_projects);

static const struct model_member delete_project[] = {
    { "ProjectArn", &shape_project_arn, REQUIRED, offsetof(struct in_delete_project, project_arn) },
};
const struct model_shape shape_delete_project_request =
    SHAPE_STRUCT("DeleteProjectRequest", delete_project, struct in_delete_project);

/* --- datasets ----------------------------------------------------------------------------------------------------- */

static const struct model_member source_members[] = {
    { "GroundTruthManifest", &shape_manifest, OPTIONAL, offsetof(struct in_dataset_source, ground_truth_manifest) },
    { "DatasetArn", &shape_dataset_arn, OPTIONAL, offsetof(struct in_dataset_source, dataset_arn) },
};
static const struct model_shape source = SHAPE_STRUCT("DatasetSource", source_members, struct in_dataset_source);

static const struct model_member create_dataset[] = {
    { "DatasetSource", &source, OPTIONAL, offsetof(struct in_create_dataset, dataset_source) },
    { "DatasetType", &shape_dataset_type, REQUIRED, offsetof(struct in_create_dataset, dataset_type) },
    { "ProjectArn", &shape_project_arn, REQUIRED, offsetof(struct in_create_dataset, project_arn) },
    { "Tags", &shape_tag_map, OPTIONAL, offsetof(struct in_create_dataset, tags) },
};
const struct model_shape shape_create_dataset_request =
    SHAPE_STRUCT("CreateDatasetRequest", create_dataset, struct in_create_dataset);

static const struct model_member dataset[] = {
    { "DatasetArn", &shape_dataset_arn, REQUIRED, offsetof(struct in_dataset, dataset_arn) },
};
const struct model_shape shape_describe_dataset_request =
    SHAPE_STRUCT("DescribeDatasetRequest", dataset, struct in_dataset);
const struct model_shape shape_delete_dataset_request =
    SHAPE_STRUCT("DeleteDatasetRequest", dataset, struct in_dataset);

static const struct model_shape labels = SHAPE_LIST("DatasetLabels", &shape_dataset_label, 1, 10);
static const struct model_shape is_labeled = SHAPE_BOOLEAN("IsLabeled");
static const struct model_shape has_errors = SHAPE_BOOLEAN("HasErrors");
static const struct model_shape query = SHAPE_STRING("QueryString", 1, 2048, &patterns[PATTERN_QUERY]);

static const struct model_member list_entries[] = {
    { "DatasetArn", &shape_dataset_arn, REQUIRED, offsetof(struct in_list_dataset_entries, dataset_arn) },
    { "ContainsLabels", &labels, OPTIONAL, offsetof(struct in_list_dataset_entries, contains_labels) },
    { "Labeled", &is_labeled, OPTIONAL, offsetof(struct in_list_dataset_entries, labeled) },
    { "SourceRefContains", &query, OPTIONAL, offsetof(struct in_list_dataset_entries, source_ref_contains) },
    { "HasErrors", &has_errors, OPTIONAL, offsetof(struct in_list_dataset_entries, has_errors) },
    { "NextToken", &shape_next_token, OPTIONAL, offsetof(struct in_list_dataset_entries, next_token) },
    { "MaxResults", &entries_page_size, OPTIONAL, offsetof(struct in_list_dataset_entries, max_results) },
};
const struct model_shape shape_list_dataset_entries_request =
    SHAPE_STRUCT("ListDatasetEntriesRequest", list_entries, struct in_list_dataset_entries);

static const struct model_member list_labels[] = {
    { "DatasetArn", &shape_dataset_arn, REQUIRED, offsetof(struct in_list_dataset_labels, dataset_arn) },
    { "NextToken", &shape_next_token, OPTIONAL, offsetof(struct in_list_dataset_labels, next_token) },
    { "MaxResults", &labels_page_size, OPTIONAL, offsetof(struct in_list_dataset_labels, max_results) },
};
const struct model_shape shape_list_dataset_labels_request =
    SHAPE_STRUCT("ListDatasetLabelsRequest", list_labels, struct in_list_dataset_labels);

static const struct model_shape ground_truth = {
    .name = "GroundTruthBlob",
    .kind = MODEL_BLOB,
    .min = 1,
    .max = 5242880,
    .size = sizeof(struct span),
};
static const struct model_member changes_members[] = {
    { "GroundTruth", &ground_truth, REQUIRED, offsetof(struct in_dataset_changes, ground_truth) },
};
static const struct model_shape changes = SHAPE_STRUCT("DatasetChanges", changes_members, struct in_dataset_changes);

static const struct model_member update_entries[] = {
    { "DatasetArn", &shape_dataset_arn, REQUIRED, offsetof(struct in_update_dataset_entries, dataset_arn) },
    { "Changes", &changes, REQUIRED, offsetof(struct in_update_dataset_entries, changes) },
};
const struct model_shape shape_update_dataset_entries_request =
    SHAPE_STRUCT("UpdateDatasetEntriesRequest", update_entries, struct in_update_dataset_entries);

static const struct model_member distributed_members[] = {
    { "Arn", &shape_dataset_arn, REQUIRED, offsetof(struct in_distribute_dataset, arn) },
};
static const struct model_shape distributed =
    SHAPE_STRUCT("DistributeDataset", distributed_members, struct in_distribute_dataset);
static const struct model_shape distributed_list = SHAPE_LIST("DistributeDatasetMetadataList", &distributed, 2, 2);

static const struct model_member distribute_entries[] = {
    { "Datasets", &distributed_list, REQUIRED, offsetof(struct in_distribute_dataset_entries, datasets) },
};
const struct model_shape shape_distribute_dataset_entries_request =
    SHAPE_STRUCT("DistributeDatasetEntriesRequest", distribute_entries, struct in_distribute_dataset_entries);

/* --- tags --------------------------------------------------------------------------------------------------------- */

static const struct model_shape resource_arn = SHAPE_STRING("ResourceArn", 20, 2048, NULL);
static const struct model_shape tag_keys = SHAPE_LIST("TagKeyList", &shape_tag_key, 0, 200);

static const struct model_member tag_resource[] = {
    { "ResourceArn", &resource_arn, REQUIRED, offsetof(struct in_tag_resource, resource_arn) },
    { "Tags", &shape_tag_map, REQUIRED, offsetof(struct in_tag_resource, tags) },
};
const struct model_shape shape_tag_resource_request =
    SHAPE_STRUCT("TagResourceRequest", tag_resource, struct in_tag_resource);

static const struct model_member untag_resource[] = {
    { "ResourceArn", &resource_arn, REQUIRED, offsetof(struct in_untag_resource, resource_arn) },
    { "TagKeys", &tag_keys, REQUIRED, offsetof(struct in_untag_resource, tag_keys) },
};
const struct model_shape shape_untag_resource_request =
    SHAPE_STRUCT("UntagResourceRequest", untag_resource, struct in_untag_resource);

static const struct model_member list_tags[] = {
    { "ResourceArn", &resource_arn, REQUIRED, offsetof(struct in_list_tags_for_resource, resource_arn) },
};
const struct model_shape shape_list_tags_for_resource_request =
    SHAPE_STRUCT("ListTagsForResourceRequest", list_tags, struct in_list_tags_for_resource);
