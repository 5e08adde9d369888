/*
 * Fuzz target for what the configuration's values mean (cli/settings, auth/rate, work/limits). The input is lines, one
 * for each of listen, account, region, cors-origin, rate and limit. What is accepted can be served: a host and a port,
 * an account, a region that can stand in an ARN; and a loopback host is one.
 */
#include <arpa/inet.h>
#include <stdlib.h>

#include "api/operation.h"
#include "auth/rate.h"
#include "base/conf_value.h"
#include "cli/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = { "listen", "account", "region", "cors-origin", "rate", "limit" };

static bool set_values(struct conf *conf, struct span rest)
{
    struct err err = { .code = E_OK };
    bool good = true;
    for (unsigned i = 0; i < COUNT_OF(names) && rest.ptr; i++) {
        struct span text = span_cut(&rest, '\n');
        for (unsigned row = 0; row < CONF_ROWS; row++)
            if (text.len > 0 && span_is(span_str(names[i]), conf_rows[row].name))
                good = good && conf_value_set(&conf->values, &conf_rows[row], text, false, &err);
    }
    CHECK(good || err.code == E_CONFIG);
    return good;
}

static void check_host(const struct settings *settings)
{
    struct in_addr v4;
    struct in6_addr v6;
    struct span host = span_str(settings->host);
    CHECK(host.len > 0);
    if (settings->loopback)
        CHECK(span_is(host, "localhost") || (inet_pton(AF_INET, settings->host, &v4) == 1 && host.ptr[0] == '1') ||
              (inet_pton(AF_INET6, settings->host, &v6) == 1 && span_ends(host, SPAN_LIT("1"))));
    else
        CHECK(!span_is(host, "127.0.0.1") && !span_is(host, "::1"));
}

static void check_limits(const struct limits *limits)
{
    for (size_t i = 0; i < limit_row_count; i++)
        CHECK(*(const int64_t *)(const void *)((const char *)limits + limit_rows[i].offset) >= 0);
}

/* A rate that was accepted lets at least one call through, and not more than it says. */
static void check_rates(const struct conf_values *values)
{
    struct rates *rates = rates_new(operation_names, OPERATIONS);
    struct err err;
    CHECK(rates_configure(rates, &values->rate, &err));
    for (unsigned i = 0; i < OPERATIONS; i++) {
        CHECK(rates_take(rates, SPAN_LIT("123456789012"), i, 1000, &err));
        CHECK(rates_take(rates, SPAN_LIT("123456789012"), i, INT64_C(2000000000), &err));
    }
    rates_free(rates);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct conf conf;
    struct settings settings;
    struct err err = { .code = E_OK };
    conf_init(&conf);
    if (set_values(&conf, span_of(size ? (const char *)data : "", size))) {
        if (settings_of(&conf.values, &settings, &err)) {
            check_host(&settings);
            check_limits(&settings.limits);
            check_rates(&conf.values);
            CHECK(strlen(conf.values.account) == 12 && !strpbrk(conf.values.region, ":/ "));
        } else {
            CHECK(err.code == E_CONFIG && err.text[0] != '\0');
        }
    }
    conf_free(&conf);
    return 0;
}
