/* output: the two summaries and the validation manifests; output_truth.c has the rest. */
#include "train/output.h"

#include <stdlib.h>

#include "base/clock.h"
#include "json/json_writer.h"

/* --- the manifest summary ------------------------------------------------------------------------------------------
 */

static void write_errors(unsigned errors, struct json_writer *w)
{
    json_key(w, "errors");
    json_open_array(w);
    for (unsigned i = 0; i < TRAIN_ERRORS; i++) {
        if (!(errors & 1u << i))
            continue;
        json_open_object(w);
        json_key(w, "code");
        json_add_string(w, span_str(train_error_texts[i].code));
        json_key(w, "message");
        json_add_string(w, span_str(train_error_texts[i].message));
        json_close_object(w);
    }
    json_close_array(w);
}

static const char *use_case(const struct chosen *chosen)
{
    if (!chosen->known)
        return "NOT_DETERMINED";
    return chosen->kind == MODEL_DETECTION ? "OBJECT_LOCALIZATION" : "IMAGE_LEVEL_LABELS";
}

/* An index is the place of a line in the side's validation manifest, from 1. */
static void write_statistics(const struct side *side, const struct chosen *chosen, struct json_writer *w)
{
    int64_t counts[LINE_INVALID + 1] = { 0 };
    for (size_t i = 0; i < side->count; i++)
        counts[side->lines[i].fate]++;
    json_open_object(w);
    json_key(w, "use_case");
    json_add_string(w, span_str(use_case(chosen)));
    json_key(w, "total_json_lines");
    json_add_int(w, (int64_t)side->count);
    json_key(w, "valid_json_lines");
    json_add_int(w, counts[LINE_USABLE]);
    json_key(w, "invalid_json_lines");
    json_add_int(w, counts[LINE_INVALID]);
    json_key(w, "ignored_json_lines");
    json_add_int(w, counts[LINE_IGNORED]);
    write_errors(side->errors, w);
    json_key(w, "error_json_line_indices");
    json_open_array(w);
    for (size_t i = 0; i < side->count; i++)
        if (side->lines[i].fate == LINE_INVALID)
            json_add_int(w, (int64_t)i + 1);
    json_close_array(w);
    json_close_object(w);
}

void output_summary(const struct output *output, struct buf *out)
{
    struct json_writer w = json_writer_on(out);
    json_open_object(&w);
    write_errors(output->chosen->errors, &w);
    json_key(&w, "statistics");
    json_open_object(&w);
    json_key(&w, "training");
    write_statistics(&output->sides[0], output->chosen, &w);
    json_key(&w, "testing");
    write_statistics(&output->sides[1], output->chosen, &w);
    json_close_object(&w);
    json_close_object(&w);
    json_writer_end(&w);
}

/* --- validation manifests ------------------------------------------------------------------------------------------
 */

void output_validation(const struct output *output, unsigned side, struct buf *out)
{
    const struct manifest_limits limits = side_limits(output->request);
    struct manifest_reader *reader = manifest_reader_new(&limits);
    for (size_t i = 0; i < output->sides[side].count; i++) {
        const struct line *line = &output->sides[side].lines[i];
        struct manifest_verdict verdict;
        struct manifest_offer offer;
        manifest_read(reader, line->text, &verdict);
        if (line->repeated) {
            verdict.fate = MANIFEST_DROPPED;
            verdict.code = MANIFEST_DUPLICATE_SOURCE_REF;
        }
        manifest_offer(reader, &verdict, &offer);
        manifest_validated(reader, &verdict, &offer, line->bad_image ? MANIFEST_INVALID_IMAGE : MANIFEST_OK, out);
        buf_add_char(out, '\n');
    }
    manifest_reader_free(reader);
}

/* --- the evaluation ------------------------------------------------------------------------------------------------
 */

struct ranked {
    const struct evaluation_label *label;
    size_t place;
};

/* The best first; of equal ones, in the order of their names. */
static int by_f1(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->label->f1 != y->label->f1)
        return x->label->f1 > y->label->f1 ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

static void add_figure(struct json_writer *w, const char *key, double value)
{
    json_key(w, key);
    json_add_double(w, value);
}

