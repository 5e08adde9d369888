/*
 * handlers: what the rows of the table point at; one file a resource. See operation.h for their form.
 *
 * `input_of(call, in_…)` in them is the decoded request. What they allocate dies with the call's arena.
 */
#ifndef PLACARD_API_HANDLERS_H
#define PLACARD_API_HANDLERS_H

#include "api/operation.h"

typedef bool operation_run(struct call *call, struct json_writer *w, struct err *err);
typedef bool operation_begin(struct call *call, struct json_writer *w, bool *ret_later, struct err *err);
typedef unsigned operation_needs(const struct call *call, struct call_need *ret_needs);

/* projects.c */
operation_run create_project, describe_projects, delete_project;
operation_needs needs_create_project, needs_describe_projects;

/* datasets.c */
operation_run create_dataset, describe_dataset, delete_dataset, distribute_dataset_entries;
operation_needs needs_create_dataset, needs_distribute_dataset_entries;

/* entries.c */
operation_run list_dataset_entries, list_dataset_labels, update_dataset_entries;

/* policies.c */
operation_run put_project_policy, list_project_policies, delete_project_policy;

/* versions.c */
operation_run create_project_version, start_project_version, stop_project_version, delete_project_version;
operation_begin describe_project_versions;
operation_needs needs_create_project_version;

/* version_copy.c */
operation_run copy_project_version;
operation_needs needs_copy_project_version;

/* detection.c */
operation_begin detect_custom_labels;

/* tags.c */
operation_run tag_resource, untag_resource, list_tags_for_resource;
operation_needs needs_tag_resource, needs_untag_resource;

/* Tags of a request, for the store and for policies (also tags.c). */
const struct tag *tags_to_store(const struct call *call, const struct model_list *pairs);
void tags_to_need(const struct call *call, const struct model_list *pairs, struct call_need *need);

#endif
