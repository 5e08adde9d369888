/*
 * ingest: a manifest becomes a dataset (spec B.3, D).
 *
 * The crew reads, parses and packs the lines in batches, this thread stages the results in short transactions with
 * the manifest's offset as the job's cursor; a resumed job goes on from there. An entry's seq is its line's number.
 * Behind the last line duplicates are found by sorting the refs, verified by the lines themselves and taken out, the
 * share of dropped lines is judged, refs are written in key order, and one last transaction makes it all visible.
 */
#include "work/ingest.h"

#include "store/messages.h"
#include "work/crew.h"
#include "work/kinds.h"

enum { WAIT_US = 2000 };

static bool change(struct ingest *ingest, const char *message)
{
    ingest->refused = message;
    return false;
}

/* The dataset's id for every label of a packed block, in the order of first sight. */
static void relabel(struct stage *stage, struct batch_block *packed)
{
    for (unsigned i = 0; i < packed->block.label_count; i++)
        packed->block.labels[i].id = book_id(&stage->book, packed->names[i]);
}

static bool write_blocks(struct ingest *ingest, struct batch *batch, struct err *err)
{
    struct stage *stage = &ingest->stage;
    for (size_t i = 0; i < batch->block_count; i++) {
        struct batch_block *packed = &batch->blocks[i];
        relabel(stage, packed);
        book_count_block(&stage->book, &packed->block, 1);
        refs_add_block(&ingest->refs, &packed->block);
        if (!stage_write_block(stage, &packed->block, &packed->index, buf_span(&packed->data), err))
            return false;
    }
    for (size_t i = 0; i < batch->reject_count; i++) {
        const struct batch_reject *reject = &batch->rejects[i];
        if (!stage_rejected_put(stage->db, stage->dataset_id, reject->line, reject->code, reject->value, err))
            return false;
    }
    return true;
}

/* One bucket for all images (spec D.1); false when this batch brings a second one. */
static bool same_bucket(struct ingest *ingest, const struct batch *batch)
{
    struct progress *progress = &ingest->stage.progress;
    if (batch->bucket.len == 0)
        return true;
    if (progress->bucket.len == 0)
        progress->bucket = arena_copy(ingest->run->arena, batch->bucket);
    return !batch->several_buckets && span_eq(progress->bucket, batch->bucket);
}

/* Stages one parsed batch. False with `refused` set when the client's manifest forbids going on. */
static bool take(struct ingest *ingest, struct batch *batch, struct err *err)
{
    struct stage *stage = &ingest->stage;
    struct progress *progress = &stage->progress;
    const struct limits *limits = &ingest->run->limits;
    if (!same_bucket(ingest, batch))
        return change(ingest, MESSAGE_MANIFEST_SEVERAL_BUCKETS);
    progress->line += batch->lines;
    progress->nonblank += batch->nonblank;
    progress->dropped += (int64_t)batch->reject_count;
    progress->unparsed += batch->unparsed;
    progress->total += batch->total;
    progress->labeled += batch->labeled;
    progress->errors += batch->errors;
    progress->next_seq = progress->line + 1;
    ingest->run->job->cursor = (int64_t)batch->end_offset;
    ingest->complete = batch->last;
    atomic_fetch_add_explicit(ingest->run->lines_read, (uint64_t)batch->lines, memory_order_relaxed);
    if (limits->manifest_lines && progress->line > limits->manifest_lines)
        return change(ingest, MESSAGE_MANIFEST_TOO_MANY_ROWS);
    return stage_turn(stage, err) && write_blocks(ingest, batch, err) && stage_pause(stage, false, err);
}

static bool stage_lines(struct ingest *ingest, struct crew *crew, struct err *err)
{
    while (!ingest->complete) {
        struct batch *parsed;
        if (!crew_parsed(crew, WAIT_US, &parsed, err))
            return false;
        if (!parsed) { /* the writer is not held for lines that are yet to come */
            if (!stage_pause(&ingest->stage, false, err))
                return false;
            continue;
        }
        bool taken = take(ingest, parsed, err);
        crew_recycle(crew, parsed);
        if (!taken)
            return false;
    }
    return stage_pause(&ingest->stage, true, err);
}

