/* batch: see batch.h for the contract. */
#include "work/batch.h"

#include <sched.h>
#include <stdlib.h>

#include "work/book.h"

/*
 * A kernel that preempts lazily takes a core from a thread only at its system calls or its timer's tick, 4 ms apart:
 * so long would a call wait for a parser, whatever their priorities. A yield is a fraction of a microsecond, a line
 * three.
 */
enum { LINES_MAX = 1 << 30, USES_FIRST = 64, YIELD_LINES = 64 };

void batch_init(struct batch *batch)
{
    *batch = (struct batch){ 0 };
    arena_init(&batch->arena);
    batch->rejects = mem_alloc((BATCH_LINES + 1) * sizeof *batch->rejects);
}

void batch_clear(struct batch *batch)
{
    arena_reset(&batch->arena);
    batch->block_count = batch->reject_count = 0;
    batch->lines = batch->nonblank = batch->unparsed = batch->total = batch->labeled = batch->errors = 0;
    batch->bucket = SPAN_NONE;
    batch->several_buckets = batch->overlong = batch->last = false;
}

void batch_free(struct batch *batch)
{
    for (size_t i = 0; i < batch->block_room; i++) {
        block_free(&batch->blocks[i].block);
        buf_free(&batch->blocks[i].index);
        buf_free(&batch->blocks[i].data);
    }
    free(batch->blocks);
    free(batch->rejects);
    arena_free(&batch->arena);
}

/* A fresh block of the batch, reusing the memory of an earlier round. */
static struct batch_block *block_next(struct batch *batch)
{
    if (batch->block_count == batch->block_room) {
        size_t room = batch->block_room ? batch->block_room * 2 : 8;
        batch->blocks = mem_grow(batch->blocks, room * sizeof *batch->blocks);
        for (size_t i = batch->block_room; i < room; i++) {
            block_init(&batch->blocks[i].block);
            buf_init(&batch->blocks[i].index, LINES_MAX);
            buf_init(&batch->blocks[i].data, LINES_MAX);
        }
        batch->block_room = room;
    }
    struct batch_block *fresh = &batch->blocks[batch->block_count++];
    block_clear(&fresh->block);
    buf_clear(&fresh->index);
    buf_clear(&fresh->data);
    return fresh;
}

struct parser {
    const struct store *store;
    struct manifest_reader *reader;
    struct block_packer *packer;
    struct book names; /* every label this parser has seen; block labels are numbered by their id here */
    struct buf input, lines;
    struct block_use *uses;
    size_t use_room;
};

struct parser *parser_new(const struct store *store, const struct manifest_limits *limits)
{
    struct parser *parser = mem_zero(1, sizeof *parser);
    parser->store = store;
    parser->reader = manifest_reader_new(limits);
    parser->packer = block_packer_new();
    book_init(&parser->names);
    buf_init(&parser->input, BATCH_INPUT_MAX);
    buf_init(&parser->lines, LINES_MAX);
    return parser;
}

void parser_free(struct parser *parser)
{
    manifest_reader_free(parser->reader);
    block_packer_free(parser->packer);
    book_free(&parser->names);
    buf_free(&parser->input);
    buf_free(&parser->lines);
    free(parser->uses);
    free(parser);
}

static size_t uses_of(struct parser *parser, const struct manifest_verdict *verdict)
{
    if (verdict->label_count > parser->use_room) {
        parser->use_room = verdict->label_count * 2 + USES_FIRST;
        parser->uses = mem_grow(parser->uses, parser->use_room * sizeof *parser->uses);
    }
    for (size_t i = 0; i < verdict->label_count; i++) {
        const struct manifest_label *label = &verdict->labels[i];
        parser->uses[i] = (struct block_use){
            .label = book_id(&parser->names, label->name),
            .flags = (uint8_t)((label->used ? BLOCK_USED : 0) | (label->boxed ? BLOCK_BOXED : 0) |
                               (label->declared ? BLOCK_DECLARED : 0)),
        };
    }
    return verdict->label_count;
}

static void close_block(struct parser *parser, struct batch *batch)
{
    if (batch->block_count == 0)
        return;
    struct batch_block *full = &batch->blocks[batch->block_count - 1];
    if (full->data.len > 0)
        return;
    block_pack(parser->packer, buf_span(&parser->lines), &full->data);
    block_encode_entries(&full->block, &full->index);
    buf_clear(&parser->lines);
    full->names = arena_alloc(&batch->arena, (full->block.label_count + 1) * sizeof *full->names);
    for (unsigned i = 0; i < full->block.label_count; i++)
        full->names[i] = parser->names.labels[book_place_of_id(&parser->names, full->block.labels[i].id)].name;
}

static void keep(struct parser *parser, struct batch *batch, int64_t line_number,
                 const struct manifest_verdict *verdict)
{
    bool fits = batch->block_count > 0 && block_fits(&batch->blocks[batch->block_count - 1].block, verdict->line.len);
    if (!fits) {
        close_block(parser, batch);
        block_next(batch);
    }
    unsigned flags = (verdict->labeled ? BLOCK_LABELED : 0u) | (verdict->error ? BLOCK_ERROR : 0u);
    size_t use_count = uses_of(parser, verdict);
    block_add(&batch->blocks[batch->block_count - 1].block, &parser->lines, line_number,
              store_hash(parser->store, verdict->source_ref), flags, verdict->line, parser->uses, use_count);
    batch->total++;
    batch->labeled += verdict->labeled;
    batch->errors += verdict->error;
    if (batch->bucket.len == 0)
        batch->bucket = arena_copy(&batch->arena, verdict->bucket);
    else if (!span_eq(batch->bucket, verdict->bucket))
        batch->several_buckets = true;
}

static void reject(struct batch *batch, int64_t line_number, enum manifest_code code, struct span value)
{
    CHECK(batch->reject_count <= BATCH_LINES);
    batch->rejects[batch->reject_count++] =
        (struct batch_reject){ line_number, code, arena_copy(&batch->arena, span_first(value, 256)) };
}

struct buf *parser_input(struct parser *parser)
{
    return &parser->input;
}

void parser_run(struct parser *parser, struct batch *batch)
{
    struct span rest = buf_span(&parser->input);
    int64_t whole = batch->lines - batch->overlong;
    buf_clear(&parser->lines);
    for (int64_t i = 0; i < whole; i++) {
        struct manifest_verdict verdict;
        if (i % YIELD_LINES == 0)
            sched_yield();
        manifest_read(parser->reader, span_cut(&rest, '\n'), &verdict);
        batch->nonblank += verdict.fate != MANIFEST_BLANK;
        if (verdict.fate == MANIFEST_KEPT) {
            keep(parser, batch, batch->first_line + i, &verdict);
        } else if (verdict.fate == MANIFEST_DROPPED) {
            batch->unparsed += verdict.code == MANIFEST_INVALID_JSON_LINE;
            reject(batch, batch->first_line + i, verdict.code, verdict.offending);
        }
    }
    if (batch->overlong) {
        batch->nonblank++;
        reject(batch, batch->first_line + whole, MANIFEST_LINE_TOO_LONG, rest);
    }
    close_block(parser, batch);
}
