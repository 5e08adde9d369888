/* classify_data: see classify_data.h. Images are seen in the order of classify_draw and then moved to their rows. */
#include "vision/classify_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vision/classify_draw.h"
#include "vision/gemm.h"
#include "vision/whiten.h"

/* Numbers that a map's features are cut down to. */
static const size_t kept_most[SIGHT_MAPS] = { 128, 64 };

#define WHITEN_RIDGE 0.1

struct gathering {
    const struct learn_job *job;
    struct classify_data *data;
    uint32_t *order; /* images as they are drawn */
    size_t basis_count, place_count;
    size_t offset;           /* of the i of learn_each in the order */
    struct near_look *looks; /* by drawn place, as all tables are until they are sorted */
    unsigned char **kept;    /* seen images that the bases are made from */
    struct trunk **trunks;   /* a thread's own, made when first needed */
    signed char *codes;
    atomic_size_t seen;
};

static size_t place_count_of(const struct places_table *places)
{
    return places->places * places->width;
}

/* The codes of one seen image: each map projected, the coarser repeated beneath the finer. */
static void encode(const struct classify_data *data, const unsigned char *seen, signed char *ret_codes)
{
    const struct sight_grid *fine = &data->features.maps[0];
    size_t width = data->places.width, at = 0;
    for (unsigned m = 0; m < SIGHT_MAPS; m++) {
        const struct sight_grid *map = &data->features.maps[m];
        const struct classify_basis *basis = &data->bases[m];
        size_t places = (size_t)map->rows * (size_t)map->columns;
        float *values = mem_alloc(places * basis->channels * sizeof *values);
        float *projected = mem_alloc(places * basis->kept * sizeof *projected);
        sight_map(&data->features, seen, m, values);
        for (size_t p = 0; p < places; p++)
            for (size_t c = 0; c < basis->channels; c++)
                values[p * basis->channels + c] -= basis->mean[c];
        gemm((struct matrix){ values, (int)places, (int)basis->channels, false, 0 },
             (struct matrix){ basis->projection, (int)basis->channels, (int)basis->kept, false, 0 }, false, projected);
        for (int row = 0; row < fine->rows; row++)
            for (int column = 0; column < fine->columns; column++) {
                const float *from = projected + sight_under(&data->features, m, row, column) * basis->kept;
                signed char *to = ret_codes + ((size_t)row * (size_t)fine->columns + (size_t)column) * width + at;
                for (size_t k = 0; k < basis->kept; k++)
                    to[k] = (signed char)lrintf(fminf(fmaxf(from[k] / PLACES_STEP, -127), 127));
            }
        at += basis->kept;
        free(values);
        free(projected);
    }
}

/* A seen image's block, from the cache or by looking. */
static bool see(struct gathering *gathering, unsigned thread, size_t image, unsigned char *ret_seen, struct err *err)
{
    const struct learn_job *job = gathering->job;
    const struct sight *features = &gathering->data->features;
    const unsigned char *key = job->train.images[image].key;
    if (job->cached) {
        struct buf kept;
        buf_init(&kept, features->bytes);
        bool had = job->cached(job->ctx, key, SIGHT_NAME, &kept) && kept.len == features->bytes;
        if (had)
            memcpy(ret_seen, kept.ptr, kept.len);
        buf_free(&kept);
        if (had)
            return true;
    }
    struct trunk **trunk = &gathering->trunks[thread];
    if (!*trunk && !trunk_new(job->backbone, SIGHT_SIDE, SIGHT_SIDE, trunk, err))
        return false;
    struct image picture;
    if (!job->pixels(job->ctx, false, image, SIGHT_SIDE, &picture, err))
        return false;
    sight_see(features, *trunk, &picture, ret_seen);
    image_free(&picture);
    if (job->cache)
        job->cache(job->ctx, key, SIGHT_NAME, span_of(ret_seen, features->bytes));
    return true;
}

static bool see_one(void *ctx, unsigned thread, size_t i, struct err *err)
{
    struct gathering *gathering = ctx;
    struct classify_data *data = gathering->data;
    size_t at = gathering->offset + i;
    unsigned char *seen = mem_alloc(data->features.bytes);
    if (!see(gathering, thread, gathering->order[at], seen, err)) {
        free(seen);
        return false;
    }
    gathering->looks[at] = *sight_look(seen);
    memcpy(data->whole + at * data->features.width, sight_row(seen), data->features.width * sizeof(float));
    bool for_basis = gathering->offset == 0;
    if (for_basis)
        gathering->kept[at] = seen;
    else if (at < gathering->place_count)
        encode(data, seen, gathering->codes + at * place_count_of(&data->places));
    if (!for_basis)
        free(seen);
    size_t done = atomic_fetch_add(&gathering->seen, 1) + 1;
    if (gathering->job->progress)
        gathering->job->progress(gathering->job->ctx, "features", (double)done / (double)data->rows);
    return true;
}

