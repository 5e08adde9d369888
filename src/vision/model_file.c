/* model_file: see model_file.h for the format. */
#include "vision/model_file.h"

#include <xxhash.h>

static const char magic[] = "placard model 1\n";

enum { MAGIC_BYTES = sizeof magic - 1, SUM_BYTES = 16, HEAD_BYTES = MAGIC_BYTES + SUM_BYTES };

static void put_u32(struct buf *out, uint32_t value)
{
    const unsigned char bytes[4] = { (unsigned char)value, (unsigned char)(value >> 8), (unsigned char)(value >> 16),
                                     (unsigned char)(value >> 24) };
    buf_add(out, span_of(bytes, sizeof bytes));
}

static void put_span(struct buf *out, struct span bytes)
{
    put_u32(out, (uint32_t)bytes.len);
    buf_add(out, bytes);
}

static uint32_t float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void sum_of(struct span content, unsigned char ret_sum[SUM_BYTES])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(content.ptr, content.len));
    memcpy(ret_sum, canonical.digest, SUM_BYTES);
}

void model_write(const struct model *model, struct buf *ret_file)
{
    size_t from = ret_file->len;
    unsigned char sum[SUM_BYTES] = { 0 };
    CHECK(model->label_count <= MODEL_LABELS_MAX && model->payload.len <= MODEL_FILE_MAX);
    CHECK(model->backbone_id.len <= MODEL_BACKBONE_ID_MAX);
    buf_add(ret_file, span_of(magic, MAGIC_BYTES));
    buf_add(ret_file, span_of(sum, SUM_BYTES));
    put_u32(ret_file, model->kind);
    put_span(ret_file, model->backbone_id);
    buf_add(ret_file, span_of(model->backbone_sha256, MODEL_SHA_BYTES));
    put_u32(ret_file, (uint32_t)model->label_count);
    for (size_t i = 0; i < model->label_count; i++) {
        CHECK(model->labels[i].name.len <= MODEL_NAME_MAX);
        put_span(ret_file, model->labels[i].name);
        put_u32(ret_file, float_bits(model->labels[i].threshold));
    }
    put_span(ret_file, model->payload);
    if (ret_file->overflow)
        return;
    sum_of(span_from(buf_span(ret_file), from + HEAD_BYTES), sum);
    memcpy(ret_file->ptr + from + MAGIC_BYTES, sum, SUM_BYTES);
}

/* Reading: what is left, and whether all of it was there so far. */
struct source {
    struct span left;
    bool whole;
};

static struct span take(struct source *source, size_t len)
{
    if (!source->whole || source->left.len < len) {
        source->whole = false;
        return SPAN_NONE;
    }
    struct span taken = span_first(source->left, len);
    source->left = span_from(source->left, len);
    return taken;
}

static uint32_t take_u32(struct source *source)
{
    struct span bytes = take(source, 4);
    if (!bytes.ptr)
        return 0;
    const unsigned char *b = (const unsigned char *)bytes.ptr;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static struct span take_span(struct source *source, size_t max)
{
    uint32_t len = take_u32(source);
    if (len > max)
        source->whole = false;
    return take(source, len);
}

static float take_threshold(struct source *source)
{
    uint32_t bits = take_u32(source);
    float value;
    memcpy(&value, &bits, sizeof value);
    if (!(value >= 0 && value <= 1))
        source->whole = false;
    return value;
}

static void read_labels(struct source *source, struct arena *arena, struct model *model)
{
    uint32_t count = take_u32(source);
    if (count > MODEL_LABELS_MAX || (size_t)count * 8 > source->left.len) {
        source->whole = false;
        return;
    }
    struct model_label *labels = arena_alloc(arena, (count + 1) * sizeof *labels);
    for (uint32_t i = 0; i < count; i++) {
        labels[i].name = take_span(source, MODEL_NAME_MAX);
        labels[i].threshold = take_threshold(source);
    }
    model->labels = labels;
    model->label_count = count;
}

bool model_read(struct span file, struct arena *arena, struct model *ret_model, struct err *err)
{
    unsigned char sum[SUM_BYTES];
    if (!span_starts(file, span_of(magic, MAGIC_BYTES)))
        return fail(err, E_INVALID, "This is not a model file, or one of another version of placard.");
    if (file.len < HEAD_BYTES || file.len > MODEL_FILE_MAX + (size_t)HEAD_BYTES)
        return fail(err, E_INVALID, "The model file is cut off.");
    sum_of(span_from(file, HEAD_BYTES), sum);
    if (memcmp(file.ptr + MAGIC_BYTES, sum, SUM_BYTES) != 0)
        return fail(err, E_INVALID, "The model file is damaged: its checksum is another.");
    struct source source = { .left = span_from(file, HEAD_BYTES), .whole = true };
    struct model model = { 0 };
    uint32_t kind = take_u32(&source);
    model.backbone_id = take_span(&source, MODEL_BACKBONE_ID_MAX);
    struct span sha = take(&source, MODEL_SHA_BYTES);
    if (source.whole)
        memcpy(model.backbone_sha256, sha.ptr, MODEL_SHA_BYTES);
    read_labels(&source, arena, &model);
    model.payload = take_span(&source, MODEL_FILE_MAX);
    if (!source.whole || source.left.len != 0 || kind > MODEL_DETECTION)
        return fail(err, E_INVALID, "The model file is damaged: its parts do not add up.");
    model.kind = (enum model_kind)kind;
    *ret_model = model;
    return true;
}

bool model_fits(const struct model *model, const char *backbone_id, const unsigned char sha256[MODEL_SHA_BYTES],
                struct err *err)
{
    if (!span_is(model->backbone_id, backbone_id))
        return fail(err, E_INVALID, "The model was trained on the backbone " SPAN_FMT ", not on %s.",
                    SPAN_ARG(model->backbone_id), backbone_id);
    if (memcmp(model->backbone_sha256, sha256, MODEL_SHA_BYTES) != 0)
        return fail(err, E_INVALID, "The model was trained on another build of the backbone %s.", backbone_id);
    return true;
}
