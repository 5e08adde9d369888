/* call: see call.h for the contract. */
#include "api/call.h"

#include "aws/arn.h"
#include "store/tag.h"

bool call_owns(const struct call *call, struct span text, struct err *err)
{
    const struct principal *caller = call->principal;
    struct arn arn;
    if (!arn_parse(text, &arn))
        return fail(err, E_INVALID, "'" SPAN_FMT "' is not the ARN of a project, a dataset or a model version.",
                    SPAN_ARG(text));
    if (!span_eq(arn.place.partition, call->api->partition))
        return fail(err, E_INVALID,
                    "The resource " SPAN_FMT " is of the partition " SPAN_FMT "; this server's is " SPAN_FMT ".",
                    SPAN_ARG(text), SPAN_ARG(arn.place.partition), SPAN_ARG(call->api->partition));
    if (!span_eq(arn.place.account, caller->account) || !span_eq(arn.place.region, caller->region))
        return fail(err, E_NOT_FOUND, "The resource " SPAN_FMT " does not exist.", SPAN_ARG(text));
    return true;
}

/* The tags of a resource that is there and the caller's; of any other, none. */
static bool tags_of(const struct call *call, struct span arn, struct policy_question *question, struct err *err)
{
    struct err absent;
    struct tag *tags;
    size_t count;
    if (!call_owns(call, arn, &absent))
        return true;
    if (!tag_list(call->api->store, call->arena, arn, &tags, &count, &absent))
        return absent.code == E_NOT_FOUND || fail(err, absent.code, "%s", absent.text);
    struct policy_tag *asked = arena_alloc(call->arena, (count + 1) * sizeof *asked);
    for (size_t i = 0; i < count; i++)
        asked[i] = (struct policy_tag){ tags[i].key, tags[i].value };
    question->resource_tags = asked;
    question->resource_tag_count = count;
    return true;
}

bool call_may(const struct call *call, const struct call_need *need, struct err *err)
{
    const struct principal *caller = call->principal;
    struct policy_question question = {
        .action = span_str(need->action),
        .resource = need->resource,
        .request_tags = need->request_tags,
        .request_tag_count = need->request_tag_count,
        .tag_keys = need->tag_keys,
        .tag_key_count = need->tag_key_count,
    };
    if (!caller->root && need->named && caller->policy && policy_reads_resource_tags(caller->policy) &&
        !tags_of(call, need->resource, &question, err))
        return false;
    return principal_may(caller, &question, err);
}
