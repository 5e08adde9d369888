/*
 * pulse: hears, within a second, of what other servers that share the store have changed and this one keeps in memory.
 * It asks the database; nothing is lost if an answer is late or a connection breaks, for it compares counters.
 *
 * The first beat calls both functions. One that returns false is called again at the next. On one thread of its own.
 */
#ifndef PLACARD_CLI_PULSE_H
#define PLACARD_CLI_PULSE_H

#include "store/store.h"

#define PULSE_MS 1000

struct pulse;

struct pulse_options {
    struct store *store;
    bool (*keys_changed)(void *ctx, struct err *err);
    bool (*versions_changed)(void *ctx, struct err *err);
    void *ctx;
};

struct pulse *pulse_start(const struct pulse_options *options);
void pulse_stop(struct pulse *pulse); /* NULL is fine */

#endif
