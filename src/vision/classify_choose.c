/* classify_choose: see classify_choose.h. */
#include "vision/classify_choose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "vision/gemm.h"
#include "vision/label_loss.h"
#include "vision/whiten.h"

enum { RIDGES_MOST = 4, WHOLE_ITERATIONS = 60, PLACES_ITERATIONS = 60 };

/* From strong to weak: each fit to all images begins where the one before ended. */
struct ridges {
    size_t count;
    double of[RIDGES_MOST];
};
static const struct ridges whole_ridges = { 4, { 1e-2, 1e-3, 1e-4, 1e-5 } };
static const struct ridges places_ridges = { 2, { 1e-3, 1e-4 } };
static const struct ridges ridges_of_descents = { 2, { 1e-4, 1e-5 } };

struct trial {
    const struct learn_job *job;
    const struct classify_data *data;
    float *factors[WHOLE_HEADS]; /* NULL: the columns themselves */
    float *whole_scores;         /* [head][ridge][row][label], held out */
    float *places_scores;        /* [ridge][image][label] */
    atomic_size_t done;
};

void classify_narrow(const struct classify_data *data, size_t begin, size_t end, float *ret_factor)
{
    size_t rows = data->rows;
    struct matrix columns = { data->whole + begin, (int)rows, (int)(end - begin), false, (int)data->features.width };
    struct matrix turned = columns;
    turned.turned = true;
    gemm(columns, turned, false, ret_factor);
    double *gram = mem_alloc(rows * rows * sizeof *gram), trace = 0;
    for (size_t i = 0; i < rows * rows; i++)
        gram[i] = (double)ret_factor[i];
    for (size_t i = 0; i < rows; i++)
        trace += gram[i * rows + i];
    double more = 1e-6 * trace / (double)rows + 1e-12;
    for (size_t i = 0; i < rows; i++)
        gram[i * rows + i] += more;
    cholesky(gram, rows, more);
    for (size_t i = 0; i < rows * rows; i++)
        ret_factor[i] = (float)gram[i];
    free(gram);
}

void classify_widen(const struct classify_data *data, size_t begin, size_t end, const float *factor,
                    const double *narrow_weights, double *ret_weights)
{
    size_t rows = data->rows, labels = data->labels, width = end - begin;
    double *lower = mem_alloc(rows * rows * sizeof *lower), *shares = mem_alloc(rows * labels * sizeof *shares);
    float *narrow = mem_alloc(rows * labels * sizeof *narrow), *wide = mem_alloc(width * labels * sizeof *wide);
    for (size_t i = 0; i < rows * rows; i++)
        lower[i] = (double)factor[i];
    memcpy(shares, narrow_weights, rows * labels * sizeof *shares);
    cholesky_back(lower, rows, shares, labels);
    for (size_t i = 0; i < rows * labels; i++)
        narrow[i] = (float)shares[i];
    gemm((struct matrix){ data->whole + begin, (int)rows, (int)width, true, (int)data->features.width },
         (struct matrix){ narrow, (int)rows, (int)labels, false, 0 }, false, wide);
    for (size_t i = 0; i < width * labels; i++)
        ret_weights[i] = (double)wide[i];
    memcpy(ret_weights + width * labels, narrow_weights + rows * labels, labels * sizeof *ret_weights);
    free(lower);
    free(shares);
    free(narrow);
    free(wide);
}

static bool asked_to_stop(void *ctx)
{
    return learn_stopped(ctx, NULL);
}

static const struct ridges *ridges_of(const struct classify_data *data, size_t head)
{
    if (classify_descends(data, head))
        return &ridges_of_descents;
    return head == HEAD_PLACES ? &places_ridges : &whole_ridges;
}

static unsigned epochs_for(size_t images, size_t labels)
{
    size_t epochs = PAIRS_LOOKED_AT / (images * labels);
    return (unsigned)(epochs < EPOCHS_LEAST ? EPOCHS_LEAST : epochs > EPOCHS_MOST ? EPOCHS_MOST : epochs);
}

