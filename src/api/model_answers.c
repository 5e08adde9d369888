/* model_answers: the shapes of answers (spec M), which dump-model prints; see model.h for the contract. */
#include "api/model.h"
#include "api/shapes.h"

static const struct model_shape date_time = { .name = "DateTime", .kind = MODEL_TIME, .min = NO_MIN, .max = NO_MAX };
static const struct model_shape status_message = SHAPE_STRING("StatusMessage", NO_MIN, NO_MAX, NULL);
static const struct model_shape count = SHAPE_INTEGER("UInteger", 0, NO_MAX);

/* --- projects ----------------------------------------------------------------------------------------------------- */

static const char *const project_statuses[] = { "CREATING", "CREATED", "DELETING", NULL };
static const char *const dataset_statuses[] = { "CREATE_IN_PROGRESS", "CREATE_COMPLETE",
                                                "CREATE_FAILED",      "UPDATE_IN_PROGRESS",
                                                "UPDATE_COMPLETE",    "UPDATE_FAILED",
                                                "DELETE_IN_PROGRESS", NULL };
static const char *const message_codes[] = { "SUCCESS", "SERVICE_ERROR", "CLIENT_ERROR", NULL };

static const struct model_shape project_status = SHAPE_ENUM("ProjectStatus", project_statuses);
static const struct model_shape dataset_status = SHAPE_ENUM("DatasetStatus", dataset_statuses);
static const struct model_shape message_code = SHAPE_ENUM("DatasetStatusMessageCode", message_codes);

static const struct model_member create_project[] = {
    { "ProjectArn", &shape_project_arn },
};
const struct model_shape shape_create_project_response = SHAPE_ANSWER("CreateProjectResponse", create_project);

static const struct model_member metadata_members[] = {
    { "CreationTimestamp", &date_time }, { "DatasetType", &shape_dataset_type }, { "DatasetArn", &shape_dataset_arn },
    { "Status", &dataset_status },       { "StatusMessage", &status_message },   { "StatusMessageCode", &message_code },
};
static const struct model_shape metadata = SHAPE_ANSWER("DatasetMetadata", metadata_members);
static const struct model_shape metadata_list = SHAPE_LIST("DatasetMetadataList", &metadata, NO_MIN, NO_MAX);

static const struct model_member project_members[] = {
    { "ProjectArn", &shape_project_arn }, { "CreationTimestamp", &date_time }, { "Status", &project_status },
    { "Datasets", &metadata_list },       { "Feature", &shape_feature },       { "AutoUpdate", &shape_auto_update },
};
static const struct model_shape project = SHAPE_ANSWER("ProjectDescription", project_members);
static const struct model_shape project_list = SHAPE_LIST("ProjectDescriptions", &project, NO_MIN, NO_MAX);

static const struct model_member describe_projects[] = {
    { "ProjectDescriptions", &project_list },
    { "NextToken", &shape_next_token },
};
const struct model_shape shape_describe_projects_response = SHAPE_ANSWER("DescribeProjectsResponse", describe_projects);

static const struct model_member delete_project[] = {
    { "Status", &project_status },
};
const struct model_shape shape_delete_project_response = SHAPE_ANSWER("DeleteProjectResponse", delete_project);

/* --- datasets ----------------------------------------------------------------------------------------------------- */

static const struct model_member create_dataset[] = {
    { "DatasetArn", &shape_dataset_arn },
};
const struct model_shape shape_create_dataset_response = SHAPE_ANSWER("CreateDatasetResponse", create_dataset);

static const struct model_member stats_members[] = {
    { "LabeledEntries", &count },
    { "TotalEntries", &count },
    { "TotalLabels", &count },
    { "ErrorEntries", &count },
};
static const struct model_shape stats = SHAPE_ANSWER("DatasetStats", stats_members);

static const struct model_member description_members[] = {
    { "CreationTimestamp", &date_time },  { "LastUpdatedTimestamp", &date_time }, { "Status", &dataset_status },
    { "StatusMessage", &status_message }, { "StatusMessageCode", &message_code }, { "DatasetStats", &stats },
};
static const struct model_shape description = SHAPE_ANSWER("DatasetDescription", description_members);

static const struct model_member describe_dataset[] = {
    { "DatasetDescription", &description },
};
const struct model_shape shape_describe_dataset_response = SHAPE_ANSWER("DescribeDatasetResponse", describe_dataset);

static const struct model_shape entry = SHAPE_STRING("DatasetEntry", 1, 100000, &patterns[PATTERN_ENTRY]);
static const struct model_shape entries = SHAPE_LIST("DatasetEntries", &entry, NO_MIN, NO_MAX);

static const struct model_member list_entries[] = {
    { "DatasetEntries", &entries },
    { "NextToken", &shape_next_token },
};
const struct model_shape shape_list_dataset_entries_response = SHAPE_ANSWER("ListDatasetEntriesResponse", list_entries);

static const struct model_member label_stats_members[] = {
    { "EntryCount", &count },
    { "BoundingBoxCount", &count },
};
static const struct model_shape label_stats = SHAPE_ANSWER("DatasetLabelStats", label_stats_members);

static const struct model_member label_members[] = {
    { "LabelName", &shape_dataset_label },
    { "LabelStats", &label_stats },
};
static const struct model_shape label = SHAPE_ANSWER("DatasetLabelDescription", label_members);
static const struct model_shape label_list = SHAPE_LIST("DatasetLabelDescriptions", &label, NO_MIN, NO_MAX);

static const struct model_member list_labels[] = {
    { "DatasetLabelDescriptions", &label_list },
    { "NextToken", &shape_next_token },
};
const struct model_shape shape_list_dataset_labels_response = SHAPE_ANSWER("ListDatasetLabelsResponse", list_labels);

const struct model_shape shape_update_dataset_entries_response = SHAPE_EMPTY_ANSWER("UpdateDatasetEntriesResponse");
const struct model_shape shape_distribute_dataset_entries_response =
    SHAPE_EMPTY_ANSWER("DistributeDatasetEntriesResponse");
const struct model_shape shape_delete_dataset_response = SHAPE_EMPTY_ANSWER("DeleteDatasetResponse");

/* --- tags --------------------------------------------------------------------------------------------------------- */

const struct model_shape shape_tag_resource_response = SHAPE_EMPTY_ANSWER("TagResourceResponse");
const struct model_shape shape_untag_resource_response = SHAPE_EMPTY_ANSWER("UntagResourceResponse");

static const struct model_member list_tags[] = {
    { "Tags", &shape_tag_map },
};
const struct model_shape shape_list_tags_for_resource_response = SHAPE_ANSWER("ListTagsForResourceResponse", list_tags);
