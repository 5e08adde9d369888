/* sets: see sets.h for the contract. */
#define _GNU_SOURCE /* qsort_r */
#include "train/sets.h"

#include <stdlib.h>
#include <xxhash.h>

#include "train/alike.h"
#include "train/split.h"

/* The model's labels that a line shows, rising, each once; returns how many. */
static size_t labels_of(const struct side *side, const struct line *line, const struct chosen *chosen, bool from_boxes,
                        uint32_t *ret_places)
{
    size_t count = 0, given = from_boxes ? line->box_count : line->label_count;
    for (size_t k = 0; k < given; k++) {
        uint32_t name = from_boxes ? side->boxes[line->first_box + k].label : side->labels[line->first_label + k];
        uint32_t place = chosen->place_of[name];
        size_t at = 0;
        while (at < count && ret_places[at] < place)
            at++;
        if (place == UINT32_MAX || (at < count && ret_places[at] == place))
            continue;
        memmove(ret_places + at + 1, ret_places + at, (count - at) * sizeof *ret_places);
        ret_places[at] = place;
        count++;
    }
    return count;
}

static size_t most_labels(const struct side *side)
{
    size_t most = 0;
    for (size_t i = 0; i < side->count; i++) {
        const struct line *line = &side->lines[i];
        size_t given = line->label_count > line->box_count ? line->label_count : line->box_count;
        most = given > most ? given : most;
    }
    return most;
}

void sets_settle(struct side *side, const struct chosen *chosen, bool boxes_test)
{
    uint32_t *places = mem_alloc((most_labels(side) + 1) * sizeof *places);
    bool from_boxes = chosen->kind == MODEL_DETECTION || boxes_test;
    for (size_t i = 0; i < side->count; i++)
        if (side->lines[i].fate == LINE_USABLE && labels_of(side, &side->lines[i], chosen, from_boxes, places) == 0)
            side->lines[i].fate = LINE_IGNORED;
    free(places);
}

/* --- the split -----------------------------------------------------------------------------------------------------
 */

/* Usable lines of the training side as entries of a split: one for each group. */
struct grouping {
    uint32_t *lines;  /* usable ones */
    uint32_t *groups; /* of each of them: the place of the first of its kind */
    size_t count;
};

static void group(const struct side *side, bool alike, struct grouping *ret_grouping)
{
    struct grouping grouping = { .lines = mem_alloc((side->count + 1) * sizeof(uint32_t)),
                                 .groups = mem_alloc((side->count + 1) * sizeof(uint32_t)) };
    unsigned char(*looks)[ALIKE_LOOK_BYTES] = mem_alloc((side->count + 1) * sizeof *looks);
    for (uint32_t i = 0; i < side->count; i++) {
        if (side->lines[i].fate != LINE_USABLE)
            continue;
        memcpy(looks[grouping.count], side->lines[i].look, ALIKE_LOOK_BYTES);
        grouping.groups[grouping.count] = (uint32_t)grouping.count;
        grouping.lines[grouping.count++] = i;
    }
    if (alike)
        alike_groups((const unsigned char(*)[ALIKE_LOOK_BYTES])looks, grouping.count, grouping.groups);
    free(looks);
    *ret_grouping = grouping;
}

/* The hash of a group decides like its images do, whatever their order in the manifest. */
static void add_hash(struct split_entry *entry, const struct line *line)
{
    entry->hash += XXH3_64bits(line->key, sizeof line->key);
}

static int by_group(const void *a, const void *b, void *arg)
{
    const struct grouping *grouping = arg;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    if (grouping->groups[i] != grouping->groups[j])
        return grouping->groups[i] < grouping->groups[j] ? -1 : 1;
    return i < j ? -1 : i > j;
}

/* The entries of the split under construction. */
struct entries {
    struct split_entry *list;
    size_t count;
    uint32_t *labels;
    size_t label_count;
    uint32_t *entry_of; /* of each of the grouping's lines */
    uint32_t *places;   /* room for the labels of any line */
};

