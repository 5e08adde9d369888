/* detect_train: the training of a detector's head; see detect.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vision/adamw.h"
#include "vision/detect.h"
#include "vision/detect_kind.h"
#include "vision/detect_model.h"

enum {
    BATCH = 8,
    VIEWS = 4,
    FEW_VIEWS = 2,
    LEAST_STEPS = 400,
    CHECKPOINT_STEPS = 25, /* at the end of the first epoch past so many steps */
    SHUFFLES = 1u << 20    /* streams of chance: SHUFFLES + epoch */
};

static const double LOOKS = 40; /* at each image */
static const float RATE = 4e-3f;
static const double RISE = 0.15;
static const float SIDE_WEIGHT = 2;
static const float DECAY = 0.01f;
static const float DROP = 0.2f; /* of the taps' channels */
static const size_t KEPT_BYTES = (size_t)256 << 20;

/* One training, and what each of its threads and each place of a batch needs. */
struct course {
    const struct learn_job *job;
    struct canvas canvas;
    unsigned views;
    struct features *features;
    struct head_shape shape;
    size_t count; /* parameters */
    float *all;
    struct head_params params;
    struct adamw adamw;
    size_t steps, steps_per_epoch, epoch;
    uint32_t *order; /* images, shuffled for the epoch */
    struct place {
        float *grad;
        uint32_t image;
        unsigned view;
        struct learn_random random;
        struct cell_box *boxes;
        size_t box_count;
    } places[BATCH];
    unsigned batch;
    size_t boxes_in_batch;
    struct bench {
        struct head_pass pass;
        struct loss_room *room;
        float *taps[HEAD_TAPS], *pooled;
    } * benches; /* one for each thread */
};

/* What a canvas of that size costs, beside the usual one of 320 x 320. */
static double cost_of(struct canvas canvas)
{
    return fmax(1, (double)canvas.width * canvas.height / (1.1 * 320 * 320));
}

/* Larger canvases are dear in time and memory: fewer views, less of them kept, each looked at less often. */
static bool is_large(struct canvas canvas)
{
    return cost_of(canvas) > 3;
}

/* How many images are looked at: LOOKS times each where there are few, with the root of their number where many. */
static size_t steps_for(size_t images, struct canvas canvas)
{
    double looks = images <= 250 ? LOOKS * (double)images : LOOKS * 250 * sqrt((double)images / 250);
    double steps = fmax(looks / BATCH, LEAST_STEPS) / sqrt(cost_of(canvas));
    return (size_t)steps;
}

/* The mean of half of the boxes' sides in cells, for the biases to start from; 0 where there is no box. */
static float mean_distance(const struct learn_job *job, struct canvas canvas)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < job->train.count; i++) {
        const struct learn_image *image = &job->train.images[i];
        struct view view = view_of(canvas, (int)image->width, (int)image->height, image->key, 0);
        struct cell_box *boxes = mem_alloc((image->box_count + 1) * sizeof *boxes);
        size_t box_count = view_boxes(&view, image, boxes);
        for (size_t b = 0; b < box_count; b++)
            sum += sqrt((double)(boxes[b].right - boxes[b].left) * (boxes[b].bottom - boxes[b].top)) / 2;
        count += box_count;
        free(boxes);
    }
    return count ? (float)(sum / (double)count) : 0;
}

static void open_benches(struct course *course)
{
    course->benches = mem_zero(course->job->threads, sizeof *course->benches);
    for (unsigned b = 0; b < course->job->threads; b++) {
        struct bench *bench = &course->benches[b];
        head_pass_open(&bench->pass, &course->shape, true);
        bench->room = loss_room_new(&course->shape);
        bench->pooled = mem_zero((size_t)kind_width(&course->shape) + (size_t)course->shape.labels, sizeof(float));
        for (int t = 0; t < HEAD_TAPS; t++)
            bench->taps[t] = mem_zero((size_t)(course->shape.height >> t) * (size_t)(course->shape.width >> t) *
                                          (size_t)course->shape.channels[t],
                                      sizeof(float));
    }
}

