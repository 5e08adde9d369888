/* intern: see intern.h for the contract. */
#include "train/intern.h"

#include <stdlib.h>
#include <xxhash.h>

enum { SLOTS_FIRST = 256 };

void intern_init(struct intern *intern)
{
    *intern = (struct intern){ .slots = mem_zero(SLOTS_FIRST, sizeof *intern->slots), .slot_count = SLOTS_FIRST };
    arena_init(&intern->arena);
}

void intern_free(struct intern *intern)
{
    free(intern->texts);
    free(intern->slots);
    arena_free(&intern->arena);
}

/* The slot that holds the text, or the empty one where it belongs. */
static size_t slot_of(const struct intern *intern, struct span text)
{
    size_t mask = intern->slot_count - 1, at = XXH3_64bits(text.ptr, text.len) & mask;
    while (intern->slots[at] && !span_eq(intern->texts[intern->slots[at] - 1], text))
        at = (at + 1) & mask;
    return at;
}

static void grow(struct intern *intern)
{
    free(intern->slots);
    intern->slot_count *= 2;
    intern->slots = mem_zero(intern->slot_count, sizeof *intern->slots);
    for (uint32_t i = 0; i < intern->count; i++)
        intern->slots[slot_of(intern, intern->texts[i])] = i + 1;
}

uint32_t intern_add(struct intern *intern, struct span text, bool *ret_new)
{
    size_t at = slot_of(intern, text);
    bool fresh = intern->slots[at] == 0;
    if (ret_new)
        *ret_new = fresh;
    if (!fresh)
        return intern->slots[at] - 1;
    if (intern->count == intern->room) {
        intern->room = intern->room ? intern->room * 2 : SLOTS_FIRST / 2;
        intern->texts = mem_grow(intern->texts, intern->room * sizeof *intern->texts);
    }
    intern->texts[intern->count++] = arena_copy(&intern->arena, text);
    intern->slots[at] = intern->count;
    if ((size_t)intern->count * 2 > intern->slot_count)
        grow(intern);
    return intern->count - 1;
}