/* A descent begins anew: with a weaker ridge it would only go on from what it has learnt by heart. */
static void fit_places(const struct classify_data *data, struct places_task *task, double *weights)
{
    if (!classify_descends(data, HEAD_PLACES)) {
        task->iterations = PLACES_ITERATIONS;
        places_fit(task, weights);
        return;
    }
    memset(weights, 0, (task->table.width + 1) * task->labels * sizeof *weights);
    task->iterations = epochs_for(task->table.images, task->labels);
    places_descend(task, weights);
}

void classify_fit_whole(const struct classify_data *data, size_t head, struct linear_task *task, double *weights)
{
    if (!classify_descends(data, head)) {
        linear_fit(task, weights);
        return;
    }
    memset(weights, 0, linear_size(task->table.width, task->labels) * sizeof *weights);
    task->iterations = EPOCHS_MOST;
    linear_descend(task, weights);
}

static bool make_factor(void *ctx, unsigned thread, size_t head, struct err *err)
{
    (void)thread;
    (void)err;
    struct trial *trial = ctx;
    const struct classify_data *data = trial->data;
    size_t begin, end;
    classify_head_columns(data, head, &begin, &end);
    trial->factors[head] = mem_alloc(data->rows * data->rows * sizeof(float));
    classify_narrow(data, begin, end, trial->factors[head]);
    return true;
}

static void try_whole(const struct trial *trial, size_t head, size_t fold)
{
    const struct classify_data *data = trial->data;
    size_t begin, end, block = data->rows * data->labels;
    classify_head_columns(data, head, &begin, &end);
    struct linear_task task = { .table = { data->whole + begin, data->rows, end - begin, data->features.width },
                                .truth = data->truth,
                                .labels = data->labels,
                                .each = data->each,
                                .held_begin = data->fold_begin[fold],
                                .held_end = data->fold_begin[fold + 1],
                                .iterations = WHOLE_ITERATIONS,
                                .stop = asked_to_stop,
                                .ctx = (void *)(uintptr_t)trial->job };
    if (trial->factors[head])
        task.table = (struct linear_table){ trial->factors[head], data->rows, data->rows, data->rows };
    const struct ridges *ridges = ridges_of(data, head);
    double *weights = mem_zero(linear_size(task.table.width, data->labels), sizeof *weights);
    for (size_t r = 0; r < ridges->count; r++) {
        task.ridge = ridges->of[r];
        classify_fit_whole(data, head, &task, weights);
        linear_scores(&task.table, task.held_begin, task.held_end, weights, data->labels,
                      trial->whole_scores + (head * RIDGES_MOST + r) * block + task.held_begin * data->labels);
    }
    free(weights);
}

void classify_fit_places(const struct classify_data *data, struct places_task *task, double ridge, double *weights)
{
    const struct ridges *ridges = ridges_of(data, HEAD_PLACES);
    bool along = !classify_descends(data, HEAD_PLACES);
    for (size_t r = 0; r < ridges->count && ridges->of[r] >= ridge; r++) {
        task->ridge = ridges->of[r];
        if (along || task->ridge <= ridge)
            fit_places(data, task, weights);
    }
}

static void try_places(const struct trial *trial, size_t fold)
{
    const struct classify_data *data = trial->data;
    size_t block = data->places.images * data->labels;
    struct places_task task = { .table = data->places,
                                .truth = data->place_truth,
                                .labels = data->labels,
                                .each = data->each,
                                .held_begin = data->place_fold_begin[fold],
                                .held_end = data->place_fold_begin[fold + 1],
                                .stop = asked_to_stop,
                                .ctx = (void *)(uintptr_t)trial->job };
    const struct ridges *ridges = ridges_of(data, HEAD_PLACES);
    double *weights = mem_zero((data->places.width + 1) * data->labels, sizeof *weights);
    for (size_t r = 0; r < ridges->count; r++) {
        task.ridge = ridges->of[r];
        fit_places(data, &task, weights);
        places_scores(&task.table, task.held_begin, task.held_end, weights, data->labels,
                      trial->places_scores + r * block + task.held_begin * data->labels);
    }
    free(weights);
}

