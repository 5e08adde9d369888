/*
 * detect_view: how an image lies in the canvas that the trunk sees, plainly and varied; and which canvas.
 *
 * View 0 is the image as large as fits, in the middle, on grey; view 1 is that mirrored; further views are nearer or
 * further off, moved, maybe mirrored and in another light. What a view does follows from its number and the image's key
 * alone, so its features can be kept from one training to the next. Pure; any thread.
 */
#ifndef PLACARD_VISION_DETECT_VIEW_H
#define PLACARD_VISION_DETECT_VIEW_H

#include "vision/detect_loss.h"
#include "vision/image.h"
#include "vision/learn.h"
#include "vision/scale.h"

/* Sides are multiples of 32, so that all taps fit on each other. */
struct canvas {
    int width, height;
};

/*
 * A canvas of about 320 x 320 pixels in the shape that most images have, or of 480, 640 or 960 where more than a tenth
 * of the boxes would be narrower than about two cells in a smaller one.
 */
struct canvas canvas_for(const struct learn_set *train);

/* What the shorter side of a picture must have, that nothing is lost when it is laid into the canvas (learn.h). */
static inline int canvas_side(struct canvas canvas)
{
    int shorter = canvas.width < canvas.height ? canvas.width : canvas.height;
    return shorter > LEARN_SIDE ? shorter : LEARN_SIDE;
}

struct view {
    struct canvas canvas;
    struct letterbox place; /* of the whole picture, before mirroring; may reach past the canvas */
    bool mirrored;
    float contrast, light[3]; /* value = (value - 128) * contrast + 128 + light */
};

struct view view_of(struct canvas canvas, int width, int height, const unsigned char key[LEARN_KEY_BYTES],
                    unsigned number);

/* The image as the view shows it; `into` has the canvas's size. */
void view_draw(const struct view *view, const struct image *from, struct image *into);

/*
 * The boxes that the view shows, in cells: cut at the canvas's edge, without those of which it shows less than a third
 * and those narrower than a quarter of a cell. `ret_boxes` has room for all of the image's; how many there are.
 */
size_t view_boxes(const struct view *view, const struct learn_image *image, struct cell_box *ret_boxes);

/* The other way, of a view that is not mirrored: from cells to ratios. False where nothing of it is in the picture. */
bool view_box_back(const struct view *view, const struct cell_box *box, struct learn_box *ret_box);

#endif
