/* limits: see limits.h for the contract. */
#include "work/limits.h"

#include <stddef.h>

#define ROW(NAME, MEMBER, VALUE, HELP)                                                                                 \
    {                                                                                                                  \
        NAME, offsetof(struct limits, MEMBER), VALUE, HELP                                                             \
    }

const struct limit_row limit_rows[] = {
    ROW("manifest-bytes", manifest_bytes, 1000000000, "bytes of one manifest file"),
    ROW("manifest-lines", manifest_lines, 250000, "lines of one manifest file, blank and invalid ones included"),
    ROW("dataset-entries", dataset_entries, 250000, "images of one dataset"),
    ROW("dataset-labels", dataset_labels, 250, "labels of one dataset"),
    ROW("dropped-percent", dropped_percent, 20, "percent of the non-blank lines that may be dropped"),
    ROW("line-chars", line_chars, 100000, "Unicode characters of one line"),
    ROW("label-chars", label_chars, 256, "Unicode characters of a label's name"),
    ROW("labels-per-image", labels_per_image, 50, "image-level labels of one image"),
    ROW("boxes-per-image", boxes_per_image, 50, "bounding boxes of one image"),
    ROW("image-side-min-px", image_side_min_px, 64, "pixels of an image's shorter side, as image_size says"),
    ROW("image-side-max-px", image_side_max_px, 4096, "pixels of an image's longer side, as image_size says"),
    ROW("image-bytes", image_bytes, 4 * 1024 * 1024, "bytes of an image in a DetectCustomLabels call"),
    ROW("image-object-bytes", image_object_bytes, 15 * 1024 * 1024, "bytes of an image in a bucket"),
    ROW("project-policies", project_policies, 5, "policies of one project"),
    ROW("project-versions", project_versions, 0, "model versions of one project"),
    ROW("trainings", trainings, 0, "models in training at once, of one account in one region"),
    ROW("running-versions", running_versions, 0, "model versions running at once, likewise"),
    ROW("inference-units", inference_units, 16, "inference units of one model version"),
};
const size_t limit_row_count = COUNT_OF(limit_rows);

static int64_t *member_of(struct limits *limits, const struct limit_row *row)
{
    return (int64_t *)((char *)limits + row->offset);
}

struct limits limits_default(void)
{
    struct limits limits = { 0 };
    for (size_t i = 0; i < limit_row_count; i++)
        *member_of(&limits, &limit_rows[i]) = limit_rows[i].value;
    return limits;
}

struct limits limits_none(void)
{
    return (struct limits){ 0 };
}

bool limits_set(struct limits *limits, struct span name, struct span value, struct err *err)
{
    for (size_t i = 0; i < limit_row_count; i++) {
        if (!span_is(name, limit_rows[i].name))
            continue;
        uint64_t number = 0;
        if (!span_is(value, "none") && (!span_to_u64(value, UINT32_MAX * (uint64_t)1024, &number) || number == 0))
            return fail(err, E_CONFIG, "The limit " SPAN_FMT " takes a number above 0 or `none`, not `" SPAN_FMT "`.",
                        SPAN_ARG(name), SPAN_ARG(value));
        *member_of(limits, &limit_rows[i]) = (int64_t)number;
        return true;
    }
    return fail(err, E_CONFIG, "There is no limit called `" SPAN_FMT "`.", SPAN_ARG(name));
}

static uint32_t clamp(int64_t value)
{
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

struct manifest_limits limits_of_line(const struct limits *limits)
{
    return (struct manifest_limits){
        .line_chars = clamp(limits->line_chars),
        .label_chars = clamp(limits->label_chars),
        .labels_per_line = clamp(limits->labels_per_image),
        .boxes_per_line = clamp(limits->boxes_per_image),
        .side_min_px = clamp(limits->image_side_min_px),
        .side_max_px = clamp(limits->image_side_max_px),
    };
}

void limits_box_init(struct limits_box *box, const struct limits *limits)
{
    CHECK(pthread_mutex_init(&box->lock, NULL) == 0);
    box->limits = *limits;
}

void limits_box_put(struct limits_box *box, const struct limits *limits)
{
    pthread_mutex_lock(&box->lock);
    box->limits = *limits;
    pthread_mutex_unlock(&box->lock);
}

struct limits limits_box_get(struct limits_box *box)
{
    pthread_mutex_lock(&box->lock);
    struct limits limits = box->limits;
    pthread_mutex_unlock(&box->lock);
    return limits;
}
