/*
 * training: writes down what is to be trained, runs the trainer and reads what came of it. A folder that has a result
 * is done: after a crash between the two the result is taken as it is.
 */
#include "work/training.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/key.h"
#include "train/file.h"
#include "train/request.h"
#include "work/trainer.h"
#include "work/unpacked.h"

enum { REQUEST_MAX = 64 * 1024 * 1024, BLOCKS_AT_ONCE = 16, PAGE_BYTES = 1024 * 1024 };

/* --- the lines of a dataset ----------------------------------------------------------------------------------------
 */

struct lines {
    int file;
    struct buf pending;
};

static bool write_out(struct lines *lines, struct err *err)
{
    struct span rest = buf_span(&lines->pending);
    while (rest.len > 0) {
        ssize_t put = write(lines->file, rest.ptr, rest.len);
        if (put <= 0)
            return fail(err, E_INTERNAL, "the lines of a dataset cannot be written for its training");
        rest = span_from(rest, (size_t)put);
    }
    buf_clear(&lines->pending);
    return true;
}

static bool write_block(struct lines *lines, struct unpacked *unpacked, struct err *err)
{
    for (unsigned i = 0; i < unpacked->block.count; i++) {
        buf_add(&lines->pending, unpacked_line(unpacked, i));
        buf_add_char(&lines->pending, '\n');
    }
    return lines->pending.len < PAGE_BYTES || write_out(lines, err);
}

static bool write_blocks(struct store *store, int64_t dataset_id, int64_t generation, struct lines *lines,
                         struct err *err)
{
    struct block_row rows[BLOCKS_AT_ONCE];
    struct block_packer *packer = block_packer_new();
    struct unpacked unpacked;
    struct arena arena;
    int64_t after = -1;
    size_t count = 1;
    bool done = true;
    arena_init(&arena);
    unpacked_init(&unpacked);
    while (done && count > 0) {
        arena_reset(&arena);
        done = stage_blocks(store, &arena, dataset_id, generation, after, true, rows, COUNT_OF(rows), &count, err);
        for (size_t i = 0; done && i < count; i++) {
            done = unpacked_from(&unpacked, packer, &rows[i], err) && write_block(lines, &unpacked, err);
            after = rows[i].first_seq;
        }
    }
    unpacked_free(&unpacked);
    arena_free(&arena);
    block_packer_free(packer);
    return done && write_out(lines, err);
}

/* The committed entries of a dataset as FOLDER/NAME, unless an earlier attempt wrote them. */
static bool write_dataset(struct store *store, int64_t dataset_id, const char *folder, const char *name,
                          struct arena *arena, struct err *err)
{
    struct buf path, fresh;
    struct dataset_row row;
    bool found;
    buf_init(&path, TRAIN_PATH_ROOM);
    buf_init(&fresh, TRAIN_PATH_ROOM);
    file_path(&path, folder, name);
    buf_addf(&fresh, "%s.tmp", buf_cstr(&path));
    bool done = true;
    if (access(buf_cstr(&path), F_OK) != 0) {
        struct lines lines = { .file = open(buf_cstr(&fresh), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) };
        buf_init(&lines.pending, SIZE_MAX / 4);
        done = lines.file >= 0 ? stage_dataset(store, arena, dataset_id, &row, &found, err)
                               : fail(err, E_INTERNAL, "%s cannot be written", buf_cstr(&fresh));
        done = done && (found || fail(err, E_INTERNAL, "a dataset of a training is gone")) &&
               write_blocks(store, dataset_id, row.generation, &lines, err) &&
               file_publish(lines.file, buf_cstr(&fresh), buf_cstr(&path), err);
        if (lines.file >= 0)
            close(lines.file);
        buf_free(&lines.pending);
    }
    buf_free(&fresh);
    buf_free(&path);
    return done;
}

/* --- the request ---------------------------------------------------------------------------------------------------
 */

static void fill_limits(const struct limits *limits, struct train_request *request)
{
    request->manifest_bytes = limits->manifest_bytes;
    request->manifest_lines = limits->manifest_lines;
    request->labels = limits->dataset_labels;
    request->line_chars = limits->line_chars;
    request->label_chars = limits->label_chars;
    request->labels_per_image = limits->labels_per_image;
    request->boxes_per_image = limits->boxes_per_image;
    request->image_bytes = limits->image_object_bytes;
    request->side_min_px = limits->image_side_min_px;
    request->side_max_px = limits->image_side_max_px;
    request->dropped_percent = limits->dropped_percent;
}

