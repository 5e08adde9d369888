/*
 * feed: reads an object and cuts it into batches of whole lines. One thread at a time.
 *
 * A line longer than the feed can hold (the line limit in bytes, or 64 MiB where that limit is lifted) is passed over
 * and its beginning handed on as overlong. A last line without a line end counts; nothing behind a last line end does.
 */
#ifndef PLACARD_WORK_FEED_H
#define PLACARD_WORK_FEED_H

#include "object/object.h"
#include "work/batch.h"

struct feed {
    struct object_reader *reader;
    uint64_t bytes;  /* that the object has, where the caller has set it; a store that gives others fails */
    uint64_t read;   /* of the object, those before the first offset included */
    struct buf held; /* bytes read and not handed on: lines beyond the last batch, a cut line's beginning */
    size_t line_max; /* bytes a held line may have */
    uint64_t offset; /* of the object, where `held` begins */
    int64_t line;    /* the number of the next line */
    bool ended;      /* the object has no more bytes */
    bool finished;   /* the last batch was handed on */
};

bool feed_open(struct feed *feed, struct object_store *objects, struct object_name name, struct span etag,
               uint64_t offset, int64_t line, uint32_t line_chars, struct err *err) MUST_CHECK;
void feed_close(struct feed *feed);

/* Fills `input` with the lines and a cleared batch with what they are; its `last` tells the end. Errors are the object
   store's. */
bool feed_batch(struct feed *feed, struct batch *batch, struct buf *input, struct err *err) MUST_CHECK;

#endif
