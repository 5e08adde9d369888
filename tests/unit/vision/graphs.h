/* graphs: small random backbones, and what they should compute, in plain loops of doubles. */
#ifndef PLACARD_TESTS_VISION_GRAPHS_H
#define PLACARD_TESTS_VISION_GRAPHS_H

#include "vision/backbone_graph.h"
#include "vision/trunk.h"

/* A backbone of a dozen layers of every kind there is; the same for the same seed. */
struct backbone *graph_random(uint32_t seed);

/* The next number of a simple generator, -1 to 1. */
double graph_chance(uint32_t *seed);

/* A backbone of these lines of layers and taps, and these weights. */
struct backbone *graph_of(const char *layers, const float *weights, size_t count);

/*
 * The outputs of all layers for floats of 0 to 255, [row][column][channel] each; free them and the array. Sums are
 * doubles of floats: what comes out is right to the last bit of a float, or nearly.
 */
double **graph_outputs(const struct backbone *backbone, const float *pixels, int height, int width);

/* Works out anew the layers from `first` on, whose weights have changed. */
void graph_run_again(const struct backbone *backbone, double **outputs, int first, int height, int width);
void graph_free_outputs(const struct backbone *backbone, double **outputs);

#endif
