/* descent: see descent.h. */
#include "vision/descent.h"

#include <stdlib.h>
#include <string.h>

#include "vision/adamw.h"
#include "vision/learn.h"

static const double RISE = 0.15;

struct walk {
    struct adamw adamw;
    float *weights, *gradient;
    unsigned char *decays; /* none: the ridge is in the gradient */
    uint32_t *begins;      /* of the batches, which do not reach over what is held out */
    size_t batches;
};

static void list_batches(const struct descent *descent, struct walk *walk)
{
    walk->begins = mem_alloc((descent->images / descent->batch + 2) * sizeof *walk->begins);
    for (size_t i = 0; i < descent->held_begin; i += descent->batch)
        walk->begins[walk->batches++] = (uint32_t)i;
    for (size_t i = descent->held_end; i < descent->images; i += descent->batch)
        walk->begins[walk->batches++] = (uint32_t)i;
}

static struct walk walk_new(const struct descent *descent, const double *weights)
{
    size_t size = descent->size;
    struct walk walk = { .weights = mem_alloc(size * sizeof(float)),
                         .gradient = mem_alloc(size * sizeof(float)),
                         .decays = mem_zero(size, 1) };
    walk.adamw = (struct adamw){ .beta1 = 0.9f,
                                 .beta2 = 0.99f,
                                 .epsilon = 1e-8f,
                                 .count = size,
                                 .first = mem_zero(size, sizeof(float)),
                                 .second = mem_zero(size, sizeof(float)),
                                 .decays = walk.decays };
    for (size_t i = 0; i < size; i++)
        walk.weights[i] = (float)weights[i];
    list_batches(descent, &walk);
    return walk;
}

static void walk_free(struct walk *walk)
{
    free(walk->weights);
    free(walk->gradient);
    free(walk->decays);
    free(walk->begins);
    free(walk->adamw.first);
    free(walk->adamw.second);
}

static void step(const struct descent *descent, size_t begin, struct walk *walk)
{
    size_t end = begin < descent->held_begin ? descent->held_begin : descent->images;
    end = begin + descent->batch < end ? begin + descent->batch : end;
    memset(walk->gradient, 0, descent->size * sizeof *walk->gradient);
    descent->gradient(descent->ctx, begin, end, walk->weights, walk->gradient);
    float share = 1 / (float)(end - begin), ridge = (float)descent->ridge;
    size_t free_weights = descent->size - descent->biases;
    for (size_t i = 0; i < descent->size; i++)
        walk->gradient[i] = walk->gradient[i] * share + (i < free_weights ? ridge * walk->weights[i] : 0);
    float rate = one_cycle(descent->rate, RISE, walk->adamw.steps, descent->epochs * walk->batches);
    adamw_step(&walk->adamw, rate, walk->gradient, walk->weights);
}

void descend(const struct descent *descent, double *weights)
{
    struct walk walk = walk_new(descent, weights);
    bool stopped = false;
    for (unsigned epoch = 0; epoch < descent->epochs && !stopped; epoch++) {
        struct learn_random random = learn_random(walk.batches, epoch);
        learn_random_shuffle(&random, walk.begins, walk.batches);
        for (size_t k = 0; k < walk.batches && !stopped; k++) {
            stopped = descent->stop && descent->stop(descent->stop_ctx);
            if (!stopped)
                step(descent, walk.begins[k], &walk);
        }
    }
    for (size_t i = 0; i < descent->size; i++)
        weights[i] = (double)walk.weights[i];
    walk_free(&walk);
}
