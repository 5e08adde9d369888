/*
 * Fuzz target for work/feed. The input is a manifest whose first byte sets the limit of a line. The batches together
 * are its lines, cut at each line end and nowhere else, a line too long to hold as its beginning; and from wherever a
 * batch ended, a feed that is opened anew goes on with the very same.
 */
#include <stdlib.h>

#include "place.h"
#include "work/feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEPT_MAX = 256 };

static const char key[] = "m";

static struct object_store *open_objects(void)
{
    struct object_store *store;
    struct buf place;
    struct err err;
    place_empty(place_path("root"));
    place_empty(place_path("root/bucket"));
    buf_init(&place, 4096);
    buf_addf(&place, "dir:%s", place_path("root"));
    CHECK(object_store_open(buf_span(&place), &store, &err));
    buf_free(&place);
    return store;
}

/* The batches against the text itself, from `offset` on; returns how many there were and where the first ended. */
static unsigned follow(struct object_store *objects, struct span text, uint64_t offset, int64_t line, uint32_t chars,
                       uint64_t *ret_offset, int64_t *ret_line)
{
    struct feed feed;
    struct batch batch;
    struct buf input;
    struct err err;
    unsigned batches = 0;
    struct object_name name = { SPAN_LIT("bucket"), span_str(key), SPAN_NONE };
    CHECK(feed_open(&feed, objects, name, SPAN_NONE, offset, line, chars, &err));
    batch_init(&batch);
    buf_init(&input, 1 << 26);
    struct span rest = span_from(text, offset);
    do {
        batch_clear(&batch);
        CHECK(feed_batch(&feed, &batch, &input, &err));
        CHECK(batch.first_line == line);
        struct span got = buf_span(&input);
        for (int64_t i = 0; i < batch.lines; i++) {
            bool overlong = batch.overlong && i == batch.lines - 1;
            CHECK(rest.len > 0);
            struct span want = span_cut(&rest, '\n'), have = overlong ? got : span_cut(&got, '\n');
            CHECK(overlong ? want.len > feed.line_max && span_eq(have, span_first(want, KEPT_MAX))
                           : span_eq(want, have));
            line++;
        }
        uint64_t at = rest.ptr ? (uint64_t)(rest.ptr - text.ptr) : text.len;
        CHECK(batch.end_offset == at && batch.lines <= BATCH_LINES);
        if (batches++ == 0) {
            *ret_offset = batch.end_offset;
            *ret_line = line;
        }
    } while (!batch.last);
    CHECK(rest.len == 0);
    feed_close(&feed);
    batch_free(&batch);
    buf_free(&input);
    return batches;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct object_store *objects;
    if (!objects)
        objects = open_objects();
    if (size == 0)
        return 0;
    /* 32 bytes a character and 16 are held: short limits are met by short lines */
    uint32_t chars = data[0] % 4;
    struct span text = span_of(data + 1, size - 1);
    place_write(place_path("root/bucket/m"), text);
    uint64_t offset = 0;
    int64_t line = 1;
    unsigned batches = follow(objects, text, offset, line, chars, &offset, &line);
    while (--batches > 0)
        CHECK(follow(objects, text, offset, line, chars, &offset, &line) == batches);
    return 0;
}
