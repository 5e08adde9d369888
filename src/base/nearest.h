/* nearest: which known name somebody probably meant. For hints in error sentences. */
#ifndef PLACARD_BASE_NEAREST_H
#define PLACARD_BASE_NEAREST_H

#include "base/span.h"

/* Longer names are never near anything. */
#define NEAREST_NAME_MAX 64

/* Insertions, deletions, replacements and swaps of neighbours that turn one into the other; at most SIZE_MAX. */
size_t nearest_distance(struct span a, struct span b);

/*
 * Keeps the best of the names offered one by one:
 *     struct nearest n = nearest_to(given); … nearest_offer(&n, name); … if (n.best) hint with n.best
 * A name counts as near when a third of it, or fewer letters, are wrong. Names offered must outlive the struct.
 */
struct nearest {
    struct span given;
    size_t distance;
    const char *best;
};

struct nearest nearest_to(struct span given);
void nearest_offer(struct nearest *nearest, const char *name);

#endif
