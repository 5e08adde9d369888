/*
 * settings: what the configuration means beyond the form of each value: addresses, pairs that belong together, names
 * that must be known. `check-config` and `serve` say the same about the same configuration.
 */
#ifndef PLACARD_CLI_SETTINGS_H
#define PLACARD_CLI_SETTINGS_H

#include "base/conf.h"
#include "work/limits.h"

/* What `roles` may name, a bit each. */
enum role { ROLE_API = 1, ROLE_INGEST = 2, ROLE_TRAIN = 4, ROLE_DETECT = 8 };

struct settings {
    char host[256]; /* without brackets */
    uint16_t port;
    bool loopback;           /* host is localhost, 127.0.0.0/8 or ::1 */
    char models_bucket[256]; /* empty: models are kept in DATA/models */
    char models_prefix[256]; /* of their keys, with its slash; or empty */
    struct limits limits;
    unsigned roles;
};

/* E_CONFIG names the setting that is wrong. */
bool settings_of(const struct conf_values *values, struct settings *ret_settings, struct err *err) MUST_CHECK;

/* The limits alone, for a reload. */
bool settings_limits(const struct conf_values *values, struct limits *ret_limits, struct err *err) MUST_CHECK;

#endif
