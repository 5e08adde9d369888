/* detect_loss: see detect_loss.h. */
#include "vision/detect_loss.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

static const float INNER = 0.54f; /* the share of a box, along each side, in which cells speak for it */
static const float LARGEST_U = 7; /* exp(7) cells: past any image */

struct loss_room {
    struct head_shape shape;
    float *targets;   /* [height][width][labels] */
    uint16_t *owners; /* [height][width]: 1 + the box that the cell speaks for; 0: none */
    float *weights;   /* [height][width]: the Gaussian of that box */
    uint32_t *order;  /* boxes, the largest first */
    size_t order_room;
};

struct loss_room *loss_room_new(const struct head_shape *shape)
{
    struct loss_room *room = mem_zero(1, sizeof *room);
    size_t cells = (size_t)shape->height * (size_t)shape->width;
    room->shape = *shape;
    room->targets = mem_zero(cells * (size_t)shape->labels, sizeof *room->targets);
    room->owners = mem_zero(cells, sizeof *room->owners);
    room->weights = mem_zero(cells, sizeof *room->weights);
    return room;
}

void loss_room_free(struct loss_room *room)
{
    if (!room)
        return;
    free(room->targets);
    free(room->owners);
    free(room->weights);
    free(room->order);
    free(room);
}

static float area(const struct cell_box *box)
{
    return (box->right - box->left) * (box->bottom - box->top);
}

/* Largest first; equal ones in the order they came. Images have few boxes. */
static void sort_by_area(struct loss_room *room, const struct cell_box *boxes, size_t count)
{
    if (count > room->order_room) {
        room->order = mem_grow(room->order, count * sizeof *room->order);
        room->order_room = count;
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        for (; at > 0 && area(&boxes[room->order[at - 1]]) < area(&boxes[i]); at--)
            room->order[at] = room->order[at - 1];
        room->order[at] = (uint32_t)i;
    }
}

static int clamped(int value, int count)
{
    return value < 0 ? 0 : value >= count ? count - 1 : value;
}

/* Along one side: the middle cell, how many cells from there speak for the box, and the Gaussian's deviation. */
struct reach {
    int middle, radius;
    float deviation;
};

static struct reach reach_of(float from, float to, int cells)
{
    int radius = (int)((to - from) / 2 * INNER);
    return (struct reach){ clamped((int)((from + to) / 2), cells), radius, (float)(2 * radius + 1) / 6 };
}

static void draw_box(struct loss_room *room, const struct cell_box *box, uint16_t owner)
{
    const struct head_shape *shape = &room->shape;
    struct reach across = reach_of(box->left, box->right, shape->width);
    struct reach down = reach_of(box->top, box->bottom, shape->height);
    for (int y = clamped(down.middle - down.radius, shape->height);
         y <= clamped(down.middle + down.radius, shape->height); y++) {
        for (int x = clamped(across.middle - across.radius, shape->width);
             x <= clamped(across.middle + across.radius, shape->width); x++) {
            float dy = (float)(y - down.middle) / down.deviation, dx = (float)(x - across.middle) / across.deviation;
            float height = expf(-(dx * dx + dy * dy) / 2);
            size_t cell = (size_t)y * (size_t)shape->width + (size_t)x;
            float *target = &room->targets[cell * (size_t)shape->labels + box->label];
            *target = height > *target ? height : *target;
            room->owners[cell] = owner;
            room->weights[cell] = height;
        }
    }
}

static void draw_targets(struct loss_room *room, const struct cell_box *boxes, size_t count)
{
    size_t cells = (size_t)room->shape.height * (size_t)room->shape.width;
    CHECK(count < UINT16_MAX);
    memset(room->targets, 0, cells * (size_t)room->shape.labels * sizeof *room->targets);
    memset(room->owners, 0, cells * sizeof *room->owners);
    sort_by_area(room, boxes, count);
    for (size_t i = 0; i < count; i++) {
        CHECK(boxes[room->order[i]].label < (uint32_t)room->shape.labels);
        draw_box(room, &boxes[room->order[i]], (uint16_t)(room->order[i] + 1));
    }
}

/* The focal loss of one score against its target, and its gradient by the logit. */
static double focal_loss(float logit, float target, float *ret_grad)
{
    float tail = log1pf(expf(-fabsf(logit)));
    float log_p = -(logit < 0 ? tail - logit : tail);    /* ln of the score */
    float log_rest = -(logit > 0 ? tail + logit : tail); /* ln(1 - score) */
    float p = expf(log_p), rest = expf(log_rest);
    if (target == 1) {
        *ret_grad = rest * rest * (2 * p * log_p - rest);
        return -rest * rest * log_p;
    }
    float weight = (1 - target) * (1 - target) * (1 - target) * (1 - target);
    *ret_grad = weight * p * p * (p - 2 * rest * log_rest);
    return -weight * p * p * log_rest;
}

