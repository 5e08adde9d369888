/* list: room for one more in an array that keeps its memory between lines. */
#ifndef PLACARD_MANIFEST_LIST_H
#define PLACARD_MANIFEST_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

static inline void *list_room(void *list, uint32_t *room, uint32_t count, size_t item_bytes)
{
    if (count < *room)
        return list;
    CHECK(*room < UINT32_MAX / 2);
    *room = *room ? *room * 2 : 16;
    return mem_grow(list, *room * item_bytes);
}

#endif