/* Reads what the cursor says is still to come. An object store's refusal becomes the dataset's failure. */
static bool read_manifest(struct ingest *ingest, const struct dataset_manifest *manifest, struct err *err)
{
    struct run *run = ingest->run;
    struct feed feed;
    struct manifest_limits line_limits = limits_of_line(&run->limits);
    struct object_name name = { manifest->bucket, manifest->key, manifest->version };
    bool done = feed_open(&feed, run->objects, name, manifest->etag, (uint64_t)run->job->cursor,
                          ingest->stage.progress.line + 1, line_limits.line_chars, err);
    feed.bytes = manifest->bytes;
    if (done) {
        struct crew *crew = crew_new(run->store, &line_limits, &feed, run->parsers);
        done = stage_lines(ingest, crew, err);
        crew_free(crew);
    }
    feed_close(&feed);
    if (!done && !ingest->refused && err->code == E_OBJECT)
        ingest->refused = MESSAGE_MANIFEST_INVALID;
    if (!done && !ingest->refused && err->code == E_OBJECT_DENIED)
        ingest->refused = MESSAGE_MANIFEST_FORBIDDEN;
    if (!done && !ingest->refused && err->code == E_OBJECT_CHANGED)
        ingest->refused = MESSAGE_MANIFEST_CHANGED;
    return done;
}

static const char *judge(const struct ingest *ingest, int64_t repeated)
{
    const struct progress *progress = &ingest->stage.progress;
    const struct limits *limits = &ingest->run->limits;
    if (progress->nonblank == 0)
        return MESSAGE_MANIFEST_EMPTY;
    if (progress->unparsed == progress->nonblank)
        return MESSAGE_MANIFEST_INVALID;
    if (limits->dropped_percent && (progress->dropped + repeated) * 100 > progress->nonblank * limits->dropped_percent)
        return MESSAGE_MANIFEST_TOO_MANY_ERRORS;
    return NULL;
}

/* Behind the last line: duplicates out, verdict, refs, flip. */
static bool finish(struct ingest *ingest, struct err *err)
{
    struct stage *stage = &ingest->stage;
    struct seqs repeated = { 0 };
    refs_sort(&ingest->refs);
    bool done = duplicates_find(ingest, &repeated, err);
    if (done) {
        ingest->refused = judge(ingest, (int64_t)repeated.count);
        done = !ingest->refused && duplicates_remove(ingest, &repeated, err);
    }
    seqs_free(&repeated);
    if (!done)
        return false;
    ingest->refused = stage_over_limits(stage);
    return !ingest->refused && refs_write(&ingest->refs, stage, err) &&
           stage_finish(stage, NULL, DATASET_CREATE_COMPLETE, MESSAGE_CREATED_FROM_MANIFEST, err);
}

static bool begin(struct ingest *ingest, struct err *err)
{
    struct run *run = ingest->run;
    if (run->job->cursor > 0)
        return refs_gather(&ingest->refs, run, run->job->dataset_id, ingest->stage.generation, err);
    return stage_clear_rejected(&ingest->stage, err);
}

bool run_create_manifest(struct run *run, struct err *err)
{
    struct ingest ingest = { .run = run };
    struct dataset_manifest manifest;
    if (!manifest_source_decode(run->job->source, &manifest, err) ||
        !stage_open(&ingest.stage, run, run->job->dataset_id, run->job->cursor > 0, err))
        return false;
    bool done = false;
    if (run->limits.manifest_bytes && manifest.bytes > (uint64_t)run->limits.manifest_bytes)
        ingest.refused = MESSAGE_MANIFEST_TOO_LARGE;
    else
        done = begin(&ingest, err) && read_manifest(&ingest, &manifest, err) && finish(&ingest, err);
    if (!done && ingest.refused)
        done = stage_give_up(&ingest.stage, ingest.refused, err);
    refs_free(&ingest.refs);
    stage_close(&ingest.stage);
    return done;
}
