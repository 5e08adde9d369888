/* Images of every kind that PNG and JPEG know become the same 8-bit RGB. */
#include "vision/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <png.h>

#include "pictures.h"

/* No channel of the image is further than `within` from the colour expected; transparent places are white. */
static void assert_shows(const struct image *image, const struct picture *picture, bool grey, int within)
{
    assert_int_equal(image->width, picture->width);
    assert_int_equal(image->height, picture->height);
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            unsigned char rgb[3];
            picture_colour(x, y, image->width, image->height, rgb);
            bool clear = picture->transparent && x < image->width / 2;
            for (int c = 0; c < 3; c++) {
                int wanted = clear ? 255 : rgb[grey ? 0 : c];
                int got = image->rgb[(y * image->width + x) * 3 + c];
                if (abs(wanted - got) > within)
                    fail_msg("kind %d depth %d at %d,%d channel %d: %d, not %d", picture->kind, picture->depth, x, y, c,
                             got, wanted);
            }
        }
}

static struct image decoded(const struct buf *file)
{
    struct image image;
    enum image_fault fault = IMAGE_OK;
    int width, height;
    if (!image_decode(buf_span(file), &image_limits_s3, &image, &fault))
        fail_msg("the image is %s", image_fault_name(fault));
    assert_true(image_probe(buf_span(file), &image_limits_s3, &width, &height, &fault));
    assert_int_equal(width, image.width);
    assert_int_equal(height, image.height);
    return image;
}

static void check_png(struct picture picture, bool grey, int within)
{
    struct buf file;
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        buf_init(&file, PICTURE_MAX);
        picture.interlaced = interlaced;
        picture_png(&picture, &file);
        struct image image = decoded(&file);
        assert_shows(&image, &picture, grey, within);
        image_free(&image);
        buf_free(&file);
    }
}

static void every_png_is_read(void **state)
{
    (void)state;
    const struct {
        int kind, depth, within;
        bool grey;
    } kinds[] = {
        { PNG_COLOR_TYPE_GRAY, 1, 255, true },      { PNG_COLOR_TYPE_GRAY, 2, 85, true },
        { PNG_COLOR_TYPE_GRAY, 4, 17, true },       { PNG_COLOR_TYPE_GRAY, 8, 0, true },
        { PNG_COLOR_TYPE_GRAY, 16, 0, true },       { PNG_COLOR_TYPE_GRAY_ALPHA, 8, 0, true },
        { PNG_COLOR_TYPE_GRAY_ALPHA, 16, 0, true }, { PNG_COLOR_TYPE_PALETTE, 4, 17, true },
        { PNG_COLOR_TYPE_PALETTE, 8, 17, true },    { PNG_COLOR_TYPE_RGB, 8, 0, false },
        { PNG_COLOR_TYPE_RGB, 16, 0, false },       { PNG_COLOR_TYPE_RGB_ALPHA, 8, 0, false },
        { PNG_COLOR_TYPE_RGB_ALPHA, 16, 0, false },
    };
    for (unsigned i = 0; i < COUNT_OF(kinds); i++)
        check_png((struct picture){ .width = 97, .height = 65, .depth = kinds[i].depth, .kind = kinds[i].kind },
                  kinds[i].grey, kinds[i].within);
}

static void transparent_places_are_white(void **state)
{
    (void)state;
    const int kinds[] = { PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB_ALPHA };
    for (unsigned i = 0; i < COUNT_OF(kinds); i++)
        for (int depth = 8; depth <= 16; depth += 8)
            check_png(
                (struct picture){ .width = 97, .height = 65, .depth = depth, .kind = kinds[i], .transparent = true },
                kinds[i] == PNG_COLOR_TYPE_GRAY_ALPHA, 0);
}

/* One colour, or some places of the palette, named as transparent instead of an alpha channel. */
static void a_transparent_colour_is_white(void **state)
{
    (void)state;
    const int kinds[][2] = { { PNG_COLOR_TYPE_GRAY, 8 }, { PNG_COLOR_TYPE_GRAY, 16 },   { PNG_COLOR_TYPE_RGB, 8 },
                             { PNG_COLOR_TYPE_RGB, 16 }, { PNG_COLOR_TYPE_PALETTE, 4 }, { PNG_COLOR_TYPE_PALETTE, 8 } };
    for (unsigned i = 0; i < COUNT_OF(kinds); i++) {
        struct picture picture = { .width = 96, .height = 64, .kind = kinds[i][0], .depth = kinds[i][1] };
        struct buf file;
        buf_init(&file, PICTURE_MAX);
        picture.transparent = true;
        picture_png(&picture, &file);
        struct image image = decoded(&file);
        for (int c = 0; c < 3; c++)
            assert_int_equal(image.rgb[c], 255);
        assert_int_equal(image.rgb[95 * 3], 255); /* red is full at the right, and not transparent there */
        if (kinds[i][0] == PNG_COLOR_TYPE_RGB)
            assert_int_equal(image.rgb[95 * 3 + 2], 0);
        image_free(&image);
        buf_free(&file);
    }
}

static void every_jpeg_is_read(void **state)
{
    (void)state;
    const struct picture kinds[] = {
        { .width = 97, .height = 65, .kind = 1 },
        { .width = 97, .height = 65, .kind = 1, .interlaced = true },
        { .width = 97, .height = 65, .kind = 3 },
        { .width = 97, .height = 65, .kind = 3, .interlaced = true },
        { .width = 97, .height = 65, .kind = 4 },
        { .width = 97, .height = 65, .kind = 4, .adobe_marker = true },
        { .width = 97, .height = 65, .kind = 4, .adobe_marker = true, .interlaced = true },
    };
    for (unsigned i = 0; i < COUNT_OF(kinds); i++) {
        struct buf file;
        buf_init(&file, PICTURE_MAX);
        picture_jpeg(&kinds[i], &file);
        struct image image = decoded(&file);
        assert_shows(&image, &kinds[i], kinds[i].kind == 1, 12);
        image_free(&image);
        buf_free(&file);
    }
}

static void a_jpeg_may_come_out_smaller(void **state)
{
    (void)state;
    const struct picture picture = { .width = 1000, .height = 600 };
    const int sides[][2] = { { 601, 1000 }, { 301, 1000 }, { 300, 500 }, { 224, 500 }, { 150, 250 }, { 64, 125 } };
    struct buf file;
    enum image_fault fault;
    buf_init(&file, PICTURE_MAX);
    picture_jpeg(&picture, &file);
    for (unsigned i = 0; i < COUNT_OF(sides); i++) {
        struct image image;
        unsigned char middle[3];
        assert_true(image_decode_near(buf_span(&file), &image_limits_s3, sides[i][0], &image, &fault));
        assert_int_equal(image.width, sides[i][1]);
        picture_colour(500, 300, 1000, 600, middle);
        for (int c = 0; c < 3; c++)
            assert_in_range(image.rgb[((image.height / 2) * image.width + image.width / 2) * 3 + c], middle[c] - 8,
                            middle[c] + 8);
        image_free(&image);
    }
    buf_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_png_is_read),
        cmocka_unit_test(transparent_places_are_white),
        cmocka_unit_test(a_transparent_colour_is_white),
        cmocka_unit_test(every_jpeg_is_read),
        cmocka_unit_test(a_jpeg_may_come_out_smaller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
