/*
 * detect_trial: trains a detector on a folder of images, runs it on others, and prints what it saw. For
 * bench/detect.py.
 *
 *     detect_trial BACKBONE FOLDER [threads N] [seed N] [cache FOLDER] [repeat N]
 *
 * FOLDER/list has `labels N`, then for each image `train|test FILE WIDTH HEIGHT BOXES` and for each of its boxes `LABEL
 * LEFT TOP WIDTH HEIGHT`, in ratios. Prints `seen IMAGE LABEL CONFIDENCE LEFT TOP WIDTH HEIGHT` for each box found in
 * test image number IMAGE, and figures as `figure NAME VALUE`. `repeat`: how often the test images are run for timing,
 * from the bytes of the file to boxes. `cache` keeps features between runs.
 */
#include <stdlib.h>

#include "trial.h"
#include "vision/detect.h"

static const float LOW_CONFIDENCE = 0.01f;

static void read_boxes(const struct trial *trial, FILE *list, struct learn_image *image)
{
    struct learn_box *boxes = mem_zero(image->box_count + 1, sizeof *boxes);
    for (size_t b = 0; b < image->box_count; b++)
        if (fscanf(list, "%u %f %f %f %f", &boxes[b].label, &boxes[b].left, &boxes[b].top, &boxes[b].width,
                   &boxes[b].height) != 5)
            trial_stop(trial, "a box is not whole", "list");
    image->boxes = boxes;
}

static void read_list(struct trial *trial)
{
    char set[8], name[256];
    struct learn_image image = { 0 };
    FILE *list = trial_open_list(trial);
    while (fscanf(list, "%7s %255s %u %u %zu", set, name, &image.width, &image.height, &image.box_count) == 5) {
        read_boxes(trial, list, &image);
        trial_add(trial, set, name, &image);
    }
    fclose(list);
}

/* One image from its bytes to boxes, as a request is served. */
static double run_one(struct trial *trial, struct detect_worker *worker, size_t i, bool print)
{
    struct detection found[DETECT_MOST];
    struct image image;
    struct err err;
    double begun = trial_now(CLOCK_MONOTONIC);
    if (!trial_pixels(trial, true, i, IMAGE_SIDE_MOST, &image, &err))
        trial_stop(trial, "test image", err.text);
    size_t count = detect_run(worker, &image, LOW_CONFIDENCE, found, DETECT_MOST);
    double took = trial_now(CLOCK_MONOTONIC) - begun;
    image_free(&image);
    for (size_t f = 0; print && f < count; f++)
        printf("seen %zu %u %.6f %.6f %.6f %.6f %.6f\n", i, found[f].box.label, found[f].confidence, found[f].box.left,
               found[f].box.top, found[f].box.width, found[f].box.height);
    return took;
}

static void run_tests(struct trial *trial, const struct detector *detector)
{
    struct detect_worker *worker;
    struct err err;
    if (!detect_worker_new(detector, &worker, &err))
        trial_stop(trial, "worker", err.text);
    double *took = mem_zero(trial->test.count + 1, sizeof *took);
    for (unsigned long round = 0; round <= trial->repeat; round++)
        for (size_t i = 0; i < trial->test.count; i++)
            took[i] = run_one(trial, worker, i, round == 0);
    trial_print_times("detect", took, trial->test.count);
    free(took);
    detect_worker_free(worker);
}

static void train_and_run(struct trial *trial, const struct learn_job *job)
{
    struct err err;
    struct buf payload;
    struct detector *detector;
    int width, height;
    double begun = trial_now(CLOCK_MONOTONIC), worked = trial_now(CLOCK_PROCESS_CPUTIME_ID);
    buf_init(&payload, 64u << 20);
    if (!detect_train(job, &payload, &err))
        trial_stop(trial, "training", err.text);
    trial_print_training(begun, worked, buf_span(&payload));
    if (!detector_open(buf_span(&payload), job->backbone, job->label_count, &detector, &err))
        trial_stop(trial, "model", err.text);
    detector_canvas(detector, &width, &height);
    printf("figure canvas %dx%d\n", width, height);
    run_tests(trial, detector);
    detector_free(detector);
    buf_free(&payload);
}

int main(int argc, char **argv)
{
    struct trial trial = { .program = "detect_trial" };
    if (argc < 3 || argc % 2 == 0)
        trial_stop(&trial, "usage", "detect_trial BACKBONE FOLDER [threads N] [seed N] [cache FOLDER] [repeat N]");
    trial.folder = argv[2];
    struct learn_job job = trial_job(&trial);
    for (int a = 3; a < argc; a += 2)
        if (!trial_take(&trial, &job, argv[a], argv[a + 1]))
            trial_stop(&trial, "unknown", argv[a]);
    read_list(&trial);
    struct backbone *backbone = trial_open(&trial, &job, argv[1]);
    train_and_run(&trial, &job);
    backbone_free(backbone);
    return 0;
}
