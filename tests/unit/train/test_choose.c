/* What kind of model lines ask for, which of them are used, what fails a whole manifest, and how a fifth is split off.
 */
#include "sides.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LINES_MAX = 400 };

/* Lines as they are added, each side NULL-terminated. */
struct draft {
    char *lines[TRAIN_SIDES][LINES_MAX + 1];
    unsigned counts[TRAIN_SIDES];
    unsigned names;
};

static void add(struct draft *draft, unsigned side, char *line)
{
    assert_true(draft->counts[side] < LINES_MAX);
    draft->lines[side][draft->counts[side]++] = line;
}

static void add_labeled(struct draft *draft, unsigned side, unsigned times, const char *labels)
{
    char name[32];
    for (unsigned i = 0; i < times; i++) {
        snprintf(name, sizeof name, "%u.png", draft->names++);
        add(draft, side, labeled_line(name, labels));
    }
}

static void add_boxed(struct draft *draft, unsigned side, unsigned times, const char *labels)
{
    char name[32];
    for (unsigned i = 0; i < times; i++) {
        snprintf(name, sizeof name, "%u.png", draft->names++);
        add(draft, side, boxed_line(name, labels));
    }
}

static void add_text(struct draft *draft, unsigned side, const char *text)
{
    add(draft, side, mem_dup(text, strlen(text)));
}

/* Opens and chooses; the draft is spent. */
static void choose(struct draft *draft, struct sides *ret_sides)
{
    sides_open(ret_sides, (const char *const *)draft->lines[0],
               draft->counts[1] > 0 ? (const char *const *)draft->lines[1] : NULL);
    sides_choose(ret_sides);
    for (unsigned side = 0; side < TRAIN_SIDES; side++)
        for (unsigned i = 0; i < draft->counts[side]; i++)
            free(draft->lines[side][i]);
    *draft = (struct draft){ 0 };
}

/* The place in the draft of a line that add_labeled or add_boxed made. */
static unsigned number_of(const struct side *side, const struct line *line)
{
    struct span rest = span_from(side->refs.texts[line->ref], sizeof "s3://bucket/" - 1);
    uint64_t number;
    assert_true(span_to_u64(span_cut(&rest, '.'), LINES_MAX, &number));
    return (unsigned)number;
}

static const char *message_of(struct draft *draft)
{
    struct sides all;
    choose(draft, &all);
    const char *message = choose_message(all.sides, &all.chosen);
    sides_close(&all);
    return message;
}

static void one_label_an_image(void **state)
{
    (void)state;
    static struct draft draft;
    struct sides all;
    add_labeled(&draft, 0, 5, "dog");
    add_labeled(&draft, 0, 4, "cat");
    add_labeled(&draft, 1, 2, "cat");
    add_labeled(&draft, 1, 1, "dog");
    add_labeled(&draft, 1, 1, "cow"); /* nothing that is learnt */
    choose(&draft, &all);
    assert_null(choose_message(all.sides, &all.chosen));
    assert_true(all.chosen.known && all.chosen.kind == MODEL_SINGLE_LABEL);
    assert_int_equal(all.chosen.label_count, 2);
    assert_true(span_is(all.chosen.labels[0], "cat") && span_is(all.chosen.labels[1], "dog"));
    assert_int_equal(all.chosen.sets[0].count, 9);
    assert_int_equal(all.chosen.sets[1].count, 3);
    assert_int_equal(all.sides[1].lines[3].fate, LINE_IGNORED);
    for (size_t i = 0; i < 9; i++) {
        const struct learn_image *image = &all.chosen.sets[0].images[i];
        const struct line *line = &all.sides[0].lines[all.chosen.lines[0][i]];
        assert_int_equal(image->label_count, 1);
        assert_true(line->image == i && (image->labels[0] == 1) == (number_of(&all.sides[0], line) < 5));
        assert_true(i == 0 || memcmp(image[-1].key, image->key, LEARN_KEY_BYTES) < 0);
    }
    sides_close(&all);
}

