/* detect_view: see detect_view.h. */
#include "vision/detect_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vision/trunk.h"

enum { CANVAS_STEP = 32, SAMPLE_MOST = 20000 };

static const int SIDES[] = { 320, 480, 640, 960 }; /* of a square of the canvas's area */
static const float SLACK = 1.1f;                   /* how much larger its area may be, to fit the shape */
static const float SMALL = 16;                     /* pixels in the canvas, the root of a box's area; two cells */
static const unsigned char GREY = 128;

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The value below which `share` of them lie; sorts them. */
static float quantile(float *values, size_t count, float share)
{
    qsort(values, count, sizeof *values, by_value);
    return values[(size_t)((float)(count - 1) * share)];
}

static float scale_in(struct canvas canvas, float width, float height)
{
    return fminf((float)canvas.width / width, (float)canvas.height / height);
}

/* Of all canvases up to that area, the one in which an image of that aspect becomes the largest. */
static struct canvas canvas_of_shape(int side, float aspect)
{
    struct canvas best = { side, side };
    float most = SLACK * (float)side * (float)side;
    for (int width = CANVAS_STEP; width <= 4 * side && width <= TRUNK_SIDE_MAX; width += CANVAS_STEP) {
        int height = (int)(most / (float)width) / CANVAS_STEP * CANVAS_STEP;
        struct canvas canvas = { width, height };
        if (height < side / 4 || height > 4 * side || height > TRUNK_SIDE_MAX)
            continue;
        /* The smallest that holds it: rows that an image of that aspect leaves grey cost time and tell nothing. */
        int enough = ((int)ceilf((float)width / aspect) + CANVAS_STEP - 1) / CANVAS_STEP * CANVAS_STEP;
        canvas.height = height > enough ? enough : height;
        if (scale_in(canvas, aspect, 1) > scale_in(best, aspect, 1))
            best = canvas;
    }
    return best;
}

/* The root of the area of the box that is smaller than nine tenths of them, were all images drawn in `canvas`. */
static float small_box(const struct learn_set *train, struct canvas canvas, float *values)
{
    size_t count = 0;
    for (size_t i = 0; i < train->count; i++) {
        const struct learn_image *image = &train->images[i];
        float scale = scale_in(canvas, (float)image->width, (float)image->height);
        for (size_t b = 0; b < image->box_count && count < SAMPLE_MOST; b++) {
            float wide = image->boxes[b].width * (float)image->width * scale;
            float high = image->boxes[b].height * (float)image->height * scale;
            if (wide > 0 && high > 0)
                values[count++] = sqrtf(wide * high);
        }
    }
    return count ? quantile(values, count, 0.1f) : SMALL;
}

struct canvas canvas_for(const struct learn_set *train)
{
    float *values = mem_alloc(SAMPLE_MOST * sizeof *values);
    size_t count = train->count < SAMPLE_MOST ? train->count : SAMPLE_MOST;
    for (size_t i = 0; i < count; i++)
        values[i] = (float)train->images[i].width / (float)train->images[i].height;
    float aspect = count ? quantile(values, count, 0.5f) : 1;
    aspect = fminf(fmaxf(aspect, 0.5f), 2); /* longer ones are laid in */
    struct canvas canvas = { 0, 0 };
    for (size_t s = 0; s < COUNT_OF(SIDES); s++) {
        canvas = canvas_of_shape(SIDES[s], aspect);
        if (small_box(train, canvas, values) >= SMALL)
            break;
    }
    free(values);
    return canvas;
}

static float drawn_between(struct learn_random *random, float least, float most)
{
    return least + (most - least) * learn_random_unit(random);
}

struct view view_of(struct canvas canvas, int width, int height, const unsigned char key[LEARN_KEY_BYTES],
                    unsigned number)
{
    float scale = scale_in(canvas, (float)width, (float)height);
    float zoom = 1, aside_x = 0.5f, aside_y = 0.5f;
    struct view view = { .canvas = canvas, .mirrored = number == 1, .contrast = 1 };
    if (number > 1) {
        uint64_t seed;
        memcpy(&seed, key, sizeof seed);
        struct learn_random random = learn_random(seed, number);
        zoom = expf(drawn_between(&random, logf(0.65f), logf(1.35f)));
        aside_x = learn_random_unit(&random);
        aside_y = learn_random_unit(&random);
        view.mirrored = learn_random_below(&random, 2);
        view.contrast = drawn_between(&random, 0.75f, 1.25f);
        float all = drawn_between(&random, -20, 20);
        for (int c = 0; c < 3; c++)
            view.light[c] = all + drawn_between(&random, -8, 8);
    }
    int wide = (int)lroundf(fmaxf((float)width * scale * zoom, 1));
    int high = (int)lroundf(fmaxf((float)height * scale * zoom, 1));
    /* Nearer: any part of it fills the canvas. Further off: it lies anywhere in the canvas. */
    view.place = (struct letterbox){ .left = (int)floorf((float)(canvas.width - wide) * aside_x),
                                     .top = (int)floorf((float)(canvas.height - high) * aside_y),
                                     .width = wide,
                                     .height = high };
    return view;
}

