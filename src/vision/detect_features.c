/* detect_features: see detect_features.h. */
#include "vision/detect_features.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vision/gemm.h"

_Static_assert((int)HEAD_TAPS == (int)BACKBONE_TAPS, "the head takes every tap");

enum { STATISTICS_IMAGES = 256, REVISION = 1 };

/* What a thread needs to compute features; made when it first does. */
struct hand {
    struct trunk *trunk;
    struct image canvas;
    struct buf packed;
};

/* Sums over the cells of one image, for mean and deviation. */
struct moments {
    double *sum, *squares; /* [channels of all taps] */
};

struct features {
    const struct learn_job *job;
    struct canvas canvas;
    unsigned views;
    struct head_shape shape;
    size_t values[HEAD_TAPS]; /* of a tap */
    size_t bytes;             /* of a view */
    size_t kept_views;        /* image * views + view below this are kept in memory */
    char *kept;
    struct hand *hands; /* one for each thread */
    struct moments moments[STATISTICS_IMAGES];
    size_t moment_count;
    int all_channels;
    float *mean[HEAD_TAPS], *inverse[HEAD_TAPS];
};

/* A view's bytes: for each tap its least value and its step as floats, then its values. */
static size_t tap_bytes(const struct features *features, int tap)
{
    return 2 * sizeof(float) + features->values[tap];
}

struct features *features_new(const struct learn_job *job, struct canvas canvas, unsigned views, size_t kept_bytes)
{
    CHECK(views >= 1 && views <= FEATURES_VIEWS_MOST);
    struct features *features = mem_zero(1, sizeof *features);
    *features = (struct features){ .job = job, .canvas = canvas, .views = views };
    features->shape = (struct head_shape){ .height = canvas.height / HEAD_STRIDE,
                                           .width = canvas.width / HEAD_STRIDE,
                                           .labels = (int)job->label_count };
    for (int t = 0; t < HEAD_TAPS; t++) {
        int channels = backbone_channels(job->backbone, (unsigned)t);
        features->shape.channels[t] = channels;
        features->values[t] =
            (size_t)(features->shape.height >> t) * (size_t)(features->shape.width >> t) * (size_t)channels;
        features->bytes += tap_bytes(features, t);
        features->all_channels += channels;
        features->mean[t] = mem_zero((size_t)channels, sizeof(float));
        features->inverse[t] = mem_zero((size_t)channels, sizeof(float));
    }
    features->kept_views = kept_bytes / features->bytes;
    if (features->kept_views > job->train.count * views)
        features->kept_views = job->train.count * views;
    features->kept = mem_alloc(features->kept_views * features->bytes + 1);
    features->hands = mem_zero(job->threads, sizeof *features->hands);
    features->moment_count = job->train.count < STATISTICS_IMAGES ? job->train.count : STATISTICS_IMAGES;
    for (size_t i = 0; i < features->moment_count; i++) {
        features->moments[i].sum = mem_zero((size_t)features->all_channels, sizeof(double));
        features->moments[i].squares = mem_zero((size_t)features->all_channels, sizeof(double));
    }
    for (unsigned h = 0; h < job->threads; h++)
        buf_init(&features->hands[h].packed, features->bytes);
    return features;
}

static void free_moments(struct features *features)
{
    for (size_t i = 0; i < features->moment_count; i++) {
        free(features->moments[i].sum);
        free(features->moments[i].squares);
    }
    features->moment_count = 0;
}

void features_free(struct features *features)
{
    if (!features)
        return;
    for (unsigned h = 0; h < features->job->threads; h++) {
        trunk_free(features->hands[h].trunk);
        image_free(&features->hands[h].canvas);
        buf_free(&features->hands[h].packed);
    }
    for (int t = 0; t < HEAD_TAPS; t++) {
        free(features->mean[t]);
        free(features->inverse[t]);
    }
    free_moments(features);
    free(features->hands);
    free(features->kept);
    free(features);
}

const struct head_shape *features_shape(const struct features *features)
{
    return &features->shape;
}

const float *features_mean(const struct features *features, int tap)
{
    return features->mean[tap];
}

const float *features_inverse_deviation(const struct features *features, int tap)
{
    return features->inverse[tap];
}

/* --- bytes ----------------------------------------------------------------------------------------------------------
 */

WIDE_LOOPS static void bounds_of(size_t count, const float *values, float *ret_least, float *ret_most)
{
    float least = values[0], most = values[0];
    for (size_t i = 1; i < count; i++) {
        least = values[i] < least ? values[i] : least;
        most = values[i] > most ? values[i] : most;
    }
    *ret_least = least;
    *ret_most = most;
}

