/* authenticate: see authenticate.h for the contract. Dates are auth_date.c's, callers without a key auth_none.c's. */
#include "auth/authenticate.h"

#include <stdio.h>

#include <openssl/crypto.h>

#include "auth/auth_inside.h"
#include "base/buf.h"
#include "base/clock.h"

enum { MESSAGE_MAX = 64 * 1024, MINUTE_MS = 60000 };

static const char invalid_token[] = "The security token included in the request is invalid";

bool auth_find_header(const struct auth_request *request, struct span name, struct span *ret_value, struct err *err)
{
    struct span found = SPAN_NONE;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct sigv4_header *header = &request->headers[i];
        if (header->name.len != name.len || !span_eq_nocase(header->name, name))
            continue;
        if (found.ptr)
            return fail(err, E_AUTH_INCOMPLETE, "The header '" SPAN_FMT "' stands in the request more than once.",
                        SPAN_ARG(name));
        found = span_trim(header->value);
        if (!found.ptr)
            found.ptr = "";
    }
    *ret_value = found;
    return true;
}

/* What the checks of the head hand on to each other. */
struct head {
    const struct auth_options *options;
    const struct auth_request *request;
    struct span authorization;
    struct span date;   /* X-Amz-Date, else Date */
    struct span target; /* X-Amz-Target: it decides what is done, so nobody may add it to a signed request */
    struct span key_id;
    int64_t now_ms;
};

static bool query_is_signed(struct span query)
{
    while (query.ptr) {
        struct span value = span_cut(&query, '&');
        if (span_is(span_cut(&value, '='), "X-Amz-Algorithm"))
            return true;
    }
    return false;
}

static bool check_scheme(const struct head *head, struct err *err)
{
    bool in_query = query_is_signed(head->request->query);
    if (head->authorization.ptr && in_query)
        return fail(err, E_AUTH_SIGNATURE,
                    "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.");
    if (in_query)
        return fail(err, E_AUTH_MISSING,
                    "Request is missing Authentication Token: a signature in the query is not accepted here, sign with "
                    "an Authorization header");
    if (!span_starts(head->authorization, SPAN_LIT("AWS4-")))
        return fail(err, E_AUTH_MISSING, "Request is missing Authentication Token");
    return true;
}

static bool check_parts(const struct head *head, const struct sigv4_authorization *parts, struct err *err)
{
    const char *credential = parts->credential.ptr ? "" : "Authorization header requires 'Credential' parameter. ";
    const char *signature = parts->signature.ptr ? "" : "Authorization header requires 'Signature' parameter. ";
    const char *names = parts->signed_headers.ptr ? "" : "Authorization header requires 'SignedHeaders' parameter. ";
    const char *date = head->date.ptr ? ""
                                      : "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' "
                                        "header. ";
    if (parts->repeated)
        return fail(err, E_AUTH_INCOMPLETE,
                    "Authorization header has a parameter more than once. Authorization=" SPAN_FMT,
                    SPAN_ARG(head->authorization));
    if (!*credential && !*signature && !*names && !*date)
        return true;
    return fail(err, E_AUTH_INCOMPLETE, "%s%s%s%sAuthorization=" SPAN_FMT, credential, signature, names, date,
                SPAN_ARG(head->authorization));
}

/* "15 min.", or smaller units where minutes would not be the truth. */
static void describe_skew(int64_t skew_ms, char *text, size_t room)
{
    if (skew_ms % MINUTE_MS == 0)
        snprintf(text, room, "%lld min.", (long long)(skew_ms / MINUTE_MS));
    else if (skew_ms % 1000 == 0)
        snprintf(text, room, "%lld sec.", (long long)(skew_ms / 1000));
    else
        snprintf(text, room, "%lld ms", (long long)skew_ms);
}

