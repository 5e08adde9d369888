/* classify_train: from a job to a payload; see classify.h. */
#include <stdlib.h>
#include <math.h>

#include "vision/classify.h"
#include "vision/classify_choose.h"
#include "vision/classify_model.h"

enum { WHOLE_ITERATIONS = 150 };

/* The checkpoint: what the cross-validation has chosen. Features come back from the cache. */
struct checkpoint {
    char magic[8];
    struct classify_choice choice;
};

static const char checkpoint_magic[8] = "PLCHOIC1";

struct fits {
    const struct learn_job *job;
    const struct classify_data *data;
    const struct classify_choice *choice;
    double *weights[HEADS]; /* and biases; NULL: no such head */
    atomic_size_t done;
};

static bool resume(const struct learn_job *job, struct classify_choice *ret_choice)
{
    struct checkpoint checkpoint;
    struct buf bytes;
    if (!job->resume)
        return false;
    buf_init(&bytes, sizeof checkpoint);
    bool had = job->resume(job->ctx, &bytes) && bytes.len == sizeof checkpoint;
    if (had) {
        memcpy(&checkpoint, bytes.ptr, sizeof checkpoint);
        had = memcmp(checkpoint.magic, checkpoint_magic, sizeof checkpoint.magic) == 0;
    }
    if (had)
        *ret_choice = checkpoint.choice;
    buf_free(&bytes);
    return had;
}

static bool choose(const struct learn_job *job, const struct classify_data *data, struct classify_choice *ret_choice,
                   struct err *err)
{
    if (resume(job, ret_choice))
        return true;
    struct checkpoint checkpoint = { 0 };
    if (!classify_choose(job, data, &checkpoint.choice, err))
        return false;
    memcpy(checkpoint.magic, checkpoint_magic, sizeof checkpoint.magic);
    if (job->checkpoint && !job->checkpoint(job->ctx, span_of(&checkpoint, sizeof checkpoint), err))
        return false;
    *ret_choice = checkpoint.choice;
    return true;
}

static bool asked_to_stop(void *ctx)
{
    return learn_stopped(ctx, NULL);
}

static double *fit_whole(const struct fits *fits, size_t head)
{
    const struct classify_data *data = fits->data;
    size_t begin, end;
    classify_head_columns(data, head, &begin, &end);
    struct linear_task task = { .table = { data->whole + begin, data->rows, end - begin, data->features.width },
                                .truth = data->truth,
                                .labels = data->labels,
                                .each = data->each,
                                .ridge = fits->choice->ridge[head],
                                .iterations = WHOLE_ITERATIONS,
                                .stop = asked_to_stop,
                                .ctx = (void *)(uintptr_t)fits->job };
    double *fitted = mem_zero(linear_size(end - begin, data->labels), sizeof *fitted);
    if (!classify_is_narrow(data)) {
        classify_fit_whole(data, head, &task, fitted);
        return fitted;
    }
    float *factor = mem_alloc(data->rows * data->rows * sizeof *factor);
    double *weights = mem_zero(linear_size(data->rows, data->labels), sizeof *weights);
    classify_narrow(data, begin, end, factor);
    task.table = (struct linear_table){ factor, data->rows, data->rows, data->rows };
    linear_fit(&task, weights);
    classify_widen(data, begin, end, factor, weights, fitted);
    free(factor);
    free(weights);
    return fitted;
}

static double *fit_places(const struct fits *fits)
{
    const struct classify_data *data = fits->data;
    struct places_task task = { .table = data->places,
                                .truth = data->place_truth,
                                .labels = data->labels,
                                .each = data->each,
                                .stop = asked_to_stop,
                                .ctx = (void *)(uintptr_t)fits->job };
    double *fitted = mem_zero((data->places.width + 1) * data->labels, sizeof *fitted);
    classify_fit_places(data, &task, fits->choice->ridge[HEAD_PLACES], fitted);
    return fitted;
}

/* The dearest first. */
static bool fit_one(void *ctx, unsigned thread, size_t i, struct err *err)
{
    (void)thread;
    struct fits *fits = ctx;
    size_t head = HEADS - 1 - i;
    if (fits->choice->weight[head] != 0)
        fits->weights[head] = head == HEAD_PLACES ? fit_places(fits) : fit_whole(fits, head);
    size_t done = atomic_fetch_add(&fits->done, 1) + 1;
    if (fits->job->progress)
        fits->job->progress(fits->job->ctx, "head", (double)done / HEADS);
    return !learn_stopped(fits->job, err);
}