/* Every second place of the finer map is enough to know how its features spread. */
static bool fit_basis(void *ctx, unsigned thread, size_t m, struct err *err)
{
    (void)thread;
    (void)err;
    struct gathering *gathering = ctx;
    struct classify_basis *basis = &gathering->data->bases[m];
    const struct sight_grid *map = &gathering->data->features.maps[m];
    size_t places = (size_t)map->rows * (size_t)map->columns, every = m == 0 ? 2 : 1;
    float *values = mem_alloc(places * basis->channels * sizeof *values);
    struct spread spread = spread_new(basis->channels);
    for (size_t i = 0; i < gathering->basis_count; i++) {
        sight_map(&gathering->data->features, gathering->kept[i], (unsigned)m, values);
        size_t taken = 0;
        for (size_t p = i % every; p < places; p += every)
            memmove(values + taken++ * basis->channels, values + p * basis->channels, basis->channels * sizeof *values);
        spread_add(&spread, values, taken);
    }
    whiten_fit(&spread, basis->kept, WHITEN_RIDGE, basis->mean, basis->projection);
    spread_free(&spread);
    free(values);
    return true;
}

static bool encode_kept(void *ctx, unsigned thread, size_t i, struct err *err)
{
    (void)thread;
    (void)err;
    struct gathering *gathering = ctx;
    const struct places_table *places = &gathering->data->places;
    if (i < gathering->place_count)
        encode(gathering->data, gathering->kept[i], gathering->codes + i * place_count_of(places));
    return true;
}

static bool see_all(struct gathering *gathering, struct err *err)
{
    const struct learn_job *job = gathering->job;
    if (!learn_each(job, gathering->basis_count, see_one, gathering, err) ||
        !learn_each(job, SIGHT_MAPS, fit_basis, gathering, err) ||
        !learn_each(job, gathering->basis_count, encode_kept, gathering, err))
        return false;
    for (size_t i = 0; i < gathering->basis_count; i++) {
        free(gathering->kept[i]);
        gathering->kept[i] = NULL;
    }
    gathering->offset = gathering->basis_count;
    return learn_each(job, gathering->data->rows - gathering->basis_count, see_one, gathering, err);
}

/* Moves rows so that row i is what was row from[i]; a cycle at a time, in place. */
static void move_rows(void *table, size_t row_bytes, const uint32_t *from, size_t count)
{
    char *rows = table, *kept = mem_alloc(row_bytes + 1);
    bool *moved = mem_zero(count + 1, sizeof *moved);
    for (size_t begin = 0; begin < count; begin++) {
        if (moved[begin])
            continue;
        memcpy(kept, rows + begin * row_bytes, row_bytes);
        size_t at = begin;
        while (from[at] != begin) {
            memcpy(rows + at * row_bytes, rows + from[at] * row_bytes, row_bytes);
            moved[at] = true;
            at = from[at];
        }
        memcpy(rows + at * row_bytes, kept, row_bytes);
        moved[at] = true;
    }
    free(kept);
    free(moved);
}

static void note_truth(const struct gathering *gathering, const uint32_t *from)
{
    struct classify_data *data = gathering->data;
    for (size_t row = 0; row < data->rows; row++) {
        const struct learn_image *image = &gathering->job->train.images[gathering->order[from[row]]];
        for (size_t k = 0; k < image->label_count; k++)
            data->truth[row * data->labels + image->labels[k]] = 1;
    }
    for (size_t i = 0; i < data->places.images; i++)
        memcpy(data->place_truth + i * data->labels, data->truth + data->place_rows[i] * data->labels,
               data->labels * sizeof *data->truth);
}

/* Sorts all tables by fold. */
static void sort_rows(struct gathering *gathering)
{
    struct classify_data *data = gathering->data;
    uint32_t *first = mem_alloc(data->rows * sizeof *first), *from = mem_alloc(data->rows * sizeof *from);
    uint32_t *place_from = mem_alloc(data->rows * sizeof *place_from);
    unsigned char *folds = mem_alloc(data->rows);
    for (size_t i = 0; i < data->rows; i++) {
        const struct learn_image *image = &gathering->job->train.images[gathering->order[i]];
        first[i] = image->label_count ? image->labels[0] : (uint32_t)data->labels;
    }
    classify_folds(gathering->looks, first, data->rows, data->labels, CLASSIFY_FOLDS, folds);
    size_t row = 0, places = 0;
    for (size_t f = 0; f < CLASSIFY_FOLDS; f++) {
        data->fold_begin[f] = row;
        data->place_fold_begin[f] = places;
        for (size_t i = 0; i < data->rows; i++) {
            if (folds[i] != f)
                continue;
            if (i < gathering->place_count) {
                place_from[places] = (uint32_t)i;
                data->place_rows[places++] = (uint32_t)row;
            }
            from[row++] = (uint32_t)i;
        }
    }
    data->fold_begin[CLASSIFY_FOLDS] = row;
    data->place_fold_begin[CLASSIFY_FOLDS] = places;
    move_rows(data->whole, data->features.width * sizeof(float), from, data->rows);
    move_rows(gathering->codes, place_count_of(&data->places), place_from, places);
    note_truth(gathering, from);
    free(first);
    free(from);
    free(place_from);
    free(folds);
}

