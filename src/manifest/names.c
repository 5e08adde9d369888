/* names: see names.h for the contract. */
#include "manifest/names.h"

#include <stdlib.h>

#include "manifest/list.h"

enum { FEW = 8 };

void names_free(struct names *names)
{
    free(names->list);
    *names = (struct names){ 0 };
}

void names_clear(struct names *names)
{
    names->count = 0;
}

void names_add(struct names *names, struct span text)
{
    names->list = list_room(names->list, &names->room, names->count, sizeof *names->list);
    names->list[names->count] = (struct name){ text, names->count };
    names->count++;
}

static int compare(const void *left, const void *right)
{
    const struct name *a = left, *b = right;
    int order = span_compare(a->text, b->text);
    if (order != 0)
        return order;
    return a->number < b->number ? -1 : a->number > b->number;
}

void names_seal(struct names *names)
{
    if (names->count > FEW)
        qsort(names->list, names->count, sizeof *names->list, compare);
}

static uint32_t find_among_few(const struct names *names, struct span text, enum names_which which)
{
    uint32_t found = NAMES_NONE;
    for (uint32_t i = 0; i < names->count; i++) {
        if (!span_eq(names->list[i].text, text))
            continue;
        found = i;
        if (which == NAMES_FIRST)
            break;
    }
    return found;
}

/* The sorted place of the first name not below (text, number). */
static uint32_t lower_bound(const struct names *names, struct span text, uint32_t number)
{
    struct name wanted = { text, number };
    uint32_t low = 0, high = names->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare(&names->list[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t names_find(const struct names *names, struct span text, enum names_which which)
{
    if (names->count <= FEW)
        return find_among_few(names, text, which);
    uint32_t at = lower_bound(names, text, which == NAMES_FIRST ? 0 : NAMES_NONE);
    if (which == NAMES_LAST) {
        if (at == 0)
            return NAMES_NONE;
        at--;
    }
    if (at >= names->count || !span_eq(names->list[at].text, text))
        return NAMES_NONE;
    return names->list[at].number;
}
