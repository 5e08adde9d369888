/* detect_model: see detect_model.h. */
#include "vision/detect_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vision/detect_kind.h"
#include "vision/trunk.h"

enum { LABELS_MOST = 4096 };

static const char MAGIC[16] = "placard-detect-1";

struct heading {
    char magic[sizeof MAGIC];
    uint32_t width, height, channels[HEAD_TAPS], labels;
};

/* x' = (x - mean) * inverse: the weights take the inverse, the bias what the means come to. */
static void fold(const struct features *features, float *all)
{
    const struct head_shape *shape = features_shape(features);
    struct head_params params;
    head_name(shape, all, &params);
    for (int t = 0; t < HEAD_TAPS; t++) {
        const float *mean = features_mean(features, t), *inverse = features_inverse_deviation(features, t);
        for (int c = 0; c < shape->channels[t]; c++) {
            float *row = params.lateral[t] + (ptrdiff_t)c * HEAD_WIDTH;
            for (int o = 0; o < HEAD_WIDTH; o++) {
                row[o] *= inverse[c];
                params.lateral_bias[o] -= mean[c] * row[o];
            }
        }
    }
}

void detect_model_write(const struct features *features, struct canvas canvas, const float *all, struct buf *out)
{
    const struct head_shape *shape = features_shape(features);
    size_t bytes = head_param_count(shape) * sizeof(float);
    struct heading heading = { .width = (uint32_t)canvas.width,
                               .height = (uint32_t)canvas.height,
                               .labels = (uint32_t)shape->labels };
    memcpy(heading.magic, MAGIC, sizeof MAGIC);
    for (int t = 0; t < HEAD_TAPS; t++)
        heading.channels[t] = (uint32_t)shape->channels[t];
    float *folded = mem_alloc(bytes);
    memcpy(folded, all, bytes);
    fold(features, folded);
    buf_add(out, span_of(&heading, sizeof heading));
    buf_add(out, span_of(folded, bytes));
    for (int t = 1; t < HEAD_TAPS; t++)
        buf_add(out, span_of(features_mean(features, t), (size_t)shape->channels[t] * sizeof(float)));
    for (int t = 1; t < HEAD_TAPS; t++)
        buf_add(out, span_of(features_inverse_deviation(features, t), (size_t)shape->channels[t] * sizeof(float)));
    free(folded);
}

static bool side_fits(uint32_t side)
{
    return side >= TRUNK_SIDE_MIN && side <= TRUNK_SIDE_MAX && side % 32 == 0;
}

bool detect_model_read(struct span bytes, const struct backbone *backbone, size_t label_count,
                       struct detect_model *ret_model, struct err *err)
{
    struct heading heading;
    if (bytes.len < sizeof heading || memcmp(bytes.ptr, MAGIC, sizeof MAGIC) != 0)
        return fail(err, E_INVALID, "This is not a detection model.");
    memcpy(&heading, bytes.ptr, sizeof heading);
    if (!side_fits(heading.width) || !side_fits(heading.height) || heading.labels == 0 || heading.labels > LABELS_MOST)
        return fail(err, E_INVALID, "The detection model is damaged.");
    if (heading.labels != label_count)
        return fail(err, E_INVALID, "The detection model has %u labels instead of %zu.", heading.labels, label_count);
    struct detect_model model = { .canvas = { (int)heading.width, (int)heading.height } };
    model.shape = (struct head_shape){ .height = model.canvas.height / HEAD_STRIDE,
                                       .width = model.canvas.width / HEAD_STRIDE,
                                       .labels = (int)heading.labels };
    for (int t = 0; t < HEAD_TAPS; t++) {
        model.shape.channels[t] = backbone_channels(backbone, (unsigned)t);
        if (heading.channels[t] != (uint32_t)model.shape.channels[t])
            return fail(err, E_INVALID, "The detection model belongs to another backbone.");
    }
    size_t params = head_param_count(&model.shape), count = params + 2 * (size_t)kind_width(&model.shape);
    if (bytes.len != sizeof heading + count * sizeof(float))
        return fail(err, E_INVALID, "The detection model is damaged.");
    model.all = mem_alloc(count * sizeof(float));
    memcpy(model.all, bytes.ptr + sizeof heading, count * sizeof(float));
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(model.all[i])) {
            free(model.all);
            return fail(err, E_INVALID, "The detection model is damaged.");
        }
    }
    model.mean = model.all + params;
    model.inverse = model.mean + kind_width(&model.shape);
    *ret_model = model;
    return true;
}
