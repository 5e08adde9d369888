/* nearest: see nearest.h for the contract. */
#include "base/nearest.h"

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The optimal string alignment distance, three rows of its table at a time. */
size_t nearest_distance(struct span a, struct span b)
{
    size_t rows[3][NEAREST_NAME_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    if (a.len > NEAREST_NAME_MAX || b.len > NEAREST_NAME_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        above[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t replaced = above[j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
            row[j] = least(replaced, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[b.len];
}

struct nearest nearest_to(struct span given)
{
    return (struct nearest){ .given = given, .distance = SIZE_MAX };
}

void nearest_offer(struct nearest *nearest, const char *name)
{
    struct span offered = span_str(name);
    size_t distance = nearest_distance(nearest->given, offered);
    size_t bound = (offered.len + 2) / 3;
    if (distance <= bound && distance < nearest->distance) {
        nearest->distance = distance;
        nearest->best = name;
    }
}
