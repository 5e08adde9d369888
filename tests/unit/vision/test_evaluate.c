/* The figures of spec E.3 against examples worked out by hand and against a plain computation by the definitions. */
#include "vision/evaluate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define NEAR(a, b) assert_true(fabs((double)(a) - (double)(b)) < 1e-6)

static const uint32_t zero[] = { 0 }, one[] = { 1 }, both[] = { 0, 1 };

static struct learn_image shows(const uint32_t *labels, size_t count)
{
    return (struct learn_image){ .labels = labels, .label_count = count };
}

static void single_labels_by_hand(void **state)
{
    (void)state;
    const struct learn_image images[] = { shows(zero, 1), shows(zero, 1), shows(zero, 1), shows(one, 1),
                                          shows(one, 1) };
    const struct learn_set test = { images, COUNT_OF(images) };
    /* label 2 is never shown */
    const float said[] = { 0.9f, 0.1f, 0.0f, 0.8f, 0.2f, 0.1f, 0.3f, 0.6f, 0.9f, 0.4f, 0.7f, 0.2f, 0.2f, 0.9f, 0.0f };
    struct evaluation e;
    evaluate_classification(&test, 3, said, false, &e);
    /* label 0: 0.9+ 0.8+ 0.4- 0.3+ 0.2-: two of three at F1 0.8, all at 6/7 */
    NEAR(e.labels[0].threshold, 0.25);
    NEAR(e.labels[0].precision, 0.75);
    NEAR(e.labels[0].recall, 1);
    NEAR(e.labels[0].f1, 6.0 / 7);
    /* label 1: 0.9+ 0.7+ 0.6-: perfect between 0.7 and 0.6 */
    NEAR(e.labels[1].threshold, 0.65);
    NEAR(e.labels[1].f1, 1);
    assert_false(e.labels[2].tested);
    NEAR(e.labels[2].threshold, 0.45);
    NEAR(e.labels[2].f1, 0);
    NEAR(e.f1, (6.0 / 7 + 1) / 2);
    NEAR(e.precision, 0.875);
    NEAR(e.recall, 1);
    assert_int_equal(e.labels[0].images, 3);
    /* image 2 is taken for label 2 (0.9, above 0.45); image 3 for label 1 */
    const double confusion[] = { 2.0 / 3, 0, 1.0 / 3, 0, 1, 0, 0, 0, 0 };
    for (unsigned i = 0; i < 9; i++)
        NEAR(e.confusion[i], confusion[i]);
    evaluation_free(&e);
}

static void several_labels_by_hand(void **state)
{
    (void)state;
    const struct learn_image images[] = { shows(both, 2), shows(zero, 1), shows(NULL, 0), shows(one, 1) };
    const struct learn_set test = { images, COUNT_OF(images) };
    const float said[] = { 0.9f, 0.6f, 0.8f, 0.7f, 0.1f, 0.3f, 0.2f, 0.9f };
    struct evaluation e;
    evaluate_classification(&test, 2, said, true, &e);
    NEAR(e.labels[0].f1, 1);
    NEAR(e.labels[1].f1, 0.8); /* 0.9+ 0.7- 0.6+ 0.3- */
    NEAR(e.labels[1].threshold, 0.45);
    const double confusion[] = { 1, 0, 0, 1 }; /* what is found and true counts first */
    for (unsigned i = 0; i < 4; i++)
        NEAR(e.confusion[i], confusion[i]);
    evaluation_free(&e);
}

static void equal_confidences_are_not_parted(void **state)
{
    (void)state;
    const struct learn_image images[] = { shows(zero, 1), shows(one, 1), shows(one, 1) };
    const struct learn_set test = { images, COUNT_OF(images) };
    const float said[] = { 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f };
    struct evaluation e;
    evaluate_classification(&test, 2, said, false, &e);
    NEAR(e.labels[0].precision, 1.0 / 3);
    NEAR(e.labels[0].f1, 0.5);
    NEAR(e.labels[1].f1, 0.8);
    evaluation_free(&e);
}

static void boxes_by_hand(void **state)
{
    (void)state;
    const struct learn_box truth0[] = { { 0, 0, 0, 0.5f, 0.5f }, { 0, 0.5f, 0.5f, 0.5f, 0.5f } };
    const struct learn_box truth1[] = { { 1, 0.2f, 0.2f, 0.2f, 0.2f } };
    const struct learn_image images[] = { { .boxes = truth0, .box_count = 2 }, { .boxes = truth1, .box_count = 1 } };
    const struct learn_set test = { images, 2 };
    struct evaluation_box found[] = {
        { 0, 0.6f, { 0, 0.52f, 0.5f, 0.48f, 0.5f }, false }, /* the second */
        { 0, 0.9f, { 0, 0, 0, 0.5f, 0.49f }, false },        /* the first */
        { 0, 0.8f, { 0, 0, 0.01f, 0.5f, 0.5f }, false },     /* the first again: wrong */
        { 1, 0.7f, { 0, 0.2f, 0.2f, 0.2f, 0.2f }, false },   /* another label */
        { 1, 0.1f, { 1, 0.3f, 0.2f, 0.2f, 0.2f }, false },   /* overlaps by a third */
    };
    struct evaluation e;
    evaluate_detection(&test, 2, found, COUNT_OF(found), &e);
    /* label 0: 0.9+ 0.8- 0.7- 0.6+ of two: F1 2/3 with the first alone and with all; the higher threshold */
    NEAR(e.labels[0].threshold, 0.85);
    NEAR(e.labels[0].f1, 2.0 / 3);
    NEAR(e.labels[0].average_recall, 1);
    NEAR(e.labels[0].average_precision, (51 * 1.0 + 50 * 0.5) / 101);
    NEAR(e.labels[1].f1, 0);
    NEAR(e.labels[1].average_precision, 0);
    NEAR(e.f1, 1.0 / 3);
    assert_null(e.confusion);
    assert_true(found[0].matched && found[0].confidence == 0.9f);
    assert_true(!found[1].matched && !found[2].matched && found[3].matched);
    evaluation_free(&e);
    evaluate_detection(&test, 2, found, 0, &e);
    NEAR(e.f1, 0);
    evaluation_free(&e);
}

