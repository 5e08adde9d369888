/*
 * split: which entries of a dataset go to its test dataset: a stratified fifth. Pure and deterministic.
 *
 * After the iterative stratification of Sechidis, Tsoumakas and Vlahavas ("On the Stratification of Multi-label Data",
 * 2011): labels are served the rarest first, each moving entries until a fifth of its own has moved. Within a label
 * entries are taken in the order of their hash, which is the same for the same dataset. Entries without labels are a
 * stratum of their own. Entries are then turned over where a label is missing on one side, and where the total is not a
 * fifth. Every label has at least one entry on both sides, or the split fails.
 */
#ifndef PLACARD_TRAIN_SPLIT_H
#define PLACARD_TRAIN_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct split_entry {
    uint64_t hash;
    uint32_t first_label; /* into split.labels */
    uint32_t label_count;
};

struct split {
    const struct split_entry *entries;
    size_t entry_count;
    const uint32_t *labels; /* of all entries, as places below label_count */
    size_t label_count;
};

/* Sets chosen[i] for the entries that move; their number is a fifth, rounded to the nearest. False: a label cannot be
   on both sides, or there are fewer than two entries. */
bool split_choose(const struct split *split, bool *chosen);

#endif
