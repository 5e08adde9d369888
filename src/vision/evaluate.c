/* evaluate: see evaluate.h for what is computed. */
#include "vision/evaluate.h"

#include <math.h>
#include <stdlib.h>

enum { RECALL_STEPS = 100 };
static const double overlap_least = 0.5;
static const float threshold_unknown = 0.5f;

/* One statement of a model about one label. */
struct claim {
    float confidence;
    bool right;
};

static int by_confidence(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;
    if (x->confidence != y->confidence)
        return x->confidence > y->confidence ? -1 : 1;
    return (int)x->right - (int)y->right; /* of equal ones the wrong first: no luck of the order */
}

/* The middle between the last claim that counts and the first that does not; all count where there is none. */
static float threshold_below(const struct claim *claims, size_t count, size_t positive)
{
    float last = claims[positive - 1].confidence;
    float next = positive < count ? claims[positive].confidence : 0;
    float middle = next + (last - next) / 2;
    return middle > next ? middle : last; /* neighbours in float have nothing between them */
}

/*
 * The threshold of the best F1, the highest of equal ones, and the figures at it. `claims` are sorted, `truths` how
 * many there are to find.
 */
static void choose_threshold(const struct claim *claims, size_t count, size_t truths, struct evaluation_label *label)
{
    size_t right = 0;
    double best = -1;
    label->threshold = threshold_unknown;
    for (size_t i = 0; i < count; i++) {
        right += claims[i].right;
        if (i + 1 < count && claims[i + 1].confidence == claims[i].confidence)
            continue; /* no threshold parts equal ones */
        double f1 = 2.0 * (double)right / (double)(i + 1 + truths);
        if (f1 <= best)
            continue;
        best = f1;
        label->f1 = f1;
        label->precision = (double)right / (double)(i + 1);
        label->recall = (double)right / (double)truths;
        label->threshold = threshold_below(claims, count, i + 1);
    }
}

/* Means over what was tested, and thresholds for the rest. */
static void aggregate(struct evaluation *evaluation)
{
    size_t tested = 0;
    double threshold = 0;
    for (size_t i = 0; i < evaluation->label_count; i++) {
        const struct evaluation_label *label = &evaluation->labels[i];
        if (!label->tested)
            continue;
        tested++;
        threshold += (double)label->threshold;
        evaluation->precision += label->precision;
        evaluation->recall += label->recall;
        evaluation->f1 += label->f1;
        evaluation->average_precision += label->average_precision;
        evaluation->average_recall += label->average_recall;
    }
    double n = tested > 0 ? (double)tested : 1;
    evaluation->precision /= n;
    evaluation->recall /= n;
    evaluation->f1 /= n;
    evaluation->average_precision /= n;
    evaluation->average_recall /= n;
    for (size_t i = 0; i < evaluation->label_count; i++)
        if (!evaluation->labels[i].tested)
            evaluation->labels[i].threshold = tested > 0 ? (float)(threshold / n) : threshold_unknown;
}

static void evaluation_init(struct evaluation *evaluation, size_t label_count)
{
    *evaluation = (struct evaluation){ .label_count = label_count,
                                       .labels = mem_zero(label_count + 1, sizeof *evaluation->labels) };
}

void evaluation_free(struct evaluation *evaluation)
{
    free(evaluation->labels);
    free(evaluation->confusion);
    *evaluation = (struct evaluation){ 0 };
}

/* --- classification ------------------------------------------------------------------------------------------------
 */

static bool shows(const struct learn_image *image, uint32_t label)
{
    for (size_t i = 0; i < image->label_count; i++)
        if (image->labels[i] == label)
            return true;
    return false;
}

/* The most confident label that is found in the image and not among its true ones (all: among any); or label_count. */
static size_t taken_for(const struct evaluation *evaluation, const struct learn_image *image, const float *confidences,
                        bool all)
{
    size_t best = evaluation->label_count;
    for (size_t l = 0; l < evaluation->label_count; l++) {
        bool found = confidences[l] >= evaluation->labels[l].threshold && (all || !shows(image, (uint32_t)l));
        if (found && (best == evaluation->label_count || confidences[l] > confidences[best]))
            best = l;
    }
    return best;
}

static void confuse(const struct learn_set *test, const float *confidences, bool multi_label,
                    struct evaluation *evaluation)
{
    size_t labels = evaluation->label_count;
    evaluation->confusion = mem_zero(labels * labels + 1, sizeof *evaluation->confusion);
    for (size_t i = 0; i < test->count; i++) {
        const struct learn_image *image = &test->images[i];
        const float *said = confidences + i * labels;
        size_t other = taken_for(evaluation, image, said, !multi_label);
        for (size_t k = 0; k < image->label_count; k++) {
            uint32_t truth = image->labels[k];
            bool found = multi_label && said[truth] >= evaluation->labels[truth].threshold;
            size_t predicted = found ? truth : other;
            if (predicted < labels)
                evaluation->confusion[truth * labels + predicted] += 1.0 / (double)evaluation->labels[truth].images;
        }
    }
}

void evaluate_classification(const struct learn_set *test, size_t label_count, const float *confidences,
                             bool multi_label, struct evaluation *ret_evaluation)
{
    evaluation_init(ret_evaluation, label_count);
    struct claim *claims = mem_alloc((test->count + 1) * sizeof *claims);
    for (size_t l = 0; l < label_count; l++) {
        struct evaluation_label *label = &ret_evaluation->labels[l];
        for (size_t i = 0; i < test->count; i++) {
            claims[i] = (struct claim){ confidences[i * label_count + l], shows(&test->images[i], (uint32_t)l) };
            label->images += claims[i].right;
        }
        label->tested = label->images > 0;
        if (!label->tested)
            continue;
        qsort(claims, test->count, sizeof *claims, by_confidence);
        choose_threshold(claims, test->count, label->images, label);
    }
    free(claims);
    aggregate(ret_evaluation);
    confuse(test, confidences, multi_label, ret_evaluation);
}