static bool fill_buckets(struct store *store, struct arena *arena, struct train_request *request, struct err *err)
{
    struct bucket_row *rows;
    size_t count;
    if (!bucket_list(store, arena, &rows, &count, err))
        return false;
    struct train_bucket *buckets = arena_alloc(arena, (count + 1) * sizeof *buckets);
    for (size_t i = 0; i < count; i++)
        buckets[i] = (struct train_bucket){ rows[i].name, rows[i].account };
    request->buckets = buckets;
    request->bucket_count = count;
    return true;
}

static void fill_manifests(const struct version *version, struct arena *arena, struct train_request *request)
{
    const struct version_side *sides[TRAIN_SIDES] = { &version->train, &version->test };
    for (unsigned side = 0; side < TRAIN_SIDES; side++) {
        struct object_name *names = arena_alloc(arena, (sides[side]->count + 1) * sizeof *names);
        for (size_t i = 0; i < sides[side]->count; i++)
            names[i] = (struct object_name){ .bucket = sides[side]->assets[i].bucket,
                                             .key = sides[side]->assets[i].key,
                                             .version = sides[side]->assets[i].version };
        request->manifests[side] = names;
        request->manifest_counts[side] = sides[side]->count;
    }
}

static bool fill_request(const struct trainings *trainings, const struct models_training *training, struct arena *arena,
                         struct train_request *request, struct err *err)
{
    const struct workshop_options *options = trainings->options;
    const struct version *version = training->version;
    *request = (struct train_request){
        .version_arn = version->arn,
        .account = version->account,
        .default_account = options->default_account,
        .objects = options->objects_place,
        .output_bucket = version->output_bucket,
        .backbone = arena_printf(arena, "%s/%s", options->backbones, options->backbone),
        .features_bytes = options->features_bytes,
        .threads = options->training_threads,
        .split = version->mode == VERSION_OF_SPLIT_MANIFESTS,
        .log_json = options->log_json,
        .log_level = options->log_level,
    };
    if (options->features_bytes > 0)
        request->features = arena_printf(arena, "%s/features", options->shelf.data);
    for (unsigned i = 0; i < TRAIN_OUTPUTS; i++)
        request->output_keys[i] = version_output_key(arena, version, (enum version_output)(1u << i));
    fill_limits(&training->limits, request);
    if (version->mode != VERSION_OF_DATASETS)
        fill_manifests(version, arena, request);
    return fill_buckets(options->store, arena, request, err);
}

/* The lines, then the request, which says that they are there. */
static bool write_request(const struct trainings *trainings, const struct models_training *training, const char *folder,
                          struct arena *arena, struct err *err)
{
    const struct version *version = training->version;
    struct train_request request;
    struct buf path, text;
    if (!file_make_folder(folder, err) || !fill_request(trainings, training, arena, &request, err))
        return false;
    if (version->mode == VERSION_OF_DATASETS &&
        (!write_dataset(trainings->options->store, version->train_dataset_id, folder, "train.lines", arena, err) ||
         !write_dataset(trainings->options->store, version->test_dataset_id, folder, "test.lines", arena, err)))
        return false;
    buf_init(&path, TRAIN_PATH_ROOM);
    buf_init(&text, REQUEST_MAX);
    train_request_write(&request, &text);
    bool done = file_replace(file_path(&path, folder, "request.json"), buf_span(&text), true, err);
    buf_free(&text);
    buf_free(&path);
    return done;
}

/* --- the training --------------------------------------------------------------------------------------------------
 */

/* The phase as a text that lives as long as the server: who is told keeps the pointer. */
static const char *word_for(struct trainings *trainings, const char *phase)
{
    pthread_mutex_lock(&trainings->lock);
    size_t i = 0;
    while (i < TRAINING_WORDS && trainings->words[i] && strcmp(trainings->words[i], phase) != 0)
        i++;
    if (i < TRAINING_WORDS && !trainings->words[i])
        trainings->words[i] = mem_dup(phase, strlen(phase));
    const char *word = i < TRAINING_WORDS ? trainings->words[i] : "other";
    pthread_mutex_unlock(&trainings->lock);
    return word;
}

struct telling {
    struct trainings *trainings;
    const struct models_training *training;
};