static void add_to_entry(const struct side *side, const struct line *line, const struct chosen *chosen,
                         struct entries *entries)
{
    struct split_entry *entry = &entries->list[entries->count - 1];
    size_t count = labels_of(side, line, chosen, chosen->kind == MODEL_DETECTION, entries->places);
    add_hash(entry, line);
    for (size_t k = 0; k < count; k++) {
        bool known = false;
        for (size_t at = entry->first_label; at < entries->label_count; at++)
            known = known || entries->labels[at] == entries->places[k];
        if (!known)
            entries->labels[entries->label_count++] = entries->places[k];
    }
    entry->label_count = (uint32_t)entries->label_count - entry->first_label;
}

static bool choose_groups(const struct side *side, const struct chosen *chosen, const struct grouping *grouping,
                          bool *ret_moves)
{
    size_t most = most_labels(side);
    struct entries entries = { .list = mem_zero(grouping->count + 1, sizeof *entries.list),
                               .labels = mem_alloc((grouping->count * most + 1) * sizeof *entries.labels),
                               .entry_of = mem_alloc((grouping->count + 1) * sizeof *entries.entry_of),
                               .places = mem_alloc((most + 1) * sizeof *entries.places) };
    uint32_t *order = mem_alloc((grouping->count + 1) * sizeof *order);
    bool *moves = mem_zero(grouping->count + 1, sizeof *moves);
    for (uint32_t i = 0; i < grouping->count; i++)
        order[i] = i;
    qsort_r(order, grouping->count, sizeof *order, by_group, (void *)(uintptr_t)grouping);
    for (size_t k = 0; k < grouping->count; k++) {
        if (k == 0 || grouping->groups[order[k]] != grouping->groups[order[k - 1]])
            entries.list[entries.count++].first_label = (uint32_t)entries.label_count;
        add_to_entry(side, &side->lines[grouping->lines[order[k]]], chosen, &entries);
        entries.entry_of[order[k]] = (uint32_t)entries.count - 1;
    }
    const struct split split = { entries.list, entries.count, entries.labels, chosen->label_count };
    bool good = split_choose(&split, moves);
    for (size_t i = 0; good && i < grouping->count; i++)
        ret_moves[grouping->lines[i]] = moves[entries.entry_of[i]];
    free(entries.list);
    free(entries.labels);
    free(entries.entry_of);
    free(entries.places);
    free(order);
    free(moves);
    return good;
}

/* A copy of the line with what belongs to it, at the end of the other side. */
static void move_line(const struct side *from, const struct line *line, struct side *to)
{
    to->lines = mem_grow(to->lines, (to->count + 1) * sizeof *to->lines);
    struct line *moved = &to->lines[to->count++];
    *moved = *line;
    moved->ref = intern_add(&to->refs, from->refs.texts[line->ref], NULL);
    to->labels = mem_grow(to->labels, (to->label_count + line->label_count + 1) * sizeof *to->labels);
    if (line->label_count > 0)
        memcpy(to->labels + to->label_count, from->labels + line->first_label, line->label_count * sizeof *to->labels);
    moved->first_label = (uint32_t)to->label_count;
    to->label_count += line->label_count;
    to->boxes = mem_grow(to->boxes, (to->box_count + line->box_count + 1) * sizeof *to->boxes);
    if (line->box_count > 0)
        memcpy(to->boxes + to->box_count, from->boxes + line->first_box, line->box_count * sizeof *to->boxes);
    moved->first_box = (uint32_t)to->box_count;
    to->box_count += line->box_count;
}

bool sets_split(struct side sides[TRAIN_SIDES], struct chosen *chosen)
{
    struct side *train = &sides[0], *test = &sides[1];
    bool *moves = mem_zero(train->count + 1, sizeof *moves), good = false;
    for (unsigned attempt = 0; attempt < 2 && !good; attempt++) { /* where likeness forbids it, without */
        struct grouping grouping;
        group(train, attempt == 0, &grouping);
        good = choose_groups(train, chosen, &grouping, moves);
        free(grouping.lines);
        free(grouping.groups);
    }
    size_t kept = 0;
    for (size_t i = 0; good && i < train->count; i++) {
        if (moves[i])
            move_line(train, &train->lines[i], test);
        else
            train->lines[kept++] = train->lines[i];
    }
    if (good)
        train->count = kept;
    free(moves);
    return good;
}