/* --- detection -----------------------------------------------------------------------------------------------------
 */

double evaluation_overlap(const struct learn_box *a, const struct learn_box *b)
{
    double left = fmax((double)a->left, (double)b->left), top = fmax((double)a->top, (double)b->top);
    double right = fmin((double)a->left + (double)a->width, (double)b->left + (double)b->width);
    double bottom = fmin((double)a->top + (double)a->height, (double)b->top + (double)b->height);
    if (right <= left || bottom <= top)
        return 0;
    double shared = (right - left) * (bottom - top);
    double both = (double)a->width * (double)a->height + (double)b->width * (double)b->height - shared;
    return both > 0 ? shared / both : 0;
}

static int by_label(const void *a, const void *b)
{
    const struct evaluation_box *x = a, *y = b;
    if (x->box.label != y->box.label)
        return x->box.label < y->box.label ? -1 : 1;
    if (x->confidence != y->confidence)
        return x->confidence > y->confidence ? -1 : 1;
    if (x->image != y->image)
        return x->image < y->image ? -1 : 1;
    float left = x->box.left - y->box.left, top = x->box.top - y->box.top; /* any fixed order will do */
    return left != 0 ? (left < 0 ? -1 : 1) : top != 0 ? (top < 0 ? -1 : 1) : 0;
}

/* Gives each found box, the most confident first, the true box it overlaps most and that nobody has. */
static void match_boxes(const struct learn_set *test, struct evaluation_box *found, size_t count, bool *taken,
                        const size_t *first_box)
{
    for (size_t i = 0; i < count; i++) {
        const struct learn_image *image = &test->images[found[i].image];
        size_t best = SIZE_MAX;
        double most = overlap_least;
        for (size_t k = 0; k < image->box_count; k++) {
            if (image->boxes[k].label != found[i].box.label || taken[first_box[found[i].image] + k])
                continue;
            double overlap = evaluation_overlap(&image->boxes[k], &found[i].box);
            if (overlap >= most) {
                most = overlap;
                best = k;
            }
        }
        found[i].matched = best != SIZE_MAX;
        if (found[i].matched)
            taken[first_box[found[i].image] + best] = true;
    }
}

/* The mean over recalls 0, 0.01 … 1 of the best precision at that recall or beyond. */
static double average_precision(const struct claim *claims, size_t count, size_t truths)
{
    double *precision = mem_alloc((count + 1) * sizeof *precision), sum = 0, best = 0;
    size_t right = 0;
    for (size_t i = 0; i < count; i++) {
        right += claims[i].right;
        precision[i] = (double)right / (double)(i + 1);
    }
    size_t found = right;
    int step = RECALL_STEPS;
    for (size_t i = count; i-- > 0;) {
        best = fmax(best, precision[i]);
        if (!claims[i].right)
            continue;
        /* recalls above what this claim and those before it reach have been served */
        double reached = (double)found / (double)truths, before = (double)(found - 1) / (double)truths;
        while (step >= 0 && (double)step / RECALL_STEPS > reached)
            step--;
        while (step >= 0 && ((double)step / RECALL_STEPS > before || (found == 1 && step == 0))) {
            sum += best;
            step--;
        }
        found--;
    }
    free(precision);
    return sum / (RECALL_STEPS + 1);
}

static void evaluate_boxes_of(const struct evaluation_box *found, size_t count, size_t truths, struct claim *claims,
                              struct evaluation_label *label)
{
    size_t right = 0;
    for (size_t i = 0; i < count; i++) {
        claims[i] = (struct claim){ found[i].confidence, found[i].matched };
        right += found[i].matched;
    }
    choose_threshold(claims, count, truths, label);
    label->average_precision = average_precision(claims, count, truths);
    label->average_recall = (double)right / (double)truths;
}

void evaluate_detection(const struct learn_set *test, size_t label_count, struct evaluation_box *found,
                        size_t found_count, struct evaluation *ret_evaluation)
{
    evaluation_init(ret_evaluation, label_count);
    size_t *first_box = mem_zero(test->count + 1, sizeof *first_box);
    size_t *truths = mem_zero(label_count + 1, sizeof *truths);
    for (size_t i = 0; i < test->count; i++) {
        const struct learn_image *image = &test->images[i];
        first_box[i + 1] = first_box[i] + image->box_count;
        for (size_t k = 0; k < image->box_count; k++) {
            uint32_t label = image->boxes[k].label;
            truths[label]++;
            bool seen = false;
            for (size_t before = 0; before < k; before++)
                seen = seen || image->boxes[before].label == label;
            ret_evaluation->labels[label].images += !seen;
        }
    }
    bool *taken = mem_zero(first_box[test->count] + 1, sizeof *taken);
    struct claim *claims = mem_alloc((found_count + 1) * sizeof *claims);
    qsort(found, found_count, sizeof *found, by_label);
    for (size_t l = 0, at = 0; l < label_count; l++) {
        size_t from = at;
        while (at < found_count && found[at].box.label == l)
            at++;
        match_boxes(test, found + from, at - from, taken, first_box);
        ret_evaluation->labels[l].tested = truths[l] > 0;
        if (truths[l] > 0)
            evaluate_boxes_of(found + from, at - from, truths[l], claims, &ret_evaluation->labels[l]);
    }
    free(claims);
    free(taken);
    free(truths);
    free(first_box);
    aggregate(ret_evaluation);
}
