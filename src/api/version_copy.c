/*
 * version_copy: CopyProjectVersion (spec B.6, B.7). Within an account the caller's own policy decides; from another
 * account's project the policies attached to that project do as well, and without their leave nobody learns whether
 * project or version are there. A statement that denies counts in both cases.
 */
#include "api/handlers.h"
#include "api/versions.h"
#include "aws/arn.h"
#include "store/project_policy.h"
#include "store/version.h"

enum { POLICIES_AT_ONCE = 100 };

static bool is_ours(const struct call *call, const struct arn *arn)
{
    return span_eq(arn->place.account, call->principal->account);
}

unsigned needs_copy_project_version(const struct call *call, struct call_need *ret_needs)
{
    const struct in_copy_project_version *in = call->input;
    struct arn source;
    CHECK(arn_parse(in->source_project_version_arn, &source)); /* the model says so */
    ret_needs[0] = (struct call_need){ .action = "rekognition:CopyProjectVersion",
                                       .resource = in->destination_project_arn,
                                       .named = true };
    ret_needs[1] = (struct call_need){ .action = "rekognition:CopyProjectVersion",
                                       .resource = in->source_project_version_arn,
                                       .named = is_ours(call, &source) };
    ret_needs[2] =
        (struct call_need){ .action = "rekognition:TagResource",
                            .resource = version_arn_to_be(call, in->destination_project_arn, in->version_name) };
    for (unsigned i = 0; i < 3; i++)
        tags_to_need(call, &in->tags, &ret_needs[i]);
    return in->tags.count > 0 ? 3 : 2;
}

/* The two names of the source agree, and it is in this place. */
static bool check_source(const struct call *call, const struct in_copy_project_version *in, bool *ret_ours,
                         struct err *err)
{
    struct arn project, version;
    CHECK(arn_parse(in->source_project_arn, &project) && arn_parse(in->source_project_version_arn, &version));
    if (!span_eq(project.place.account, version.place.account) ||
        !span_eq(project.place.region, version.place.region) || !span_eq(project.project, version.project))
        return fail(err, E_INVALID, "SourceProjectVersionArn is not a version of SourceProjectArn.");
    *ret_ours = is_ours(call, &project);
    if (*ret_ours)
        return call_owns(call, in->source_project_arn, err);
    if (!span_eq(project.place.partition, call->api->partition) ||
        !span_eq(project.place.region, call->principal->region))
        return fail(err, E_INVALID, "The source is in another partition or region than the destination.");
    return true;
}

/* What the policy of the source's project says; a document that is kept has been checked. */
static bool ask(const struct call *call, const struct project_policy *attached, const struct policy_question *question,
                enum policy_answer *ret_answer, struct err *err)
{
    struct policy *policy;
    struct policy_question with_tags = *question;
    struct tag *tags = NULL;
    struct err why;
    size_t count = 0;
    if (!policy_parse_project(attached->document, &policy, &why))
        return fail(err, E_INTERNAL, "the stored policy %lld: %s", (long long)attached->id, why.text);
    bool done = !policy_reads_resource_tags(policy) ||
                tag_list(call->api->store, call->arena, question->resource, &tags, &count, &why) ||
                why.code == E_NOT_FOUND || fail(err, why.code, "%s", why.text);
    if (done) {
        struct policy_tag *asked = arena_alloc(call->arena, (count + 1) * sizeof *asked);
        for (size_t i = 0; i < count; i++)
            asked[i] = (struct policy_tag){ tags[i].key, tags[i].value };
        with_tags.resource_tags = asked;
        with_tags.resource_tag_count = count;
        *ret_answer = policy_ask(policy, &with_tags);
    }
    policy_free(policy);
    return done;
}

/* All policies of the source's project together. A project that is not there has none. */
static bool ask_all(const struct call *call, const struct policy_question *question, enum policy_answer *ret_answer,
                    struct err *err)
{
    const struct in_copy_project_version *in = call->input;
    struct project_policy *attached;
    struct err why;
    size_t count;
    int64_t after = 0;
    bool more = true;
    *ret_answer = POLICY_SILENT;
    while (more) {
        if (!project_policy_list(call->api->store, call->arena, in->source_project_arn, after, POLICIES_AT_ONCE,
                                 &attached, &count, &more, &why))
            return why.code == E_NOT_FOUND || fail(err, why.code, "%s", why.text);
        for (size_t i = 0; i < count; i++) {
            enum policy_answer answer = POLICY_SILENT;
            if (!ask(call, &attached[i], question, &answer, err))
                return false;
            if (answer > *ret_answer)
                *ret_answer = answer; /* silent, allowed, denied: the last of these that any says */
            after = attached[i].id;
        }
    }
    return true;
}

static bool source_allows(const struct call *call, bool ours, struct err *err)
{
    const struct in_copy_project_version *in = call->input;
    struct call_need need;
    tags_to_need(call, &in->tags, &need);
    const struct policy_question question = {
        .action = SPAN_LIT("rekognition:CopyProjectVersion"),
        .resource = in->source_project_version_arn,
        .request_tags = need.request_tags,
        .request_tag_count = need.request_tag_count,
        .account = call->principal->account,
        .principal = call->principal->arn,
    };
    enum policy_answer answer;
    if (!ask_all(call, &question, &answer, err))
        return false;
    return answer == POLICY_ALLOWED || (ours && answer == POLICY_SILENT) ||
           fail(err, E_DENIED, "User: " SPAN_FMT " is not authorized to perform: " SPAN_FMT " on resource: " SPAN_FMT,
                SPAN_ARG(call->principal->arn), SPAN_ARG(question.action), SPAN_ARG(question.resource));
}

bool copy_project_version(struct call *call, struct json_writer *w, struct err *err)
{
    const struct in_copy_project_version *in = call->input;
    const struct version_copy wish = {
        .source_project_arn = in->source_project_arn,
        .source_arn = in->source_project_version_arn,
        .project_arn = in->destination_project_arn,
        .name = in->version_name,
        .output_bucket = in->output_config->s3_bucket,
        .output_prefix = in->output_config->s3_key_prefix,
        .kms_key = in->kms_key_id,
        .tags = tags_to_store(call, &in->tags),
        .tag_count = in->tags.count,
        .quotas = version_quotas_now(call),
    };
    struct span arn;
    bool ours = false;
    if (!check_source(call, in, &ours, err) || !source_allows(call, ours, err) ||
        !version_output_may(call, in->output_config, in->destination_project_arn, in->version_name, err) ||
        !version_copy(call->api->store, call->arena, &wish, &arn, err))
        return false;
    version_answer_arn(w, arn);
    return true;
}
