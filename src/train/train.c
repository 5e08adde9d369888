/* train: see train.h for the contract. The order of the steps. */
#include "train/train.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "train/file.h"
#include "train/training.h"

enum { REQUEST_MAX = 64 * 1024 * 1024, OUTPUT_MAX = 2000 * 1024 * 1024, PAYLOAD_MAX = MODEL_FILE_MAX, SPENT_ROOM = 64 };

static const char cannot_write[] = "Unable to write to output S3 bucket.";

bool train_request_of(const char *folder, struct arena *arena, struct train_request *ret_request, struct err *err)
{
    struct buf path, text;
    buf_init(&path, TRAIN_PATH_ROOM);
    buf_init(&text, REQUEST_MAX);
    bool done = file_read(file_path(&path, folder, "request.json"), &text, err) &&
                train_request_read(buf_span(&text), arena, ret_request, err);
    buf_free(&text);
    buf_free(&path);
    return done;
}

/* --- opening -------------------------------------------------------------------------------------------------------
 */

static void read_spent(struct training *training)
{
    struct buf path, text;
    struct err err;
    uint64_t spent;
    buf_init(&path, TRAIN_PATH_ROOM);
    buf_init(&text, SPENT_ROOM);
    if (file_read(file_path(&path, training->run->folder, "spent"), &text, &err)) {
        struct span rest = buf_span(&text), line = span_cut(&rest, '\n');
        if (span_to_u64(line, INT64_MAX, &spent))
            training->before_ms = (int64_t)spent;
    }
    buf_free(&text);
    buf_free(&path);
}

/* A backbone that cannot be had is the operator's to mend: the version fails with the sentence. */
static bool open_backbone(struct training *training, struct err *err)
{
    struct span folder = arena_copy(&training->arena, training->request->backbone);
    struct err why = { 0 }, sentence;
    if (backbone_open(folder.ptr, &training->backbone, &why))
        return true;
    if (why.code != E_NOT_FOUND && why.code != E_INVALID && why.code != E_NOT_READY)
        return fail(err, why.code, "%s", why.text);
    fail_sentence(&sentence, why.code, &why);
    training->message = arena_printf(&training->arena, "%s", sentence.text).ptr;
    return true;
}

static bool open_places(struct training *training, struct err *err)
{
    const struct train_request *request = training->request;
    if (!object_store_open(request->objects, &training->objects, err))
        return false;
    if (request->features.len == 0)
        return true;
    struct err why;
    struct span folder = arena_copy(&training->arena, request->features);
    if (!features_open(folder.ptr, request->features_bytes, &training->features, &why))
        log_line(LOG_WARN, "features cannot be kept", LOG_S("why", why.text));
    return true;
}

/* --- what comes out ------------------------------------------------------------------------------------------------
 */

/* Keeps an output in the folder and writes it to its bucket. A bucket that refuses is the client's error. */
static bool put_output(struct training *training, enum train_output which, struct span content, struct err *err)
{
    const struct train_request *request = training->request;
    const struct object_name name = { .bucket = request->output_bucket, .key = request->output_keys[which] };
    struct buf path, file;
    struct err why = { 0 };
    buf_init(&path, TRAIN_PATH_ROOM);
    buf_init(&file, TRAIN_PATH_ROOM);
    buf_addf(&file, "%s.json", train_output_names[which]);
    bool done = file_replace(file_path(&path, training->run->folder, buf_cstr(&file)), content, true, err);
    buf_free(&file);
    buf_free(&path);
    if (!done)
        return false;
    if (object_put(training->objects, name, content, &why))
        training->outputs |= 1u << which;
    else if (why.code == E_OBJECT)
        training->message = cannot_write;
    else
        return fail(err, why.code, "%s", why.text);
    return true;
}

typedef void write_output(const struct output *output, unsigned side, struct buf *out);

static void write_summary(const struct output *output, unsigned side, struct buf *out)
{
    (void)side;
    output_summary(output, out);
}

static void write_evaluation(const struct output *output, unsigned side, struct buf *out)
{
    (void)side;
    output_evaluation(output, out);
}

static const struct {
    write_output *write;
    unsigned side;
} writers[TRAIN_OUTPUTS] = {
    [TRAIN_EVALUATION] = { write_evaluation, 0 },           [TRAIN_SUMMARY] = { write_summary, 0 },
    [TRAIN_TRAINING_TRUTH] = { output_truth, 0 },           [TRAIN_TESTING_TRUTH] = { output_truth, 1 },
    [TRAIN_TRAINING_VALIDATION] = { output_validation, 0 }, [TRAIN_TESTING_VALIDATION] = { output_validation, 1 },
};

