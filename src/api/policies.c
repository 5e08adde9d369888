/* policies: PutProjectPolicy, ListProjectPolicies, DeleteProjectPolicy (spec B.7). What a document may say is auth's to
   judge; CopyProjectVersion asks it. */
#include "auth/policy.h"

#include "api/handlers.h"
#include "api/page.h"
#include "api/render.h"
#include "store/project_policy.h"

enum { POLICIES_PAGE = 5 };

bool put_project_policy(struct call *call, struct json_writer *w, struct err *err)
{
    const struct in_put_project_policy *in = call->input;
    struct limits limits = limits_box_get(call->api->limits);
    struct policy *policy;
    struct span revision;
    if (!policy_parse_project(in->policy_document, &policy, err))
        return false;
    policy_free(policy);
    if (!project_policy_put(call->api->store, call->arena, in->project_arn, in->policy_name, in->policy_revision_id,
                            in->policy_document, limits.project_policies, &revision, err))
        return false;
    json_open_object(w);
    render_text(w, "PolicyRevisionId", revision);
    json_close_object(w);
    return true;
}

static void render_policy(struct json_writer *w, struct span project_arn, const struct project_policy *policy)
{
    json_open_object(w);
    render_text(w, "ProjectArn", project_arn);
    render_text(w, "PolicyName", policy->name);
    render_text(w, "PolicyRevisionId", policy->revision);
    render_text(w, "PolicyDocument", policy->document);
    render_time(w, "CreationTimestamp", policy->created_ms);
    render_time(w, "LastUpdatedTimestamp", policy->updated_ms);
    json_close_object(w);
}

bool list_project_policies(struct call *call, struct json_writer *w, struct err *err)
{
    const struct in_list_project_policies *in = call->input;
    const struct page_scope scope = { "ListProjectPolicies", in->project_arn, NULL, 0 };
    unsigned limit = in->max_results.given ? (unsigned)in->max_results.value : POLICIES_PAGE;
    struct project_policy *policies;
    size_t count;
    int64_t after;
    bool more;
    if (!page_begin(call, &scope, in->next_token, &after, err) ||
        !project_policy_list(call->api->store, call->arena, in->project_arn, after, limit, &policies, &count, &more,
                             err))
        return false;
    json_open_object(w);
    json_key(w, "ProjectPolicies");
    json_open_array(w);
    for (size_t i = 0; i < count; i++)
        render_policy(w, in->project_arn, &policies[i]);
    json_close_array(w);
    if (more)
        render_text(w, "NextToken", page_token(call, &scope, policies[count - 1].id));
    json_close_object(w);
    return true;
}

bool delete_project_policy(struct call *call, struct json_writer *w, struct err *err)
{
    const struct in_delete_project_policy *in = call->input;
    return project_policy_delete(call->api->store, in->project_arn, in->policy_name, in->policy_revision_id, err) &&
           render_nothing(w);
}
