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

/* Says how many lines there was no room for. */
static void confess(void)
{
    pthread_mutex_lock(&state.lock);
    uint64_t dropped = state.dropped;
    state.dropped = 0;
    pthread_mutex_unlock(&state.lock);
    if (dropped > 0)
        log_line(LOG_WARN, "lines of this log were dropped, for it was not read fast enough", LOG_N("lines", dropped));
}

static void *flusher(void *unused)
{
    (void)unused;
    bool stopping = false;
    while (!stopping) {
        pthread_mutex_lock(&state.lock);
        while (!state.stopping && state.pending.len == 0)
            pthread_cond_wait(&state.wake, &state.lock);
        struct timespec until = clock_deadline(FLUSH_MS);
        if (!state.stopping)
            pthread_cond_timedwait(&state.wake, &state.lock, &until);
        stopping = state.stopping;
        pthread_mutex_unlock(&state.lock);
        flush();
        confess();
    }
    return NULL;
}

void log_start(enum log_level lowest, bool json)
{
    state.lowest = lowest;
    state.json = json;
    state.stopping = false;
    clock_cond_init(&state.wake);
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
        pthread_cond_destroy(&state.wake);
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

/*
 * A line while it is put together: on the stack, outside of the lock. A text is cut where it has taken TEXT_MAX bytes,
 * so that a line of FIELDS_MAX fields always fits.
 */
enum { FIELDS_MAX = 16, TEXT_MAX = 1200, LINE_MAX_BYTES = (FIELDS_MAX + 4) * (TEXT_MAX + 64) };

struct line {
    size_t len;
    char text[LINE_MAX_BYTES];
};

static void add_char(struct line *line, char c)
{
    CHECK(line->len < LINE_MAX_BYTES);
    line->text[line->len++] = c;
}

static void add(struct line *line, struct span text)
{
    CHECK(text.len <= LINE_MAX_BYTES - line->len);
    if (text.len > 0)
        memcpy(line->text + line->len, text.ptr, text.len);
    line->len += text.len;
}

static void add_number(struct line *line, int64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    if (number < 0)
        add_char(line, '-');
    do {
        digits[--at] = (char)('0' + size % 10);
        size /= 10;
    } while (size > 0);
    add(line, span_of(digits + at, sizeof digits - at));
}

static bool plain(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f)
            return false;
    }
    return text.len > 0 && text.len <= TEXT_MAX;
}

static void add_quoted(struct line *line, struct span text)
{
    static const char digits[] = "0123456789abcdef";
    add_char(line, '"');
    size_t full = line->len + TEXT_MAX;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (line->len >= full) {
            add(line, SPAN_LIT("..."));
            break;
        }
        if (c == '"' || c == '\\') {
            add_char(line, '\\');
            add_char(line, (char)c);
        } else if (c == '\n') {
            add(line, SPAN_LIT("\\n"));
        } else if (c < ' ' || c >= 0x7f) {
            add(line, SPAN_LIT("\\u00"));
            add_char(line, digits[c >> 4]);
            add_char(line, digits[c & 15]);
        } else {
            add_char(line, (char)c);
        }
    }
    add_char(line, '"');
}

static void add_field(struct line *line, const struct log_field *field)
{
    if (line->len > 1)
        add_char(line, state.json ? ',' : ' ');
    if (state.json)
        add_quoted(line, field->key);
    else
        add(line, field->key);
    add_char(line, state.json ? ':' : '=');
    if (field->kind == LOG_NUMBER)
        add_number(line, field->number);
    else if (!state.json && plain(field->text))
        add(line, field->text);
    else
        add_quoted(line, field->text);
}

void log_fields(enum log_level level, const char *message, const struct log_field *fields, unsigned count)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };
    if (level < state.lowest)
        return;
    char when[25];
    struct line line;
    CHECK(count <= FIELDS_MAX);
    clock_extended_iso(clock_wall_ms(), when);
    const struct log_field head[] = { LOG_T("time", span_of(when, sizeof when - 1)), LOG_S("level", names[level]),
                                      LOG_S("msg", message) };
    line.len = 0;
    if (state.json)
        add_char(&line, '{');
    for (unsigned i = 0; i < COUNT_OF(head); i++)
        add_field(&line, &head[i]);
    for (unsigned i = 0; i < count; i++)
        add_field(&line, &fields[i]);
    add(&line, state.json ? SPAN_LIT("}\n") : SPAN_LIT("\n"));
    pthread_mutex_lock(&state.lock);
    bool was_empty = state.pending.len == 0;
    buf_add(&state.pending, span_of(line.text, line.len));
    if (state.pending.overflow) { /* who reads our log is slower than we are */
        state.pending.overflow = false;
        state.dropped++;
    }
    bool now = level >= LOG_WARN || !state.running;
    if (!now && was_empty)
        pthread_cond_signal(&state.wake);
    pthread_mutex_unlock(&state.lock);
    if (now)
        flush();
}
