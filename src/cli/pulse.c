/* pulse: see pulse.h for the contract. */
#include "cli/pulse.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

struct pulse {
    struct pulse_options options;
    struct store_changes heard;
    pthread_t thread;
    pthread_mutex_t lock; /* the rest */
    pthread_cond_t wake;
    bool ending;
};

static void beat(struct pulse *pulse)
{
    struct store_changes now;
    struct err err;
    if (!store_changes(pulse->options.store, &now, &err)) {
        log_line(LOG_WARN, "what other servers changed cannot be told", LOG_S("why", err.text));
        return;
    }
    if (now.keys != pulse->heard.keys) {
        if (pulse->options.keys_changed(pulse->options.ctx, &err))
            pulse->heard.keys = now.keys;
        else
            log_line(LOG_ERROR, "the keys are refused; those in force stay", LOG_S("why", err.text));
    }
    if (now.versions != pulse->heard.versions) {
        if (pulse->options.versions_changed(pulse->options.ctx, &err))
            pulse->heard.versions = now.versions;
        else
            log_line(LOG_WARN, "running models are not followed", LOG_S("why", err.text));
    }
}

static void *run(void *arg)
{
    struct pulse *pulse = arg;
    pthread_mutex_lock(&pulse->lock);
    while (!pulse->ending) {
        pthread_mutex_unlock(&pulse->lock);
        beat(pulse);
        struct timespec until = clock_deadline(PULSE_MS);
        pthread_mutex_lock(&pulse->lock);
        while (!pulse->ending && pthread_cond_timedwait(&pulse->wake, &pulse->lock, &until) != ETIMEDOUT)
            ;
    }
    pthread_mutex_unlock(&pulse->lock);
    return NULL;
}

struct pulse *pulse_start(const struct pulse_options *options)
{
    struct pulse *pulse = mem_zero(1, sizeof *pulse);
    pulse->options = *options;
    pulse->heard = (struct store_changes){ -1, -1 };
    pthread_mutex_init(&pulse->lock, NULL);
    clock_cond_init(&pulse->wake);
    CHECK(pthread_create(&pulse->thread, NULL, run, pulse) == 0);
    return pulse;
}

void pulse_stop(struct pulse *pulse)
{
    if (!pulse)
        return;
    pthread_mutex_lock(&pulse->lock);
    pulse->ending = true;
    pthread_cond_signal(&pulse->wake);
    pthread_mutex_unlock(&pulse->lock);
    pthread_join(pulse->thread, NULL);
    pthread_cond_destroy(&pulse->wake);
    pthread_mutex_destroy(&pulse->lock);
    free(pulse);
}