WIDE_LOOPS static void to_bytes(size_t count, const float *values, float least, float per_step, unsigned char *bytes)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)(int)((values[i] - least) * per_step + 0.5f);
}

static void pack_tap(const struct tap *tap, size_t count, char *into)
{
    float head[2]; /* least, step */
    bounds_of(count, tap->data, &head[0], &head[1]);
    head[1] = (head[1] - head[0]) / 255;
    memcpy(into, head, sizeof head);
    to_bytes(count, tap->data, head[0], head[1] > 0 ? 1 / head[1] : 0, (unsigned char *)into + sizeof head);
}

static void pack(const struct features *features, const struct tap taps[BACKBONE_TAPS], char *into)
{
    for (int t = 0; t < HEAD_TAPS; t++) {
        CHECK((size_t)taps[t].channels * (size_t)taps[t].height * (size_t)taps[t].width == features->values[t]);
        pack_tap(&taps[t], features->values[t], into);
        into += tap_bytes(features, t);
    }
}

/* out = byte * factor[channel] + addend[channel] */
WIDE_LOOPS static void from_bytes(size_t cells, int channels, const unsigned char *bytes, const float *factor,
                                  const float *addend, float *out)
{
    for (size_t i = 0; i < cells; i++, bytes += channels, out += channels)
        for (int c = 0; c < channels; c++)
            out[c] = (float)bytes[c] * factor[c] + addend[c];
}

static void unpack_tap(const struct features *features, int t, const char *bytes, float drop,
                       struct learn_random *random, float *out)
{
    int channels = features->shape.channels[t];
    float head[2], *factor = mem_alloc(2 * (size_t)channels * sizeof *factor), *addend = factor + channels;
    memcpy(head, bytes, sizeof head);
    for (int c = 0; c < channels; c++) {
        float scale = learn_random_unit(random) < drop ? 0 : features->inverse[t][c] / (1 - drop);
        factor[c] = head[1] * scale;
        addend[c] = (head[0] - features->mean[t][c]) * scale;
    }
    from_bytes(features->values[t] / (size_t)channels, channels, (const unsigned char *)bytes + sizeof head, factor,
               addend, out);
    free(factor);
}

/* --- gathering ------------------------------------------------------------------------------------------------------
 */

static void name_of(const struct features *features, unsigned view, char *name, size_t room)
{
    (void)snprintf(name, room, "detect%d-%dx%d-view%u", REVISION, features->canvas.width, features->canvas.height,
                   view);
}

/* Where view `view` of image i is kept, or NULL. */
static char *kept_place(struct features *features, size_t i, unsigned view)
{
    size_t place = i * features->views + view;
    return place < features->kept_views ? features->kept + place * features->bytes : NULL;
}

static bool cached(struct features *features, struct hand *hand, size_t i, unsigned view)
{
    const struct learn_job *job = features->job;
    char name[64];
    if (!job->cached)
        return false;
    name_of(features, view, name, sizeof name);
    buf_clear(&hand->packed);
    return job->cached(job->ctx, job->train.images[i].key, name, &hand->packed) && !hand->packed.overflow &&
           hand->packed.len == features->bytes;
}

/* Computes the view of decoded pixels into hand->packed and hands it to the cache. */
static bool compute(struct features *features, struct hand *hand, size_t i, unsigned number, const struct image *pixels,
                    struct err *err)
{
    const struct learn_job *job = features->job;
    struct canvas canvas = features->canvas;
    struct view view = view_of(canvas, pixels->width, pixels->height, job->train.images[i].key, number);
    struct tap taps[BACKBONE_TAPS];
    char name[64];
    if (!hand->trunk) {
        if (!trunk_new(job->backbone, canvas.height, canvas.width, &hand->trunk, err))
            return false;
        hand->canvas = image_new(canvas.width, canvas.height);
    }
    view_draw(&view, pixels, &hand->canvas);
    trunk_run(hand->trunk, &hand->canvas, taps);
    buf_clear(&hand->packed);
    CHECK(buf_reserve(&hand->packed, features->bytes));
    pack(features, taps, hand->packed.ptr);
    hand->packed.len = features->bytes;
    name_of(features, number, name, sizeof name);
    if (job->cache)
        job->cache(job->ctx, job->train.images[i].key, name, buf_span(&hand->packed));
    return true;
}

