/* lbfgs: see lbfgs.h. */
#include "vision/lbfgs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { TRIES_MAX = 30 };

struct history {
    size_t size;
    unsigned count, newest;
    double *step[LBFGS_MEMORY];   /* x[k+1] - x[k] */
    double *change[LBFGS_MEMORY]; /* gradient[k+1] - gradient[k] */
    double inverse[LBFGS_MEMORY]; /* 1 / (step . change) */
};

static double dot(const double *a, const double *b, size_t n)
{
    double sum[4] = { 0 };
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++)
            sum[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        sum[0] += a[i] * b[i];
    return sum[0] + sum[1] + sum[2] + sum[3];
}

static void add_scaled(double *to, const double *from, double scale, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] += scale * from[i];
}

/* The two-loop recursion: direction = -H gradient. */
static void find_direction(const struct history *history, const double *gradient, double *ret_direction)
{
    size_t n = history->size;
    double alpha[LBFGS_MEMORY] = { 0 };
    for (size_t i = 0; i < n; i++)
        ret_direction[i] = -gradient[i];
    for (unsigned k = 0; k < history->count; k++) {
        unsigned at = (history->newest + LBFGS_MEMORY - k) % LBFGS_MEMORY;
        alpha[at] = history->inverse[at] * dot(history->step[at], ret_direction, n);
        add_scaled(ret_direction, history->change[at], -alpha[at], n);
    }
    if (history->count > 0) {
        unsigned at = history->newest;
        double scale = 1 / (history->inverse[at] * dot(history->change[at], history->change[at], n));
        for (size_t i = 0; i < n; i++)
            ret_direction[i] *= scale;
    }
    for (unsigned k = history->count; k-- > 0;) {
        unsigned at = (history->newest + LBFGS_MEMORY - k) % LBFGS_MEMORY;
        double beta = history->inverse[at] * dot(history->change[at], ret_direction, n);
        add_scaled(ret_direction, history->step[at], alpha[at] - beta, n);
    }
}

/* Keeps a pair only where the function curves upward along it, which H needs to stay positive. */
static void remember(struct history *history, const double *x, const double *next, const double *gradient,
                     const double *next_gradient)
{
    size_t n = history->size;
    unsigned at = (history->newest + 1) % LBFGS_MEMORY;
    for (size_t i = 0; i < n; i++) {
        history->step[at][i] = next[i] - x[i];
        history->change[at][i] = next_gradient[i] - gradient[i];
    }
    double curve = dot(history->step[at], history->change[at], n);
    if (!(curve > 1e-12 * dot(history->change[at], history->change[at], n)))
        return;
    history->inverse[at] = 1 / curve;
    history->newest = at;
    if (history->count < LBFGS_MEMORY)
        history->count++;
}

struct search {
    const struct lbfgs *problem;
    double *x, *gradient, *next, *next_gradient, *direction;
    double value;
};

/*
 * A step that lowers the value enough and leaves the slope flatter than it was, by bisection (Lewis and Overton,
 * "Nonsmooth optimization via quasi-Newton methods", 2013). The second condition lengthens steps where the function
 * bends downward, as at the start of a soft maximum: there a step of length 1 is no progress, and no pair to remember.
 * False where no step lowers it.
 */
static bool step_down(struct search *search, double first_length, double *ret_value)
{
    size_t n = search->problem->size;
    double slope = dot(search->gradient, search->direction, n), length = first_length, shortest = 0, longest = INFINITY;
    if (!(slope < 0))
        return false;
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        for (size_t i = 0; i < n; i++)
            search->next[i] = search->x[i] + length * search->direction[i];
        double value = search->problem->value(search->problem->ctx, search->next, search->next_gradient);
        bool lower = value <= search->value + 1e-4 * length * slope;
        if (lower && (dot(search->next_gradient, search->direction, n) >= 0.9 * slope || tries == TRIES_MAX - 1)) {
            *ret_value = value;
            return true;
        }
        *(lower ? &shortest : &longest) = length;
        length = isfinite(longest) ? (shortest + longest) / 2 : length * 4;
    }
    return false;
}

static void descend(struct search *search, struct history *history)
{
    const struct lbfgs *problem = search->problem;
    size_t n = problem->size;
    search->value = problem->value(problem->ctx, search->x, search->gradient);
    for (unsigned i = 0; i < problem->iterations; i++) {
        double steepness = sqrt(dot(search->gradient, search->gradient, n));
        if (steepness <= problem->tolerance * fmax(1, sqrt(dot(search->x, search->x, n))))
            return;
        if (problem->stop && problem->stop(problem->ctx))
            return;
        find_direction(history, search->gradient, search->direction);
        double value, length = history->count ? 1 : 1 / fmax(1, steepness);
        if (!step_down(search, length, &value)) {
            if (history->count == 0)
                return;
            history->count = 0; /* once more from the plain gradient: rounding has spoilt H */
            continue;
        }
        remember(history, search->x, search->next, search->gradient, search->next_gradient);
        double *kept = search->x;
        search->x = search->next;
        search->next = kept;
        kept = search->gradient;
        search->gradient = search->next_gradient;
        search->next_gradient = kept;
        search->value = value;
    }
}

double lbfgs_minimise(const struct lbfgs *problem, double *x)
{
    size_t n = problem->size;
    CHECK(n > 0 && problem->value);
    double *room = mem_zero(n * (2 * LBFGS_MEMORY + 5), sizeof *room), *at = room;
    struct history history = { .size = n };
    for (unsigned k = 0; k < LBFGS_MEMORY; k++, at += 2 * n) {
        history.step[k] = at;
        history.change[k] = at + n;
    }
    struct search search = { .problem = problem,
                             .x = at,
                             .gradient = at + n,
                             .next = at + 2 * n,
                             .next_gradient = at + 3 * n,
                             .direction = at + 4 * n };
    memcpy(search.x, x, n * sizeof *x);
    descend(&search, &history);
    memcpy(x, search.x, n * sizeof *x);
    free(room);
    return search.value;
}
