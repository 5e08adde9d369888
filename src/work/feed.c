/* feed: see feed.h for the contract. */
#include "work/feed.h"

enum { CHUNK = 256 * 1024, LINE_MAX_LIFTED = 64 << 20, OVERLONG_KEPT = 256 };

bool feed_open(struct feed *feed, struct object_store *objects, struct object_name name, struct span etag,
               uint64_t offset, int64_t line, uint32_t line_chars, struct err *err)
{
    *feed = (struct feed){ .offset = offset, .line = line };
    /* What the server itself added to a line does not count against its limit (docs/manifests.md): eight times as many
       characters are handed on to be judged, of at most 4 bytes each. */
    feed->line_max = line_chars && line_chars < LINE_MAX_LIFTED / 32 ? (size_t)line_chars * 32 + 16 : LINE_MAX_LIFTED;
    buf_init(&feed->held, feed->line_max + BATCH_BYTES + 2 * CHUNK);
    return object_open(objects, name, offset, etag, &feed->reader, err);
}

void feed_close(struct feed *feed)
{
    if (feed->reader)
        object_close(feed->reader);
    buf_free(&feed->held);
}

static bool read_more(struct feed *feed, struct err *err)
{
    size_t got;
    CHECK(buf_reserve(&feed->held, CHUNK));
    if (!object_read(feed->reader, feed->held.ptr + feed->held.len, CHUNK, &got, err))
        return false;
    feed->held.len += got;
    feed->ended = got == 0;
    return true;
}

/* Bytes of `held` that make up whole lines for one batch, and how many lines. */
static size_t whole_lines(const struct feed *feed, int64_t *ret_lines)
{
    size_t bytes = 0;
    int64_t lines = 0;
    while (lines < BATCH_LINES && bytes < BATCH_BYTES && bytes < feed->held.len) {
        const char *end = memchr(feed->held.ptr + bytes, '\n', feed->held.len - bytes);
        if (!end && !feed->ended)
            break;
        bytes = end ? (size_t)(end - feed->held.ptr) + 1 : feed->held.len;
        lines++;
    }
    *ret_lines = lines;
    return bytes;
}

static void drop(struct feed *feed, size_t bytes)
{
    memmove(feed->held.ptr, feed->held.ptr + bytes, feed->held.len - bytes);
    feed->held.len -= bytes;
    feed->offset += bytes;
}

/* Passes over the rest of a line that does not fit, up to and including its line end. */
static bool skip_overlong(struct feed *feed, struct batch *batch, struct err *err)
{
    batch->overlong = true;
    batch->lines = 1;
    buf_add(&batch->input, span_first(buf_span(&feed->held), OVERLONG_KEPT));
    for (;;) {
        const char *end = feed->held.len ? memchr(feed->held.ptr, '\n', feed->held.len) : NULL;
        if (end) {
            drop(feed, (size_t)(end - feed->held.ptr) + 1);
            return true;
        }
        drop(feed, feed->held.len);
        if (feed->ended)
            return true;
        if (!read_more(feed, err))
            return false;
    }
}

static bool fill(struct feed *feed, struct batch *batch, struct err *err)
{
    int64_t lines;
    size_t bytes;
    for (;;) {
        bytes = whole_lines(feed, &lines);
        if (feed->ended || lines == BATCH_LINES || bytes >= BATCH_BYTES)
            break;
        if (feed->held.len - bytes > feed->line_max) /* what follows the whole lines is too long to hold */
            break;
        if (!read_more(feed, err))
            return false;
    }
    if (lines == 0 && !feed->ended)
        return skip_overlong(feed, batch, err);
    buf_add(&batch->input, span_first(buf_span(&feed->held), bytes));
    batch->lines = lines;
    drop(feed, bytes);
    return true;
}

bool feed_batch(struct feed *feed, struct batch *batch, struct err *err)
{
    CHECK(!feed->finished);
    batch->first_line = feed->line;
    if (!fill(feed, batch, err))
        return false;
    CHECK(!batch->input.overflow);
    feed->line += batch->lines;
    batch->end_offset = feed->offset;
    batch->last = feed->finished = feed->ended && feed->held.len == 0;
    return true;
}