static void overlaps(void **state)
{
    (void)state;
    const struct learn_box a = { 0, 0, 0, 0.5f, 0.5f }, b = { 0, 0.25f, 0, 0.5f, 0.5f }, c = { 0, 0.5f, 0, 0.5f, 0.5f };
    NEAR(evaluation_overlap(&a, &a), 1);
    NEAR(evaluation_overlap(&a, &b), 1.0 / 3);
    NEAR(evaluation_overlap(&a, &c), 0);
}

enum { IMAGES = 60, LABELS = 4, FOUND = 300 };

/* Precision at a recall or beyond, straight from the definition. */
static double plain_average_precision(const struct evaluation_box *found, size_t count, uint32_t label, size_t truths)
{
    double sum = 0;
    for (int step = 0; step <= 100; step++) {
        double best = 0;
        size_t right = 0, seen = 0;
        for (size_t i = 0; i < count; i++) {
            if (found[i].box.label != label)
                continue;
            right += found[i].matched;
            seen++;
            if ((double)right / (double)truths >= step / 100.0)
                best = fmax(best, (double)right / (double)seen);
        }
        sum += best;
    }
    return sum / 101;
}

/* The best F1 over every threshold between two confidences. */
static double plain_best_f1(const struct evaluation_box *found, size_t count, uint32_t label, size_t truths)
{
    double best = 0;
    for (size_t t = 0; t < count; t++) {
        double right = 0, seen = 0;
        for (size_t i = 0; i < count; i++) {
            bool counts = found[i].box.label == label && found[i].confidence >= found[t].confidence;
            seen += counts;
            right += counts && found[i].matched;
        }
        if (seen > 0)
            best = fmax(best, 2 * right / (seen + (double)truths));
    }
    return best;
}

static void random_boxes_agree_with_the_definitions(void **state)
{
    (void)state;
    static struct learn_image images[IMAGES];
    static struct learn_box boxes[IMAGES][3];
    static struct evaluation_box found[FOUND];
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct learn_random random = learn_random(seed, 0);
        size_t truths[LABELS] = { 0 };
        for (unsigned i = 0; i < IMAGES; i++) {
            images[i] = (struct learn_image){ .boxes = boxes[i], .box_count = learn_random_below(&random, 4) };
            for (unsigned k = 0; k < images[i].box_count; k++) {
                uint32_t label = (uint32_t)learn_random_below(&random, LABELS - 1); /* the last is never shown */
                boxes[i][k] = (struct learn_box){ label, 0.3f * (float)k, 0, 0.3f, 0.3f };
                truths[label]++;
            }
        }
        for (unsigned i = 0; i < FOUND; i++)
            found[i] =
                (struct evaluation_box){ .image = (uint32_t)learn_random_below(&random, IMAGES),
                                         .confidence = (float)learn_random_below(&random, 100) / 100,
                                         .box = { (uint32_t)learn_random_below(&random, LABELS),
                                                  0.1f * (float)learn_random_below(&random, 7), 0, 0.3f, 0.3f } };
        struct evaluation e;
        const struct learn_set test = { images, IMAGES };
        evaluate_detection(&test, LABELS, found, FOUND, &e);
        for (uint32_t l = 0; l < LABELS - 1; l++) {
            NEAR(e.labels[l].average_precision, plain_average_precision(found, FOUND, l, truths[l]));
            NEAR(e.labels[l].f1, plain_best_f1(found, FOUND, l, truths[l]));
            double right = 0, seen = 0;
            for (unsigned i = 0; i < FOUND; i++) {
                bool counts = found[i].box.label == l && found[i].confidence >= e.labels[l].threshold;
                seen += counts;
                right += counts && found[i].matched;
            }
            NEAR(e.labels[l].precision, right / seen);
            NEAR(e.labels[l].recall, right / (double)truths[l]);
        }
        assert_false(e.labels[LABELS - 1].tested);
        evaluation_free(&e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_labels_by_hand),
        cmocka_unit_test(several_labels_by_hand),
        cmocka_unit_test(equal_confidences_are_not_parted),
        cmocka_unit_test(boxes_by_hand),
        cmocka_unit_test(overlaps),
        cmocka_unit_test(random_boxes_agree_with_the_definitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