static void write_labels(const struct output *output, struct json_writer *w)
{
    size_t count = output->chosen->label_count;
    bool detection = output->chosen->kind == MODEL_DETECTION;
    struct ranked *ranked = mem_alloc((count + 1) * sizeof *ranked);
    for (size_t i = 0; i < count; i++)
        ranked[i] = (struct ranked){ &output->evaluation->labels[i], i };
    qsort(ranked, count, sizeof *ranked, by_f1);
    json_key(w, "LabelEvaluationResults");
    json_open_array(w);
    for (size_t i = 0; i < count; i++) {
        const struct evaluation_label *label = ranked[i].label;
        json_open_object(w);
        json_key(w, "Label");
        json_add_string(w, output->chosen->labels[ranked[i].place]);
        json_key(w, "Metrics");
        json_open_object(w);
        add_figure(w, "F1Score", label->f1);
        add_figure(w, "Precision", label->precision);
        add_figure(w, "Recall", label->recall);
        add_figure(w, "Threshold", (double)label->threshold);
        if (detection) {
            add_figure(w, "AveragePrecision", label->average_precision);
            add_figure(w, "AverageRecall", label->average_recall);
        }
        json_close_object(w);
        json_key(w, "NumberOfTestingImages");
        json_add_int(w, (int64_t)label->images);
        json_close_object(w);
    }
    json_close_array(w);
    free(ranked);
}

static void write_confusion(const struct output *output, struct json_writer *w)
{
    size_t count = output->chosen->label_count;
    json_key(w, "ConfusionMatrix");
    json_open_array(w);
    for (size_t truth = 0; truth < count; truth++)
        for (size_t predicted = 0; predicted < count; predicted++) {
            json_open_object(w);
            json_key(w, "GroundTruthLabel");
            json_add_string(w, output->chosen->labels[truth]);
            json_key(w, "PredictedLabel");
            json_add_string(w, output->chosen->labels[predicted]);
            add_figure(w, "Value", output->evaluation->confusion[truth * count + predicted]);
            json_close_object(w);
        }
    json_close_array(w);
}

static void write_aggregate(const struct output *output, struct json_writer *w)
{
    const struct evaluation *evaluation = output->evaluation;
    json_key(w, "AggregatedEvaluationResults");
    json_open_object(w);
    add_figure(w, "F1Score", evaluation->f1);
    add_figure(w, "Precision", evaluation->precision);
    add_figure(w, "Recall", evaluation->recall);
    if (output->chosen->kind == MODEL_DETECTION) {
        add_figure(w, "AveragePrecision", evaluation->average_precision);
        add_figure(w, "AverageRecall", evaluation->average_recall);
    } else {
        write_confusion(output, w);
    }
    json_close_object(w);
}

/* "2019-11-21T07:30:23.910943", as the service writes it. */
static struct span end_time(int64_t now_ms, char room[32])
{
    clock_extended_iso(now_ms, room); /* …T07:30:23.910Z */
    memcpy(room + 23, "000", 4);
    return span_str(room);
}

void output_evaluation(const struct output *output, struct buf *out)
{
    const struct chosen *chosen = output->chosen;
    char when[32];
    struct json_writer w = json_writer_on(out);
    json_open_object(&w);
    json_key(&w, "Version");
    json_add_int(&w, 1);
    json_key(&w, "EvaluationDetails");
    json_open_object(&w);
    json_key(&w, "EvaluationEndTimestamp");
    json_add_string(&w, end_time(output->now_ms, when));
    json_key(&w, "Labels");
    json_open_array(&w);
    for (size_t i = 0; i < chosen->label_count; i++)
        json_add_string(&w, chosen->labels[i]);
    json_close_array(&w);
    json_key(&w, "NumberOfTestingImages");
    json_add_int(&w, (int64_t)chosen->sets[1].count);
    json_key(&w, "NumberOfTrainingImages");
    json_add_int(&w, (int64_t)chosen->sets[0].count);
    json_key(&w, "ProjectVersionArn");
    json_add_string(&w, output->request->version_arn);
    json_close_object(&w);
    write_aggregate(output, &w);
    write_labels(output, &w);
    json_close_object(&w);
    json_writer_end(&w);
}