static void open_course(struct course *course, const struct learn_job *job)
{
    *course = (struct course){ .job = job, .canvas = canvas_for(&job->train) };
    course->views = is_large(course->canvas) ? FEW_VIEWS : VIEWS;
    course->features =
        features_new(job, course->canvas, course->views, is_large(course->canvas) ? KEPT_BYTES / 4 : KEPT_BYTES);
    course->shape = *features_shape(course->features);
    course->count = head_param_count(&course->shape);
    course->all = mem_zero(course->count, sizeof(float));
    head_name(&course->shape, course->all, &course->params);
    unsigned char *decays = mem_zero(course->count, 1);
    head_decays(&course->shape, decays);
    course->adamw = (struct adamw){ .beta1 = 0.9f,
                                    .beta2 = 0.99f,
                                    .epsilon = 1e-8f,
                                    .decay = DECAY,
                                    .count = course->count,
                                    .first = mem_zero(course->count, sizeof(float)),
                                    .second = mem_zero(course->count, sizeof(float)),
                                    .decays = decays };
    course->order = mem_zero(job->train.count + 1, sizeof *course->order);
    course->batch = job->train.count < BATCH ? (unsigned)job->train.count : BATCH;
    course->steps_per_epoch = course->batch ? job->train.count / course->batch : 0;
    size_t most = 0;
    for (size_t i = 0; i < job->train.count; i++)
        most = job->train.images[i].box_count > most ? job->train.images[i].box_count : most;
    for (unsigned p = 0; p < course->batch; p++) {
        course->places[p].grad = mem_zero(course->count, sizeof(float));
        course->places[p].boxes = mem_zero(most + 1, sizeof(struct cell_box));
    }
    open_benches(course);
}

static void close_course(struct course *course)
{
    for (unsigned b = 0; b < course->job->threads; b++) {
        head_pass_close(&course->benches[b].pass);
        loss_room_free(course->benches[b].room);
        free(course->benches[b].pooled);
        for (int t = 0; t < HEAD_TAPS; t++)
            free(course->benches[b].taps[t]);
    }
    for (unsigned p = 0; p < course->batch; p++) {
        free(course->places[p].grad);
        free(course->places[p].boxes);
    }
    free(course->benches);
    free(course->order);
    free((void *)course->adamw.decays);
    free(course->adamw.first);
    free(course->adamw.second);
    free(course->all);
    features_free(course->features);
}

/* --- checkpoints ----------------------------------------------------------------------------------------------------
 */

struct mark {
    char magic[16];
    uint64_t count, steps, epoch;
};

static const char MARK_MAGIC[16] = "detect-course-1";

static bool write_checkpoint(const struct course *course, struct err *err)
{
    if (!course->job->checkpoint)
        return true;
    struct mark mark = { .count = course->count, .steps = course->adamw.steps, .epoch = course->epoch };
    struct buf out;
    size_t bytes = course->count * sizeof(float);
    memcpy(mark.magic, MARK_MAGIC, sizeof mark.magic);
    buf_init(&out, sizeof mark + 3 * bytes);
    buf_add(&out, span_of(&mark, sizeof mark));
    buf_add(&out, span_of(course->all, bytes));
    buf_add(&out, span_of(course->adamw.first, bytes));
    buf_add(&out, span_of(course->adamw.second, bytes));
    bool done = course->job->checkpoint(course->job->ctx, buf_span(&out), err);
    buf_free(&out);
    return done;
}

/* Goes on where the checkpoint stands; begins anew where there is none that fits. */
static void resume(struct course *course)
{
    struct mark mark;
    struct buf in;
    size_t bytes = course->count * sizeof(float);
    buf_init(&in, sizeof mark + 3 * bytes);
    if (course->job->resume && course->job->resume(course->job->ctx, &in) && !in.overflow &&
        in.len == sizeof mark + 3 * bytes) {
        memcpy(&mark, in.ptr, sizeof mark);
        if (memcmp(mark.magic, MARK_MAGIC, sizeof mark.magic) == 0 && mark.count == course->count) {
            memcpy(course->all, in.ptr + sizeof mark, bytes);
            memcpy(course->adamw.first, in.ptr + sizeof mark + bytes, bytes);
            memcpy(course->adamw.second, in.ptr + sizeof mark + 2 * bytes, bytes);
            course->adamw.steps = mark.steps;
            course->epoch = mark.epoch;
        }
    }
    buf_free(&in);
}

/* --- steps ----------------------------------------------------------------------------------------------------------
 */

