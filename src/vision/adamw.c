/* adamw: see adamw.h. */
#include "vision/adamw.h"

#include <math.h>

#include "vision/gemm.h"

WIDE_LOOPS static void update(const struct adamw *adamw, float rate, float by_first, float by_second, const float *grad,
                              float *params)
{
    float *first = adamw->first, *second = adamw->second, decay = rate * adamw->decay;
    float beta1 = adamw->beta1, beta2 = adamw->beta2, epsilon = adamw->epsilon;
    const unsigned char *decays = adamw->decays;
    for (size_t i = 0; i < adamw->count; i++) {
        first[i] = beta1 * first[i] + (1 - beta1) * grad[i];
        second[i] = beta2 * second[i] + (1 - beta2) * grad[i] * grad[i];
        float direction = first[i] * by_first / (sqrtf(second[i] * by_second) + epsilon);
        params[i] -= rate * direction + decay * (float)decays[i] * params[i];
    }
}

void adamw_step(struct adamw *adamw, float rate, const float *grad, float *params)
{
    adamw->steps++;
    double t = (double)adamw->steps;
    update(adamw, rate, (float)(1 / (1 - pow(adamw->beta1, t))), (float)(1 / (1 - pow(adamw->beta2, t))), grad, params);
}

float one_cycle(float most, double rise, size_t step, size_t steps)
{
    double at = steps > 1 ? (double)step / (double)(steps - 1) : 1, begin = (double)most / 25;
    if (at < rise)
        return (float)(begin + (most - begin) * (1 - cos(M_PI * at / rise)) / 2);
    return (float)(most * (1 + cos(M_PI * (at - rise) / (1 - rise))) / 2);
}
