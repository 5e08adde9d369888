/*
 * adamw: the optimiser of Loshchilov and Hutter ("Decoupled Weight Decay Regularization", 2019) over one array of
 * parameters, and the one-cycle schedule of its rate (Smith and Topin, 2018).
 *
 * The state is plain: a checkpoint is the parameters, both moments and the number of steps. One thread.
 */
#ifndef PLACARD_VISION_ADAMW_H
#define PLACARD_VISION_ADAMW_H

#include <stddef.h>

struct adamw {
    float beta1, beta2, epsilon, decay;
    size_t count;
    float *first, *second;       /* [count] moments */
    const unsigned char *decays; /* [count]: 1 for what decays */
    size_t steps;                /* done */
};

/* params -= rate * (moments' direction + decay * params). */
void adamw_step(struct adamw *adamw, float rate, const float *grad, float *params);

/*
 * The rate of step `step` of `steps`: from most / 25 up by half a cosine over the first `rise` of them, and down to
 * nothing over the rest.
 */
float one_cycle(float most, double rise, size_t step, size_t steps);

#endif
