/* output_truth: the evaluation manifests of spec E.2.2, ground truth beside what the model says of it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "json/json_writer.h"
#include "train/output.h"

#define PREFIX "rekognition-custom-labels-"
#define TRAINING_JOB PREFIX "training-job"
#define EVALUATION_JOB PREFIX "evaluation-job"

enum { KEY_ROOM = 80 };
static const double most_decimals = 1e5; /* of a confidence */

struct truth_writer {
    const struct output *output;
    const struct side *side;
    struct json_writer w;
    char when[32];
};

static void add_text(struct json_writer *w, const char *key, const char *text)
{
    json_key(w, key);
    json_add_string(w, span_str(text));
}

static void add_whole(struct json_writer *w, const char *key, int64_t value)
{
    json_key(w, key);
    json_add_int(w, value);
}

static void add_truth(struct json_writer *w, const char *key, bool value)
{
    json_key(w, key);
    json_add_bool(w, value);
}

static void add_confidence(struct json_writer *w, double confidence)
{
    json_key(w, "confidence");
    json_add_double(w, round(confidence * most_decimals) / most_decimals);
}

static void add_common(struct truth_writer *t, bool human, const char *type)
{
    add_text(&t->w, "type", type);
    add_text(&t->w, "human-annotated", human ? "yes" : "no");
    add_text(&t->w, "creation-date", t->when);
    add_text(&t->w, "job-name", human ? TRAINING_JOB : EVALUATION_JOB);
}

static void add_details(struct json_writer *w, bool positive, bool present)
{
    json_key(w, PREFIX "evaluation-details");
    json_open_object(w);
    add_whole(w, "version", 1);
    json_key(w, "ground-truth-labelling-jobs");
    json_open_array(w);
    json_add_string(w, SPAN_LIT(TRAINING_JOB));
    json_close_array(w);
    add_truth(w, "is-true-positive", positive && present);
    add_truth(w, "is-true-negative", !positive && !present);
    add_truth(w, "is-false-positive", positive && !present);
    add_truth(w, "is-false-negative", !positive && present);
    add_truth(w, "is-present-in-ground-truth", present);
    json_close_object(w);
}

/* --- classification ------------------------------------------------------------------------------------------------
 */

static void add_image_label(struct truth_writer *t, const char *kind, unsigned number, uint32_t label, bool human,
                            double confidence, bool positive, bool present)
{
    char key[KEY_ROOM];
    snprintf(key, sizeof key, PREFIX "%s-%u", kind, number);
    add_whole(&t->w, key, 1);
    snprintf(key, sizeof key, PREFIX "%s-%u-metadata", kind, number);
    json_key(&t->w, key);
    json_open_object(&t->w);
    add_confidence(&t->w, confidence);
    json_key(&t->w, "class-name");
    json_add_string(&t->w, t->output->chosen->labels[label]);
    add_common(t, human, "groundtruth/image-classification");
    if (!human)
        add_details(&t->w, positive, present);
    json_close_object(&t->w);
}

static bool shows(const struct learn_image *image, uint32_t label)
{
    for (size_t i = 0; i < image->label_count; i++)
        if (image->labels[i] == label)
            return true;
    return false;
}

/* What is true, and what is said or should have been. */
static void add_image_labels(struct truth_writer *t, const struct learn_image *image, const float *said)
{
    for (size_t i = 0; i < image->label_count; i++)
        add_image_label(t, "training", (unsigned)i, image->labels[i], true, 1, true, true);
    unsigned number = 0;
    for (uint32_t l = 0; said && l < t->output->chosen->label_count; l++) {
        bool positive = said[l] >= t->output->evaluation->labels[l].threshold, present = shows(image, l);
        if (positive || present)
            add_image_label(t, "evaluation", number++, l, false, (double)said[l], positive, present);
    }
}

/* --- detection -----------------------------------------------------------------------------------------------------
 */

static void add_box(struct json_writer *w, const struct learn_box *box, const struct learn_image *image)
{
    double width = image->width, height = image->height;
    json_open_object(w);
    add_whole(w, "class_id", box->label);
    add_whole(w, "left", llround((double)box->left * width));
    add_whole(w, "top", llround((double)box->top * height));
    add_whole(w, "width", llround((double)box->width * width));
    add_whole(w, "height", llround((double)box->height * height));
    json_close_object(w);
}

static void open_boxes(struct json_writer *w, const char *key, const struct learn_image *image)
{
    json_key(w, key);
    json_open_object(w);
    json_key(w, "image_size");
    json_open_array(w);
    json_open_object(w);
    add_whole(w, "width", image->width);
    add_whole(w, "height", image->height);
    add_whole(w, "depth", 3);
    json_close_object(w);
    json_close_array(w);
    json_key(w, "annotations");
    json_open_array(w);
}

/* The classes that `used` marks, which is cleared. */
static void add_class_map(struct truth_writer *t, bool *used)
{
    char number[16];
    json_key(&t->w, "class-map");
    json_open_object(&t->w);
    for (uint32_t l = 0; l < t->output->chosen->label_count; l++) {
        if (!used[l])
            continue;
        snprintf(number, sizeof number, "%u", l);
        json_key(&t->w, number);
        json_add_string(&t->w, t->output->chosen->labels[l]);
        used[l] = false;
    }
    json_close_object(&t->w);
}

