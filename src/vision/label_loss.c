/* label_loss: see label_loss.h. */
#include "vision/label_loss.h"

#include <math.h>

/* log(1 + exp(z)) without overflow. */
static double soft_plus(double z)
{
    return z > 0 ? z + log1p(exp(-z)) : log1p(exp(z));
}

static float logistic(float z)
{
    return z >= 0 ? 1 / (1 + expf(-z)) : 1 - 1 / (1 + expf(z));
}

static double log_sum(const float *scores, size_t labels)
{
    float most = scores[0];
    for (size_t c = 1; c < labels; c++)
        most = fmaxf(most, scores[c]);
    double sum = 0;
    for (size_t c = 0; c < labels; c++)
        sum += exp((double)scores[c] - most);
    return most + log(sum);
}

double label_loss(const float *scores, const float *truth, size_t labels, bool each, float *ret_residual)
{
    double loss = 0;
    if (each) {
        for (size_t c = 0; c < labels; c++) {
            loss += soft_plus(scores[c]) - (double)truth[c] * scores[c];
            ret_residual[c] = logistic(scores[c]) - truth[c];
        }
        return loss;
    }
    double all = log_sum(scores, labels);
    for (size_t c = 0; c < labels; c++) {
        loss += (double)truth[c] * (all - scores[c]);
        ret_residual[c] = (float)exp(scores[c] - all) - truth[c];
    }
    return loss;
}

void label_confidences(float *scores, size_t labels, bool each)
{
    if (each) {
        for (size_t c = 0; c < labels; c++)
            scores[c] = logistic(scores[c]);
        return;
    }
    double all = log_sum(scores, labels);
    for (size_t c = 0; c < labels; c++)
        scores[c] = (float)exp(scores[c] - all);
}