static void several_labels_an_image(void **state)
{
    (void)state;
    static struct draft draft;
    struct sides all;
    add_labeled(&draft, 0, 3, "cat");
    add_labeled(&draft, 0, 1, "dog|cat|dog");
    add_labeled(&draft, 1, 1, "cat");
    add_labeled(&draft, 1, 1, "cow|dog");
    choose(&draft, &all);
    assert_true(all.chosen.kind == MODEL_MULTI_LABEL);
    size_t pairs = 0;
    for (size_t i = 0; i < 4; i++) {
        const struct learn_image *image = &all.chosen.sets[0].images[i];
        pairs += image->label_count == 2 && image->labels[0] == 0 && image->labels[1] == 1;
    }
    assert_int_equal(pairs, 1);
    assert_int_equal(all.chosen.sets[1].count, 2);
    sides_close(&all);
}

static void boxes_and_mixtures(void **state)
{
    (void)state;
    static struct draft draft;
    struct sides all;
    add_boxed(&draft, 0, 3, "cat|dog");
    add_labeled(&draft, 0, 2, "cat"); /* fewer: ignored */
    add_boxed(&draft, 1, 1, "dog|cat|cat");
    choose(&draft, &all);
    assert_true(all.chosen.kind == MODEL_DETECTION);
    assert_int_equal(all.chosen.sets[0].count, 3);
    assert_int_equal(all.chosen.sets[1].images[0].box_count, 3);
    const struct learn_box *box = &all.chosen.sets[1].images[0].boxes[0];
    assert_int_equal(box->label, 1);
    assert_true(box->left == 0 && box->top == 0.25f && box->width == 0.1f && box->height == 0.1f);
    assert_int_equal(all.sides[0].lines[3].fate, LINE_IGNORED);
    sides_close(&all);

    add_labeled(&draft, 0, 3, "cat");
    add_labeled(&draft, 0, 3, "dog");
    add_boxed(&draft, 0, 2, "cat");
    add_labeled(&draft, 1, 1, "cat");
    add_labeled(&draft, 1, 1, "dog");
    choose(&draft, &all);
    assert_true(all.chosen.kind == MODEL_SINGLE_LABEL);
    assert_int_equal(all.chosen.sets[0].count, 6);
    sides_close(&all);

    /* boxes may test a model of whole images */
    add_labeled(&draft, 0, 3, "cat");
    add_labeled(&draft, 0, 3, "dog");
    add_boxed(&draft, 1, 2, "dog|dog");
    add_boxed(&draft, 1, 2, "cat");
    choose(&draft, &all);
    assert_null(choose_message(all.sides, &all.chosen));
    assert_true(all.chosen.kind == MODEL_SINGLE_LABEL);
    assert_int_equal(all.chosen.sets[1].count, 4);
    sides_close(&all);
}

