/* split: see split.h for the contract. */
#define _GNU_SOURCE /* qsort_r */
#include "train/split.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { UNDECIDED, STAYS, MOVES };
enum { PART = 5 }; /* one of five moves */

struct state {
    const struct split *split;
    uint8_t *side;      /* of each entry */
    uint32_t *order;    /* entries by hash */
    uint32_t *by_label; /* entries of each label, in that order; label l has [from[l], from[l + 1]) */
    size_t *from;
    size_t *left;   /* undecided entries of each label */
    size_t *moved;  /* entries of each label on the test side, */
    size_t *stayed; /* and on the training side */
    size_t want;    /* entries to move in all */
    size_t moves;
};

static size_t labels_total(const struct split *split)
{
    size_t total = 0;
    for (size_t i = 0; i < split->entry_count; i++)
        total += split->entries[i].label_count;
    return total;
}

static int by_hash(const void *a, const void *b, void *entries)
{
    const uint32_t *x = a, *y = b;
    const struct split_entry *first = (const struct split_entry *)entries + *x;
    const struct split_entry *second = (const struct split_entry *)entries + *y;
    if (first->hash != second->hash)
        return first->hash < second->hash ? -1 : 1;
    return *x < *y ? -1 : *x > *y;
}

static void state_open(struct state *state, const struct split *split)
{
    size_t labels = split->label_count, entries = split->entry_count;
    *state = (struct state){
        .split = split,
        .side = mem_zero(entries, 1),
        .order = mem_alloc(entries * sizeof *state->order),
        .by_label = mem_alloc(labels_total(split) * sizeof *state->by_label),
        .from = mem_zero(labels + 2, sizeof *state->from),
        .left = mem_zero(labels, sizeof *state->left),
        .moved = mem_zero(labels, sizeof *state->moved),
        .stayed = mem_zero(labels, sizeof *state->stayed),
        .want = (entries + PART / 2) / PART,
    };
    if (state->want == 0)
        state->want = 1;
    for (size_t i = 0; i < entries; i++) {
        state->order[i] = (uint32_t)i;
        for (uint32_t l = 0; l < split->entries[i].label_count; l++)
            state->left[split->labels[split->entries[i].first_label + l]]++;
    }
    qsort_r(state->order, entries, sizeof *state->order, by_hash, (void *)(uintptr_t)split->entries);
    for (size_t l = 0; l < labels; l++)
        state->from[l + 1] = state->from[l] + state->left[l];
    size_t *fill = mem_alloc((labels + 1) * sizeof *fill);
    memcpy(fill, state->from, (labels + 1) * sizeof *fill);
    for (size_t i = 0; i < entries; i++) {
        const struct split_entry *entry = &split->entries[state->order[i]];
        for (uint32_t l = 0; l < entry->label_count; l++)
            state->by_label[fill[split->labels[entry->first_label + l]]++] = state->order[i];
    }
    free(fill);
}

static void state_close(struct state *state)
{
    free(state->side);
    free(state->order);
    free(state->by_label);
    free(state->from);
    free(state->left);
    free(state->moved);
    free(state->stayed);
}

static void decide(struct state *state, uint32_t at, uint8_t side)
{
    const struct split_entry *entry = &state->split->entries[at];
    CHECK(state->side[at] == UNDECIDED);
    state->side[at] = side;
    state->moves += side == MOVES;
    for (uint32_t l = 0; l < entry->label_count; l++) {
        uint32_t label = state->split->labels[entry->first_label + l];
        state->left[label]--;
        if (side == MOVES)
            state->moved[label]++;
        else
            state->stayed[label]++;
    }
}

static size_t count_of(const struct state *state, size_t label)
{
    return state->from[label + 1] - state->from[label];
}

/* How many entries of a label are to move: a fifth, but at least one and not all. */
static size_t share(const struct state *state, size_t label)
{
    size_t count = count_of(state, label), part = (count + PART / 2) / PART;
    if (part == 0)
        part = 1;
    return part == count ? count - 1 : part;
}

