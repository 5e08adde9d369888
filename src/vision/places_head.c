/* places_head: see places_head.h. */
#include "vision/places_head.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "vision/descent.h"
#include "vision/gemm.h"
#include "vision/label_loss.h"

/* Images in a batch: their features as floats stay in the second-level cache or near it. */
enum { BATCH = 8 };

static const float RATE = 0.1f; /* of the descent */

/*
 * exp(x) for x <= 0 to about 1e-7, in a form that compilers turn into wide instructions: 2^whole by its bits, and a
 * polynomial for the fraction (Cephes' expf).
 */
static inline float exp_below(float x)
{
    x = x < -87 ? -87 : x;
    float whole = (float)(int)(x * 1.44269504f - 0.5f);
    float r = x - whole * 0.693359375f + whole * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    union {
        int bits;
        float power;
    } two = { .bits = ((int)whole + 127) << 23 };
    return (p * r * r + r + 1) * two.power;
}

WIDE_LOOPS static void soft_maximum(float *values, size_t places, size_t labels, float *most, float *sums)
{
    for (size_t c = 0; c < labels; c++) {
        most[c] = values[c];
        sums[c] = 0;
    }
    for (size_t p = 1; p < places; p++)
        for (size_t c = 0; c < labels; c++)
            most[c] = values[p * labels + c] > most[c] ? values[p * labels + c] : most[c];
    for (size_t p = 0; p < places; p++)
        for (size_t c = 0; c < labels; c++) {
            float part = exp_below(PLACES_SHARPNESS * (values[p * labels + c] - most[c]));
            values[p * labels + c] = part;
            sums[c] += part;
        }
    for (size_t p = 0; p < places; p++)
        for (size_t c = 0; c < labels; c++)
            values[p * labels + c] /= sums[c];
}

void places_soft_maximum(float *values, size_t places, size_t labels, float *ret_scores)
{
    float *most = mem_alloc(2 * labels * sizeof *most), *sums = most + labels;
    soft_maximum(values, places, labels, most, sums);
    for (size_t c = 0; c < labels; c++)
        ret_scores[c] = most[c] + logf(sums[c] / (float)places) / PLACES_SHARPNESS;
    free(most);
}

struct room {
    float *own, *gradient, *features, *values, *scores;
    const float *weights; /* own, or a descent's */
};

static struct room room_new(const struct places_table *table, size_t labels, const double *weights)
{
    size_t size = (table->width + 1) * labels, places = BATCH * table->places;
    struct room room = { mem_alloc(size * sizeof(float)), mem_zero(size, sizeof(float)),
                         mem_alloc(places * table->width * sizeof(float)), mem_alloc(places * labels * sizeof(float)),
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
    free(room->features);
    free(room->values);
    free(room->scores);
}

WIDE_LOOPS static void unpack(const signed char *codes, size_t count, float step, float *ret_features)
{
    for (size_t i = 0; i < count; i++)
        ret_features[i] = (float)codes[i] * step;
}

/* Features, values turned into shares, and scores of the images begin to end (at most BATCH). */
static void look(const struct places_table *table, size_t begin, size_t end, size_t labels, struct room *room)
{
    size_t each = table->places * table->width, count = end - begin;
    unpack(table->codes + begin * each, count * each, PLACES_STEP / sqrtf((float)table->width), room->features);
    gemm((struct matrix){ room->features, (int)(count * table->places), (int)table->width, false, 0 },
         (struct matrix){ room->weights, (int)table->width, (int)labels, false, 0 }, false, room->values);
    for (size_t i = 0; i < count; i++) {
        float *scores = room->scores + i * labels;
        places_soft_maximum(room->values + i * table->places * labels, table->places, labels, scores);
        for (size_t c = 0; c < labels; c++)
            scores[c] += room->weights[table->width * labels + c];
    }
}

WIDE_LOOPS static void scale_rows(float *values, size_t places, size_t labels, const float *residual)
{
    for (size_t p = 0; p < places; p++)
        for (size_t c = 0; c < labels; c++)
            values[p * labels + c] *= residual[c];
}

static double add_batch(const struct places_task *task, size_t begin, size_t end, struct room *room)
{
    size_t labels = task->labels, places = task->table.places, width = task->table.width;
    double loss = 0;
    look(&task->table, begin, end, labels, room);
    for (size_t i = begin; i < end; i++) {
        float *residual = room->scores + (i - begin) * labels;
        loss += label_loss(residual, task->truth + i * labels, labels, task->each, residual);
        for (size_t c = 0; c < labels; c++)
            room->gradient[width * labels + c] += residual[c];
        scale_rows(room->values + (i - begin) * places * labels, places, labels, residual);
    }
    int rows = (int)((end - begin) * places);
    gemm((struct matrix){ room->features, rows, (int)width, true, 0 },
         (struct matrix){ room->values, rows, (int)labels, false, 0 }, true, room->gradient);
    return loss;
}

static double add_images(const struct places_task *task, size_t begin, size_t end, struct room *room)
{
    double loss = 0;
    for (; begin < end; begin += BATCH)
        loss += add_batch(task, begin, begin + BATCH < end ? begin + BATCH : end, room);
    return loss;
}

double places_value(const struct places_task *task, const double *weights, double *ret_gradient)
{
    size_t free_weights = task->table.width * task->labels, size = free_weights + task->labels;
    size_t used = task->table.images - (task->held_end - task->held_begin);
    CHECK(used > 0);
    struct room room = room_new(&task->table, task->labels, weights);
    double loss =
        add_images(task, 0, task->held_begin, &room) + add_images(task, task->held_end, task->table.images, &room);
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
    return places_value(ctx, weights, ret_gradient);
}

static bool stop(void *ctx)
{
    const struct places_task *task = ctx;
    return task->stop && task->stop(task->ctx);
}

double places_fit(const struct places_task *task, double *weights)
{
    struct places_task copy = *task;
    const struct lbfgs problem = { .size = (task->table.width + 1) * task->labels,
                                   .iterations = task->iterations,
                                   .tolerance = 1e-5,
                                   .value = value,
                                   .stop = stop,
                                   .ctx = &copy };
    return lbfgs_minimise(&problem, weights);
}

/* --- by small batches --------------------------------------------------------------------------------------------- */

struct descending {
    const struct places_task *task;
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

void places_descend(const struct places_task *task, double *weights)
{
    struct descending descending = { task, room_new(&task->table, task->labels, weights) };
    const struct descent descent = { .size = (task->table.width + 1) * task->labels,
                                     .biases = task->labels,
                                     .images = task->table.images,
                                     .batch = BATCH,
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

void places_scores(const struct places_table *table, size_t begin, size_t end, const double *weights, size_t labels,
                   float *ret_scores)
{
    struct room room = room_new(table, labels, weights);
    for (size_t i = begin; i < end; i += BATCH) {
        size_t last = i + BATCH < end ? i + BATCH : end;
        look(table, i, last, labels, &room);
        memcpy(ret_scores + (i - begin) * labels, room.scores, (last - i) * labels * sizeof *ret_scores);
    }
    room_free(&room);
}