static void standardise(struct classify_data *data)
{
    size_t width = data->features.width;
    double *sums = mem_zero(width, sizeof *sums);
    for (size_t row = 0; row < data->rows; row++)
        for (size_t i = 0; i < width; i++)
            sums[i] += data->whole[row * width + i];
    for (size_t i = 0; i < width; i++)
        data->mean[i] = (float)(sums[i] / (double)data->rows);
    for (size_t k = 0; k < data->features.parts; k++) {
        double square = 0;
        for (size_t row = 0; row < data->rows; row++)
            for (size_t i = data->features.begin[k]; i < data->features.begin[k + 1]; i++) {
                float *value = &data->whole[row * width + i];
                *value -= data->mean[i];
                square += (double)*value * *value;
            }
        square /= (double)data->rows;
        data->scale[k] = square > 1e-12 ? (float)(1 / sqrt(square)) : 0; /* the same in all images: says nothing */
        for (size_t row = 0; row < data->rows; row++)
            for (size_t i = data->features.begin[k]; i < data->features.begin[k + 1]; i++)
                data->whole[row * width + i] *= data->scale[k];
    }
    free(sums);
}

static bool check_images(const struct learn_job *job, bool multi_label, struct err *err)
{
    if (job->train.count == 0)
        return fail(err, E_INVALID, "There is no image to learn from.");
    for (size_t i = 0; i < job->train.count; i++) {
        const struct learn_image *image = &job->train.images[i];
        if (!multi_label && image->label_count != 1)
            return fail(err, E_INVALID, "An image has %zu labels where each must have one.", image->label_count);
        for (size_t k = 0; k < image->label_count; k++)
            CHECK(image->labels[k] < job->label_count);
    }
    return true;
}

static void make_tables(struct gathering *gathering)
{
    struct classify_data *data = gathering->data;
    const struct learn_job *job = gathering->job;
    const struct sight_grid *fine = &data->features.maps[0];
    size_t most = CLASSIFY_WHOLE_FLOATS / data->features.width;
    data->rows = job->train.count < most ? job->train.count : most;
    data->whole = mem_alloc(data->rows * data->features.width * sizeof *data->whole);
    data->mean = mem_alloc(data->features.width * sizeof *data->mean);
    data->truth = mem_zero(data->rows * data->labels, sizeof *data->truth);
    data->places.places = (size_t)fine->rows * (size_t)fine->columns;
    for (unsigned m = 0; m < SIGHT_MAPS; m++) {
        struct classify_basis *basis = &data->bases[m];
        basis->channels = (size_t)data->features.maps[m].channels;
        basis->kept = basis->channels < kept_most[m] ? basis->channels : kept_most[m];
        basis->mean = mem_alloc(basis->channels * sizeof(float));
        basis->projection = mem_alloc(basis->channels * basis->kept * sizeof(float));
        data->places.width += basis->kept;
    }
    size_t most_places = CLASSIFY_PLACES_BYTES / place_count_of(&data->places);
    gathering->place_count = data->places.images = data->rows < most_places ? data->rows : most_places;
    gathering->basis_count = data->rows < CLASSIFY_BASIS_IMAGES ? data->rows : CLASSIFY_BASIS_IMAGES;
    gathering->codes = mem_alloc(data->places.images * place_count_of(&data->places));
    data->places.codes = gathering->codes;
    data->place_rows = mem_alloc(data->places.images * sizeof *data->place_rows);
    data->place_truth = mem_alloc(data->places.images * data->labels * sizeof *data->place_truth);
    gathering->looks = mem_alloc(data->rows * sizeof *gathering->looks);
    gathering->kept = mem_zero(gathering->basis_count, sizeof *gathering->kept);
    gathering->trunks = mem_zero(job->threads + 1, sizeof *gathering->trunks);
}

bool classify_gather(const struct learn_job *job, bool multi_label, struct classify_data *ret_data, struct err *err)
{
    if (!check_images(job, multi_label, err))
        return false;
    struct classify_data data = { .features = sight_of(job->backbone),
                                  .labels = job->label_count,
                                  .each = multi_label };
    struct gathering gathering = { .job = job, .data = &data };
    gathering.order = classify_draw(&job->train, job->label_count, job->seed);
    make_tables(&gathering);
    bool done = see_all(&gathering, err);
    if (done) {
        sort_rows(&gathering);
        standardise(&data);
        *ret_data = data;
    } else {
        classify_data_free(&data);
    }
    for (size_t i = 0; i < gathering.basis_count; i++)
        free(gathering.kept[i]);
    for (unsigned t = 0; t <= job->threads; t++)
        trunk_free(gathering.trunks[t]);
    free(gathering.kept);
    free(gathering.trunks);
    free(gathering.looks);
    free(gathering.order);
    return done;
}

void classify_data_free(struct classify_data *data)
{
    free(data->whole);
    free(data->mean);
    free(data->truth);
    for (unsigned m = 0; m < SIGHT_MAPS; m++) {
        free(data->bases[m].mean);
        free(data->bases[m].projection);
    }
    free((void *)(uintptr_t)data->places.codes);
    free(data->place_rows);
    free(data->place_truth);
    *data = (struct classify_data){ 0 };
}
