/* detect_decode: see detect_decode.h. */
#include "vision/detect_decode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "vision/detect_kind.h"

static const float OVERLAP_MOST = 0.5f;

struct peak {
    float logit;
    int cell, label;
};

/* The surest first; equal ones in the order of cells and labels, so that the order is always the same. */
static int by_logit(const void *a, const void *b)
{
    const struct peak *x = a, *y = b;
    if (x->logit != y->logit)
        return x->logit > y->logit ? -1 : 1;
    return x->cell != y->cell ? x->cell - y->cell : x->label - y->label;
}

static bool is_peak(const struct head_pass *pass, int y, int x, int label)
{
    struct map_size size = pass->end;
    float here = pass->out[(ptrdiff_t)map_row(size, y, x) * size.channels + label];
    for (int n = 0; n < 9; n++) {
        int ny = y + n / 3 - 1, nx = x + n % 3 - 1;
        if (ny < 0 || nx < 0 || ny >= size.height || nx >= size.width || n == 4)
            continue;
        float there = pass->out[(ptrdiff_t)map_row(size, ny, nx) * size.channels + label];
        if (there > here || (there == here && n < 4)) /* of equal neighbours the first is the peak */
            return false;
    }
    return true;
}

static void add_peak(struct peak **peaks, size_t *count, size_t *room, struct peak peak)
{
    if (*count == *room) {
        *room = *room ? 2 * *room : 256;
        *peaks = mem_grow(*peaks, *room * sizeof **peaks);
    }
    (*peaks)[(*count)++] = peak;
}

static struct peak *find_peaks(const struct head_pass *pass, float least_logit, size_t *ret_count)
{
    struct peak *peaks = NULL;
    size_t count = 0, room = 0;
    for (int y = 0; y < pass->end.height; y++) {
        for (int x = 0; x < pass->end.width; x++) {
            const float *out = pass->out + (ptrdiff_t)map_row(pass->end, y, x) * pass->end.channels;
            for (int l = 0; l < pass->shape.labels; l++)
                if (out[l] >= least_logit && is_peak(pass, y, x, l))
                    add_peak(&peaks, &count, &room, (struct peak){ out[l], y * pass->end.width + x, l });
        }
    }
    if (count > 0)
        qsort(peaks, count, sizeof *peaks, by_logit);
    *ret_count = count < DECODE_PEAKS ? count : DECODE_PEAKS;
    return peaks;
}

static const float *outs_at(const struct head_pass *pass, int cell)
{
    int row = map_row(pass->end, cell / pass->end.width, cell % pass->end.width);
    return pass->out + (ptrdiff_t)row * pass->end.channels;
}

static struct cell_box box_at(const struct head_pass *pass, const struct peak *peak)
{
    float sides[HEAD_SIDES], width = (float)pass->end.width, height = (float)pass->end.height;
    int column = peak->cell % pass->end.width, row = peak->cell / pass->end.width;
    float mid_x = (float)column + 0.5f, mid_y = (float)row + 0.5f;
    sides_of(outs_at(pass, peak->cell) + pass->shape.labels, sides);
    return (struct cell_box){ (uint32_t)peak->label, fmaxf(mid_x - sides[0], 0), fmaxf(mid_y - sides[1], 0),
                              fminf(mid_x + sides[2], width), fminf(mid_y + sides[3], height) };
}

static float score_of(float logit)
{
    return 1 / (1 + expf(-logit));
}

/* The highest score that the peak's cell has for any label. */
static float highest_at(const struct head_pass *pass, int cell)
{
    const float *out = outs_at(pass, cell);
    float highest = out[0];
    for (int l = 1; l < pass->shape.labels; l++)
        highest = fmaxf(highest, out[l]);
    return score_of(highest);
}

float cell_box_iou(const struct cell_box *a, const struct cell_box *b)
{
    float wide = fminf(a->right, b->right) - fmaxf(a->left, b->left);
    float high = fminf(a->bottom, b->bottom) - fmaxf(a->top, b->top);
    if (!(wide > 0 && high > 0))
        return 0;
    float common = wide * high;
    return common /
           ((a->right - a->left) * (a->bottom - a->top) + (b->right - b->left) * (b->bottom - b->top) - common);
}

static bool is_covered(const struct cell_box *box, const struct seen_box *others, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (others[i].box.label == box->label && cell_box_iou(&others[i].box, box) >= OVERLAP_MOST)
            return true;
    return false;
}

/* The surest first; equal ones stay in the order of their peaks. */
static void sort_by_confidence(struct seen_box *boxes, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct seen_box box = boxes[i];
        size_t at = i;
        for (; at > 0 && boxes[at - 1].confidence < box.confidence; at--)
            boxes[at] = boxes[at - 1];
        boxes[at] = box;
    }
}

size_t detect_decode(const struct head_pass *pass, struct decode_opinion opinion, float min_confidence,
                     struct seen_box *ret_boxes, size_t room)
{
    /* A lower score may be lifted to its root at most, so peaks are taken from the square on. */
    float least = fminf(fmaxf(min_confidence * min_confidence, 1e-4f), 0.999f);
    size_t peak_count, seen_count = 0, count = 0;
    struct peak *peaks = find_peaks(pass, logf(least / (1 - least)), &peak_count);
    struct seen_box *seen = mem_alloc((peak_count + 1) * sizeof *seen);
    for (size_t i = 0; i < peak_count; i++) {
        struct cell_box box = box_at(pass, &peaks[i]);
        float score = score_of(peaks[i].logit), highest = highest_at(pass, peaks[i].cell);
        if (!(box.right > box.left && box.bottom > box.top) || kind_confidence(score, highest, 1) < min_confidence)
            continue;
        float confidence = kind_confidence(score, highest, opinion.ask(opinion.ctx, &box)[peaks[i].label]);
        if (confidence >= min_confidence)
            seen[seen_count++] = (struct seen_box){ confidence, box };
    }
    sort_by_confidence(seen, seen_count);
    for (size_t i = 0; i < seen_count && count < room; i++)
        if (!is_covered(&seen[i].box, ret_boxes, count))
            ret_boxes[count++] = seen[i];
    free(seen);
    free(peaks);
    return count;
}