static void what_fails_a_manifest(void **state)
{
    (void)state;
    static struct draft draft;
    add_labeled(&draft, 0, 3, "cat");
    add_labeled(&draft, 1, 3, "cat");
    assert_string_equal(message_of(&draft), "The manifest file has too few labels.");

    add_boxed(&draft, 0, 3, "cat");
    add_boxed(&draft, 1, 3, "cat");
    assert_null(message_of(&draft)); /* of boxes one label is enough */

    for (unsigned i = 0; i < 251; i++) {
        char label[16];
        snprintf(label, sizeof label, "l%u", i);
        add_labeled(&draft, 0, 1, label);
    }
    add_labeled(&draft, 1, 1, "l0");
    add_labeled(&draft, 1, 1, "l1");
    assert_string_equal(message_of(&draft), "The manifest file has too many labels.");

    add_labeled(&draft, 0, 2, "a");
    add_labeled(&draft, 0, 2, "b");
    add_labeled(&draft, 0, 2, "c");
    add_labeled(&draft, 1, 1, "a");
    add_labeled(&draft, 1, 1, "x");
    assert_string_equal(message_of(&draft),
                        "Less than 50% label overlap between the training and testing manifest files.");

    add_labeled(&draft, 0, 3, "a");
    add_boxed(&draft, 0, 2, "b");
    add_labeled(&draft, 1, 1, "a");
    add_labeled(&draft, 1, 1, "b");
    assert_string_equal(message_of(&draft), "The manifest file has too few usable labels.");

    add_labeled(&draft, 0, 2, "a");
    add_labeled(&draft, 0, 2, "b");
    add_labeled(&draft, 0, 2, "c");
    add_boxed(&draft, 1, 1, "b|c");
    add_labeled(&draft, 1, 1, "a");
    add_labeled(&draft, 1, 1, "x");
    assert_string_equal(message_of(&draft),
                        "Less than 50% usable label overlap between the training and testing manifest files.");

    add_labeled(&draft, 0, 4, "a");
    add_labeled(&draft, 0, 4, "b");
    add_text(&draft, 0, "{ not json");
    add_text(&draft, 0, "{'source-ref':'s3://bucket/0.png'}"); /* a second time */
    add_labeled(&draft, 1, 1, "a");
    add_labeled(&draft, 1, 1, "b");
    assert_null(message_of(&draft)); /* 20 %: not more */
    add_labeled(&draft, 0, 4, "a");
    add_labeled(&draft, 0, 3, "b");
    add_text(&draft, 0, "{ not json");
    add_text(&draft, 0, "{'a':1}");
    add_labeled(&draft, 1, 1, "a");
    add_labeled(&draft, 1, 1, "b");
    assert_string_equal(message_of(&draft), "The manifest file contains too many invalid rows.");

    add_labeled(&draft, 0, 4, "a");
    add_labeled(&draft, 0, 3, "b");
    add_text(&draft, 0, "{'source-ref':'s3://other-bucket/a.png'}");
    add_labeled(&draft, 1, 1, "a");
    add_labeled(&draft, 1, 1, "b");
    assert_string_equal(message_of(&draft), "The manifest file contains images from multiple S3 buckets.");
}

/* Images without annotations do not make the share of invalid lines smaller: or these would be 4 of 34. */
static void ignored_lines_are_not_counted(void **state)
{
    (void)state;
    static struct draft draft;
    char unlabeled[64];
    add_labeled(&draft, 0, 5, "a");
    add_labeled(&draft, 0, 5, "b");
    for (unsigned i = 0; i < 4; i++)
        add_text(&draft, 0, "{ not json");
    for (unsigned i = 0; i < 20; i++) {
        snprintf(unlabeled, sizeof unlabeled, "{'source-ref':'s3://bucket/unlabeled-%u.png'}", i);
        add_text(&draft, 0, unlabeled);
    }
    add_labeled(&draft, 1, 1, "a");
    add_labeled(&draft, 1, 1, "b");
    assert_string_equal(message_of(&draft), "The manifest file contains too many invalid rows.");
}

static void a_bucket_of_another_account(void **state)
{
    (void)state;
    static struct draft draft;
    struct sides all;
    const struct train_bucket foreign[] = { { SPAN_LIT("bucket"), SPAN_LIT("999999999999") } };
    add_labeled(&draft, 0, 2, "a");
    add_labeled(&draft, 0, 2, "b");
    add_labeled(&draft, 1, 2, "a");
    add_labeled(&draft, 1, 2, "b");
    sides_open(&all, (const char *const *)draft.lines[0], (const char *const *)draft.lines[1]);
    all.request.buckets = foreign;
    all.request.bucket_count = 1;
    sides_choose(&all);
    assert_string_equal(choose_message(all.sides, &all.chosen), "Invalid owner id for images S3 bucket.");
    sides_close(&all);
    for (unsigned side = 0; side < TRAIN_SIDES; side++)
        for (unsigned i = 0; i < draft.counts[side]; i++)
            free(draft.lines[side][i]);
    draft = (struct draft){ 0 };
}

static void manifest_files(void **state)
{
    (void)state;
    static const char *const empty[] = { NULL }, *const blank[] = { "", " \t", NULL },
                             *const nonsense[] = { "x", NULL };
    struct sides all;
    sides_open(&all, empty, NULL);
    assert_string_equal(all.sides[0].file_error, "The manifest file is empty.");
    sides_close(&all);
    sides_open(&all, blank, NULL);
    assert_string_equal(all.sides[0].file_error, "The manifest file is empty.");
    sides_close(&all);
    sides_open(&all, nonsense, NULL);
    assert_string_equal(all.sides[0].file_error, "The manifest file extension or contents are invalid.");
    sides_close(&all);
}

