/* The stratified fifth: its size, every label on both sides, the same each time, and when there is none. */
#include "train/split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ENTRIES_MAX = 3000, LABELS_MAX = 64, USES_MAX = 4 * ENTRIES_MAX };

static struct split_entry entries[ENTRIES_MAX];
static uint32_t labels[USES_MAX];
static bool chosen[ENTRIES_MAX];

/* A small generator of our own, so that a failure can be repeated on any machine. */
static uint64_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* `per_entry` labels at the most, the lower ones more often. */
static struct split made(uint64_t seed, size_t entry_count, size_t label_count, unsigned per_entry)
{
    size_t used = 0;
    for (size_t i = 0; i < entry_count; i++) {
        unsigned wanted = (unsigned)(next(&seed) % (per_entry + 1));
        entries[i] = (struct split_entry){ next(&seed) << 32 | next(&seed), (uint32_t)used, 0 };
        for (unsigned l = 0; l < wanted; l++) {
            uint32_t label = (uint32_t)((next(&seed) % label_count) * (next(&seed) % label_count) / label_count);
            bool twice = false;
            for (size_t k = entries[i].first_label; k < used; k++)
                twice = twice || labels[k] == label;
            if (!twice) {
                labels[used++] = label;
                entries[i].label_count++;
            }
        }
    }
    return (struct split){ entries, entry_count, labels, label_count };
}

static void count_sides(const struct split *split, size_t *moved, size_t *all, size_t *ret_moves)
{
    memset(moved, 0, LABELS_MAX * sizeof *moved);
    memset(all, 0, LABELS_MAX * sizeof *all);
    *ret_moves = 0;
    for (size_t i = 0; i < split->entry_count; i++) {
        *ret_moves += chosen[i];
        for (uint32_t l = 0; l < split->entries[i].label_count; l++) {
            uint32_t label = split->labels[split->entries[i].first_label + l];
            all[label]++;
            moved[label] += chosen[i];
        }
    }
}

static void a_fifth_with_every_label_on_both_sides(void **state)
{
    size_t moved[LABELS_MAX], all[LABELS_MAX], moves, done = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        size_t count = 2 + (size_t)(seed * 37 % 1500), label_count = 1 + seed % 40;
        struct split split = made(seed, count, label_count, 1 + seed % 4);
        bool lonely = false;
        count_sides(&split, moved, all, &moves);
        for (size_t l = 0; l < label_count; l++)
            lonely = lonely || all[l] == 1;
        if (!split_choose(&split, chosen))
            continue;
        done++;
        assert_false(lonely);
        count_sides(&split, moved, all, &moves);
        for (size_t l = 0; l < label_count; l++)
            if (all[l] > 0)
                assert_in_range(moved[l], 1, all[l] - 1);
        if (count >= 50 && label_count <= 10) { /* where labels leave room for it, it is exact */
            size_t want = (count + 2) / 5;
            assert_in_range(moves, want - want / 20 - 1, want + want / 20 + 1);
        }
    }
    assert_in_range(done, 100, 300);
}

static void one_label_each_is_split_evenly(void **state)
{
    size_t moved[LABELS_MAX], all[LABELS_MAX], moves;
    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        labels[i] = (uint32_t)(i % 10);
        entries[i] = (struct split_entry){ i * 2654435761u, (uint32_t)i, 1 };
    }
    const struct split split = { entries, 1000, labels, 10 };
    assert_true(split_choose(&split, chosen));
    count_sides(&split, moved, all, &moves);
    assert_int_equal(moves, 200);
    for (size_t l = 0; l < 10; l++)
        assert_int_equal(moved[l], 20);
}

static void the_same_dataset_gives_the_same_split(void **state)
{
    static bool again[ENTRIES_MAX];
    (void)state;
    struct split split = made(99, 2000, 5, 2);
    assert_true(split_choose(&split, chosen));
    assert_true(split_choose(&split, again));
    assert_memory_equal(chosen, again, 2000);
}

static void some_cannot_be_split(void **state)
{
    (void)state;
    memset(entries, 0, sizeof entries);
    labels[0] = 0;
    entries[0].label_count = 1;
    assert_false(split_choose(&(struct split){ entries, 1, labels, 1 }, chosen)); /* one entry */
    assert_false(split_choose(&(struct split){ entries, 5, labels, 1 }, chosen)); /* a label of one entry */
    /* two entries with the same two labels go to different sides */
    labels[0] = labels[2] = 0;
    labels[1] = labels[3] = 1;
    entries[0] = (struct split_entry){ 7, 0, 2 };
    entries[1] = (struct split_entry){ 9, 2, 2 };
    assert_true(split_choose(&(struct split){ entries, 2, labels, 2 }, chosen));
    assert_true(chosen[0] != chosen[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fifth_with_every_label_on_both_sides),
        cmocka_unit_test(one_label_each_is_split_evenly),
        cmocka_unit_test(the_same_dataset_gives_the_same_split),
        cmocka_unit_test(some_cannot_be_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
