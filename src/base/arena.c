/* arena: see arena.h for the contract. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK_BYTES = 16 * 1024, ALIGN = 16 };

struct arena_chunk {
    struct arena_chunk *older;
    size_t room;
    size_t used;
    size_t used_older; /* bytes handed out from all older chunks */
    _Alignas(ALIGN) char bytes[];
};

static struct arena_chunk *chunk_new(struct arena_chunk *older, size_t room)
{
    struct arena_chunk *chunk = mem_alloc(sizeof *chunk + room);
    chunk->older = older;
    chunk->room = room;
    chunk->used = 0;
    chunk->used_older = older ? older->used_older + older->used : 0;
    return chunk;
}

void arena_init(struct arena *arena)
{
    arena->chunk = NULL;
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *chunk = arena->chunk;
    while (chunk && chunk->older) {
        struct arena_chunk *older = chunk->older;
        free(chunk);
        chunk = older;
    }
    if (chunk && chunk->room > CHUNK_BYTES) {
        free(chunk);
        chunk = NULL;
    }
    if (chunk)
        chunk->used = 0;
    arena->chunk = chunk;
}

void arena_free(struct arena *arena)
{
    arena_reset(arena);
    free(arena->chunk);
    arena->chunk = NULL;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    CHECK(bytes < SIZE_MAX / 2);
    size_t need = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    struct arena_chunk *chunk = arena->chunk;
    if (!chunk || chunk->room - chunk->used < need) {
        chunk = chunk_new(chunk, need > CHUNK_BYTES ? need : CHUNK_BYTES);
        arena->chunk = chunk;
    }
    void *ptr = chunk->bytes + chunk->used;
    chunk->used += need;
    memset(ptr, 0, need);
    return ptr;
}

struct span arena_copy(struct arena *arena, struct span bytes)
{
    char *copy = arena_alloc(arena, bytes.len + 1);
    if (bytes.len)
        memcpy(copy, bytes.ptr, bytes.len);
    return span_of(copy, bytes.len);
}

struct span arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int need = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(need >= 0);
    char *text = arena_alloc(arena, (size_t)need + 1);
    vsnprintf(text, (size_t)need + 1, format, again);
    va_end(again);
    return span_of(text, (size_t)need);
}

size_t arena_used(const struct arena *arena)
{
    return arena->chunk ? arena->chunk->used_older + arena->chunk->used : 0;
}
