/* log: see log.h for the contract. */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

enum { PENDING_MAX = 4 * 1024 * 1024, FLUSH_MS = 50 };

static struct {
    pthread_mutex_t lock;
    pthread_mutex_t write_lock; /* held while bytes go out, so that lines keep their order */
    pthread_cond_t wake;
    pthread_t thread;
    struct buf pending;
    struct buf writing;
    bool running;
    bool stopping;
    bool json;
    enum log_level lowest;
    uint64_t dropped;
} state = { .lock = PTHREAD_MUTEX_INITIALIZER,
            .write_lock = PTHREAD_MUTEX_INITIALIZER,
            .wake = PTHREAD_COND_INITIALIZER,
            .pending = { .max = PENDING_MAX },
            .writing = { .max = PENDING_MAX },
            .lowest = LOG_INFO };

static void write_all(struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t wrote = write(STDERR_FILENO, bytes.ptr, bytes.len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return; /* nowhere left to say it */
        bytes = span_from(bytes, (size_t)wrote);
    }
}

static void flush(void)
{
    pthread_mutex_lock(&state.write_lock);
    pthread_mutex_lock(&state.lock);
    struct buf swap = state.pending;
    state.pending = state.writing;
    state.writing = swap;
    pthread_mutex_unlock(&state.lock);
    write_all(buf_span(&state.writing));
    buf_clear(&state.writing);
    pthread_mutex_unlock(&state.write_lock);
}

static void *flusher(void *unused)
{
    (void)unused;
    bool stopping = false;
    while (!stopping) {
        pthread_mutex_lock(&state.lock);
        while (!state.stopping && state.pending.len == 0)
            pthread_cond_wait(&state.wake, &state.lock);
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += FLUSH_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        if (!state.stopping)
            pthread_cond_timedwait(&state.wake, &state.lock, &until);
        stopping = state.stopping;
        pthread_mutex_unlock(&state.lock);
        flush();
    }
    return NULL;
}

void log_start(enum log_level lowest, bool json)
{
    state.lowest = lowest;
    state.json = json;
    state.stopping = false;
    CHECK(pthread_create(&state.thread, NULL, flusher, NULL) == 0);
    state.running = true;
}

void log_stop(void)
{
    if (state.running) {
        pthread_mutex_lock(&state.lock);
        state.stopping = true;
        pthread_cond_signal(&state.wake);
        pthread_mutex_unlock(&state.lock);
        pthread_join(state.thread, NULL);
        state.running = false;
    }
    flush();
    buf_free(&state.pending);
    buf_free(&state.writing);
}

bool log_wants(enum log_level level)
{
    return level >= state.lowest;
}

static bool plain(struct span text)
{
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f)
            return false;
    }
    return true;
}

static void add_quoted(struct buf *out, struct span text)
{
    static const char digits[] = "0123456789abcdef";
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\') {
            buf_add_char(out, '\\');
            buf_add_char(out, (char)c);
        } else if (c == '\n') {
            buf_add_str(out, "\\n");
        } else if (c < ' ' || c >= 0x7f) {
            buf_add_str(out, "\\u00");
            buf_add_char(out, digits[c >> 4]);
            buf_add_char(out, digits[c & 15]);
        } else {
            buf_add_char(out, (char)c);
        }
    }
    buf_add_char(out, '"');
}

static void add_field(struct buf *out, const struct log_field *field, bool first)
{
    if (state.json) {
        if (!first)
            buf_add_char(out, ',');
        add_quoted(out, span_str(field->key));
        buf_add_char(out, ':');
    } else {
        if (!first)
            buf_add_char(out, ' ');
        buf_add_str(out, field->key);
        buf_add_char(out, '=');
    }
    if (field->kind == LOG_NUMBER) {
        if (field->number < 0)
            buf_add_char(out, '-');
        uint64_t size = field->number < 0 ? 0 - (uint64_t)field->number : (uint64_t)field->number;
        buf_add_u64(out, size);
    } else if (!state.json && plain(field->text)) {
        buf_add(out, field->text);
    } else {
        add_quoted(out, field->text);
    }
}

void log_fields(enum log_level level, const char *message, const struct log_field *fields, unsigned count)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };
    if (level < state.lowest)
        return;
    char when[25];
    clock_extended_iso(clock_wall_ms(), when);
    const struct log_field head[] = { LOG_S("time", when), LOG_S("level", names[level]), LOG_S("msg", message) };
    pthread_mutex_lock(&state.lock);
    struct buf *out = &state.pending;
    bool was_empty = out->len == 0;
    size_t before = out->len;
    if (state.json)
        buf_add_char(out, '{');
    for (unsigned i = 0; i < COUNT_OF(head); i++)
        add_field(out, &head[i], i == 0);
    for (unsigned i = 0; i < count; i++)
        add_field(out, &fields[i], false);
    buf_add_str(out, state.json ? "}\n" : "\n");
    if (out->overflow) { /* the reader of our log is slower than we are: drop the line whole, count it */
        out->len = before;
        out->overflow = false;
        state.dropped++;
    }
    bool now = level >= LOG_WARN || !state.running;
    if (!now && was_empty)
        pthread_cond_signal(&state.wake);
    pthread_mutex_unlock(&state.lock);
    if (now)
        flush();
}