float giou_loss(const float predicted[HEAD_SIDES], const float truth[HEAD_SIDES], float ret_grad[HEAD_SIDES])
{
    float wide[2], true_wide[2], shared[2], hull[2]; /* across, down */
    for (int a = 0; a < 2; a++) {
        wide[a] = predicted[a] + predicted[a + 2];
        true_wide[a] = truth[a] + truth[a + 2];
        shared[a] = fminf(predicted[a], truth[a]) + fminf(predicted[a + 2], truth[a + 2]);
        hull[a] = fmaxf(predicted[a], truth[a]) + fmaxf(predicted[a + 2], truth[a + 2]);
    }
    bool meet = shared[0] > 0 && shared[1] > 0;
    float common = meet ? shared[0] * shared[1] : 0;
    float both = wide[0] * wide[1] + true_wide[0] * true_wide[1] - common, around = hull[0] * hull[1];
    for (int s = 0; s < HEAD_SIDES; s++) {
        int a = s % 2, other = 1 - a;
        float d_common = meet && predicted[s] < truth[s] ? shared[other] : 0;
        float d_around = predicted[s] > truth[s] ? hull[other] : 0;
        float d_both = wide[other] - d_common;
        ret_grad[s] = -(d_common * both - common * d_both) / (both * both) -
                      (d_both * around - both * d_around) / (around * around);
    }
    return 2 - common / both - both / around;
}

void sides_of(const float out[HEAD_SIDES], float ret_sides[HEAD_SIDES])
{
    for (int s = 0; s < HEAD_SIDES; s++)
        ret_sides[s] = expf(fminf(out[s], LARGEST_U)) - 0.5f;
}

/* Divides each cell's weight by the sum of its box's, so that a box counts as one. */
static void balance_weights(struct loss_room *room, size_t count)
{
    size_t cells = (size_t)room->shape.height * (size_t)room->shape.width;
    double *sums = mem_zero(count + 1, sizeof *sums);
    for (size_t i = 0; i < cells; i++)
        sums[room->owners[i]] += room->owners[i] ? room->weights[i] : 0;
    for (size_t i = 0; i < cells; i++)
        room->weights[i] = room->owners[i] ? (float)(room->weights[i] / sums[room->owners[i]]) : 0;
    free(sums);
}

static double side_loss(const struct cell_box *box, int y, int x, float factor, const float *out, float *grad)
{
    float mid_x = (float)x + 0.5f, mid_y = (float)y + 0.5f, sides[HEAD_SIDES], by_side[HEAD_SIDES];
    float truth[HEAD_SIDES] = { mid_x - box->left, mid_y - box->top, box->right - mid_x, box->bottom - mid_y };
    sides_of(out, sides);
    double loss = giou_loss(sides, truth, by_side);
    for (int s = 0; s < HEAD_SIDES; s++)
        grad[s] = out[s] < LARGEST_U ? factor * by_side[s] * (sides[s] + 0.5f) : 0;
    return loss;
}

struct loss_sums detect_loss(struct loss_room *room, struct head_pass *pass, const struct cell_box *boxes, size_t count,
                             float share, float side_weight)
{
    const struct head_shape *shape = &room->shape;
    struct loss_sums sums = { 0 };
    size_t cell = 0;
    draw_targets(room, boxes, count);
    balance_weights(room, count);
    memset(pass->out_grad, 0, map_floats(pass->end) * sizeof(float));
    for (int y = 0; y < shape->height; y++) {
        for (int x = 0; x < shape->width; x++, cell++) {
            ptrdiff_t at = (ptrdiff_t)map_row(pass->end, y, x) * pass->end.channels;
            const float *out = pass->out + at, *target = room->targets + cell * (size_t)shape->labels;
            float *grad = pass->out_grad + at;
            for (int l = 0; l < shape->labels; l++) {
                sums.score += focal_loss(out[l], target[l], &grad[l]);
                grad[l] *= share;
            }
            float weight = room->weights[cell];
            if (room->owners[cell])
                sums.sides += weight * side_loss(&boxes[room->owners[cell] - 1], y, x, share * side_weight * weight,
                                                 out + shape->labels, grad + shape->labels);
        }
    }
    return sums;
}
