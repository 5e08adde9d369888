/*
 * decode_inside: what the two halves of decode share. decode.c fills the structs and judges types; decode_check.c
 * judges the filled structs by the model's constraints.
 */
#ifndef PLACARD_API_DECODE_INSIDE_H
#define PLACARD_API_DECODE_INSIDE_H

#include "api/decode.h"

/* What an enum holds whose word is none of the model's, until decode_check has refused it. */
#define ENUM_STRANGE (-2)

/* Such a word and the place of its enum. The text is the parser's: it lives as long as its document. */
struct strange {
    struct strange *next;
    const int *at;
    struct span word;
};

/* Bytes that a value of the shape takes as a member or an item. */
static inline size_t slot_bytes(const struct model_shape *shape)
{
    return shape->kind == MODEL_STRUCT ? sizeof(void *) : shape->size;
}

/* How many of `count` items are kept: what bounds the memory that a body takes. */
static inline size_t kept_items(const struct model_shape *shape, size_t count)
{
    size_t most = shape->max == MODEL_NO_BOUND ? MODEL_ITEMS_KEPT : (size_t)shape->max;
    return count > most ? most : count;
}

/* E_VALIDATION and all the violations in *ret_message, in the arena. */
bool decode_check(const struct model_shape *shape, const void *input, const struct strange *strange,
                  struct arena *arena, struct span *ret_message, struct err *err) MUST_CHECK;

#endif