/* --- the sets ------------------------------------------------------------------------------------------------------
 */

/* By the image, then by the source-ref, which is each there once. */
static int by_key(const void *a, const void *b, void *arg)
{
    const struct side *side = arg;
    const struct line *x = &side->lines[*(const uint32_t *)a], *y = &side->lines[*(const uint32_t *)b];
    int order = memcmp(x->key, y->key, sizeof x->key);
    return order != 0 ? order : span_compare(side->refs.texts[x->ref], side->refs.texts[y->ref]);
}

static float at_most(float value, float most)
{
    return value < most ? value : most;
}

static void fill_boxes(const struct side *side, const struct line *line, struct chosen *chosen,
                       struct learn_image *image)
{
    struct learn_box *boxes = arena_alloc(&chosen->arena, (line->box_count + 1) * sizeof *boxes);
    for (uint32_t k = 0; k < line->box_count; k++) {
        struct learn_box box = side->boxes[line->first_box + k];
        box.label = chosen->place_of[box.label];
        if (box.label == UINT32_MAX)
            continue;
        box.width = at_most(box.width, 1 - box.left); /* the division may have rounded past the frame */
        box.height = at_most(box.height, 1 - box.top);
        boxes[image->box_count++] = box;
    }
    image->boxes = boxes;
}

static void fill_set(struct side *side, unsigned number, struct chosen *chosen, bool from_boxes)
{
    uint32_t *lines = arena_alloc(&chosen->arena, (side->count + 1) * sizeof *lines);
    uint32_t *places = mem_alloc((most_labels(side) + 1) * sizeof *places);
    size_t count = 0;
    for (uint32_t i = 0; i < side->count; i++)
        if (side->lines[i].fate == LINE_USABLE)
            lines[count++] = i;
    qsort_r(lines, count, sizeof *lines, by_key, side);
    struct learn_image *images = arena_alloc(&chosen->arena, (count + 1) * sizeof *images);
    for (size_t i = 0; i < count; i++) {
        struct line *line = &side->lines[lines[i]];
        line->image = (uint32_t)i;
        memcpy(images[i].key, line->key, LEARN_KEY_BYTES);
        images[i].width = line->width;
        images[i].height = line->height;
        if (chosen->kind == MODEL_DETECTION) {
            fill_boxes(side, line, chosen, &images[i]);
            continue;
        }
        images[i].label_count = labels_of(side, line, chosen, from_boxes, places);
        uint32_t *labels = arena_alloc(&chosen->arena, (images[i].label_count + 1) * sizeof *labels);
        memcpy(labels, places, images[i].label_count * sizeof *labels);
        images[i].labels = labels;
        if (images[i].label_count > 1)
            chosen->kind = MODEL_MULTI_LABEL;
    }
    free(places);
    chosen->lines[number] = lines;
    chosen->sets[number] = (struct learn_set){ images, count };
}

static void add_to_seed(XXH3_state_t *state, const struct learn_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct learn_image *image = &set->images[i];
        XXH3_64bits_update(state, image->key, LEARN_KEY_BYTES);
        XXH3_64bits_update(state, image->labels, image->label_count * sizeof *image->labels);
        for (size_t k = 0; k < image->box_count; k++) {
            const struct learn_box *box = &image->boxes[k];
            XXH3_64bits_update(state, &box->label, sizeof box->label);
            XXH3_64bits_update(state, &box->left, 4 * sizeof box->left);
        }
    }
}

void sets_fill(struct side sides[TRAIN_SIDES], struct chosen *chosen, bool boxes_test)
{
    fill_set(&sides[0], 0, chosen, false);
    fill_set(&sides[1], 1, chosen, boxes_test);
    XXH3_state_t *state = XXH3_createState();
    CHECK(state);
    XXH3_64bits_reset(state);
    for (size_t i = 0; i < chosen->label_count; i++)
        XXH3_64bits_update(state, chosen->labels[i].ptr, chosen->labels[i].len);
    add_to_seed(state, &chosen->sets[0]);
    add_to_seed(state, &chosen->sets[1]);
    chosen->seed = XXH3_64bits_digest(state);
    XXH3_freeState(state);
}
