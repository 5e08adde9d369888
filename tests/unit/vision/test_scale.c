/* Resizing, cropping, flipping, letterboxing against a plain reference in doubles. */
#include "vision/scale.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct image noise(int width, int height, uint32_t seed)
{
    struct image image = image_new(width, height);
    for (int i = 0; i < width * height * 3; i++) {
        seed = seed * 1664525u + 1013904223u;
        image.rgb[i] = (unsigned char)(seed >> 24);
    }
    return image;
}

/* The triangle filter as it is written in textbooks, at one place of one axis. */
static double share(double place, double middle, double reach)
{
    double far = fabs(place - middle) / reach;
    return far < 1 ? 1 - far : 0;
}

static double reference(const struct image *from, struct crop crop, int width, int height, int x, int y, int channel)
{
    double step_x = (double)crop.width / width, step_y = (double)crop.height / height, sum = 0, all = 0;
    double middle_x = (double)crop.left + (x + 0.5) * step_x, middle_y = (double)crop.top + (y + 0.5) * step_y;
    for (int j = 0; j < from->height; j++)
        for (int i = 0; i < from->width; i++) {
            double weight = share(i + 0.5, middle_x, fmax(step_x, 1)) * share(j + 0.5, middle_y, fmax(step_y, 1));
            sum += weight * from->rgb[(j * from->width + i) * 3 + channel];
            all += weight;
        }
    return sum / all;
}

static void assert_scaled(const struct image *from, struct crop crop, const struct image *into)
{
    for (int y = 0; y < into->height; y++)
        for (int x = 0; x < into->width; x++)
            for (int c = 0; c < 3; c++) {
                double wanted = reference(from, crop, into->width, into->height, x, y, c);
                int got = into->rgb[(y * into->width + x) * 3 + c];
                if (fabs(wanted - got) > 1.1) /* two roundings */
                    fail_msg("at %d,%d: %d, not %.2f", x, y, got, wanted);
            }
}

static void crops_are_scaled(void **state)
{
    (void)state;
    struct image from = noise(37, 29, 1);
    const struct crop crops[] = { { 0, 0, 37, 29 }, { 3.25f, 1.5f, 20.5f, 17.75f }, { 30, 20, 7, 9 }, { 0, 0, 1, 1 } };
    const int sizes[][2] = { { 16, 16 }, { 64, 50 }, { 37, 29 }, { 1, 1 }, { 5, 60 } };
    for (unsigned i = 0; i < COUNT_OF(crops); i++)
        for (unsigned j = 0; j < COUNT_OF(sizes); j++) {
            struct image into = image_new(sizes[j][0], sizes[j][1]);
            scale_crop(&from, crops[i], &into);
            assert_scaled(&from, crops[i], &into);
            image_free(&into);
        }
    image_free(&from);
}

static void the_same_size_is_a_copy(void **state)
{
    (void)state;
    struct image from = noise(33, 20, 2), into = image_new(33, 20);
    scale_resize(&from, &into);
    assert_memory_equal(from.rgb, into.rgb, 33 * 20 * 3);
    image_free(&from);
    image_free(&into);
}

/* Weights are rounded, and must still sum to one: white stays white at every size. */
static void one_colour_stays(void **state)
{
    (void)state;
    struct image from = image_new(640, 11);
    memset(from.rgb, 255, 640 * 11 * 3);
    for (int side = 1; side < 300; side += 13) {
        struct image into = image_new(side, side);
        scale_resize(&from, &into);
        for (int i = 0; i < side * side * 3; i++)
            assert_int_equal(into.rgb[i], 255);
        image_free(&into);
    }
    image_free(&from);
}

static void a_flip_mirrors(void **state)
{
    (void)state;
    struct image image = noise(5, 2, 3), before = image_new(5, 2);
    memcpy(before.rgb, image.rgb, 30);
    scale_flip(&image);
    for (int y = 0; y < 2; y++)
        for (int x = 0; x < 5; x++)
            assert_memory_equal(image.rgb + (y * 5 + x) * 3, before.rgb + (y * 5 + 4 - x) * 3, 3);
    scale_flip(&image);
    assert_memory_equal(image.rgb, before.rgb, 30);
    image_free(&image);
    image_free(&before);
}

static void a_letterbox_keeps_the_aspect(void **state)
{
    (void)state;
    const struct {
        int width, height;
        struct letterbox wanted;
    } cases[] = {
        { 640, 480, { 0, 40, 320, 240 } },
        { 100, 200, { 80, 0, 160, 320 } },
        { 320, 320, { 0, 0, 320, 320 } },
        { 4000, 3, { 0, 159, 320, 1 } },
    };
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        struct image from = image_new(cases[i].width, cases[i].height), into = image_new(320, 320);
        memset(from.rgb, 200, (size_t)from.width * (size_t)from.height * 3);
        struct letterbox got = scale_letterbox(&from, 114, &into);
        assert_memory_equal(&got, &cases[i].wanted, sizeof got);
        for (int y = 0; y < 320; y++)
            for (int x = 0; x < 320; x++) {
                bool inside = x >= got.left && x < got.left + got.width && y >= got.top && y < got.top + got.height;
                assert_int_equal(into.rgb[(y * 320 + x) * 3], inside ? 200 : 114);
            }
        image_free(&from);
        image_free(&into);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crops_are_scaled),
        cmocka_unit_test(the_same_size_is_a_copy),
        cmocka_unit_test(one_colour_stays),
        cmocka_unit_test(a_flip_mirrors),
        cmocka_unit_test(a_letterbox_keeps_the_aspect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
