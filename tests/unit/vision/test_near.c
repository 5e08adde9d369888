/* Near duplicates are found and others are not; shapes and colours are what their names say; folds keep groups whole. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "vision/classify_draw.h"
#include "vision/hog.h"
#include "vision/scale.h"

#include <cmocka.h>

enum { WIDE = 160, TALL = 120 };

/* A few soft blobs of colour, different for each number. */
static struct image scene(uint64_t number)
{
    struct image image = image_new(WIDE, TALL);
    struct learn_random random = learn_random(number, 1);
    float blobs[12][6];
    for (int b = 0; b < 12; b++)
        for (int k = 0; k < 6; k++)
            blobs[b][k] = learn_random_unit(&random);
    for (int y = 0; y < TALL; y++)
        for (int x = 0; x < WIDE; x++)
            for (int c = 0; c < 3; c++) {
                float sum = 90;
                for (int b = 0; b < 12; b++) {
                    float dx = (float)x / WIDE - blobs[b][0], dy = (float)y / TALL - blobs[b][1];
                    sum += 260 * (blobs[b][3 + c] - 0.5f) * expf(-(dx * dx + dy * dy) * (20 + 60 * blobs[b][2]));
                }
                image.rgb[(y * WIDE + x) * 3 + c] = (unsigned char)fminf(fmaxf(sum, 0), 255);
            }
    return image;
}

static bool alike(const struct image *a, const struct image *b)
{
    struct near_look one, other;
    near_look(a, &one);
    near_look(b, &other);
    assert_int_equal(near_alike(&one, &other), near_alike(&other, &one));
    return near_alike(&one, &other);
}

static void copies_are_near(void **state)
{
    (void)state;
    for (uint64_t number = 0; number < 20; number++) {
        struct image image = scene(number), mirrored = scene(number), lighter = scene(number), other = scene(number + 50);
        struct image small = image_new(64, 64), cut = image_new(100, 90), changed = scene(number);
        scale_resize(&image, &small);
        scale_crop(&image, (struct crop){ 2, 2, WIDE - 5, TALL - 3 }, &cut);
        scale_flip(&mirrored);
        for (int i = 0; i < WIDE * TALL * 3; i++)
            lighter.rgb[i] = (unsigned char)fminf(lighter.rgb[i] * 1.08f + 6, 255);
        for (int y = 40; y < 50; y++) /* something small has moved in */
            for (int x = 30; x < 45; x++)
                changed.rgb[(y * WIDE + x) * 3] ^= 0x80;
        assert_true(alike(&image, &image) && alike(&image, &small) && alike(&image, &cut));
        assert_true(alike(&image, &mirrored) && alike(&image, &lighter) && alike(&image, &changed));
        assert_false(alike(&image, &other));
        struct image *all[] = { &image, &mirrored, &lighter, &other, &small, &cut, &changed };
        for (size_t k = 0; k < COUNT_OF(all); k++)
            image_free(all[k]);
    }
}

static void plain_pictures_go_by_colour(void **state)
{
    (void)state;
    struct image red = image_new(70, 70), same = image_new(90, 64), blue = image_new(70, 70);
    for (int i = 0; i < 70 * 70 * 3; i++) {
        red.rgb[i] = i % 3 == 0 ? 200 : 10;
        blue.rgb[i] = i % 3 == 2 ? 200 : 10;
    }
    for (int i = 0; i < 90 * 64 * 3; i++)
        same.rgb[i] = i % 3 == 0 ? 201 : 10;
    assert_true(alike(&red, &same));
    assert_false(alike(&red, &blue));
    image_free(&red);
    image_free(&same);
    image_free(&blue);
}

/* Every image three times, one of them mirrored: as many groups as scenes, each in one fold, labels spread evenly. */
static void folds_keep_groups_whole(void **state)
{
    (void)state;
    enum { SCENES = 30, COPIES = 3, COUNT = SCENES * COPIES, LABELS = 2, FOLDS = 3 };
    struct near_look looks[COUNT];
    uint32_t groups[COUNT], labels[COUNT];
    unsigned char folds[COUNT];
    unsigned in_fold[FOLDS][LABELS] = { 0 };
    for (uint32_t i = 0; i < COUNT; i++) {
        struct image image = scene(i % SCENES);
        if (i / SCENES == 1)
            scale_flip(&image);
        near_look(&image, &looks[i]);
        labels[i] = i % SCENES % LABELS;
        image_free(&image);
    }
    near_groups(looks, COUNT, groups);
    classify_folds(looks, labels, COUNT, LABELS, FOLDS, folds);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(groups[i], i % SCENES);
        assert_int_equal(folds[i], folds[i % SCENES]);
        in_fold[folds[i]][labels[i]]++;
    }
    for (int f = 0; f < FOLDS; f++)
        for (int c = 0; c < LABELS; c++)
            assert_int_equal(in_fold[f][c], COUNT / FOLDS / LABELS);
    for (uint32_t i = 0; i < COUNT; i++)
        looks[i] = looks[0]; /* all the same: no fold may be left without training */
    classify_folds(looks, labels, COUNT, LABELS, FOLDS, folds);
    for (uint32_t i = 1; i < 6; i++)
        if (folds[i] != folds[0])
            return;
    fail_msg("one fold holds everything");
}

/* A dark upper half over a light lower one: the gradient points down wherever there is one. */
static void shapes_point_along_the_gradient(void **state)
{
    (void)state;
    struct image image = image_new(64, 64);
    float *shapes = mem_alloc(HOG_SHAPES * sizeof *shapes), *colours = mem_alloc(HOG_COLOURS * sizeof *colours);
    for (int i = 0; i < 64 * 64 * 3; i++)
        image.rgb[i] = i / 3 / 64 < 32 ? 20 : 240;
    hog_shapes(&image, shapes);
    double down = 0, all = 0;
    for (int i = 0; i < HOG_SHAPES; i++) {
        int direction = i % HOG_DIRECTIONS; /* a quarter turn is between directions 4 and 5 - 18 of them, centred at .5 */
        all += (double)shapes[i];
        down += direction == 4 ? (double)shapes[i] : 0;
    }
    assert_true(all > 0 && down > 0.99 * all);
    hog_colours(&image, colours);
    double upper = 0, lower = 0;
    for (int i = 0; i < 64; i++) {
        upper += (double)(colours[64 + i] * colours[64 + i]);
        lower += (double)(colours[192 + i] * colours[192 + i]);
    }
    assert_true(fabs(upper - 1) < 1e-4 && fabs(lower - 1) < 1e-4);
    assert_true(colours[64] > 0.9f && colours[192 + 63] > 0.9f);
    image_free(&image);
    free(shapes);
    free(colours);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_near),
        cmocka_unit_test(plain_pictures_go_by_colour),
        cmocka_unit_test(folds_keep_groups_whole),
        cmocka_unit_test(shapes_point_along_the_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
