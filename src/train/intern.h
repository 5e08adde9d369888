/*
 * intern: a number for each different text, from 0 in the order of first sight.
 *
 * `intern_init`, `intern_add` any number of times, `intern_free`. The texts are copied. One thread.
 */
#ifndef PLACARD_TRAIN_INTERN_H
#define PLACARD_TRAIN_INTERN_H

#include "base/arena.h"

struct intern {
    struct span *texts;
    uint32_t count, room;
    uint32_t *slots; /* 1 + number, open addressing */
    size_t slot_count;
    struct arena arena;
};

void intern_init(struct intern *intern);
void intern_free(struct intern *intern);

/* *ret_new (may be NULL) tells whether the text was not there before. */
uint32_t intern_add(struct intern *intern, struct span text, bool *ret_new);

#endif