/* The dear ones come first, so that the last to finish is a cheap one. */
static bool try_one(void *ctx, unsigned thread, size_t i, struct err *err)
{
    (void)thread;
    struct trial *trial = ctx;
    if (i < CLASSIFY_FOLDS)
        try_places(trial, i);
    else
        try_whole(trial, i / CLASSIFY_FOLDS - 1, i % CLASSIFY_FOLDS);
    size_t done = atomic_fetch_add(&trial->done, 1) + 1;
    if (trial->job->progress)
        trial->job->progress(trial->job->ctx, "choice", (double)done / (HEADS * CLASSIFY_FOLDS));
    return !learn_stopped(trial->job, err);
}

static double mean_loss(const float *scores, const float *truth, size_t rows, size_t labels, bool each)
{
    float *residual = mem_alloc(labels * sizeof *residual);
    double loss = 0;
    for (size_t i = 0; i < rows; i++)
        loss += label_loss(scores + i * labels, truth + i * labels, labels, each, residual);
    free(residual);
    return loss / (double)rows;
}

/* The candidate with the least loss, the first of equals. */
static size_t least(const float *scores, size_t candidates, const float *truth, size_t rows, size_t labels, bool each)
{
    size_t best = 0;
    double best_loss = INFINITY;
    for (size_t k = 0; k < candidates; k++) {
        double loss = mean_loss(scores + k * rows * labels, truth, rows, labels, each);
        if (loss < best_loss) {
            best_loss = loss;
            best = k;
        }
    }
    return best;
}

/* --- the weights of the heads ------------------------------------------------------------------------------------- */

struct blend {
    const float *scores[HEADS]; /* [image][label] */
    const float *truth;
    size_t images, labels;
    bool each, uses[HEADS];
};

/* weights: of the heads, then the bias */
static double blend_value(void *ctx, const double *weights, double *ret_gradient)
{
    const struct blend *blend = ctx;
    float *sums = mem_alloc(blend->labels * sizeof *sums);
    double loss = 0;
    memset(ret_gradient, 0, (HEADS + 1) * sizeof *ret_gradient);
    for (size_t i = 0; i < blend->images * blend->labels; i += blend->labels) {
        for (size_t c = 0; c < blend->labels; c++) {
            double sum = weights[HEADS];
            for (size_t h = 0; h < HEADS; h++)
                sum += blend->uses[h] ? weights[h] * (double)blend->scores[h][i + c] : 0;
            sums[c] = (float)sum;
        }
        loss += label_loss(sums, blend->truth + i, blend->labels, blend->each, sums);
        for (size_t c = 0; c < blend->labels; c++) {
            for (size_t h = 0; h < HEADS; h++)
                ret_gradient[h] += blend->uses[h] ? (double)sums[c] * (double)blend->scores[h][i + c] : 0;
            ret_gradient[HEADS] += blend->each ? (double)sums[c] : 0;
        }
    }
    for (size_t h = 0; h <= HEADS; h++)
        ret_gradient[h] /= (double)blend->images;
    free(sums);
    return loss / (double)blend->images;
}

static double fit_blend(struct blend *blend, double ret_weights[HEADS + 1])
{
    const struct lbfgs problem = {
        .size = HEADS + 1, .iterations = 100, .tolerance = 1e-6, .value = blend_value, .ctx = blend
    };
    for (size_t h = 0; h <= HEADS; h++)
        ret_weights[h] = h < HEADS && blend->uses[h] ? 0.3 : 0;
    return lbfgs_minimise(&problem, ret_weights);
}

static size_t count_uses(const struct blend *blend)
{
    size_t count = 0;
    for (size_t h = 0; h < HEADS; h++)
        count += blend->uses[h];
    return count;
}

/* A head must lower the loss by this share to be worth its time at every request. */
#define WORTH 0.005

/*
 * Leaves heads out one by one, the least missed first, as long as the rest does nearly as well or a weight is below 0
 * (a head that is to be distrusted has nothing to say).
 */