/* A part's scale and the head's weight go into the matrix, its mean into the bias. Returns where the next head's begin.
 */
static float *fold_whole(const struct fits *fits, size_t head, struct classify_model *model, float *matrix)
{
    const struct classify_data *data = fits->data;
    const double *weights = fits->weights[head];
    size_t labels = data->labels, first, last;
    classify_head_parts(&data->features, head, &first, &last);
    for (size_t k = first; k < last; k++)
        for (size_t i = data->features.begin[k]; i < data->features.begin[k + 1]; i++)
            for (size_t c = 0; c < labels; c++) {
                float weight = (float)(fits->choice->weight[head] * *weights++) * data->scale[k];
                *matrix++ = weight;
                model->bias[c] -= weight * data->mean[i];
            }
    for (size_t c = 0; c < labels; c++)
        model->bias[c] += (float)(fits->choice->weight[head] * weights[c]);
    return matrix;
}

/* The projections go into the matrices; what the means take away is the same at all places, so it is bias too. */
static void fold_places(const struct fits *fits, struct classify_model *model)
{
    const struct classify_data *data = fits->data;
    const double *weights = fits->weights[HEAD_PLACES];
    size_t labels = data->labels, from = 0;
    double unit = 1 / sqrt((double)data->places.width), share = fits->choice->weight[HEAD_PLACES];
    for (unsigned m = 0; m < SIGHT_MAPS; m++) {
        const struct classify_basis *basis = &data->bases[m];
        for (size_t i = 0; i < basis->channels; i++)
            for (size_t c = 0; c < labels; c++) {
                double weight = 0;
                for (size_t k = 0; k < basis->kept; k++)
                    weight += (double)basis->projection[i * basis->kept + k] * weights[(from + k) * labels + c];
                model->maps[m][i * labels + c] = (float)(weight * unit);
                model->bias[c] -= (float)(share * weight * unit * (double)basis->mean[i]);
            }
        from += basis->kept;
    }
    for (size_t c = 0; c < labels; c++)
        model->bias[c] += (float)(share * weights[from * labels + c]);
}

static void write_payload(const struct fits *fits, struct buf *ret_payload)
{
    const struct classify_data *data = fits->data;
    struct classify_model model = { .each = data->each,
                                    .labels = data->labels,
                                    .use_places = fits->weights[HEAD_PLACES] != NULL,
                                    .places_weight = (float)fits->choice->weight[HEAD_PLACES],
                                    .channels = { data->bases[0].channels, data->bases[1].channels } };
    for (size_t h = 0; h < WHOLE_HEADS; h++) {
        size_t first, last;
        classify_head_parts(&data->features, h, &first, &last);
        for (size_t k = first; k < last && fits->weights[h]; k++)
            model.parts |= (uint32_t)1 << k;
    }
    model.width = sight_width(&data->features, model.parts);
    classify_model_allocate(&model);
    float *matrix = model.whole;
    for (size_t c = 0; c < data->labels; c++)
        model.bias[c] = (float)fits->choice->bias;
    for (size_t h = 0; h < WHOLE_HEADS; h++)
        matrix = fits->weights[h] ? fold_whole(fits, h, &model, matrix) : matrix;
    if (fits->weights[HEAD_PLACES])
        fold_places(fits, &model);
    classify_model_write(&model, ret_payload);
    classify_model_free(&model);
}

bool classify_train(const struct learn_job *job, bool multi_label, struct buf *ret_payload, struct err *err)
{
    struct classify_data data;
    struct classify_choice choice;
    if (!classify_gather(job, multi_label, &data, err))
        return false;
    struct fits fits = { .job = job, .data = &data, .choice = &choice };
    bool done = choose(job, &data, &choice, err) && learn_each(job, HEADS, fit_one, &fits, err);
    if (done)
        write_payload(&fits, ret_payload);
    for (size_t h = 0; h < HEADS; h++)
        free(fits.weights[h]);
    classify_data_free(&data);
    return done;
}
