/*
 * detect_layers: the layers of the detector's head, forward and backward, each for one image.
 *
 * Maps are channels last with a border of one cell on each side, so that a 3x3 neighbourhood is nine shifted matrices
 * and no copy: cell (y, x) of a map of height x width is row (y + 1) * (width + 2) + x + 1 of a matrix with
 * (height + 2) * (width + 2) rows. A layer's output has its border zero; a gradient that goes into a layer has too.
 * Backward functions add to the gradients of weights and set those of inputs. Any thread; nothing is kept.
 */
#ifndef PLACARD_VISION_DETECT_LAYERS_H
#define PLACARD_VISION_DETECT_LAYERS_H

#include <stdbool.h>
#include <stddef.h>

struct map_size {
    int height, width, channels;
};

static inline int map_rows(struct map_size size)
{
    return (size.height + 2) * (size.width + 2);
}

static inline size_t map_floats(struct map_size size)
{
    return (size_t)map_rows(size) * (size_t)size.channels;
}

static inline int map_row(struct map_size size, int y, int x)
{
    return (y + 1) * (size.width + 2) + x + 1;
}

/* Sets the border to zero. */
void map_clear_border(struct map_size size, float *map);

/* into(y, x) += from(y / 2, x / 2): `into` [height][width][channels], `from` half of each side; neither has a border.
 */
void grid_add_upsampled(int height, int width, int channels, const float *from, float *into);

/* The other way, its gradient: coarse(y / 2, x / 2) = sum of the four fine(y, x). */
void grid_sum_downsampled(int height, int width, int channels, const float *fine, float *coarse);

/* Between a grid without a border and a map with one; map_from_grid leaves the border as it is. */
void map_from_grid(struct map_size size, const float *grid, float *map);
void map_to_grid(struct map_size size, const float *map, float *grid);

/* matrix[row] += bias, and sums += the rows of the matrix. */
void rows_add(int rows, int channels, const float *bias, float *matrix);
void rows_sum(int rows, int channels, const float *matrix, float *sums);

/* 3x3 convolution, padding 1; weights [3][3][in][out], no bias. `in` is the map's size, `outs` the output's channels.
 */
void conv3_forward(struct map_size in, int outs, const float *input, const float *weights, float *output);
void conv3_backward(struct map_size in, int outs, const float *input, const float *weights, const float *output_grad,
                    float *weights_grad, float *input_grad);

/*
 * Group normalisation (Wu and He, 2018) over the cells within the border, then ReLU:
 * output = max(0, (input - mean of the group) / deviation of the group * gain[channel] + shift[channel]).
 * `stats` has room for mean and 1 / deviation of each group, and goes to the backward pass.
 */
enum { NORM_GROUPS = 8 };
void norm_forward(struct map_size size, const float *input, const float *gain, const float *shift, float *stats,
                  float *output);
void norm_backward(struct map_size size, const float *input, const float *output, const float *gain, const float *stats,
                   float *grad /* in: of the output; out: of the input */, float *gain_grad, float *shift_grad);

#endif
