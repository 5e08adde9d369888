/*
 * limits: the quotas of spec F.1 in one table that names, documents and sets them.
 *
 * 0 means lifted. A limits_box holds the current ones; a reload replaces them, who begins a job copies them out.
 */
#ifndef PLACARD_WORK_LIMITS_H
#define PLACARD_WORK_LIMITS_H

#include <pthread.h>

#include "base/err.h"
#include "manifest/manifest.h"

struct limits {
    int64_t manifest_bytes;
    int64_t manifest_lines;  /* of one file, blank and invalid ones included */
    int64_t dataset_entries; /* after an update */
    int64_t dataset_labels;
    int64_t dropped_percent; /* more than this share of the non-blank lines dropped fails the operation */
    int64_t line_chars;
    int64_t label_chars;
    int64_t labels_per_image;
    int64_t boxes_per_image;
    int64_t image_side_min_px;
    int64_t image_side_max_px;
    int64_t image_bytes;        /* of a call */
    int64_t image_object_bytes; /* of an object */
    int64_t project_policies;
    int64_t project_versions;
    int64_t trainings;
    int64_t running_versions;
    int64_t inference_units;
};

struct limit_row {
    const char *name; /* "manifest-bytes" … as in --limit NAME=VALUE */
    size_t offset;    /* of the int64_t in struct limits */
    int64_t value;    /* the default */
    const char *help; /* with its unit and source */
};
extern const struct limit_row limit_rows[];
extern const size_t limit_row_count;

struct limits limits_default(void);
struct limits limits_none(void);

/* `value` is a decimal number or "none". E_CONFIG names the limit or the value that is wrong. */
bool limits_set(struct limits *limits, struct span name, struct span value, struct err *err) MUST_CHECK;

struct manifest_limits limits_of_line(const struct limits *limits);

struct limits_box {
    pthread_mutex_t lock;
    struct limits limits;
};
void limits_box_init(struct limits_box *box, const struct limits *limits);
void limits_box_put(struct limits_box *box, const struct limits *limits);
struct limits limits_box_get(struct limits_box *box);

#endif
