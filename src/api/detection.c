/*
 * detection: DetectCustomLabels (spec E.5). The image is got here, on a thread of the pool; what is on it is found by
 * the version's own workers, so that a slow model keeps nobody else waiting, and the answer is written by them.
 */
#include <stdlib.h>

#include "api/handlers.h"
#include "api/reach.h"
#include "api/render.h"
#include "store/version.h"

enum { ANSWER_MAX = 64 * 1024 * 1024, READ_AT_ONCE = 256 * 1024 };

/* One call on its way; in the call's arena. */
struct detecting {
    struct models_detection detection; /* first: the worker's pointer is ours */
    struct call *call;
    struct buf image; /* of an object */
    uint64_t most;    /* labels */
};

/* --- the image ---------------------------------------------------------------------------------------------------- */

static bool not_too_large(uint64_t bytes, int64_t most, struct err *err)
{
    return most == 0 || bytes <= (uint64_t)most || fail(err, E_IMAGE_LARGE, "Image size is too large.");
}

static bool read_all(struct object_reader *reader, struct buf *into, struct err *err)
{
    char *piece = mem_alloc(READ_AT_ONCE);
    size_t got = 1;
    bool done = true;
    while (done && got > 0) {
        done = object_read(reader, piece, READ_AT_ONCE, &got, err);
        if (done)
            buf_add(into, span_of(piece, got));
    }
    free(piece);
    return done && (!into->overflow || fail(err, E_OBJECT_CHANGED, "The image changed while it was being read."));
}

static bool read_object(struct detecting *detecting, const struct in_s3_object *object, struct err *err)
{
    struct call *call = detecting->call;
    const struct object_name name = { object->bucket, object->name, object->version };
    struct object_info info;
    struct object_reader *reader;
    if (!object->bucket.ptr || !object->name.ptr)
        return fail(err, E_INVALID, "S3Object needs Bucket and Name.");
    if (!reach_read(call, object->bucket, object->name, err) || !object_stat(call->api->objects, name, &info, err) ||
        !not_too_large(info.bytes, detecting->detection.limits.image_object_bytes, err) ||
        !object_open(call->api->objects, name, 0, span_str(info.etag), &reader, err))
        return false;
    buf_init(&detecting->image, info.bytes);
    bool done = read_all(reader, &detecting->image, err);
    object_close(reader);
    if (done && detecting->image.len != info.bytes)
        done = fail(err, E_INTERNAL, "the object store gave %zu bytes of an image of %llu", detecting->image.len,
                    (unsigned long long)info.bytes);
    if (!done)
        buf_free(&detecting->image);
    detecting->detection.image = buf_span(&detecting->image);
    return done;
}

static bool get_image(struct detecting *detecting, const struct in_image *image, struct err *err)
{
    if (!image->bytes.ptr == !image->s3_object)
        return fail(err, E_INVALID, "Image has either Bytes or an S3Object.");
    if (image->s3_object)
        return read_object(detecting, image->s3_object, err);
    detecting->detection.image = image->bytes;
    return not_too_large(image->bytes.len, detecting->detection.limits.image_bytes, err);
}

/* --- the answer --------------------------------------------------------------------------------------------------- */

static void render_label(struct json_writer *w, const struct models_label *label)
{
    const struct {
        const char *name;
        float ratio;
    } box[] = {
        { "Width", label->width }, { "Height", label->height }, { "Left", label->left }, { "Top", label->top }
    };
    json_open_object(w);
    render_text(w, "Name", label->name);
    json_key(w, "Confidence");
    json_add_float(w, label->confidence);
    if (label->boxed) {
        json_key(w, "Geometry");
        json_open_object(w);
        json_key(w, "BoundingBox");
        json_open_object(w);
        for (unsigned i = 0; i < COUNT_OF(box); i++) {
            json_key(w, box[i].name);
            json_add_float(w, box[i].ratio);
        }
        json_close_object(w);
        json_close_object(w);
    }
    json_close_object(w);
}

static void answer(struct models_detection *detection, const struct models_label *labels, size_t count,
                   const struct err *err)
{
    struct detecting *detecting = (struct detecting *)(void *)detection;
    struct call *call = detecting->call;
    struct buf body;
    buf_free(&detecting->image);
    if (err && err->code != E_OK) {
        call_fail(call, err);
        return;
    }
    buf_init(&body, ANSWER_MAX);
    struct json_writer w = json_writer_on(&body);
    json_open_object(&w);
    json_key(&w, "CustomLabels");
    json_open_array(&w);
    for (size_t i = 0; i < count && i < detecting->most; i++)
        render_label(&w, &labels[i]);
    json_close_array(&w);
    json_close_object(&w);
    json_writer_end(&w);
    CHECK(!body.overflow);
    call_answer(call, buf_span(&body));
    buf_free(&body);
}

/* A version that another server has started is loaded here by the first call. */
static bool offer(const struct api *api, const struct version *version, struct models_detection *detection,
                  struct err *err)
{
    const struct models *models = api->models;
    return models->detect(models->ctx, version->id, detection, err) ||
           (err->code == E_NOT_READY && store_is_shared(api->store) && models->load(models->ctx, version, err) &&
            models->detect(models->ctx, version->id, detection, err));
}

bool detect_custom_labels(struct call *call, struct json_writer *w, bool *ret_later, struct err *err)
{
    const struct in_detect_custom_labels *in = call->input;
    struct detecting *detecting = arena_alloc(call->arena, sizeof *detecting);
    struct version version;
    (void)w; /* written when it is done */
    if (!version_find(call->api->store, call->arena, in->project_version_arn, &version, err))
        return false;
    if (version.status != VERSION_RUNNING)
        return fail(err, E_NOT_READY, "The model version is %s; start it first.", version_status_name(version.status));
    *detecting = (struct detecting){
        .detection = { .limits = limits_box_get(call->api->limits),
                       .by_threshold = !in->min_confidence.given,
                       .min_confidence = (float)in->min_confidence.value,
                       .done = answer },
        .call = call,
        .most = in->max_results.value > 0 ? (uint64_t)in->max_results.value : UINT64_MAX,
    };
    if (!get_image(detecting, in->image, err))
        return false;
    if (!offer(call->api, &version, &detecting->detection, err)) {
        buf_free(&detecting->image);
        return false;
    }
    *ret_later = true;
    return true;
}