static unsigned char lit(const struct view *view, unsigned char value, int channel)
{
    float changed = ((float)value - 128) * view->contrast + 128 + view->light[channel];
    return (unsigned char)(fminf(fmaxf(changed, 0), 255) + 0.5f);
}

static void light_up(const struct view *view, struct image *image)
{
    unsigned char table[3][256];
    size_t count = (size_t)image->width * (size_t)image->height;
    for (int c = 0; c < 3; c++)
        for (int v = 0; v < 256; v++)
            table[c][v] = lit(view, (unsigned char)v, c);
    for (size_t i = 0; i < count; i++)
        for (int c = 0; c < 3; c++)
            image->rgb[i * 3 + (size_t)c] = table[c][image->rgb[i * 3 + (size_t)c]];
}

/* Where pixels `from` to `to` of the canvas lie on one side of the picture, and which part of the picture they show. */
struct stretch {
    int from, to;
    float begin, length;
};

static struct stretch stretch_of(int left, int size, int canvas, int source)
{
    int from = left > 0 ? left : 0, to = left + size < canvas ? left + size : canvas;
    float begin = (float)(from - left) / (float)size * (float)source;
    float length = (float)(to - from) / (float)size * (float)source;
    return (struct stretch){ from, to, begin, fminf(length, (float)source - begin) };
}

void view_draw(const struct view *view, const struct image *from, struct image *into)
{
    CHECK(into->width == view->canvas.width && into->height == view->canvas.height);
    size_t line = (size_t)into->width * 3;
    struct stretch across = stretch_of(view->place.left, view->place.width, into->width, from->width);
    struct stretch down = stretch_of(view->place.top, view->place.height, into->height, from->height);
    struct image part = image_new(across.to - across.from, down.to - down.from);
    scale_crop(from, (struct crop){ across.begin, down.begin, across.length, down.length }, &part);
    memset(into->rgb, GREY, line * (size_t)into->height);
    for (int y = 0; y < part.height; y++)
        memcpy(into->rgb + (size_t)(down.from + y) * line + (size_t)across.from * 3,
               part.rgb + (size_t)y * (size_t)part.width * 3, (size_t)part.width * 3);
    image_free(&part);
    if (view->contrast != 1)
        light_up(view, into);
    if (view->mirrored)
        scale_flip(into);
}

static float within(float value, float most)
{
    return fminf(fmaxf(value, 0), most);
}

size_t view_boxes(const struct view *view, const struct learn_image *image, struct cell_box *ret_boxes)
{
    float across = (float)view->canvas.width / HEAD_STRIDE, down = (float)view->canvas.height / HEAD_STRIDE;
    float to_x = (float)view->place.width / HEAD_STRIDE, to_y = (float)view->place.height / HEAD_STRIDE;
    float from_x = (float)view->place.left / HEAD_STRIDE, from_y = (float)view->place.top / HEAD_STRIDE;
    size_t count = 0;
    for (size_t b = 0; b < image->box_count; b++) {
        const struct learn_box *box = &image->boxes[b];
        float left = within(box->left, 1), right = within(box->left + box->width, 1);
        float top = within(box->top, 1), bottom = within(box->top + box->height, 1);
        float whole = (right - left) * to_x * (bottom - top) * to_y;
        struct cell_box cells = { box->label, left * to_x + from_x, top * to_y + from_y, right * to_x + from_x,
                                  bottom * to_y + from_y };
        cells.left = within(cells.left, across);
        cells.right = within(cells.right, across);
        cells.top = within(cells.top, down);
        cells.bottom = within(cells.bottom, down);
        float wide = cells.right - cells.left, high = cells.bottom - cells.top;
        if (!(wide >= 0.25f && high >= 0.25f && wide * high >= whole / 3)) /* a NaN is none either */
            continue;
        if (view->mirrored) {
            float kept = cells.left;
            cells.left = across - cells.right;
            cells.right = across - kept;
        }
        ret_boxes[count++] = cells;
    }
    return count;
}

bool view_box_back(const struct view *view, const struct cell_box *box, struct learn_box *ret_box)
{
    float to_x = HEAD_STRIDE / (float)view->place.width, to_y = HEAD_STRIDE / (float)view->place.height;
    float from_x = (float)view->place.left / (float)view->place.width;
    float from_y = (float)view->place.top / (float)view->place.height;
    float left = within(box->left * to_x - from_x, 1), right = within(box->right * to_x - from_x, 1);
    float top = within(box->top * to_y - from_y, 1), bottom = within(box->bottom * to_y - from_y, 1);
    if (!(right > left && bottom > top))
        return false;
    *ret_box = (struct learn_box){ box->label, left, top, right - left, bottom - top };
    return true;
}