static bool tell(void *ctx, const char *phase, double share)
{
    const struct telling *telling = ctx;
    return telling->training->progress(telling->training->progress_ctx, word_for(telling->trainings, phase), share);
}

static bool run_trainer(struct trainings *trainings, const struct models_training *training, const char *folder,
                        struct err *err)
{
    struct telling telling = { trainings, training };
    const struct trainer_watch watch = {
        .folder = folder, .stop = training->stop, .cancel = training->cancel, .progress = tell, .ctx = &telling
    };
    return trainer_run(&watch, err);
}

static void take_result(struct trainings *trainings, const struct models_training *training,
                        const struct train_result *result, struct models_outcome *ret_outcome)
{
    *ret_outcome = (struct models_outcome){ .trained = result->trained,
                                            .message = result->message,
                                            .f1 = result->f1,
                                            .billable_seconds = result->billable_seconds,
                                            .outputs = result->outputs };
    pthread_mutex_lock(&trainings->lock);
    *(result->trained ? &trainings->trained : &trainings->failed) += 1;
    pthread_mutex_unlock(&trainings->lock);
    log_line(LOG_INFO, result->trained ? "trained" : "not trained", LOG_T("version", training->version->arn),
             LOG_T("message", result->message), LOG_N("f1-percent", (int64_t)((double)result->f1 * 100 + 0.5)),
             LOG_N("seconds", result->billable_seconds));
}

static bool may_go_on(void *ctx, double share)
{
    const struct models_training *training = ctx;
    return !atomic_load(training->stop) && training->progress(training->progress_ctx, "keep", share);
}

/* Trains, in the folder. *ret_cancelled: it was given up, and there is no result. */
static bool come_to_result(struct trainings *trainings, const struct models_training *training, struct arena *arena,
                           struct train_result *ret_result, bool *ret_cancelled, struct err *err)
{
    const struct shelf *shelf = &trainings->options->shelf;
    struct buf folder;
    bool found = false;
    buf_init(&folder, TRAIN_PATH_ROOM);
    shelf_folder(shelf, training->version->id, &folder);
    bool done = write_request(trainings, training, buf_cstr(&folder), arena, err) &&
                run_trainer(trainings, training, buf_cstr(&folder), err);
    buf_free(&folder);
    if (!done) {
        *ret_cancelled = err->code == E_LOST_LEASE && atomic_load(training->cancel) && !atomic_load(training->stop);
        return *ret_cancelled;
    }
    return shelf_result(shelf, training->version, false, arena, ret_result, &found, err) &&
           (found || fail(err, E_INTERNAL, "the training process left no result"));
}

void trainings_init(struct trainings *trainings, const struct workshop_options *options)
{
    *trainings = (struct trainings){ .options = options };
    pthread_mutex_init(&trainings->lock, NULL);
}

void trainings_free(struct trainings *trainings)
{
    for (size_t i = 0; i < TRAINING_WORDS; i++)
        free(trainings->words[i]);
    pthread_mutex_destroy(&trainings->lock);
}

bool trainings_run(struct trainings *trainings, const struct models_training *training, struct arena *arena,
                   struct models_outcome *ret_outcome, struct err *err)
{
    const struct shelf *shelf = &trainings->options->shelf;
    struct train_result result;
    bool found, cancelled = false;
    if (!shelf_result(shelf, training->version, training->attempt > 1, arena, &result, &found, err))
        return false;
    if (!found && !come_to_result(trainings, training, arena, &result, &cancelled, err))
        return false;
    if (cancelled) {
        *ret_outcome = (struct models_outcome){ .message = SPAN_LIT("The training was cancelled.") };
        return true;
    }
    if (result.trained && !shelf_keep(shelf, training->version, may_go_on, (void *)(uintptr_t)training, err))
        return false;
    take_result(trainings, training, &result, ret_outcome);
    return true;
}

void trainings_metrics(struct trainings *trainings, struct buf *out)
{
    pthread_mutex_lock(&trainings->lock);
    buf_addf(out,
             "# HELP placard_trainings_total Trainings that ended.\n# TYPE placard_trainings_total counter\n"
             "placard_trainings_total{outcome=\"trained\"} %llu\nplacard_trainings_total{outcome=\"failed\"} %llu\n",
             (unsigned long long)trainings->trained, (unsigned long long)trainings->failed);
    pthread_mutex_unlock(&trainings->lock);
}
