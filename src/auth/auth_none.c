/*
 * auth_none: callers of a server that checks no signature. What stands between it and the pages in a browser on the
 * same machine: a page can make the browser send requests to a loopback address, but only with a Content-Type of forms
 * or plain text unless the server agrees first, and with the page's own name as Host if that name was made to point
 * here.
 */
#include <stdio.h>

#include "auth/auth_inside.h"

static bool is_port(struct span text)
{
    uint64_t port;
    return text.len <= 5 && span_to_u64(text, 65535, &port);
}

/* 127.A.B.C in the one usual way of writing it. */
static bool is_loopback_v4(struct span host)
{
    unsigned count = 0;
    while (host.ptr) {
        uint64_t number;
        struct span part = span_cut(&host, '.');
        if (part.len > 3 || (part.len > 1 && part.ptr[0] == '0') || !span_to_u64(part, 255, &number) ||
            (count == 0 && number != 127))
            return false;
        count++;
    }
    return count == 4;
}

bool auth_host_is_loopback(struct span host)
{
    if (span_starts(host, SPAN_LIT("[::1]"))) {
        struct span rest = span_from(host, 5);
        return rest.len == 0 || (rest.ptr[0] == ':' && is_port(span_from(rest, 1)));
    }
    struct span port = host;
    struct span name = span_cut(&port, ':');
    return (!port.ptr || is_port(port)) && (span_eq_nocase(name, SPAN_LIT("localhost")) || is_loopback_v4(name));
}

bool auth_none_admits(const struct auth_request *request, struct err *err)
{
    struct span host, type;
    if (!auth_find_header(request, SPAN_LIT("Host"), &host, err) ||
        !auth_find_header(request, SPAN_LIT("Content-Type"), &type, err))
        return false;
    if (!auth_host_is_loopback(host))
        return fail(err, E_DENIED,
                    "Without signatures only a Host on this machine is answered (localhost, 127.0.0.1, [::1]), not "
                    "'" SPAN_FMT "'.",
                    SPAN_ARG(host));
    return span_eq_nocase(type, SPAN_LIT("application/x-amz-json-1.1")) ||
           fail(err, E_DENIED,
                "Without signatures the Content-Type must be application/x-amz-json-1.1, not '" SPAN_FMT "'.",
                SPAN_ARG(type));
}

void auth_none_principal(const struct auth_options *options, const struct auth_request *request, struct auth *ret_auth)
{
    struct auth auth = { .ring = NULL };
    struct span authorization, key_id, region = options->region;
    if (auth_find_header(request, SPAN_LIT("Authorization"), &authorization, NULL) && authorization.ptr) {
        sigv4_split_authorization(authorization, &auth.parts);
        if (auth.parts.credential.ptr && sigv4_split_credential(auth.parts.credential, &key_id, &auth.scope) &&
            auth_is_region(auth.scope.region))
            region = auth.scope.region;
    }
    *ret_auth = auth;
    int len = snprintf(ret_auth->anybody_arn, sizeof ret_auth->anybody_arn, "arn:" SPAN_FMT ":iam::" SPAN_FMT ":root",
                       SPAN_ARG(options->partition), SPAN_ARG(options->account));
    CHECK(len > 0 && (size_t)len < sizeof ret_auth->anybody_arn);
    ret_auth->anybody = (struct principal){
        .account = options->account, .region = region, .arn = span_of(ret_auth->anybody_arn, (size_t)len), .root = true
    };
}
