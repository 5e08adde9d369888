/* linear_head: see linear_head.h. Rows go through in small batches, so that scores and residuals stay in the cache. */
#include "vision/linear_head.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "vision/descent.h"
#include "vision/gemm.h"
#include "vision/label_loss.h"

enum { BATCH = 256, SMALL_BATCH = 64 };

static const float RATE = 0.1f; /* of the descent */

/* The weights as floats, and a batch's scores. */
struct room {
    float *own, *gradient, *scores;
    const float *weights; /* own, or a descent's */
};

static struct room room_new(size_t width, size_t labels, const double *weights)
{
    size_t size = linear_size(width, labels);
    struct room room = { mem_alloc(size * sizeof(float)), mem_zero(size, sizeof(float)),
                         mem_alloc(BATCH * labels * sizeof(float)) };
    for (size_t i = 0; i < size; i++)
        room.own[i] = (float)weights[i];
    room.weights = room.own;
    return room;
}

static void room_free(struct room *room)
{
    free(room->own);
    free(room->gradient);
    free(room->scores);
}

static struct matrix rows_of(const struct linear_table *table, size_t begin, size_t end)
{
    return (struct matrix){ .data = table->x + begin * table->stride,
                            .rows = (int)(end - begin),
                            .columns = (int)table->width,
                            .stride = (int)table->stride };
}

static void score(const struct linear_table *table, size_t begin, size_t end, const float *weights, size_t labels,
                  float *ret_scores)
{
    const float *biases = weights + table->width * labels;
    for (size_t i = 0; i < end - begin; i++)
        memcpy(ret_scores + i * labels, biases, labels * sizeof *biases);
    gemm(rows_of(table, begin, end), (struct matrix){ weights, (int)table->width, (int)labels, false, 0 }, true,
         ret_scores);
}

/* Adds a batch's loss and gradient. */
static double add_batch(const struct linear_task *task, size_t begin, size_t end, struct room *room)
{
    size_t labels = task->labels, width = task->table.width;
    double loss = 0;
    score(&task->table, begin, end, room->weights, labels, room->scores);
    for (size_t i = begin; i < end; i++) {
        float *scores = room->scores + (i - begin) * labels;
        loss += label_loss(scores, task->truth + i * labels, labels, task->each, scores);
        for (size_t c = 0; c < labels; c++)
            room->gradient[width * labels + c] += scores[c];
    }
    struct matrix rows = rows_of(&task->table, begin, end);
    rows.turned = true;
    gemm(rows, (struct matrix){ room->scores, (int)(end - begin), (int)labels, false, 0 }, true, room->gradient);
    return loss;
}

static double add_rows(const struct linear_task *task, size_t begin, size_t end, struct room *room)
{
    double loss = 0;
    for (; begin < end; begin += BATCH)
        loss += add_batch(task, begin, begin + BATCH < end ? begin + BATCH : end, room);
    return loss;
}

double linear_value(const struct linear_task *task, const double *weights, double *ret_gradient)
{
    size_t free_weights = task->table.width * task->labels, size = linear_size(task->table.width, task->labels);
    size_t used = task->table.rows - (task->held_end - task->held_begin);
    CHECK(used > 0);
    struct room room = room_new(task->table.width, task->labels, weights);
    double loss = add_rows(task, 0, task->held_begin, &room) + add_rows(task, task->held_end, task->table.rows, &room);
    loss /= (double)used;
    for (size_t i = 0; i < size; i++) {
        ret_gradient[i] = (double)room.gradient[i] / (double)used;
        if (i < free_weights) {
            ret_gradient[i] += task->ridge * weights[i];
            loss += task->ridge / 2 * weights[i] * weights[i];
        }
    }
    room_free(&room);
    return loss;
}

static double value(void *ctx, const double *weights, double *ret_gradient)
{
    return linear_value(ctx, weights, ret_gradient);
}

static bool stop(void *ctx)
{
    const struct linear_task *task = ctx;
    return task->stop && task->stop(task->ctx);
}

double linear_fit(const struct linear_task *task, double *weights)
{
    struct linear_task copy = *task;
    const struct lbfgs problem = { .size = linear_size(task->table.width, task->labels),
                                   .iterations = task->iterations,
                                   .tolerance = 1e-5,
                                   .value = value,
                                   .stop = stop,
                                   .ctx = &copy };
    return lbfgs_minimise(&problem, weights);
}

/* --- by small batches --------------------------------------------------------------------------------------------- */

struct descending {
    const struct linear_task *task;
    struct room room;
};

static void gradient(void *ctx, size_t begin, size_t end, const float *weights, float *ret_gradient)
{
    const struct descending *descending = ctx;
    struct room room = descending->room;
    room.weights = weights;
    room.gradient = ret_gradient;
    add_batch(descending->task, begin, end, &room);
}

void linear_descend(const struct linear_task *task, double *weights)
{
    struct descending descending = { task, room_new(task->table.width, task->labels, weights) };
    const struct descent descent = { .size = linear_size(task->table.width, task->labels),
                                     .biases = task->labels,
                                     .images = task->table.rows,
                                     .batch = SMALL_BATCH,
                                     .held_begin = task->held_begin,
                                     .held_end = task->held_end,
                                     .epochs = task->iterations,
                                     .rate = RATE,
                                     .ridge = task->ridge,
                                     .gradient = gradient,
                                     .ctx = &descending,
                                     .stop = task->stop,
                                     .stop_ctx = task->ctx };
    descend(&descent, weights);
    room_free(&descending.room);
}

/* ------------------------------------------------------------------------------------------------------------------ */

void linear_scores(const struct linear_table *table, size_t begin, size_t end, const double *weights, size_t labels,
                   float *ret_scores)
{
    struct room room = room_new(table->width, labels, weights);
    for (size_t i = begin; i < end; i += BATCH) {
        size_t last = i + BATCH < end ? i + BATCH : end;
        score(table, i, last, room.weights, labels, ret_scores + (i - begin) * labels);
    }
    room_free(&room);
}
