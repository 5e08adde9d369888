/* The detector's parts that need no trunk: canvases, views, boxes there and back, peaks and suppression, the optimiser.
 */
#include "vision/adamw.h" /* before cmocka.h, which has a macro called fail */
#include "vision/detect_decode.h"
#include "vision/detect_view.h"
#include "vision/trunk.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_near(double got, double wanted, double most)
{
    if (!(fabs(got - wanted) <= most))
        fail_msg("%g instead of %g", got, wanted);
}

static struct canvas canvas_of(uint32_t width, uint32_t height, float side)
{
    struct learn_box box = { 0, 0.1f, 0.1f, side, side * (float)width / (float)height };
    struct learn_image image = { .width = width, .height = height, .boxes = &box, .box_count = 1 };
    return canvas_for(&(struct learn_set){ &image, 1 });
}

/* Its shape is the images'; its size what the boxes ask for, up to a limit. */
static void canvases(void **state)
{
    (void)state;
    static const struct {
        uint32_t width, height;
        float side; /* of the box, in ratios of the width */
        struct canvas wanted;
    } cases[] = {
        { 640, 480, 0.2f, { 384, 288 } },   { 1000, 1000, 0.2f, { 320, 320 } }, { 480, 640, 0.2f, { 288, 384 } },
        { 64, 64, 0.3f, { 320, 320 } },     { 1920, 1080, 0.2f, { 416, 256 } }, { 4096, 205, 0.2f, { 448, 224 } },
        { 640, 480, 0.035f, { 576, 416 } }, { 640, 480, 0.02f, { 1152, 864 } }, { 640, 480, 0.001f, { 1152, 864 } },
    };
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        struct canvas canvas = canvas_of(cases[c].width, cases[c].height, cases[c].side);
        assert_true(canvas.width % 32 == 0 && canvas.height % 32 == 0);
        if (canvas.width != cases[c].wanted.width || canvas.height != cases[c].wanted.height)
            fail_msg("%d x %d for case %zu", canvas.width, canvas.height, c);
    }
    assert_int_equal(canvas_for(&(struct learn_set){ NULL, 0 }).width, 320);
}

/* Whatever the images' shape and however small the boxes, a trunk can be made for it, and a model of it be read again.
 */
static void no_canvas_is_too_large(void **state)
{
    (void)state;
    for (uint32_t width = 205; width <= 4096; width += 37)
        for (float side = 0.001f; side < 0.3f; side *= 3) {
            struct canvas wide = canvas_of(width, 1024, side), high = canvas_of(1024, width, side);
            assert_in_range(wide.width, TRUNK_SIDE_MIN, TRUNK_SIDE_MAX);
            assert_in_range(wide.height, TRUNK_SIDE_MIN, TRUNK_SIDE_MAX);
            assert_in_range(high.width, TRUNK_SIDE_MIN, TRUNK_SIDE_MAX);
            assert_in_range(high.height, TRUNK_SIDE_MIN, TRUNK_SIDE_MAX);
            assert_true(canvas_side(wide) >= LEARN_SIDE && canvas_side(wide) <= TRUNK_SIDE_MAX);
        }
}

/* What view_boxes makes of a ratio, view_box_back undoes; a mirrored view shows the mirror image. */
static void boxes_there_and_back(void **state)
{
    (void)state;
    struct canvas canvas = { 384, 288 };
    static const unsigned char key[LEARN_KEY_BYTES] = { 9, 8, 7 };
    static const struct learn_box boxes[] = { { 3, 0.25f, 0.5f, 0.25f, 0.25f }, { 1, 0, 0, 1, 1 } };
    static const int sizes[][2] = { { 640, 480 }, { 480, 640 }, { 64, 1280 }, { 4096, 4096 }, { 1280, 64 } };
    for (size_t s = 0; s < COUNT_OF(sizes); s++) {
        struct learn_image image = { .width = (uint32_t)sizes[s][0],
                                     .height = (uint32_t)sizes[s][1],
                                     .boxes = boxes,
                                     .box_count = COUNT_OF(boxes) };
        struct view plain = view_of(canvas, sizes[s][0], sizes[s][1], key, 0);
        struct view mirrored = view_of(canvas, sizes[s][0], sizes[s][1], key, 1);
        struct cell_box cells[2], others[2];
        assert_int_equal(view_boxes(&plain, &image, cells), 2);
        assert_int_equal(view_boxes(&mirrored, &image, others), 2);
        for (int b = 0; b < 2; b++) {
            struct learn_box back;
            assert_true(view_box_back(&plain, &cells[b], &back));
            assert_int_equal(back.label, boxes[b].label);
            assert_near(back.left, boxes[b].left, 1e-4);
            assert_near(back.top, boxes[b].top, 1e-4);
            assert_near(back.width, boxes[b].width, 1e-4);
            assert_near(back.height, boxes[b].height, 1e-4);
            assert_near(others[b].left, 48 - cells[b].right, 1e-4);
            assert_near(others[b].right, 48 - cells[b].left, 1e-4);
            assert_near(others[b].top, cells[b].top, 0);
        }
        struct learn_box none;
        struct cell_box outside = { 0, -9, -9, -8, -8 };
        assert_false(view_box_back(&plain, &outside, &none));
    }
}

