/* predict: what a fresh model says of the test images, for its evaluation. */
#include <stdlib.h>

#include "train/training.h"

static const float least_confidence = 0.01f; /* of a box: what is below is noise that only costs */

struct round {
    struct training *training;
    struct recognizer_worker **workers; /* one a thread, made when it is first needed */
    struct recognition **seen;          /* likewise */
    const struct recognizer *recognizer;
    float *confidences;
    struct evaluation_box **found; /* of each image */
    size_t *counts;
    atomic_size_t done;
};

static void note(struct round *round, size_t i, const struct recognition *seen, size_t count)
{
    size_t labels = round->training->chosen.label_count;
    if (round->confidences) {
        for (size_t k = 0; k < count; k++)
            round->confidences[i * labels + seen[k].label] = seen[k].confidence;
        return;
    }
    round->found[i] = mem_alloc((count + 1) * sizeof **round->found);
    round->counts[i] = count;
    for (size_t k = 0; k < count; k++)
        round->found[i][k] = (struct evaluation_box){ (uint32_t)i, seen[k].confidence, seen[k].box, false };
}

static bool predict_one(void *ctx, unsigned thread, size_t i, struct err *err)
{
    struct round *round = ctx;
    const struct learn_job *job = &round->training->job;
    struct image image;
    if (!round->workers[thread]) {
        if (!recognizer_worker_new(round->recognizer, &round->workers[thread], err))
            return false;
        round->seen[thread] = mem_alloc((recognizer_most(round->recognizer) + 1) * sizeof **round->seen);
    }
    if (!job->pixels(job->ctx, true, i, recognizer_side(round->recognizer), &image, err))
        return false;
    size_t count =
        recognizer_run(round->workers[thread], &image, round->confidences ? 0 : least_confidence, round->seen[thread]);
    image_free(&image);
    note(round, i, round->seen[thread], count);
    job->progress(job->ctx, "evaluation", (double)(atomic_fetch_add(&round->done, 1) + 1) / (double)job->test.count);
    return true;
}

/* All boxes in one list, in the order of the images. */
static struct evaluation_box *gather(struct round *round, size_t images, size_t *ret_count)
{
    size_t count = 0, at = 0;
    for (size_t i = 0; i < images; i++)
        count += round->counts[i];
    struct evaluation_box *all = mem_alloc((count + 1) * sizeof *all);
    for (size_t i = 0; i < images; i++) {
        if (round->counts[i] > 0)
            memcpy(all + at, round->found[i], round->counts[i] * sizeof *all);
        at += round->counts[i];
    }
    *ret_count = count;
    return all;
}

bool training_predict(struct training *training, const struct recognizer *recognizer, float **ret_confidences,
                      struct evaluation_box **ret_found, size_t *ret_found_count, struct err *err)
{
    size_t images = training->job.test.count;
    bool detection = training->chosen.kind == MODEL_DETECTION;
    struct round round = { .training = training,
                           .recognizer = recognizer,
                           .workers = mem_zero(training->job.threads, sizeof *round.workers),
                           .seen = mem_zero(training->job.threads, sizeof *round.seen),
                           .found = mem_zero(images + 1, sizeof *round.found),
                           .counts = mem_zero(images + 1, sizeof *round.counts) };
    if (!detection)
        round.confidences = mem_zero(images * training->chosen.label_count + 1, sizeof *round.confidences);
    bool done = learn_each(&training->job, images, predict_one, &round, err);
    if (done) {
        *ret_confidences = round.confidences;
        *ret_found_count = 0;
        *ret_found = detection ? gather(&round, images, ret_found_count) : NULL;
    } else {
        free(round.confidences);
    }
    for (unsigned i = 0; i < training->job.threads; i++) {
        recognizer_worker_free(round.workers[i]);
        free(round.seen[i]);
    }
    for (size_t i = 0; i < images; i++)
        free(round.found[i]);
    free(round.workers);
    free(round.seen);
    free(round.found);
    free(round.counts);
    return done;
}
