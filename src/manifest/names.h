/*
 * names: which of many names are equal, whatever they are, in n log n steps.
 *
 * `names_clear`, `names_add` each, `names_seal`, then `names_find`. A name's number is the order in which it was added.
 * Few names are searched one by one; many are sorted, not hashed: no choice of names makes the search slow. The spans
 * are the caller's and must outlive the search.
 */
#ifndef PLACARD_MANIFEST_NAMES_H
#define PLACARD_MANIFEST_NAMES_H

#include "base/span.h"

#define NAMES_NONE UINT32_MAX

struct name {
    struct span text;
    uint32_t number;
};

struct names {
    struct name *list;
    uint32_t count;
    uint32_t room;
};

enum names_which { NAMES_FIRST, NAMES_LAST };

void names_free(struct names *names);
void names_clear(struct names *names);
void names_add(struct names *names, struct span text);
void names_seal(struct names *names);

/* The number of the first or last name equal to text, or NAMES_NONE. */
uint32_t names_find(const struct names *names, struct span text, enum names_which which);

#endif
