/* classify_draw: see classify_draw.h. */
#include "vision/classify_draw.h"

#include <stdlib.h>

struct turn {
    uint32_t image, round, place;
};

static int by_turn(const void *a, const void *b)
{
    const struct turn *one = a, *other = b;
    if (one->round != other->round)
        return one->round < other->round ? -1 : 1;
    return one->place < other->place ? -1 : one->place > other->place;
}

static size_t first_label(const struct learn_image *image, size_t label_count)
{
    return image->label_count ? image->labels[0] : label_count;
}

uint32_t *classify_draw(const struct learn_set *set, size_t label_count, uint64_t seed)
{
    uint32_t *order = mem_alloc((set->count + 1) * sizeof *order);
    uint32_t *used = mem_zero(label_count + 1, sizeof *used);
    struct turn *turns = mem_alloc((set->count + 1) * sizeof *turns);
    struct learn_random random = learn_random(seed, 1);
    for (size_t i = 0; i < set->count; i++)
        order[i] = (uint32_t)i;
    learn_random_shuffle(&random, order, set->count);
    for (size_t i = 0; i < set->count; i++) {
        size_t label = first_label(&set->images[order[i]], label_count);
        turns[i] = (struct turn){ order[i], used[label]++, (uint32_t)i };
    }
    qsort(turns, set->count, sizeof *turns, by_turn);
    for (size_t i = 0; i < set->count; i++)
        order[i] = turns[i].image;
    free(turns);
    free(used);
    return order;
}

/* The fold with the fewest images of the label, then the fewest at all. */
static size_t emptiest(const size_t *counts, size_t label, size_t label_count, size_t folds)
{
    size_t best = 0, stride = label_count + 2;
    for (size_t f = 1; f < folds; f++) {
        const size_t *mine = counts + f * stride, *least = counts + best * stride;
        if (mine[label] < least[label] ||
            (mine[label] == least[label] && mine[label_count + 1] < least[label_count + 1]))
            best = f;
    }
    return best;
}

static bool every_fold_can_train(const size_t *counts, size_t count, size_t label_count, size_t folds)
{
    for (size_t f = 0; f < folds; f++)
        if (counts[f * (label_count + 2) + label_count + 1] == count)
            return false;
    return true;
}

void classify_folds(const struct near_look *looks, const uint32_t *first_labels, size_t count, size_t label_count,
                    size_t folds, unsigned char *ret_folds)
{
    size_t stride = label_count + 2; /* counts of each label, of none, of all */
    uint32_t *groups = mem_alloc((count + 1) * sizeof *groups);
    near_groups(looks, count, groups);
    for (int grouped = 1; grouped >= 0; grouped--) {
        size_t *counts = mem_zero(folds * stride, sizeof *counts);
        for (size_t i = 0; i < count; i++) {
            bool follows = grouped && groups[i] != i;
            size_t fold = follows ? ret_folds[groups[i]] : emptiest(counts, first_labels[i], label_count, folds);
            ret_folds[i] = (unsigned char)fold;
            counts[fold * stride + first_labels[i]]++;
            counts[fold * stride + label_count + 1]++;
        }
        bool done = every_fold_can_train(counts, count, label_count, folds);
        free(counts);
        if (done)
            break;
    }
    free(groups);
}