static void weigh_heads(struct blend *blend, struct classify_choice *choice)
{
    double weights[HEADS + 1], loss = fit_blend(blend, weights);
    CHECK(isfinite(loss)); /* else nothing below would ever end */
    while (count_uses(blend) > 1) {
        double least_loss = INFINITY, least_weights[HEADS + 1], tried[HEADS + 1];
        size_t least_missed = 0;
        bool distrusted = false;
        for (size_t h = 0; h < HEADS; h++) {
            distrusted = distrusted || weights[h] < 0;
            if (!blend->uses[h])
                continue;
            blend->uses[h] = false;
            double without = fit_blend(blend, tried);
            blend->uses[h] = true;
            if (without < least_loss) {
                least_loss = without;
                least_missed = h;
                memcpy(least_weights, tried, sizeof tried);
            }
        }
        if (!distrusted && least_loss > loss * (1 + WORTH))
            break;
        blend->uses[least_missed] = false;
        loss = least_loss;
        memcpy(weights, least_weights, sizeof weights);
    }
    for (size_t h = 0; h < HEADS; h++)
        choice->weight[h] = blend->uses[h] ? weights[h] : 0;
    choice->bias = weights[HEADS];
}

/* -------------------------------------------------------------------------------------------------------------------
 */

/* The best ridge of a whole head, and its scores of the images that the places have. */
static void decide_whole(const struct trial *trial, size_t head, struct classify_choice *choice, float *ret_scores)
{
    const struct classify_data *data = trial->data;
    size_t block = data->rows * data->labels;
    const struct ridges *ridges = ridges_of(data, head);
    const float *scores = trial->whole_scores + head * RIDGES_MOST * block;
    size_t best = least(scores, ridges->count, data->truth, data->rows, data->labels, data->each);
    choice->ridge[head] = ridges->of[best];
    for (size_t i = 0; i < data->places.images; i++)
        memcpy(ret_scores + i * data->labels, scores + best * block + data->place_rows[i] * data->labels,
               data->labels * sizeof *ret_scores);
}

static void decide(const struct trial *trial, struct classify_choice *choice)
{
    const struct classify_data *data = trial->data;
    size_t images = data->places.images, block = images * data->labels;
    float *scores = mem_alloc(WHOLE_HEADS * block * sizeof *scores);
    struct blend blend = { .truth = data->place_truth, .images = images, .labels = data->labels, .each = data->each };
    for (size_t h = 0; h < WHOLE_HEADS; h++) {
        decide_whole(trial, h, choice, scores + h * block);
        blend.scores[h] = scores + h * block;
    }
    const struct ridges *ridges = ridges_of(data, HEAD_PLACES);
    size_t best = least(trial->places_scores, ridges->count, data->place_truth, images, data->labels, data->each);
    choice->ridge[HEAD_PLACES] = ridges->of[best];
    blend.scores[HEAD_PLACES] = trial->places_scores + best * block;
    for (size_t h = 0; h < HEADS; h++)
        blend.uses[h] = true;
    weigh_heads(&blend, choice);
    free(scores);
}

bool classify_choose(const struct learn_job *job, const struct classify_data *data, struct classify_choice *ret_choice,
                     struct err *err)
{
    struct classify_choice choice = { .bias = 0 };
    for (size_t h = 0; h < HEADS; h++) {
        choice.weight[h] = 1.0 / HEADS;
        choice.ridge[h] = places_ridges.of[0];
    }
    if (data->rows < 2) { /* nothing to hold out */
        *ret_choice = choice;
        return true;
    }
    struct trial trial = { .job = job, .data = data };
    trial.whole_scores = mem_zero(WHOLE_HEADS * RIDGES_MOST * data->rows * data->labels, sizeof(float));
    trial.places_scores = mem_zero(RIDGES_MOST * data->places.images * data->labels, sizeof(float));
    bool done = !classify_is_narrow(data) || learn_each(job, WHOLE_HEADS, make_factor, &trial, err);
    done = done && learn_each(job, HEADS * CLASSIFY_FOLDS, try_one, &trial, err);
    if (done) {
        decide(&trial, &choice);
        *ret_choice = choice;
    }
    for (size_t h = 0; h < WHOLE_HEADS; h++)
        free(trial.factors[h]);
    free(trial.whole_scores);
    free(trial.places_scores);
    return done;
}
