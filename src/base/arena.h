/*
 * arena: memory that dies together, with a request or a batch.
 *
 * `arena_init`, any number of `arena_alloc`, `arena_reset` to begin anew keeping the first chunk, `arena_free` at the
 * end. Nothing in it is freed alone. One thread at a time.
 */
#ifndef PLACARD_BASE_ARENA_H
#define PLACARD_BASE_ARENA_H

#include "base/check.h"
#include "base/span.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunk; /* the newest, which is the one being filled */
};

void arena_init(struct arena *arena);
void arena_reset(struct arena *arena);
void arena_free(struct arena *arena);

/* Aligned for any type, zeroed. */
void *arena_alloc(struct arena *arena, size_t bytes);

/* A copy with a NUL behind it that is not part of len. */
struct span arena_copy(struct arena *arena, struct span bytes);
struct span arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

/* Bytes handed out since the last reset; budgets in tests look here. */
size_t arena_used(const struct arena *arena);

#endif