static bool write_one(struct training *training, const struct output *output, enum train_output which, struct err *err)
{
    struct buf content;
    buf_init(&content, OUTPUT_MAX);
    writers[which].write(output, writers[which].side, &content);
    bool done = content.overflow ? fail(err, E_INTERNAL, "an output object is too large")
                                 : put_output(training, which, buf_span(&content), err);
    buf_free(&content);
    return done;
}

static struct output output_of(const struct training *training)
{
    return (struct output){
        .request = training->request, .sides = training->sides, .chosen = &training->chosen, .now_ms = clock_wall_ms()
    };
}

/* Both validation manifests and the summary: also where the lines cannot be trained on, and before hours of work show
   that the bucket takes nothing. */
static bool write_validation(struct training *training, struct err *err)
{
    static const enum train_output which[] = { TRAIN_TRAINING_VALIDATION, TRAIN_TESTING_VALIDATION, TRAIN_SUMMARY };
    const struct output output = output_of(training);
    const char *message = training->message;
    for (size_t i = 0; i < COUNT_OF(which); i++)
        if (training->message != cannot_write && !write_one(training, &output, which[i], err))
            return false;
    if (message)
        training->message = message; /* what was wrong first */
    return true;
}

/* --- the steps -----------------------------------------------------------------------------------------------------
 */

static bool load_sides(struct training *training, struct err *err)
{
    const struct train_request *request = training->request;
    unsigned count = request->split ? 1 : TRAIN_SIDES;
    for (unsigned i = 0; i < count; i++) {
        if (!side_load(&training->sides[i], i, training->run->folder, request, training->objects, &training->names,
                       err))
            return false;
        if (training->sides[i].file_error && !training->message)
            training->message = training->sides[i].file_error;
    }
    return true;
}

static bool check_lines(struct training *training, struct err *err)
{
    const struct check check = { training->objects, check_limits(training->request), training->features,
                                 &training->job };
    for (unsigned i = 0; i < TRAIN_SIDES; i++) {
        if (!check_images(&check, &training->sides[i], err))
            return false;
        choose_rows(&training->sides[i], training->request);
    }
    choose_labels(training->sides, training->request, &training->names, &training->chosen);
    training->message = choose_message(training->sides, &training->chosen);
    return true;
}

/* The model's file with `thresholds` (NULL: none yet). */
static void pack_model(const struct training *training, struct span payload, const struct evaluation *evaluation,
                       struct buf *ret_file)
{
    const struct chosen *chosen = &training->chosen;
    struct model_label *labels = mem_zero(chosen->label_count + 1, sizeof *labels);
    struct model model = { .kind = chosen->kind,
                           .backbone_id = span_str(backbone_id(training->backbone)),
                           .labels = labels,
                           .label_count = chosen->label_count,
                           .payload = payload };
    memcpy(model.backbone_sha256, backbone_sha256(training->backbone), MODEL_SHA_BYTES);
    for (size_t i = 0; i < chosen->label_count; i++)
        labels[i] = (struct model_label){ chosen->labels[i], evaluation ? evaluation->labels[i].threshold : 0 };
    model_write(&model, ret_file);
    free(labels);
}

/* Runs the model on the test images and keeps it with what came out. */
static bool conclude(struct training *training, struct span payload, float *ret_f1, struct err *err)
{
    static const enum train_output which[] = { TRAIN_TRAINING_TRUTH, TRAIN_TESTING_TRUTH, TRAIN_EVALUATION };
    struct output output = output_of(training);
    struct evaluation evaluation = { 0 };
    struct recognizer *recognizer;
    struct buf file, path;
    struct arena arena;
    struct model model;
    float *confidences = NULL;
    struct evaluation_box *found = NULL;
    buf_init(&file, MODEL_FILE_MAX * 2ul);
    buf_init(&path, TRAIN_PATH_ROOM);
    arena_init(&arena);
    pack_model(training, payload, NULL, &file);
    bool done = model_read(buf_span(&file), &arena, &model, err) &&
                recognizer_open(&model, training->backbone, &recognizer, err);
    if (done) {
        done = training_predict(training, recognizer, &confidences, &found, &output.found_count, err);
        recognizer_free(recognizer);
    }
    if (done) {
        if (found)
            evaluate_detection(&training->job.test, training->job.label_count, found, output.found_count, &evaluation);
        else
            evaluate_classification(&training->job.test, training->job.label_count, confidences,
                                    training->chosen.kind == MODEL_MULTI_LABEL, &evaluation);
        output.evaluation = &evaluation;
        output.confidences = confidences;
        output.found = found;
        buf_clear(&file);
        pack_model(training, payload, &evaluation, &file);
        done = file_replace(file_path(&path, training->run->folder, "model"), buf_span(&file), true, err);
        *ret_f1 = (float)evaluation.f1;
    }
    for (size_t i = 0; done && i < COUNT_OF(which); i++)
        done = training->message || write_one(training, &output, which[i], err);
    evaluation_free(&evaluation);
    free(confidences);
    free(found);
    arena_free(&arena);
    buf_free(&path);
    buf_free(&file);
    return done;
}