static bool learn_place(void *ctx, unsigned thread, size_t p, struct err *err)
{
    struct course *course = ctx;
    struct place *place = &course->places[p];
    struct bench *bench = &course->benches[thread];
    const float *taps[HEAD_TAPS] = { bench->taps[0], bench->taps[1], bench->taps[2] };
    struct head_params grads;
    if (!features_taps(course->features, thread, place->image, place->view, DROP, place->random, bench->taps, err))
        return false;
    memset(place->grad, 0, course->count * sizeof(float));
    head_name(&course->shape, place->grad, &grads);
    head_forward(&bench->pass, &course->params, taps);
    float share = 1 / (float)(course->boxes_in_batch ? course->boxes_in_batch : 1);
    detect_loss(bench->room, &bench->pass, place->boxes, place->box_count, share, SIDE_WEIGHT);
    head_backward(&bench->pass, &course->params, taps, &grads);
    kind_loss(&course->shape, &course->params, taps, place->boxes, place->box_count, share, &grads, bench->pooled);
    return true;
}

/* Which images, in which view, with which boxes. */
static void lay_places(struct course *course, size_t step, struct learn_random *random)
{
    const struct learn_job *job = course->job;
    course->boxes_in_batch = 0;
    for (unsigned p = 0; p < course->batch; p++) {
        struct place *place = &course->places[p];
        place->image = course->order[step * course->batch + p];
        place->view = (unsigned)learn_random_below(random, course->views);
        place->random = learn_random(learn_random_next(random), 0);
        const struct learn_image *image = &job->train.images[place->image];
        struct view view = view_of(course->canvas, (int)image->width, (int)image->height, image->key, place->view);
        place->box_count = view_boxes(&view, image, place->boxes);
        course->boxes_in_batch += place->box_count;
    }
}

static bool learn_epoch(struct course *course, struct err *err)
{
    const struct learn_job *job = course->job;
    struct learn_random random = learn_random(job->seed, SHUFFLES + course->epoch);
    for (size_t i = 0; i < job->train.count; i++)
        course->order[i] = (uint32_t)i;
    learn_random_shuffle(&random, course->order, job->train.count);
    for (size_t step = 0; step < course->steps_per_epoch && course->adamw.steps < course->steps; step++) {
        lay_places(course, step, &random);
        if (!learn_each(job, course->batch, learn_place, course, err))
            return false;
        /* Summed in the order of places, so that it does not matter which thread had which. */
        for (unsigned p = 1; p < course->batch; p++)
            rows_add(1, (int)course->count, course->places[p].grad, course->places[0].grad);
        adamw_step(&course->adamw, one_cycle(RATE, RISE, course->adamw.steps, course->steps), course->places[0].grad,
                   course->all);
        if (job->progress)
            job->progress(job->ctx, "head", (double)course->adamw.steps / (double)course->steps);
    }
    course->epoch++;
    return true;
}

static bool learn(struct course *course, struct err *err)
{
    resume(course);
    size_t saved = course->adamw.steps;
    while (course->adamw.steps < course->steps) {
        if (!learn_epoch(course, err))
            return false;
        if (course->adamw.steps - saved >= CHECKPOINT_STEPS && course->adamw.steps < course->steps) {
            if (!write_checkpoint(course, err))
                return false;
            saved = course->adamw.steps;
        }
    }
    return true;
}

bool detect_train(const struct learn_job *job, struct buf *ret_payload, struct err *err)
{
    return detect_train_steps(job, steps_for(job->train.count, canvas_for(&job->train)), ret_payload, err);
}

bool detect_train_steps(const struct learn_job *job, size_t steps, struct buf *ret_payload, struct err *err)
{
    CHECK(job->threads >= 1 && job->label_count >= 1);
    struct course course;
    bool done = false;
    open_course(&course, job);
    float distance = mean_distance(job, course.canvas);
    if (distance == 0) {
        (void)fail(err, E_INVALID, "No image of the training dataset has a bounding box that can be learnt from.");
        goto out;
    }
    course.steps = steps;
    head_init(&course.shape, job->seed, distance, course.all);
    if (!features_gather(course.features, err) || !learn(&course, err))
        goto out;
    detect_model_write(course.features, course.canvas, course.all, ret_payload);
    done = true;
out:
    close_course(&course);
    return done;
}
