/* detect_kind: see detect_kind.h. */
#include "vision/detect_kind.h"

#include <math.h>
#include <string.h>

#include "vision/gemm.h"

static const float LENGTH = 3; /* of the pooled features; with AdamW's rate it decides how fast the layer learns */
static const float SMOOTH = 0.1f;

int kind_width(const struct head_shape *shape)
{
    return shape->channels[1] + shape->channels[2];
}

/* How much of cell `at`, which is `size` long, lies between from and to. */
static float covered(int at, float size, float from, float to)
{
    float begin = fmaxf((float)at * size, from), end = fminf((float)(at + 1) * size, to);
    return end > begin ? end - begin : 0;
}

WIDE_LOOPS static void add_scaled(int count, float factor, const float *from, float *into)
{
    for (int c = 0; c < count; c++)
        into[c] += factor * from[c];
}

static void pool_tap(const struct head_shape *shape, int t, const float *tap, const struct cell_box *box, float *pooled)
{
    int height = shape->height >> t, width = shape->width >> t, channels = shape->channels[t];
    float size = (float)(1 << t), area = (box->right - box->left) * (box->bottom - box->top);
    memset(pooled, 0, (size_t)channels * sizeof *pooled);
    for (int y = 0; y < height; y++) {
        float high = covered(y, size, box->top, box->bottom);
        for (int x = 0; high > 0 && x < width; x++) {
            float wide = covered(x, size, box->left, box->right);
            if (wide > 0)
                add_scaled(channels, high * wide / area, tap + ((ptrdiff_t)y * width + x) * channels, pooled);
        }
    }
}

void kind_pool(const struct head_shape *shape, const float *const taps[HEAD_TAPS], const struct cell_box *box,
               float *ret_pooled)
{
    pool_tap(shape, 1, taps[1], box, ret_pooled);
    pool_tap(shape, 2, taps[2], box, ret_pooled + shape->channels[1]);
}

void kind_scale(const struct head_shape *shape, float *pooled)
{
    double squares = 0;
    for (int i = 0; i < kind_width(shape); i++)
        squares += (double)pooled[i] * pooled[i];
    float factor = squares > 0 ? (float)(LENGTH / sqrt(squares)) : 0;
    for (int i = 0; i < kind_width(shape); i++)
        pooled[i] *= factor;
}

void kind_chances(const struct head_shape *shape, const struct head_params *params, const float *pooled,
                  float *ret_chances)
{
    gemm((struct matrix){ pooled, 1, kind_width(shape), false },
         (struct matrix){ params->kind, kind_width(shape), shape->labels, false }, false, ret_chances);
    float most = -INFINITY;
    double sum = 0;
    for (int l = 0; l < shape->labels; l++) {
        ret_chances[l] += params->kind_bias[l];
        most = fmaxf(most, ret_chances[l]);
    }
    for (int l = 0; l < shape->labels; l++) {
        ret_chances[l] = expf(ret_chances[l] - most);
        sum += ret_chances[l];
    }
    for (int l = 0; l < shape->labels; l++)
        ret_chances[l] = (float)(ret_chances[l] / sum);
}

double kind_loss(const struct head_shape *shape, const struct head_params *params, const float *const taps[HEAD_TAPS],
                 const struct cell_box *boxes, size_t count, float share, const struct head_params *grads,
                 float *pooled)
{
    float *chances = pooled + kind_width(shape);
    double loss = 0;
    for (size_t b = 0; b < count; b++) {
        kind_pool(shape, taps, &boxes[b], pooled);
        kind_scale(shape, pooled);
        kind_chances(shape, params, pooled, chances);
        for (int l = 0; l < shape->labels; l++) {
            float wanted = SMOOTH / (float)shape->labels + ((uint32_t)l == boxes[b].label ? 1 - SMOOTH : 0);
            loss -= wanted * logf(fmaxf(chances[l], 1e-30f));
            chances[l] = share * (chances[l] - wanted);
            grads->kind_bias[l] += chances[l];
        }
        gemm((struct matrix){ pooled, 1, kind_width(shape), true }, (struct matrix){ chances, 1, shape->labels, false },
             true, grads->kind);
    }
    return loss;
}

float kind_confidence(float score, float highest, float chance)
{
    return sqrtf(score * highest * chance);
}