/* Labels by how many entries they have, the rarest first. */
static int by_count(const void *a, const void *b, void *arg)
{
    const size_t *x = a, *y = b;
    size_t first = count_of(arg, *x), second = count_of(arg, *y);
    if (first != second)
        return first < second ? -1 : 1;
    return *x < *y ? -1 : *x > *y;
}

static void serve_label(struct state *state, size_t label)
{
    for (size_t k = state->from[label]; k < state->from[label + 1]; k++) {
        uint32_t at = state->by_label[k];
        if (state->side[at] != UNDECIDED)
            continue;
        bool needed_here = state->stayed[label] == 0 && state->moved[label] > 0 && state->left[label] == 1;
        decide(state, at, state->moved[label] < share(state, label) && !needed_here ? MOVES : STAYS);
    }
}

/* The labels, the rarest first, and a fifth of the entries without any. */
static void serve_all(struct state *state)
{
    const struct split *split = state->split;
    size_t *labels = mem_alloc((split->label_count + 1) * sizeof *labels);
    for (size_t l = 0; l < split->label_count; l++)
        labels[l] = l;
    qsort_r(labels, split->label_count, sizeof *labels, by_count, state);
    for (size_t l = 0; l < split->label_count; l++)
        serve_label(state, labels[l]);
    free(labels);
    size_t unlabeled = 0, seen = 0;
    for (size_t i = 0; i < split->entry_count; i++)
        unlabeled += split->entries[i].label_count == 0;
    for (size_t i = 0; i < split->entry_count; i++) {
        uint32_t at = state->order[i];
        if (state->side[at] == UNDECIDED)
            decide(state, at, seen++ < (unlabeled + PART / 2) / PART ? MOVES : STAYS);
    }
}

/* Whether turning an entry over leaves all its labels on both sides. */
static bool may_turn(const struct state *state, uint32_t at)
{
    const struct split_entry *entry = &state->split->entries[at];
    for (uint32_t l = 0; l < entry->label_count; l++) {
        uint32_t label = state->split->labels[entry->first_label + l];
        if ((state->side[at] == MOVES ? state->moved[label] : state->stayed[label]) <= 1)
            return false;
    }
    return true;
}

static void turn(struct state *state, uint32_t at)
{
    const struct split_entry *entry = &state->split->entries[at];
    bool back = state->side[at] == MOVES;
    state->side[at] = back ? STAYS : MOVES;
    state->moves += back ? (size_t)-1 : 1;
    for (uint32_t l = 0; l < entry->label_count; l++) {
        uint32_t label = state->split->labels[entry->first_label + l];
        state->moved[label] += back ? (size_t)-1 : 1;
        state->stayed[label] += back ? 1 : (size_t)-1;
    }
}

/* A label that is missing on one side gets an entry turned over, where no other label loses its last one by it. */
static bool mend_labels(struct state *state)
{
    for (size_t l = 0; l < state->split->label_count; l++) {
        if (count_of(state, l) == 0 || (state->moved[l] > 0 && state->stayed[l] > 0))
            continue;
        bool mended = false;
        for (size_t k = state->from[l]; k < state->from[l + 1] && !mended; k++) {
            if (may_turn(state, state->by_label[k])) {
                turn(state, state->by_label[k]);
                mended = true;
            }
        }
        if (!mended)
            return false;
    }
    return true;
}

/* Brings the number that moves to what is wanted, by entries that can turn without harm. */
static void mend_total(struct state *state)
{
    for (size_t i = 0; i < state->split->entry_count && state->moves != state->want; i++) {
        uint32_t at = state->order[i];
        if ((state->side[at] == MOVES) == (state->moves > state->want) && may_turn(state, at))
            turn(state, at);
    }
}

bool split_choose(const struct split *split, bool *chosen)
{
    if (split->entry_count < 2)
        return false;
    struct state state;
    state_open(&state, split);
    bool good = true;
    for (size_t l = 0; l < split->label_count; l++)
        good = good && count_of(&state, l) != 1;
    if (good)
        serve_all(&state);
    good = good && mend_labels(&state);
    if (good)
        mend_total(&state);
    for (size_t i = 0; good && i < split->entry_count; i++)
        chosen[i] = state.side[i] == MOVES;
    state_close(&state);
    return good;
}
