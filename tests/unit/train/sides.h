/*
 * sides: two sides of a training made from lines in a folder of their own, as if their images had been checked. JSON
 * stands in single quotes. `sides_open`, `sides_close`.
 */
#ifndef PLACARD_TESTS_SIDES_H
#define PLACARD_TESTS_SIDES_H

#include "train/choose.h"

struct sides {
    char folder[64];
    struct train_request request;
    struct intern names;
    struct side sides[TRAIN_SIDES];
    struct chosen chosen;
};

/* `train` and `test` are NULL-terminated lines; no `test` asks for a split. The limits are AWS's. */
void sides_open(struct sides *all, const char *const *train, const char *const *test);

/* As a training does from here on. */
void sides_choose(struct sides *all);
void sides_close(struct sides *all);

/* A line with image-level labels, or with one box of each; `labels` are separated by bars. Freed by the caller. */
char *labeled_line(const char *name, const char *labels);
char *boxed_line(const char *name, const char *labels);

#endif
