/* cors: which web pages may call, and what their browser is told. Off unless origins are configured. */
#include "api/visit.h"

struct span cors_origin_of(const struct gate *gate, const struct http_request *request)
{
    const struct conf_list *origins = gate->options.cors_origins;
    struct span origin;
    if (!origins || origins->count == 0 || !http_header_get(request, "Origin", &origin))
        return SPAN_NONE;
    for (size_t i = 0; i < origins->count; i++)
        if (span_is(origin, origins->items[i]))
            return origin;
    return SPAN_NONE;
}

static void add(struct http_reply *reply, const char *name, struct span value)
{
    CHECK(reply->header_count < COUNT_OF(reply->headers));
    reply->headers[reply->header_count++] = (struct http_header){ span_str(name), value };
}

void cors_add_headers(const struct visit *visit, struct http_reply *reply)
{
    const struct conf_list *origins = visit->gate->options.cors_origins;
    if (!origins || origins->count == 0)
        return;
    add(reply, "Vary", SPAN_LIT("Origin"));
    if (visit->origin.len == 0)
        return;
    add(reply, "Access-Control-Allow-Origin", visit->origin);
    add(reply, "Access-Control-Expose-Headers", SPAN_LIT("x-amzn-RequestId,Date"));
}

void cors_preflight(struct http_reply *reply)
{
    reply->status = 204;
    add(reply, "Access-Control-Allow-Methods", SPAN_LIT("POST"));
    add(reply, "Access-Control-Allow-Headers",
        SPAN_LIT("authorization,content-type,x-amz-content-sha256,x-amz-date,x-amz-security-token,x-amz-target,"
                 "x-amz-user-agent,amz-sdk-invocation-id,amz-sdk-request"));
    add(reply, "Access-Control-Max-Age", SPAN_LIT("600"));
}