static bool learn(struct training *training, float *ret_f1, struct err *err)
{
    struct buf payload;
    struct err why = { 0 };
    buf_init(&payload, PAYLOAD_MAX);
    bool done = recognizer_train(training->chosen.kind, &training->job, &payload, &why);
    if (done)
        done = payload.overflow ? fail(err, E_INTERNAL, "the model is too large")
                                : conclude(training, buf_span(&payload), ret_f1, err);
    else if (why.code == E_INVALID) /* the data: another attempt would end the same */
        done = (training->message = arena_printf(&training->arena, "%s", why.text).ptr) != NULL;
    else
        fail(err, why.code, "%s", why.text);
    buf_free(&payload);
    return done;
}

static bool write_result(struct training *training, float f1, struct err *err)
{
    struct buf path, text;
    struct train_result result = { .version_arn = training->request->version_arn,
                                   .trained = !training->message,
                                   .message = span_str(training->message),
                                   .f1 = f1,
                                   .billable_seconds = (training_spent_ms(training) + 999) / 1000,
                                   .outputs = training->outputs };
    if (result.billable_seconds < 1)
        result.billable_seconds = 1;
    buf_init(&path, TRAIN_PATH_ROOM);
    buf_init(&text, REQUEST_MAX);
    train_result_write(&result, &text);
    bool done = file_replace(file_path(&path, training->run->folder, "result.json"), buf_span(&text), true, err);
    buf_free(&text);
    buf_free(&path);
    return done;
}

static void log_data(const struct training *training)
{
    static const char *const kinds[] = { "single-label", "multi-label", "detection" };
    const struct chosen *chosen = &training->chosen;
    struct features_counts kept = { 0 };
    if (training->features)
        kept = features_count(training->features);
    log_line(LOG_INFO, "training", LOG_T("version", training->request->version_arn), LOG_S("kind", kinds[chosen->kind]),
             LOG_N("labels", chosen->label_count), LOG_N("training-images", chosen->sets[0].count),
             LOG_N("testing-images", chosen->sets[1].count), LOG_N("threads", training->job.threads),
             LOG_N("features-bytes", kept.bytes));
}

static bool take_steps(struct training *training, struct err *err)
{
    float f1 = 0;
    bool done = open_backbone(training, err);
    if (done && !training->message) {
        done = open_places(training, err) && load_sides(training, err);
        training_fill_job(training);
        if (done && !training->message) {
            done = check_lines(training, err) && write_validation(training, err);
            training_fill_job(training);
            if (done && !training->message) {
                log_data(training);
                done = learn(training, &f1, err);
            }
        }
    }
    return done && write_result(training, f1, err);
}

bool train_run(const struct train_run *run, const struct train_request *request, struct err *err)
{
    struct training training = { .run = run, .request = request, .begun_us = clock_mono_us() };
    arena_init(&training.arena);
    intern_init(&training.names);
    chosen_init(&training.chosen);
    for (unsigned i = 0; i < TRAIN_SIDES; i++)
        side_init(&training.sides[i]);
    read_spent(&training);
    bool done = take_steps(&training, err);
    for (unsigned i = 0; i < TRAIN_SIDES; i++)
        side_free(&training.sides[i]);
    chosen_free(&training.chosen);
    intern_free(&training.names);
    features_close(training.features);
    if (training.backbone)
        backbone_free(training.backbone);
    object_store_close(training.objects);
    arena_free(&training.arena);
    return done;
}