static void add_true_boxes(struct truth_writer *t, const struct learn_image *image, bool *used)
{
    struct json_writer *w = &t->w;
    open_boxes(w, PREFIX "training-0", image);
    for (size_t i = 0; i < image->box_count; i++) {
        add_box(w, &image->boxes[i], image);
        used[image->boxes[i].label] = true;
    }
    json_close_array(w);
    json_close_object(w);
    json_key(w, PREFIX "training-0-metadata");
    json_open_object(w);
    json_key(w, "objects");
    json_open_array(w);
    for (size_t i = 0; i < image->box_count; i++) {
        json_open_object(w);
        add_confidence(w, 1);
        json_close_object(w);
    }
    json_close_array(w);
    add_class_map(t, used);
    add_common(t, true, "groundtruth/object-detection");
    json_close_object(w);
}

static bool is_positive(const struct output *output, const struct evaluation_box *found)
{
    return found->confidence >= output->evaluation->labels[found->box.label].threshold;
}

/* Boxes that count, and those below their threshold that a true one lies under. */
static void add_found_boxes(struct truth_writer *t, const struct learn_image *image,
                            const struct evaluation_box *const *found, size_t count, bool *used)
{
    struct json_writer *w = &t->w;
    open_boxes(w, PREFIX "evaluation", image);
    for (size_t i = 0; i < count; i++) {
        if (!is_positive(t->output, found[i]) && !found[i]->matched)
            continue;
        add_box(w, &found[i]->box, image);
        used[found[i]->box.label] = true;
    }
    json_close_array(w);
    json_close_object(w);
    json_key(w, PREFIX "evaluation-metadata");
    json_open_object(w);
    json_key(w, "objects");
    json_open_array(w);
    for (size_t i = 0; i < count; i++) {
        bool positive = is_positive(t->output, found[i]);
        if (!positive && !found[i]->matched)
            continue;
        json_open_object(w);
        add_confidence(w, (double)found[i]->confidence);
        add_details(w, positive, found[i]->matched);
        json_close_object(w);
    }
    json_close_array(w);
    add_class_map(t, used);
    add_common(t, false, "groundtruth/object-detection");
    json_close_object(w);
}

/* The found boxes by image: first[i] to first[i + 1] of the list are those of image i. */
struct by_image {
    const struct evaluation_box **list;
    size_t *first;
};

static struct by_image sort_by_image(const struct output *output)
{
    size_t images = output->chosen->sets[1].count;
    struct by_image sorted = { mem_alloc((output->found_count + 1) * sizeof *sorted.list),
                               mem_zero(images + 2, sizeof *sorted.first) };
    for (size_t i = 0; i < output->found_count; i++)
        sorted.first[output->found[i].image + 2]++;
    for (size_t i = 2; i < images + 2; i++)
        sorted.first[i] += sorted.first[i - 1];
    for (size_t i = 0; i < output->found_count; i++)
        sorted.list[sorted.first[output->found[i].image + 1]++] = &output->found[i];
    return sorted;
}

/* --- the file ------------------------------------------------------------------------------------------------------
 */

static void write_line(struct truth_writer *t, unsigned side, const struct line *line, int64_t number,
                       const struct by_image *found, bool *used)
{
    const struct output *output = t->output;
    const struct learn_image *image = &output->chosen->sets[side].images[line->image];
    json_open_object(&t->w);
    json_key(&t->w, "source-ref");
    json_add_string(&t->w, t->side->refs.texts[line->ref]);
    add_whole(&t->w, PREFIX "object-id", number);
    if (output->chosen->kind == MODEL_DETECTION) {
        add_true_boxes(t, image, used);
        if (found->list)
            add_found_boxes(t, image, found->list + found->first[line->image],
                            found->first[line->image + 1] - found->first[line->image], used);
    } else {
        bool tested = side == 1;
        add_image_labels(t, image, tested ? output->confidences + line->image * output->chosen->label_count : NULL);
    }
    json_close_object(&t->w);
    json_writer_end(&t->w);
}

void output_truth(const struct output *output, unsigned side, struct buf *out)
{
    struct truth_writer t = { .output = output, .side = &output->sides[side] };
    bool detection = output->chosen->kind == MODEL_DETECTION, *used = mem_zero(output->chosen->label_count + 1, 1);
    struct by_image found = { 0 };
    if (detection && side == 1)
        found = sort_by_image(output);
    clock_extended_iso(output->now_ms, t.when);
    int64_t number = 0;
    for (size_t i = 0; i < t.side->count; i++) {
        if (t.side->lines[i].image == UINT32_MAX)
            continue;
        t.w = json_writer_on(out);
        write_line(&t, side, &t.side->lines[i], ++number, &found, used);
        buf_add_char(out, '\n');
    }
    free(found.list);
    free(found.first);
    free(used);
}