/* A bright square is where its box is, in every view. */
static void pixels_follow_boxes(void **state)
{
    (void)state;
    struct canvas canvas = { 352, 288 };
    struct image image = image_new(300, 200), drawn = image_new(canvas.width, canvas.height);
    struct learn_box box = { 0, 0.4f, 0.3f, 0.2f, 0.3f };
    struct learn_image one = { .width = 300, .height = 200, .boxes = &box, .box_count = 1 };
    memset(image.rgb, 20, 300 * 200 * 3);
    for (int y = 60; y < 120; y++)
        memset(image.rgb + (y * 300 + 120) * 3, 250, 60 * 3);
    for (unsigned number = 0; number < 16; number++) {
        unsigned char key[LEARN_KEY_BYTES] = { 1, 2, 3 };
        struct view view = view_of(canvas, 300, 200, key, number);
        struct cell_box cells;
        view_draw(&view, &image, &drawn);
        if (view_boxes(&view, &one, &cells) == 0)
            continue;
        double bright_in = 0, bright = 0;
        for (int y = 0; y < drawn.height; y++) {
            for (int x = 0; x < drawn.width; x++) {
                if (drawn.rgb[(y * drawn.width + x) * 3] < 170)
                    continue;
                bright++;
                float cx = ((float)x + 0.5f) / 8, cy = ((float)y + 0.5f) / 8;
                bright_in += cx >= cells.left && cx <= cells.right && cy >= cells.top && cy <= cells.bottom;
            }
        }
        double area = (cells.right - cells.left) * (cells.bottom - cells.top) * 64;
        assert_true(bright_in >= 0.9 * area && bright_in >= 0.93 * bright);
    }
    image_free(&image);
    image_free(&drawn);
}

/* Off the frame, without extent, not a number, less than a third in view: none of it is learnt. */
static void boxes_that_are_none(void **state)
{
    (void)state;
    static const struct learn_box boxes[] = {
        { 0, 0.2f, 0.2f, 0, 0.3f },   { 0, 0.2f, 0.2f, -0.1f, 0.3f }, { 0, 1.5f, 0.2f, 0.3f, 0.3f },
        { 0, NAN, 0.2f, 0.3f, 0.3f }, { 0, 0.2f, 0.2f, NAN, 0.3f },   { 0, 0.2f, 0.2f, 0.001f, 0.001f },
        { 0, -0.5f, 0.5f, 1, 0.25f }, { 0, INFINITY, 0, 1, 1 },
    };
    struct learn_image image = { .width = 640, .height = 480, .boxes = boxes, .box_count = COUNT_OF(boxes) };
    static const unsigned char key[LEARN_KEY_BYTES];
    struct cell_box cells[COUNT_OF(boxes)];
    struct view view = view_of((struct canvas){ 384, 288 }, 640, 480, key, 0);
    size_t count = view_boxes(&view, &image, cells);

    assert_int_equal(count, 1); /* what is half off counts for what is within */
    assert_near(cells[0].left, 0, 0);
    assert_near(cells[0].right, 24, 1e-3);
}

static const struct head_shape SHAPE = { .height = 8, .width = 12, .channels = { 4, 4, 4 }, .labels = 2 };

static void put(struct head_pass *pass, int y, int x, int label, float logit, float half)
{
    float *out = pass->out + map_row(pass->end, y, x) * pass->end.channels;
    out[label] = logit;
    for (int s = 0; s < HEAD_SIDES; s++)
        out[SHAPE.labels + s] = logf(half + 0.5f);
}

/* Of the second opinion that everything is as the cell says. */
static const float *agree(void *ctx, const struct cell_box *box)
{
    static const float chances[] = { 1, 1 };
    (void)ctx;
    assert_true(box->left >= 0 && box->top >= 0 && box->right <= 12 && box->bottom <= 8);
    return chances;
}

/* That label 1 is the likelier. */
static const float *lean(void *ctx, const struct cell_box *box)
{
    static const float chances[] = { 0.25f, 0.75f };
    (void)ctx;
    (void)box;
    return chances;
}

static void a_second_opinion(void **state)
{
    (void)state;
    struct head_pass pass;
    struct seen_box seen[4];
    head_pass_open(&pass, &SHAPE, false);
    for (size_t i = 0; i < map_floats(pass.end); i++)
        pass.out[i] = -20;
    put(&pass, 3, 3, 0, 1, 2);
    put(&pass, 3, 3, 1, 0, 2);
    assert_int_equal(detect_decode(&pass, (struct decode_opinion){ lean, NULL }, 0.2f, seen, 4), 2);
    double high = 1 / (1 + exp(-1)), low = 0.5;
    assert_int_equal(seen[0].box.label, 1);
    assert_near(seen[0].confidence, sqrt(low * high * 0.75), 1e-5);
    assert_near(seen[1].confidence, sqrt(high * high * 0.25), 1e-5);
    head_pass_close(&pass);
}

