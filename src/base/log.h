/*
 * log: one line a thing that happened, as logfmt or JSON, to standard error.
 *
 * Lines are gathered in memory and written by a background thread at least every 50 ms, so that a line costs no system
 * call on a listener's thread; warnings and errors are written before log_line returns. A value is quoted where it must
 * be and never holds a secret: the caller does not pass one. Safe from any thread after log_start; before it, lines are
 * written directly.
 */
#ifndef PLACARD_BASE_LOG_H
#define PLACARD_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/span.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
    struct span key;
    enum { LOG_TEXT, LOG_NUMBER } kind;
    struct span text;
    int64_t number;
};

#define LOG_T(k, v) ((struct log_field){ .key = SPAN_LIT(k), .kind = LOG_TEXT, .text = (v) })
#define LOG_S(k, v) ((struct log_field){ .key = SPAN_LIT(k), .kind = LOG_TEXT, .text = span_str(v) })
#define LOG_N(k, v) ((struct log_field){ .key = SPAN_LIT(k), .kind = LOG_NUMBER, .number = (int64_t)(v) })

void log_start(enum log_level lowest, bool json);
void log_stop(void); /* writes what is left and ends the thread */

bool log_wants(enum log_level level);

/* `log_line(LOG_INFO, "job finished", LOG_N("job", id), LOG_T("kind", kind));` */
void log_fields(enum log_level level, const char *message, const struct log_field *fields, unsigned count);

#define log_line(level, message, ...)                                                                                  \
    log_fields((level), (message), (const struct log_field[]){ __VA_ARGS__ },                                          \
               sizeof((const struct log_field[]){ __VA_ARGS__ }) / sizeof(struct log_field))

#endif
