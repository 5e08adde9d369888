/* reach: see reach.h for the contract. */
#include "api/reach.h"

#include "store/key.h"

static struct span arn_of(const struct call *call, struct span bucket, struct span key)
{
    return arena_printf(call->arena, "arn:" SPAN_FMT ":s3:::" SPAN_FMT "/" SPAN_FMT, SPAN_ARG(call->api->partition),
                        SPAN_ARG(bucket), SPAN_ARG(key));
}

/* Models, and nothing that a caller wrote. */
static bool is_ours(const struct api *api, struct span bucket, struct span key)
{
    return api->models_bucket.len > 0 && span_eq(api->models_bucket, bucket) && span_starts(key, api->models_prefix);
}

bool reach_allowed(const struct call *call, const char *action, struct span bucket, struct span key, struct err *err)
{
    struct span owner, arn = arn_of(call, bucket, key);
    const struct call_need need = { .action = action, .resource = arn };
    if (!bucket_owner(call->api->store, call->arena, bucket, call->api->default_account, &owner, err))
        return false;
    if (!span_eq(owner, call->principal->account) || is_ours(call->api, bucket, key))
        return fail(err, E_DENIED, "User: " SPAN_FMT " is not authorized to perform: %s on resource: " SPAN_FMT,
                    SPAN_ARG(call->principal->arn), action, SPAN_ARG(arn));
    return call_may(call, &need, err);
}

bool reach_read(const struct call *call, struct span bucket, struct span key, struct err *err)
{
    struct err why;
    if (reach_allowed(call, "s3:GetObject", bucket, key, &why))
        return true;
    if (why.code != E_DENIED)
        return fail(err, why.code, "%s", why.text);
    return fail(err, E_OBJECT,
                "Unable to get object metadata from S3. Check object key, region and/or access permissions.");
}