static void peaks_and_suppression(void **state)
{
    (void)state;
    struct head_pass pass;
    struct seen_box seen[20];
    head_pass_open(&pass, &SHAPE, false);
    for (size_t i = 0; i < map_floats(pass.end); i++)
        pass.out[i] = -20;
    put(&pass, 1, 1, 0, 2, 1.5f);
    put(&pass, 1, 2, 0, 1, 1.5f);    /* beside a higher one: no peak */
    put(&pass, 1, 3, 0, 1.5f, 0.9f); /* a peak, overlaps the first by less than a half */
    put(&pass, 5, 5, 1, 3, 4);
    put(&pass, 5, 7, 1, 2.5f, 4); /* overlaps it by more */
    put(&pass, 5, 9, 0, 2.5f, 2); /* another label */
    put(&pass, 0, 11, 1, 0, 1);   /* two equal ones: the first is the peak */
    put(&pass, 1, 11, 1, 0, 1);
    put(&pass, 7, 0, 0, -3, 1); /* below the confidence */
    size_t count = detect_decode(&pass, (struct decode_opinion){ agree, NULL }, 0.3f, seen, COUNT_OF(seen));
    static const struct {
        uint32_t label;
        float left, right, logit;
    } wanted[] = {
        { 1, 1.5f, 9.5f, 3 }, { 0, 7.5f, 11.5f, 2.5f }, { 0, 0, 3, 2 }, { 0, 2.6f, 4.4f, 1.5f }, { 1, 10.5f, 12, 0 }
    };
    assert_int_equal(count, COUNT_OF(wanted));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(seen[i].box.label, wanted[i].label);
        assert_near(seen[i].box.left, wanted[i].left, 1e-4);
        assert_near(seen[i].box.right, wanted[i].right, 1e-4);
        assert_near(seen[i].confidence, 1 / (1 + exp(-wanted[i].logit)), 1e-5);
    }
    assert_int_equal(detect_decode(&pass, (struct decode_opinion){ agree, NULL }, 0.3f, seen, 2), 2);
    head_pass_close(&pass);
}

static void overlaps(void **state)
{
    (void)state;
    struct cell_box a = { 0, 0, 0, 4, 2 }, b = { 0, 2, 0, 6, 2 }, far = { 0, 5, 5, 6, 6 };
    assert_near(cell_box_iou(&a, &b), 1.0 / 3, 1e-6);
    assert_near(cell_box_iou(&a, &a), 1, 1e-6);
    assert_true(cell_box_iou(&a, &far) == 0);
}

/* Against the paper's formulas in doubles. */
static void optimiser(void **state)
{
    (void)state;
    float params[3] = { 1, -2, 3 }, first[3] = { 0 }, second[3] = { 0 };
    double wanted[3] = { 1, -2, 3 }, m[3] = { 0 }, v[3] = { 0 };
    static const unsigned char decays[3] = { 1, 0, 1 };
    struct adamw adamw = { .beta1 = 0.9f,
                           .beta2 = 0.99f,
                           .epsilon = 1e-8f,
                           .decay = 0.1f,
                           .count = 3,
                           .first = first,
                           .second = second,
                           .decays = decays };
    for (int t = 1; t <= 5; t++) {
        float grad[3] = { 0.5f * (float)t, -1, 0.01f };
        adamw_step(&adamw, 0.01f, grad, params);
        for (int i = 0; i < 3; i++) {
            m[i] = 0.9 * m[i] + 0.1 * grad[i];
            v[i] = 0.99 * v[i] + 0.01 * grad[i] * grad[i];
            wanted[i] -= 0.01 * (m[i] / (1 - pow(0.9, t)) / (sqrt(v[i] / (1 - pow(0.99, t))) + 1e-8) +
                                 0.1 * decays[i] * wanted[i]);
            assert_near(params[i], wanted[i], 1e-5);
        }
    }
    assert_near(one_cycle(0.1f, 0.25, 0, 101), 0.004, 1e-6);
    assert_near(one_cycle(0.1f, 0.25, 25, 101), 0.1, 1e-6);
    assert_near(one_cycle(0.1f, 0.25, 100, 101), 0, 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canvases),
        cmocka_unit_test(no_canvas_is_too_large),
        cmocka_unit_test(boxes_there_and_back),
        cmocka_unit_test(pixels_follow_boxes),
        cmocka_unit_test(boxes_that_are_none),
        cmocka_unit_test(peaks_and_suppression),
        cmocka_unit_test(a_second_opinion),
        cmocka_unit_test(overlaps),
        cmocka_unit_test(optimiser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