static bool check_date(const struct head *head, char ret_date[SIGV4_DATE_LEN + 1], struct err *err)
{
    int64_t seconds;
    char now[SIGV4_DATE_LEN + 1], edge[SIGV4_DATE_LEN + 1], skew[48];
    if (!auth_date_parse(head->date, &seconds))
        return fail(err, E_AUTH_INCOMPLETE,
                    "Date must be in ISO-8601 'basic format'. Got '" SPAN_FMT
                    "'. See http://en.wikipedia.org/wiki/ISO_8601",
                    SPAN_ARG(head->date));
    clock_basic_iso(seconds * 1000, ret_date);
    int64_t allowed_ms = head->options->skew_ms, ahead_ms = seconds * 1000 - head->now_ms;
    if (ahead_ms >= -allowed_ms && ahead_ms <= allowed_ms)
        return true;
    bool late = ahead_ms > 0;
    clock_basic_iso(head->now_ms, now);
    clock_basic_iso(head->now_ms + (late ? allowed_ms : -allowed_ms), edge);
    describe_skew(allowed_ms, skew, sizeof skew);
    return late ? fail(err, E_AUTH_SIGNATURE, "Signature not yet current: %s is still later than %s (%s + %s)",
                       ret_date, edge, now, skew)
                : fail(err, E_AUTH_SIGNATURE, "Signature expired: %s is now earlier than %s (%s - %s)", ret_date, edge,
                       now, skew);
}

bool auth_is_region(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return text.len > 0 && text.len <= AUTH_REGION_MAX;
}

/* Every fault of the scope in one message. */
static bool check_scope(const struct head *head, const struct sigv4_scope *scope, const char *date, struct err *err)
{
    struct buf text;
    buf_init(&text, MESSAGE_MAX);
    if (!auth_is_region(scope->region))
        buf_addf(&text, "Credential should be scoped to a valid region, not '" SPAN_FMT "'. ", SPAN_ARG(scope->region));
    if (!span_eq(scope->service, head->options->service))
        buf_addf(&text, "Credential should be scoped to correct service: '" SPAN_FMT "'. ",
                 SPAN_ARG(head->options->service));
    if (!span_is(scope->terminator, SIGV4_TERMINATOR))
        buf_addf(&text,
                 "Credential should be scoped with a valid terminator: '" SIGV4_TERMINATOR "', not '" SPAN_FMT "'. ",
                 SPAN_ARG(scope->terminator));
    if (!span_eq(scope->date, span_of(date, 8)))
        buf_addf(&text,
                 "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '" SPAN_FMT
                 "' != '%.8s', from '%s'.",
                 SPAN_ARG(scope->date), date, date);
    bool sound = (text.len == 0 && !text.overflow) || fail(err, E_AUTH_SIGNATURE, "%s", buf_cstr(&text));
    buf_free(&text);
    return sound;
}

static bool is_sha256_hex(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
            return false;
    }
    return text.len == SHA256_HEX;
}

static bool find_headers(struct head *head, struct auth *auth, struct err *err)
{
    const struct auth_request *request = head->request;
    struct span plain_date;
    if (!auth_find_header(request, SPAN_LIT("Authorization"), &head->authorization, err) ||
        !auth_find_header(request, SPAN_LIT("X-Amz-Date"), &head->date, err) ||
        !auth_find_header(request, SPAN_LIT("X-Amz-Target"), &head->target, err) ||
        !auth_find_header(request, SPAN_LIT("X-Amz-Security-Token"), &auth->token, err) ||
        !auth_find_header(request, SPAN_LIT("X-Amz-Content-Sha256"), &auth->content_sha256, err))
        return false;
    if (!head->date.ptr) {
        if (!auth_find_header(request, SPAN_LIT("Date"), &plain_date, err))
            return false;
        head->date = plain_date;
    }
    return true;
}

/* The checks of the Authorization header, in the order of spec A.6. */
static bool check_authorization(struct head *head, struct auth *auth, struct err *err)
{
    sigv4_split_authorization(head->authorization, &auth->parts);
    if (!check_parts(head, &auth->parts, err) || !check_date(head, auth->date, err))
        return false;
    if (!sigv4_is_signed(auth->parts.signed_headers, SPAN_LIT("host")))
        return fail(err, E_AUTH_SIGNATURE, "'Host' must be a 'SignedHeader' in the AWS Authorization.");
    if (head->target.ptr && !sigv4_is_signed(auth->parts.signed_headers, SPAN_LIT("x-amz-target")))
        return fail(err, E_AUTH_SIGNATURE, "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.");
    if (!span_is(auth->parts.algorithm, SIGV4_ALGORITHM))
        return fail(err, E_AUTH_INCOMPLETE,
                    "Unsupported AWS 'algorithm': '" SPAN_FMT "' (only " SIGV4_ALGORITHM " for now). ",
                    SPAN_ARG(auth->parts.algorithm));
    if (!sigv4_split_credential(auth->parts.credential, &head->key_id, &auth->scope))
        return fail(err, E_AUTH_INCOMPLETE,
                    "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
                    "'" SPAN_FMT "'",
                    SPAN_ARG(auth->parts.credential));
    return check_scope(head, &auth->scope, auth->date, err);
}

