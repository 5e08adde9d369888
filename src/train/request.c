/* request: see request.h for the contract. */
#include "train/request.h"

#include <stddef.h>

#include "json/json.h"
#include "json/json_writer.h"

const char *const train_output_names[TRAIN_OUTPUTS] = {
    [TRAIN_EVALUATION] = "EvaluationResultSummary",
    [TRAIN_SUMMARY] = "ManifestSummary",
    [TRAIN_TRAINING_TRUTH] = "TrainingGroundTruth",
    [TRAIN_TESTING_TRUTH] = "TestingGroundTruth",
    [TRAIN_TRAINING_VALIDATION] = "TrainingManifestWithValidation",
    [TRAIN_TESTING_VALIDATION] = "TestingManifestWithValidation",
};

static const char *const side_names[TRAIN_SIDES] = { "training", "testing" };

enum field_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_TRUTH };

struct field {
    const char *name;
    enum field_kind kind;
    size_t at;
};

#define FIELD(NAME, KIND, STRUCT, MEMBER)                                                                              \
    {                                                                                                                  \
        NAME, KIND, offsetof(struct STRUCT, MEMBER)                                                                    \
    }
#define REQUEST(NAME, KIND, MEMBER) FIELD(NAME, KIND, train_request, MEMBER)

static const struct field request_fields[] = {
    REQUEST("version", FIELD_TEXT, version_arn),
    REQUEST("account", FIELD_TEXT, account),
    REQUEST("default-account", FIELD_TEXT, default_account),
    REQUEST("objects", FIELD_TEXT, objects),
    REQUEST("output-bucket", FIELD_TEXT, output_bucket),
    REQUEST("backbone", FIELD_TEXT, backbone),
    REQUEST("features", FIELD_TEXT, features),
    REQUEST("features-bytes", FIELD_NUMBER, features_bytes),
    REQUEST("threads", FIELD_NUMBER, threads),
    REQUEST("split", FIELD_TRUTH, split),
    REQUEST("manifest-bytes", FIELD_NUMBER, manifest_bytes),
    REQUEST("manifest-lines", FIELD_NUMBER, manifest_lines),
    REQUEST("labels", FIELD_NUMBER, labels),
    REQUEST("line-chars", FIELD_NUMBER, line_chars),
    REQUEST("label-chars", FIELD_NUMBER, label_chars),
    REQUEST("labels-per-image", FIELD_NUMBER, labels_per_image),
    REQUEST("boxes-per-image", FIELD_NUMBER, boxes_per_image),
    REQUEST("image-bytes", FIELD_NUMBER, image_bytes),
    REQUEST("side-min-px", FIELD_NUMBER, side_min_px),
    REQUEST("side-max-px", FIELD_NUMBER, side_max_px),
    REQUEST("dropped-percent", FIELD_NUMBER, dropped_percent),
    REQUEST("log-json", FIELD_TRUTH, log_json),
    REQUEST("log-level", FIELD_NUMBER, log_level),
};

#define RESULT(NAME, KIND, MEMBER) FIELD(NAME, KIND, train_result, MEMBER)

static const struct field result_fields[] = {
    RESULT("version", FIELD_TEXT, version_arn),
    RESULT("trained", FIELD_TRUTH, trained),
    RESULT("message", FIELD_TEXT, message),
    RESULT("billable-seconds", FIELD_NUMBER, billable_seconds),
};

static void write_fields(const void *record, const struct field *fields, size_t count, struct json_writer *w)
{
    for (size_t i = 0; i < count; i++) {
        const void *at = (const char *)record + fields[i].at;
        json_key(w, fields[i].name);
        switch (fields[i].kind) {
        case FIELD_TEXT:
            json_add_string(w, *(const struct span *)at);
            break;
        case FIELD_NUMBER:
            json_add_int(w, *(const int64_t *)at);
            break;
        case FIELD_TRUTH:
            json_add_bool(w, *(const bool *)at);
            break;
        }
    }
}

static bool read_text(struct json value, struct arena *arena, struct span *ret_text)
{
    if (json_kind(value) != JSON_STRING)
        return false;
    *ret_text = arena_copy(arena, json_string(value));
    return true;
}

static bool read_field(struct json value, enum field_kind kind, struct arena *arena, void *at)
{
    enum json_kind is = json_kind(value);
    switch (kind) {
    case FIELD_TEXT:
        return read_text(value, arena, at);
    case FIELD_NUMBER:
        return is == JSON_INTEGER && json_to_i64(value, at);
    case FIELD_TRUTH:
        *(bool *)at = is == JSON_TRUE;
        return is == JSON_TRUE || is == JSON_FALSE;
    }
    return false;
}

static bool read_fields(struct json root, const struct field *fields, size_t count, struct arena *arena, void *record)
{
    for (size_t i = 0; i < count; i++) {
        struct json value;
        if (!json_member(root, span_str(fields[i].name), &value) ||
            !read_field(value, fields[i].kind, arena, (char *)record + fields[i].at))
            return false;
    }
    return true;
}

/* --- lists ---------------------------------------------------------------------------------------------------------
 */

