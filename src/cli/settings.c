/* settings: see settings.h for the contract. */
#include "cli/settings.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "api/operation.h"
#include "auth/rate.h"
#include "base/nearest.h"
#include "object/object.h"

/* HOST:PORT or [HOST]:PORT. */
static bool parse_listen(const char *listen, struct settings *settings, struct err *err)
{
    struct span text = span_str(listen), host;
    const char *colon = strrchr(listen, ':');
    uint64_t port;
    if (!colon || !span_to_u64(span_str(colon + 1), UINT16_MAX, &port))
        return fail(err, E_CONFIG, "listen: `%s` is not HOST:PORT with a port from 0 to 65535", listen);
    host = span_first(text, (size_t)(colon - listen));
    if (span_starts(host, SPAN_LIT("[")) && span_ends(host, SPAN_LIT("]")))
        host = span_first(span_from(host, 1), host.len - 2);
    else if (memchr(host.ptr, ':', host.len))
        return fail(err, E_CONFIG, "listen: an IPv6 address stands in brackets: [" SPAN_FMT "]%s", SPAN_ARG(host),
                    colon);
    if (host.len == 0 || host.len >= sizeof settings->host)
        return fail(err, E_CONFIG, "listen: `%s` names no host; 0.0.0.0 listens on every IPv4 address", listen);
    memcpy(settings->host, host.ptr, host.len);
    settings->host[host.len] = '\0';
    settings->port = (uint16_t)port;
    return true;
}

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return span_is(span_str(host), "localhost");
}

static bool check_names(const struct conf_values *values, struct err *err)
{
    uint64_t number;
    struct span account = span_str(values->account), region = span_str(values->region);
    if (account.len != 12 || !span_to_u64(account, UINT64_MAX, &number))
        return fail(err, E_CONFIG, "account: `%s` is not an account; it has 12 digits", values->account);
    bool good = region.len > 0 && region.len <= 63;
    for (size_t i = 0; good && i < region.len; i++) {
        char c = region.ptr[i];
        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    }
    return good || fail(err, E_CONFIG, "region: `%s` is not a region's name such as us-east-1", values->region);
}

static bool check_transport(const struct conf_values *values, const struct settings *settings, struct err *err)
{
    if (!values->tls_certificate[0] != !values->tls_key[0])
        return fail(err, E_CONFIG, "tls-certificate and tls-key belong together; %s is missing",
                    values->tls_key[0] ? "tls-certificate" : "tls-key");
    if (values->auth == CONF_AUTH_NONE && !settings->loopback)
        return fail(err, E_CONFIG,
                    "auth: none lets anybody in, so it is only for a loopback address, and listen is %s; listen on "
                    "127.0.0.1 or use sigv4",
                    values->listen);
    if (values->body_bytes > values->bodies_bytes || values->body_bytes > values->bodies_per_address_bytes)
        return fail(err, E_CONFIG,
                    "body-bytes is larger than bodies-bytes or bodies-per-address-bytes, so the largest "
                    "body could never be taken");
    for (size_t i = 0; i < values->cors_origin.count; i++) {
        struct span origin = span_str(values->cors_origin.items[i]);
        bool good = span_starts(origin, SPAN_LIT("http://")) || span_starts(origin, SPAN_LIT("https://"));
        if (!good || span_ends(origin, SPAN_LIT("/")))
            return fail(err, E_CONFIG, "cors-origin: `" SPAN_FMT "` is not an origin such as https://app.example.com",
                        SPAN_ARG(origin));
    }
    return true;
}

/* bucket:NAME or bucket:NAME/PREFIX. A prefix is a path, for in a directory a key is one. */
static bool parse_models(const char *models, struct settings *settings, struct err *err)
{
    struct span rest = span_str(models), part;
    settings->models_bucket[0] = settings->models_prefix[0] = '\0';
    if (rest.len == 0)
        return true;
    if (!span_starts(rest, SPAN_LIT("bucket:")))
        return fail(err, E_CONFIG, "models: `%s` is not bucket:NAME or bucket:NAME/PREFIX", models);
    rest = span_from(rest, sizeof "bucket:" - 1);
    struct span bucket = span_cut(&rest, '/'), prefix = rest;
    bool good = object_bucket_is_sound(bucket) && bucket.len < sizeof settings->models_bucket &&
                prefix.len + 2 <= sizeof settings->models_prefix;
    while (good && rest.ptr) {
        part = span_cut(&rest, '/');
        good = part.len > 0 && !span_is(part, ".") && !span_is(part, "..");
    }
    if (!good)
        return fail(err, E_CONFIG, "models: `%s` names no bucket, or its prefix is not a path such as a/b", models);
    snprintf(settings->models_bucket, sizeof settings->models_bucket, SPAN_FMT, SPAN_ARG(bucket));
    if (prefix.len > 0)
        snprintf(settings->models_prefix, sizeof settings->models_prefix, SPAN_FMT "/", SPAN_ARG(prefix));
    return true;
}

static bool set_limit(struct limits *limits, struct span pair, struct err *err)
{
    struct span value = pair, name = span_cut(&value, '=');
    struct nearest nearest = nearest_to(name);
    bool known = false;
    for (size_t i = 0; i < limit_row_count; i++) {
        nearest_offer(&nearest, limit_rows[i].name);
        known = known || span_is(name, limit_rows[i].name);
    }
    if (!known)
        return fail(err, E_CONFIG, "limit: there is no limit `" SPAN_FMT "`%s%s%s", SPAN_ARG(name),
                    nearest.best ? "; did you mean `" : "; `placard serve --help` lists them",
                    nearest.best ? nearest.best : "", nearest.best ? "`?" : "");
    return limits_set(limits, name, value, err);
}

bool settings_limits(const struct conf_values *values, struct limits *ret_limits, struct err *err)
{
    struct limits limits = values->limits == CONF_LIMITS_NONE ? limits_none() : limits_default();
    for (size_t i = 0; i < values->limit.count; i++)
        if (!set_limit(&limits, span_str(values->limit.items[i]), err))
            return false;
    *ret_limits = limits;
    return true;
}

static bool check_rates(const struct conf_values *values, struct err *err)
{
    struct rates *rates = rates_new(operation_names, OPERATIONS);
    bool done = rates_configure(rates, &values->rate, err);
    rates_free(rates);
    return done;
}

static bool read_roles(const struct conf_values *values, unsigned *ret_roles, struct err *err)
{
    static const char *const names[] = { "api", "ingest", "train", "detect" }; /* in the order of their bits */
    unsigned roles = 0;
    for (size_t i = 0; i < values->roles.count; i++) {
        unsigned at = 0;
        while (at < COUNT_OF(names) && strcmp(values->roles.items[i], names[at]) != 0)
            at++;
        if (at == COUNT_OF(names))
            return fail(err, E_CONFIG, "roles: `%s` is none of api, ingest, train, detect", values->roles.items[i]);
        roles |= 1u << at;
    }
    *ret_roles = roles;
    return roles != 0 || fail(err, E_CONFIG, "roles: a server needs at least one");
}

bool settings_of(const struct conf_values *values, struct settings *ret_settings, struct err *err)
{
    struct settings settings;
    if (!parse_listen(values->listen, &settings, err))
        return false;
    settings.loopback = is_loopback(settings.host);
    if (!check_names(values, err) || !check_transport(values, &settings, err) || !check_rates(values, err) ||
        !parse_models(values->models, &settings, err) || !settings_limits(values, &settings.limits, err) ||
        !read_roles(values, &settings.roles, err))
        return false;
    *ret_settings = settings;
    return true;
}