bool auth_head(const struct auth_options *options, struct keyring_slot *keys, const struct auth_request *request,
               int64_t now_ms, struct auth *ret_auth, struct err *err)
{
    struct head head = { .options = options, .request = request, .now_ms = now_ms };
    struct auth auth = { .ring = NULL };
    if (options->none) {
        if (!auth_none_admits(request, err))
            return false;
        auth_none_principal(options, request, ret_auth);
        return true;
    }
    if (!find_headers(&head, &auth, err) || !check_scheme(&head, err) || !check_authorization(&head, &auth, err))
        return false;
    if (auth.content_sha256.ptr && !is_sha256_hex(auth.content_sha256))
        return fail(err, E_AUTH_SIGNATURE,
                    "The X-Amz-Content-Sha256 header must be the SHA-256 of the body in hex, not '" SPAN_FMT "'.",
                    SPAN_ARG(auth.content_sha256));
    auth.ring = keyring_take(keys);
    auth.entry = keyring_find(auth.ring, head.key_id);
    if (!auth.entry || auth.entry->disabled) {
        keyring_drop(auth.ring);
        return fail(err, E_AUTH_UNKNOWN_KEY, "%s.", invalid_token);
    }
    *ret_auth = auth;
    return true;
}

static bool check_session(const struct keyring_entry *entry, struct span token, int64_t now_ms, struct err *err)
{
    unsigned char digest[SHA256_BYTES];
    if (!entry->session)
        return !token.ptr || fail(err, E_AUTH_UNKNOWN_KEY, "%s", invalid_token);
    sha256_of(token, digest);
    if (!token.ptr || CRYPTO_memcmp(digest, entry->token_sha256, sizeof digest) != 0)
        return fail(err, E_AUTH_UNKNOWN_KEY, "%s", invalid_token);
    return now_ms < entry->expires_ms ||
           fail(err, E_AUTH_EXPIRED, "The security token included in the request is expired");
}

bool auth_complete(const struct auth *auth, const struct auth_request *request,
                   const unsigned char body_sha256[SHA256_BYTES], int64_t now_ms, struct principal *ret_principal,
                   struct err *err)
{
    char hex[SHA256_HEX];
    const struct keyring_entry *entry = auth->entry;
    if (!entry) {
        CHECK(auth->anybody.root);
        *ret_principal = auth->anybody;
        return true;
    }
    sha256_hex(body_sha256, hex);
    struct span hash = span_of(hex, sizeof hex);
    if (auth->content_sha256.ptr && !span_eq_nocase(auth->content_sha256, hash))
        return fail(err, E_AUTH_SIGNATURE, "The X-Amz-Content-Sha256 header is not the SHA-256 of the body.");
    const struct sigv4_request to_verify = { .method = request->method,
                                             .path = request->path,
                                             .query = request->query,
                                             .headers = request->headers,
                                             .header_count = request->header_count,
                                             .payload_hash = auth->content_sha256.ptr ? auth->content_sha256 : hash };
    if (!sigv4_verify(&to_verify, &auth->parts, &auth->scope, span_of(auth->date, SIGV4_DATE_LEN), entry->secret))
        return fail(err, E_AUTH_SIGNATURE,
                    "The request signature we calculated does not match the signature you provided. Check your AWS "
                    "Secret Access Key and signing method. Consult the service documentation for details.");
    if (!check_session(entry, auth->token, now_ms, err))
        return false;
    *ret_principal = (struct principal){ .account = entry->account,
                                         .region = auth->scope.region,
                                         .user = entry->user,
                                         .arn = entry->arn,
                                         .policy = entry->policy,
                                         .root = entry->root };
    return true;
}

void auth_end(struct auth *auth)
{
    keyring_drop(auth->ring);
    *auth = (struct auth){ .ring = NULL };
}

bool principal_may(const struct principal *principal, const struct policy_question *question, struct err *err)
{
    return principal->root || policy_ask(principal->policy, question) == POLICY_ALLOWED ||
           fail(err, E_DENIED, "User: " SPAN_FMT " is not authorized to perform: " SPAN_FMT " on resource: " SPAN_FMT,
                SPAN_ARG(principal->arn), SPAN_ARG(question->action), SPAN_ARG(question->resource));
}