WIDE_LOOPS static void add_moments(size_t cells, int channels, const unsigned char *bytes, double least, double step,
                                   double *sum, double *squares)
{
    for (size_t i = 0; i < cells; i++, bytes += channels) {
        for (int c = 0; c < channels; c++) {
            double value = least + step * bytes[c];
            sum[c] += value;
            squares[c] += value * value;
        }
    }
}

static void note_moments(struct features *features, size_t i, const char *packed)
{
    int from = 0;
    for (int t = 0; t < HEAD_TAPS; t++) {
        float head[2];
        int channels = features->shape.channels[t];
        memcpy(head, packed, sizeof head);
        add_moments(features->values[t] / (size_t)channels, channels, (const unsigned char *)packed + sizeof head,
                    head[0], head[1], features->moments[i].sum + from, features->moments[i].squares + from);
        packed += tap_bytes(features, t);
        from += channels;
    }
}

static void keep(struct features *features, struct hand *hand, size_t i, unsigned view)
{
    char *place = kept_place(features, i, view);
    if (place)
        memcpy(place, hand->packed.ptr, features->bytes);
    if (view == 0 && i < features->moment_count)
        note_moments(features, i, hand->packed.ptr);
}

/* All views of image i; it is decoded only if one of them is not in the cache. */
static bool gather_image(void *ctx, unsigned thread, size_t i, struct err *err)
{
    struct features *features = ctx;
    const struct learn_job *job = features->job;
    struct hand *hand = &features->hands[thread];
    struct image pixels = { 0 };
    bool done = true;
    for (unsigned view = 0; done && view < features->views; view++) {
        if (!cached(features, hand, i, view))
            done = (pixels.rgb || job->pixels(job->ctx, false, i, canvas_side(features->canvas), &pixels, err)) &&
                   compute(features, hand, i, view, &pixels, err);
        if (done)
            keep(features, hand, i, view);
    }
    image_free(&pixels);
    return done;
}

static void standardise(struct features *features)
{
    int from = 0;
    for (int t = 0; t < HEAD_TAPS; t++) {
        int channels = features->shape.channels[t];
        double cells = (double)features->values[t] / channels * (double)features->moment_count;
        for (int c = 0; c < channels; c++) {
            double sum = 0, squares = 0;
            for (size_t i = 0; i < features->moment_count; i++) {
                sum += features->moments[i].sum[from + c];
                squares += features->moments[i].squares[from + c];
            }
            double mean = sum / cells, deviation = sqrt(fmax(squares / cells - mean * mean, 0));
            features->mean[t][c] = (float)mean;
            features->inverse[t][c] = deviation > 1e-3 ? (float)(1 / deviation) : 0;
        }
        from += channels;
    }
}

struct gathering {
    struct features *features;
    size_t from;
};

static bool gather_some(void *ctx, unsigned thread, size_t i, struct err *err)
{
    struct gathering *gathering = ctx;
    return gather_image(gathering->features, thread, gathering->from + i, err);
}

bool features_gather(struct features *features, struct err *err)
{
    const struct learn_job *job = features->job;
    size_t round = 8 * (size_t)job->threads;
    for (size_t from = 0; from < job->train.count; from += round) {
        struct gathering gathering = { features, from };
        size_t count = job->train.count - from < round ? job->train.count - from : round;
        if (!learn_each(job, count, gather_some, &gathering, err))
            return false;
        if (job->progress)
            job->progress(job->ctx, "features", (double)(from + count) / (double)job->train.count);
    }
    for (unsigned h = 0; h < job->threads; h++) { /* they are large, and rarely wanted again */
        trunk_free(features->hands[h].trunk);
        image_free(&features->hands[h].canvas);
        features->hands[h].trunk = NULL;
    }
    standardise(features);
    free_moments(features);
    return true;
}

bool features_taps(struct features *features, unsigned thread, size_t image, unsigned view, float drop,
                   struct learn_random random, float *const ret_taps[HEAD_TAPS], struct err *err)
{
    const struct learn_job *job = features->job;
    struct hand *hand = &features->hands[thread];
    const char *packed = kept_place(features, image, view);
    if (!packed) {
        if (!cached(features, hand, image, view)) {
            struct image pixels;
            if (!job->pixels(job->ctx, false, image, canvas_side(features->canvas), &pixels, err))
                return false;
            bool done = compute(features, hand, image, view, &pixels, err);
            image_free(&pixels);
            if (!done)
                return false;
        }
        packed = hand->packed.ptr;
    }
    for (int t = 0; t < HEAD_TAPS; t++) {
        unpack_tap(features, t, packed, drop, &random, ret_taps[t]);
        packed += tap_bytes(features, t);
    }
    return true;
}
