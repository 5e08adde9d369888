/* reach: see reach.h for the contract. */
#include "api/reach.h"

#include "store/key.h"

static struct span arn_of(const struct call *call, struct span bucket, struct span key)
{
    return arena_printf(call->arena, "arn:" SPAN_FMT ":s3:::" SPAN_FMT "/" SPAN_FMT, SPAN_ARG(call->api->partition),
                        SPAN_ARG(bucket), SPAN_ARG(key));
}

bool reach_allowed(const struct call *call, const char *action, struct span bucket, struct span key, struct err *err)
{
    struct span owner, arn = arn_of(call, bucket, key);
    const struct call_need need = { .action = action, .resource = arn };
    if (!bucket_owner(call->api->store, call->arena, bucket, call->api->default_account, &owner, err))
        return false;
    if (!span_eq(owner, call->principal->account))
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