static void a_fifth_is_split_off(void **state)
{
    (void)state;
    static struct draft draft;
    struct sides all;
    add_labeled(&draft, 0, 50, "a");
    add_labeled(&draft, 0, 20, "b");
    choose(&draft, &all);
    assert_null(choose_message(all.sides, &all.chosen));
    assert_int_equal(all.chosen.sets[0].count, 56);
    assert_int_equal(all.chosen.sets[1].count, 14);
    assert_int_equal(all.sides[0].count, 56);
    size_t b = 0;
    for (size_t i = 0; i < 14; i++) {
        b += all.chosen.sets[1].images[i].labels[0] == 1;
        /* the line came with its source-ref */
        const struct line *line = &all.sides[1].lines[all.chosen.lines[1][i]];
        assert_true(span_contains(line->text, all.sides[1].refs.texts[line->ref]));
    }
    assert_int_equal(b, 4);
    sides_close(&all);

    add_labeled(&draft, 0, 5, "a");
    add_labeled(&draft, 0, 1, "b");
    assert_string_equal(message_of(&draft), "The manifest file contains insufficient labeled images per label to "
                                            "perform auto-split.");
}

static void alike_images_stay_together(void **state)
{
    (void)state;
    static struct draft draft;
    struct sides all;
    add_labeled(&draft, 0, 60, "a");
    add_labeled(&draft, 0, 60, "b");
    sides_open(&all, (const char *const *)draft.lines[0], NULL);
    /* three in a row look the same but for a few bits */
    for (size_t i = 0; i < all.sides[0].count; i++) {
        memcpy(all.sides[0].lines[i].look, all.sides[0].lines[i / 3 * 3].look, LEARN_KEY_BYTES);
        all.sides[0].lines[i].look[i % 3] ^= 3;
    }
    sides_choose(&all);
    assert_null(choose_message(all.sides, &all.chosen));
    unsigned char on[40] = { 0 };
    for (unsigned side = 0; side < TRAIN_SIDES; side++)
        for (size_t i = 0; i < all.sides[side].count; i++)
            on[number_of(&all.sides[side], &all.sides[side].lines[i]) / 3] |= (unsigned char)(1u << side);
    unsigned tested = 0;
    for (unsigned i = 0; i < 40; i++) {
        assert_int_not_equal(on[i], 3);
        tested += on[i] == 2;
    }
    assert_int_equal(tested, 8);
    sides_close(&all);
    for (unsigned i = 0; i < draft.counts[0]; i++)
        free(draft.lines[0][i]);
    draft = (struct draft){ 0 };
}

/* The order of the lines changes neither the sets nor the seed; a label more does. */
static void the_seed_is_the_content(void **state)
{
    (void)state;
    static struct draft draft;
    uint64_t seeds[3];
    for (unsigned i = 0; i < 3; i++) {
        struct sides all;
        draft.names = i == 1 ? 10 : 0;
        add_labeled(&draft, 0, 10, i == 1 ? "b" : "a");
        draft.names = i == 1 ? 0 : 10;
        add_labeled(&draft, 0, 10, i == 1 ? "a" : "b");
        draft.names = 100;
        add_labeled(&draft, 1, 3, "a");
        add_labeled(&draft, 1, 3, i == 2 ? "b|a" : "b");
        choose(&draft, &all);
        seeds[i] = all.chosen.seed;
        sides_close(&all);
    }
    assert_true(seeds[0] == seeds[1]);
    assert_true(seeds[0] != seeds[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_label_an_image),
        cmocka_unit_test(several_labels_an_image),
        cmocka_unit_test(boxes_and_mixtures),
        cmocka_unit_test(what_fails_a_manifest),
        cmocka_unit_test(ignored_lines_are_not_counted),
        cmocka_unit_test(a_bucket_of_another_account),
        cmocka_unit_test(manifest_files),
        cmocka_unit_test(a_fifth_is_split_off),
        cmocka_unit_test(alike_images_stay_together),
        cmocka_unit_test(the_seed_is_the_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
