/* operation: see operation.h for the contract. Shapes, errors and their order are spec M's. */
#include "api/operation.h"

#include "api/handlers.h"

#define BIT(fault) ((uint32_t)1 << (fault))

/* Every operation lists these. */
#define COMMON                                                                                                         \
    (BIT(FAULT_INVALID_PARAMETER) | BIT(FAULT_ACCESS_DENIED) | BIT(FAULT_INTERNAL_SERVER_ERROR) |                      \
     BIT(FAULT_THROTTLING) | BIT(FAULT_PROVISIONED_THROUGHPUT_EXCEEDED))
#define NOT_FOUND BIT(FAULT_RESOURCE_NOT_FOUND)
#define IN_USE BIT(FAULT_RESOURCE_IN_USE)
#define NOT_READY BIT(FAULT_RESOURCE_NOT_READY)
#define LIMIT BIT(FAULT_LIMIT_EXCEEDED)
#define QUOTA BIT(FAULT_SERVICE_QUOTA_EXCEEDED)
#define TOKEN BIT(FAULT_INVALID_PAGINATION_TOKEN)

#define NAMED(text) .name = text, .action = "rekognition:" text
#define SHAPES(stem) .input = &shape_##stem##_request, .output = &shape_##stem##_response

const struct operation operations[OPERATIONS] = {
    { NAMED("CreateProject"), SHAPES(create_project), .faults = COMMON | IN_USE | LIMIT, .speed = OPERATION_POOLED,
      .needs = needs_create_project, .run = create_project },
    { NAMED("DescribeProjects"), SHAPES(describe_projects), .faults = COMMON | TOKEN, .speed = OPERATION_POOLED,
      .needs = needs_describe_projects, .run = describe_projects },
    { NAMED("DeleteProject"), SHAPES(delete_project), .faults = COMMON | IN_USE | NOT_FOUND, .speed = OPERATION_POOLED,
      .resource_at = offsetof(struct in_delete_project, project_arn), .run = delete_project },
    { NAMED("CreateDataset"), SHAPES(create_dataset),
      .faults = COMMON | LIMIT | NOT_FOUND | BIT(FAULT_INVALID_S3_OBJECT) | BIT(FAULT_RESOURCE_ALREADY_EXISTS),
      .speed = OPERATION_POOLED, .promises = true, .needs = needs_create_dataset, .run = create_dataset },
    { NAMED("DescribeDataset"), SHAPES(describe_dataset), .faults = COMMON | NOT_FOUND, .speed = OPERATION_AT_ONCE,
      .resource_at = offsetof(struct in_dataset, dataset_arn), .run = describe_dataset },
    { NAMED("ListDatasetEntries"), SHAPES(list_dataset_entries),
      .faults = COMMON | IN_USE | NOT_FOUND | TOKEN | NOT_READY, .speed = OPERATION_POOLED,
      .resource_at = offsetof(struct in_list_dataset_entries, dataset_arn), .run = list_dataset_entries },
    { NAMED("ListDatasetLabels"), SHAPES(list_dataset_labels),
      .faults = COMMON | IN_USE | NOT_FOUND | TOKEN | NOT_READY, .speed = OPERATION_POOLED,
      .resource_at = offsetof(struct in_list_dataset_labels, dataset_arn), .run = list_dataset_labels },
    { NAMED("UpdateDatasetEntries"), SHAPES(update_dataset_entries), .faults = COMMON | LIMIT | IN_USE | NOT_FOUND,
      .speed = OPERATION_POOLED, .promises = true,
      .resource_at = offsetof(struct in_update_dataset_entries, dataset_arn), .run = update_dataset_entries },
    { NAMED("DistributeDatasetEntries"), SHAPES(distribute_dataset_entries), .faults = COMMON | NOT_FOUND | NOT_READY,
      .speed = OPERATION_POOLED, .promises = true, .needs = needs_distribute_dataset_entries,
      .run = distribute_dataset_entries },
    { NAMED("DeleteDataset"), SHAPES(delete_dataset), .faults = COMMON | LIMIT | IN_USE | NOT_FOUND,
      .speed = OPERATION_POOLED, .promises = true, .resource_at = offsetof(struct in_dataset, dataset_arn),
      .run = delete_dataset },
    { NAMED("CreateProjectVersion"), SHAPES(create_project_version),
      .faults = COMMON | IN_USE | NOT_FOUND | LIMIT | QUOTA, .speed = OPERATION_POOLED, .promises = true,
      .needs = needs_create_project_version, .run = create_project_version },
    { NAMED("DescribeProjectVersions"), SHAPES(describe_project_versions), .faults = COMMON | NOT_FOUND | TOKEN,
      .speed = OPERATION_POOLED, .resource_at = offsetof(struct in_describe_project_versions, project_arn),
      .begin = describe_project_versions },
    { NAMED("StartProjectVersion"), SHAPES(start_project_version), .faults = COMMON | IN_USE | NOT_FOUND | LIMIT,
      .speed = OPERATION_POOLED, .promises = true,
      .resource_at = offsetof(struct in_start_project_version, project_version_arn), .run = start_project_version },
    { NAMED("StopProjectVersion"), SHAPES(stop_project_version), .faults = COMMON | IN_USE | NOT_FOUND,
      .speed = OPERATION_POOLED, .promises = true,
      .resource_at = offsetof(struct in_project_version, project_version_arn), .run = stop_project_version },
    { NAMED("DeleteProjectVersion"), SHAPES(delete_project_version), .faults = COMMON | IN_USE | NOT_FOUND,
      .speed = OPERATION_POOLED, .promises = true,
      .resource_at = offsetof(struct in_project_version, project_version_arn), .run = delete_project_version },
    { NAMED("CopyProjectVersion"), SHAPES(copy_project_version), .faults = COMMON | IN_USE | NOT_FOUND | LIMIT | QUOTA,
      .speed = OPERATION_POOLED, .promises = true, .needs = needs_copy_project_version, .run = copy_project_version },
    { NAMED("PutProjectPolicy"), SHAPES(put_project_policy),
      .faults = COMMON | NOT_FOUND | LIMIT | QUOTA | BIT(FAULT_RESOURCE_ALREADY_EXISTS) |
                BIT(FAULT_INVALID_POLICY_REVISION_ID) | BIT(FAULT_MALFORMED_POLICY_DOCUMENT),
      .speed = OPERATION_POOLED, .resource_at = offsetof(struct in_put_project_policy, project_arn),
      .run = put_project_policy },
    { NAMED("ListProjectPolicies"), SHAPES(list_project_policies), .faults = COMMON | NOT_FOUND | TOKEN,
      .speed = OPERATION_POOLED, .resource_at = offsetof(struct in_list_project_policies, project_arn),
      .run = list_project_policies },
    { NAMED("DeleteProjectPolicy"), SHAPES(delete_project_policy),
      .faults = COMMON | NOT_FOUND | BIT(FAULT_INVALID_POLICY_REVISION_ID), .speed = OPERATION_POOLED,
      .resource_at = offsetof(struct in_delete_project_policy, project_arn), .run = delete_project_policy },
    { NAMED("DetectCustomLabels"), SHAPES(detect_custom_labels),
      .faults = COMMON | NOT_FOUND | NOT_READY | LIMIT | BIT(FAULT_INVALID_S3_OBJECT) | BIT(FAULT_IMAGE_TOO_LARGE) |
                BIT(FAULT_INVALID_IMAGE_FORMAT),
      .speed = OPERATION_POOLED, .resource_at = offsetof(struct in_detect_custom_labels, project_version_arn),
      .begin = detect_custom_labels },
    { NAMED("TagResource"), SHAPES(tag_resource), .faults = COMMON | NOT_FOUND | QUOTA, .speed = OPERATION_POOLED,
      .needs = needs_tag_resource, .run = tag_resource },
    { NAMED("UntagResource"), SHAPES(untag_resource), .faults = COMMON | NOT_FOUND, .speed = OPERATION_POOLED,
      .needs = needs_untag_resource, .run = untag_resource },
    { NAMED("ListTagsForResource"), SHAPES(list_tags_for_resource), .faults = COMMON | NOT_FOUND,
      .speed = OPERATION_POOLED, .resource_at = offsetof(struct in_list_tags_for_resource, resource_arn),
      .run = list_tags_for_resource },
};

const char *const operation_names[OPERATIONS] = {
    "CreateProject",       "DescribeProjects",     "DeleteProject",
    "CreateDataset",       "DescribeDataset",      "ListDatasetEntries",
    "ListDatasetLabels",   "UpdateDatasetEntries", "DistributeDatasetEntries",
    "DeleteDataset",       "CreateProjectVersion", "DescribeProjectVersions",
    "StartProjectVersion", "StopProjectVersion",   "DeleteProjectVersion",
    "CopyProjectVersion",  "PutProjectPolicy",     "ListProjectPolicies",
    "DeleteProjectPolicy", "DetectCustomLabels",   "TagResource",
    "UntagResource",       "ListTagsForResource",
};

int operation_find(struct span name)
{
    for (int i = 0; i < OPERATIONS; i++)
        if (span_is(name, operations[i].name))
            return i;
    return -1;
}