static void write_lists(const struct train_request *request, struct json_writer *w)
{
    json_key(w, "output-keys");
    json_open_array(w);
    for (unsigned i = 0; i < TRAIN_OUTPUTS; i++)
        json_add_string(w, request->output_keys[i]);
    json_close_array(w);
    json_key(w, "buckets");
    json_open_array(w);
    for (size_t i = 0; i < request->bucket_count; i++) {
        json_open_array(w);
        json_add_string(w, request->buckets[i].name);
        json_add_string(w, request->buckets[i].account);
        json_close_array(w);
    }
    json_close_array(w);
    for (unsigned side = 0; side < TRAIN_SIDES; side++) {
        json_key(w, side_names[side]);
        json_open_array(w);
        for (size_t i = 0; i < request->manifest_counts[side]; i++) {
            json_open_array(w);
            json_add_string(w, request->manifests[side][i].bucket);
            json_add_string(w, request->manifests[side][i].key);
            json_add_string(w, request->manifests[side][i].version);
            json_close_array(w);
        }
        json_close_array(w);
    }
}

/* Exactly `count` texts. */
static bool read_texts(struct json array, struct arena *arena, struct span *ret_texts, size_t count)
{
    if (json_kind(array) != JSON_ARRAY || json_count(array) != count)
        return false;
    struct json_iter it = json_iter(array);
    for (size_t i = 0; json_next(&it); i++)
        if (!read_text(it.value, arena, &ret_texts[i]))
            return false;
    return true;
}

static bool read_buckets(struct json root, struct arena *arena, struct train_request *request)
{
    struct json list;
    if (!json_member(root, SPAN_LIT("buckets"), &list) || json_kind(list) != JSON_ARRAY)
        return false;
    struct train_bucket *buckets = arena_alloc(arena, (json_count(list) + 1) * sizeof *buckets);
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        struct span pair[2];
        if (!read_texts(it.value, arena, pair, COUNT_OF(pair)))
            return false;
        buckets[request->bucket_count++] = (struct train_bucket){ pair[0], pair[1] };
    }
    request->buckets = buckets;
    return true;
}

static bool read_manifests(struct json root, unsigned side, struct arena *arena, struct train_request *request)
{
    struct json list;
    if (!json_member(root, span_str(side_names[side]), &list) || json_kind(list) != JSON_ARRAY)
        return false;
    struct object_name *names = arena_alloc(arena, (json_count(list) + 1) * sizeof *names);
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        struct span parts[3];
        if (!read_texts(it.value, arena, parts, COUNT_OF(parts)))
            return false;
        names[request->manifest_counts[side]++] = (struct object_name){ parts[0], parts[1], parts[2] };
    }
    request->manifests[side] = names;
    return true;
}

/* --- the two files -------------------------------------------------------------------------------------------------
 */

void train_request_write(const struct train_request *request, struct buf *out)
{
    struct json_writer w = json_writer_on(out);
    json_open_object(&w);
    write_fields(request, request_fields, COUNT_OF(request_fields), &w);
    write_lists(request, &w);
    json_close_object(&w);
    json_writer_end(&w);
}

bool train_request_read(struct span json, struct arena *arena, struct train_request *ret_request, struct err *err)
{
    struct json_parser *parser = json_parser_new();
    struct json root, keys;
    struct train_request request = { 0 };
    bool done = json_parse(parser, json, &root, NULL) && json_kind(root) == JSON_OBJECT &&
                read_fields(root, request_fields, COUNT_OF(request_fields), arena, &request) &&
                json_member(root, SPAN_LIT("output-keys"), &keys) &&
                read_texts(keys, arena, request.output_keys, TRAIN_OUTPUTS) && read_buckets(root, arena, &request) &&
                read_manifests(root, 0, arena, &request) && read_manifests(root, 1, arena, &request);
    json_parser_free(parser);
    if (!done)
        return fail(err, E_INTERNAL, "the request to train is not one that this program wrote");
    *ret_request = request;
    return true;
}

void train_result_write(const struct train_result *result, struct buf *out)
{
    struct json_writer w = json_writer_on(out);
    json_open_object(&w);
    write_fields(result, result_fields, COUNT_OF(result_fields), &w);
    json_key(&w, "f1");
    json_add_float(&w, result->f1);
    json_key(&w, "outputs");
    json_add_int(&w, result->outputs);
    json_close_object(&w);
    json_writer_end(&w);
}

bool train_result_read(struct span json, struct arena *arena, struct train_result *ret_result, struct err *err)
{
    struct json_parser *parser = json_parser_new();
    struct json root, f1, outputs;
    struct train_result result = { 0 };
    int64_t bits = 0;
    bool done = json_parse(parser, json, &root, NULL) && json_kind(root) == JSON_OBJECT &&
                read_fields(root, result_fields, COUNT_OF(result_fields), arena, &result) &&
                json_member(root, SPAN_LIT("f1"), &f1) &&
                (json_kind(f1) == JSON_DOUBLE || json_kind(f1) == JSON_INTEGER) &&
                json_member(root, SPAN_LIT("outputs"), &outputs) && json_kind(outputs) == JSON_INTEGER &&
                json_to_i64(outputs, &bits);
    if (done) {
        result.f1 = (float)json_to_double(f1);
        result.outputs = (unsigned)bits;
    }
    json_parser_free(parser);
    if (!done)
        return fail(err, E_INTERNAL, "the result of a training is not one that this program wrote");
    *ret_result = result;
    return true;
}
