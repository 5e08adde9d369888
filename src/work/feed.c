/* feed: see feed.h for the contract. */
#include "work/feed.h"

enum { CHUNK = 128 * 1024, LINE_MAX_LIFTED = 64 << 20, OVERLONG_KEPT = 256 };

bool feed_open(struct feed *feed, struct object_store *objects, struct object_name name, struct span etag,
               uint64_t offset, int64_t line, uint32_t line_chars, struct err *err)
{
    *feed = (struct feed){ .offset = offset, .line = line, .read = offset };
    /* What the server itself added to a line does not count against its limit (docs/manifests.md): eight times as many
       characters are handed on to be judged, of at most 4 bytes each. */
    feed->line_max = line_chars && line_chars < LINE_MAX_LIFTED / 32 ? (size_t)line_chars * 32 + 16 : LINE_MAX_LIFTED;
    buf_init(&feed->held, BATCH_INPUT_MAX);
    return object_open(objects, name, offset, etag, &feed->reader, err);
}

void feed_close(struct feed *feed)
{
    if (feed->reader)
        object_close(feed->reader);
    buf_free(&feed->held);
}

/* Reads up to a batch's size, and a chunk where that is there already. */
static bool read_more(struct feed *feed, struct buf *input, struct err *err)
{
    size_t room = input->len + CHUNK < BATCH_BYTES ? BATCH_BYTES - input->len : CHUNK, got;
    CHECK(buf_reserve(input, room));
    if (!object_read(feed->reader, input->ptr + input->len, room, &got, err))
        return false;
    input->len += got;
    feed->read += got;
    feed->ended = got == 0;
    if (feed->bytes > 0 && (feed->ended ? feed->read != feed->bytes : feed->read > feed->bytes))
        return fail(err, E_INTERNAL, "the object store gave %llu bytes of an object of %llu",
                    (unsigned long long)feed->read, (unsigned long long)feed->bytes);
    return true;
}

/* The whole lines at the head of the input that the batch takes; counted on from where the last look ended. */
struct cut {
    size_t bytes;
    size_t seen; /* no line ends between `bytes` and here */
    int64_t lines;
};

static void cut_on(const struct feed *feed, const struct buf *input, struct cut *cut)
{
    while (cut->lines < BATCH_LINES && cut->bytes < input->len) {
        const char *end = memchr(input->ptr + cut->seen, '\n', input->len - cut->seen);
        if (!end && !feed->ended) {
            cut->seen = input->len;
            break;
        }
        cut->bytes = cut->seen = end ? (size_t)(end - input->ptr) + 1 : input->len;
        cut->lines++;
    }
}

static void hold(struct feed *feed, struct span rest)
{
    buf_clear(&feed->held);
    buf_add(&feed->held, rest);
    CHECK(!feed->held.overflow);
}

/* Passes over the rest of a line that does not fit, up to and including its line end; its beginning is the input. */
static bool skip_overlong(struct feed *feed, struct batch *batch, struct buf *input, struct err *err)
{
    size_t kept = input->len < OVERLONG_KEPT ? input->len : OVERLONG_KEPT;
    batch->overlong = true;
    batch->lines = 1;
    feed->offset += kept;
    for (;;) {
        const char *end = memchr(input->ptr + kept, '\n', input->len - kept);
        size_t passed = end ? (size_t)(end - input->ptr) + 1 : input->len;
        feed->offset += passed - kept;
        if (end || feed->ended) {
            hold(feed, span_from(buf_span(input), passed));
            input->len = kept;
            return true;
        }
        input->len = kept;
        if (!read_more(feed, input, err))
            return false;
    }
}

static bool fill(struct feed *feed, struct batch *batch, struct buf *input, struct err *err)
{
    struct cut cut = { 0, 0, 0 };
    buf_clear(input);
    buf_add(input, buf_span(&feed->held));
    buf_clear(&feed->held);
    for (;;) {
        cut_on(feed, input, &cut);
        if (feed->ended || cut.lines == BATCH_LINES || (cut.lines > 0 && input->len >= BATCH_BYTES))
            break;
        if (input->len - cut.bytes > feed->line_max) /* what follows the whole lines is too long to hold */
            break;
        if (!read_more(feed, input, err))
            return false;
    }
    if (cut.lines == 0 && !feed->ended)
        return skip_overlong(feed, batch, input, err);
    hold(feed, span_from(buf_span(input), cut.bytes));
    input->len = cut.bytes;
    feed->offset += cut.bytes;
    batch->lines = cut.lines;
    return true;
}

bool feed_batch(struct feed *feed, struct batch *batch, struct buf *input, struct err *err)
{
    CHECK(!feed->finished);
    batch->first_line = feed->line;
    if (!fill(feed, batch, input, err))
        return false;
    CHECK(!input->overflow);
    feed->line += batch->lines;
    batch->end_offset = feed->offset;
    batch->last = feed->finished = feed->ended && feed->held.len == 0;
    return true;
}
