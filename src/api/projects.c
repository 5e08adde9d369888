/* projects: CreateProject, DescribeProjects, DeleteProject (spec B.1.1, B.2). */
#include "api/handlers.h"
#include "api/page.h"
#include "api/render.h"
#include "store/project.h"

unsigned needs_create_project(const struct call *call, struct call_need *ret_needs)
{
    const struct in_create_project *in = call->input;
    const struct principal *caller = call->principal;
    struct span arn =
        arena_printf(call->arena, "arn:" SPAN_FMT ":rekognition:" SPAN_FMT ":" SPAN_FMT ":project/" SPAN_FMT "/*",
                     SPAN_ARG(call->api->partition), SPAN_ARG(caller->region), SPAN_ARG(caller->account),
                     SPAN_ARG(in->project_name));
    ret_needs[0] = (struct call_need){ .action = "rekognition:CreateProject", .resource = arn };
    tags_to_need(call, &in->tags, &ret_needs[0]);
    if (in->tags.count == 0)
        return 1;
    ret_needs[1] = ret_needs[0];
    ret_needs[1].action = "rekognition:TagResource";
    return 2;
}

bool create_project(struct call *call, struct json_writer *w, struct err *err)
{
    const struct in_create_project *in = call->input;
    struct span arn;
    if (in->feature == MODEL_CONTENT_MODERATION)
        return fail(err, E_INVALID, "This server has Custom Labels projects only; leave Feature out.");
    if (in->auto_update != MODEL_ABSENT)
        return fail(err, E_INVALID, "AutoUpdate is for projects of the feature CONTENT_MODERATION only.");
    if (!project_create(call->api->store, call->arena, call->principal->account, call->principal->region,
                        in->project_name, tags_to_store(call, &in->tags), in->tags.count, &arn, err))
        return false;
    json_open_object(w);
    render_text(w, "ProjectArn", arn);
    json_close_object(w);
    return true;
}

unsigned needs_describe_projects(const struct call *call, struct call_need *ret_needs)
{
    (void)call;
    ret_needs[0] = (struct call_need){ .action = "rekognition:DescribeProjects", .resource = SPAN_LIT("*") };
    return 1;
}

static void render_project(struct json_writer *w, const struct project *project)
{
    json_open_object(w);
    render_text(w, "ProjectArn", project->arn);
    render_time(w, "CreationTimestamp", project->created_ms);
    render_text(w, "Status", SPAN_LIT("CREATED"));
    json_key(w, "Datasets");
    json_open_array(w);
    for (unsigned i = 0; i < project->dataset_count; i++)
        render_metadata(w, &project->datasets[i]);
    json_close_array(w);
    render_text(w, "Feature", SPAN_LIT("CUSTOM_LABELS"));
    json_close_object(w);
}

/* Only Custom Labels projects are there; they are what is asked for unless the features say otherwise. */
static bool wants_custom_labels(const struct model_list *features)
{
    const int *asked = features->items;
    for (size_t i = 0; i < features->count; i++)
        if (asked[i] == MODEL_CUSTOM_LABELS)
            return true;
    return !features->given;
}

bool describe_projects(struct call *call, struct json_writer *w, struct err *err)
{
    const struct in_describe_projects *in = call->input;
    bool any = wants_custom_labels(&in->features), more = false;
    const struct span filters[] = { page_filter(call, &in->project_names), any ? SPAN_NONE : SPAN_LIT("none") };
    const struct page_scope scope = { "DescribeProjects", SPAN_NONE, filters, COUNT_OF(filters) };
    struct project_query query = { .account = call->principal->account,
                                   .region = call->principal->region,
                                   .names = in->project_names.items,
                                   .name_count = in->project_names.count,
                                   .limit = page_size(in->max_results) };
    struct project *projects = NULL;
    size_t count = 0;
    if (!page_begin(call, &scope, in->next_token, &query.before_id, err))
        return false;
    if (any && !project_list(call->api->store, call->arena, &query, &projects, &count, &more, err))
        return false;
    json_open_object(w);
    json_key(w, "ProjectDescriptions");
    json_open_array(w);
    for (size_t i = 0; i < count; i++)
        render_project(w, &projects[i]);
    json_close_array(w);
    if (more)
        render_text(w, "NextToken", page_token(call, &scope, projects[count - 1].id));
    json_close_object(w);
    return true;
}

bool delete_project(struct call *call, struct json_writer *w, struct err *err)
{
    const struct in_delete_project *in = call->input;
    if (!project_delete(call->api->store, in->project_arn, err))
        return false;
    json_open_object(w);
    render_text(w, "Status", SPAN_LIT("DELETING"));
    json_close_object(w);
    return true;
}
