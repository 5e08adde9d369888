/* graphs: see graphs.h. */
#include "graphs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/sha.h>

#include "base/buf.h"

enum { FLOATS_MAX = 1 << 18 };

double graph_chance(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (double)(*seed >> 8) / (1 << 23) - 1;
}

static unsigned pick(uint32_t *seed, unsigned count)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 16) % count;
}

struct backbone *graph_of(const char *layers, const float *weights, size_t count)
{
    unsigned char sha256[SHA256_DIGEST_LENGTH];
    struct backbone *backbone;
    struct err err;
    struct buf text;
    struct span bytes = span_of(weights, count * sizeof(float));
    SHA256((const unsigned char *)weights, bytes.len, sha256);
    buf_init(&text, 1 << 20);
    buf_addf(&text,
             "placard-backbone 1\ninput scale=0.01,0.02,0.015 offset=-1,0,0.5\nweights floats=%zu sha256=", count);
    buf_add_hex(&text, sha256, sizeof sha256);
    buf_addf(&text, "\n%s", layers);
    if (!backbone_read("test", buf_span(&text), bytes, &backbone, &err)) {
        fprintf(stderr, "%s\n%s\n", err.text, buf_cstr(&text));
        abort();
    }
    buf_free(&text);
    return backbone;
}

/* What has been written so far. */
struct sketch {
    struct buf text;
    uint32_t seed;
    int layers;
    int channels;
    float *weights; /* FLOATS_MAX */
    size_t floats;
};

/* Weights such that outputs are about as large as inputs: sums of large numbers would be right to few places only. */
static void fill(struct sketch *sketch, int out, int each)
{
    for (int i = 0; i < out * (each + 1); i++) {
        CHECK(sketch->floats < FLOATS_MAX);
        double scale = i < out * each ? sqrt(2.0 / each) : 0.3;
        sketch->weights[sketch->floats++] = (float)(graph_chance(&sketch->seed) * scale);
    }
}

static void begin(struct sketch *sketch, bool depthwise, int out, int kernel, int stride)
{
    const char *const acts[] = { "none", "relu", "relu6" };
    int at = sketch->layers++;
    buf_addf(&sketch->text, "%s l%d from=", depthwise ? "depthwise" : "conv", at);
    if (at == 0)
        buf_add_str(&sketch->text, "input");
    else
        buf_addf(&sketch->text, "l%d", at - 1);
    if (!depthwise)
        buf_addf(&sketch->text, " out=%d", out);
    buf_addf(&sketch->text, " kernel=%d stride=%d act=%s", kernel, stride, acts[pick(&sketch->seed, 3)]);
    fill(sketch, out, kernel * kernel * (depthwise ? 1 : sketch->channels));
    sketch->channels = out;
}

/* A convolution that may halve the sides, then layers that keep the shape, some with a residual. */
static void add_block(struct sketch *sketch, int stride)
{
    int kernels[] = { 1, 3, 5 }, first = sketch->layers, more = 1 + (int)pick(&sketch->seed, 3);
    begin(sketch, false, 3 + (int)pick(&sketch->seed, 30), kernels[1 + pick(&sketch->seed, 2)], stride);
    buf_add_char(&sketch->text, '\n');
    for (int i = 0; i < more; i++) {
        begin(sketch, pick(&sketch->seed, 2) == 0, sketch->channels, kernels[pick(&sketch->seed, 3)], 1);
        if (pick(&sketch->seed, 2) == 0)
            buf_addf(&sketch->text, " add=l%d",
                     first + (int)pick(&sketch->seed, (unsigned)(sketch->layers - 1 - first)));
        buf_add_char(&sketch->text, '\n');
    }
}

struct backbone *graph_random(uint32_t seed)
{
    struct sketch sketch = { .seed = seed * 2654435761u + 1, .channels = 3 };
    int taps[BACKBONE_TAPS];
    buf_init(&sketch.text, 1 << 16);
    sketch.weights = mem_alloc(FLOATS_MAX * sizeof *sketch.weights);
    for (int halved = 1; halved <= 5; halved++) {
        add_block(&sketch, 2);
        if (halved >= 3)
            taps[halved - 3] = sketch.layers - 1;
    }
    for (int t = 0; t < BACKBONE_TAPS; t++)
        buf_addf(&sketch.text, "tap c%d l%d\n", t + 3, taps[t]);
    struct backbone *backbone = graph_of(buf_cstr(&sketch.text), sketch.weights, sketch.floats);
    buf_free(&sketch.text);
    free(sketch.weights);
    return backbone;
}

/* One number of a layer's output, before the residual. */
static double convolved(const struct backbone *backbone, const struct layer *layer, const double *from, int height,
                        int width, int y, int x, int out)
{
    int end, top = layer_padding(height, layer->kernel, layer->stride, &end);
    int left = layer_padding(width, layer->kernel, layer->stride, &end), ins = layer->depthwise ? 1 : layer->in;
    const float *weights = backbone->weights + layer->weight;
    double sum = (double)backbone->weights[layer->bias + (size_t)out];
    for (int j = 0; j < layer->kernel; j++)
        for (int i = 0; i < layer->kernel; i++) {
            int row = y * layer->stride + j - top, column = x * layer->stride + i - left;
            if (row < 0 || row >= height || column < 0 || column >= width)
                continue;
            for (int c = 0; c < ins; c++)
                sum += from[(row * width + column) * layer->in + (layer->depthwise ? out : c)] *
                       (double)weights[((out * layer->kernel + j) * layer->kernel + i) * ins + c];
        }
    return sum;
}

static double activated(double value, enum layer_act act)
{
    if (act != ACT_NONE && value < 0)
        return 0;
    return act == ACT_RELU6 && value > 6 ? 6 : value;
}

static double *run_layer(const struct backbone *backbone, const struct layer *layer, const double *from,
                         const double *add, int height, int width)
{
    int rows = layer_side(height, layer->stride), columns = layer_side(width, layer->stride);
    double *output = mem_alloc((unsigned long)(rows * columns * layer->out) * sizeof *output);
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < columns; x++)
            for (int o = 0; o < layer->out; o++) {
                int at = (y * columns + x) * layer->out + o;
                double sum = convolved(backbone, layer, from, height, width, y, x, o) + (add ? add[at] : 0);
                output[at] = activated(sum, layer->act);
            }
    return output;
}

double **graph_outputs(const struct backbone *backbone, const float *pixels, int height, int width)
{
    double **outputs = mem_zero((unsigned long)backbone->layer_count, sizeof *outputs);
    double *input = mem_alloc((unsigned long)(height * width * 3) * sizeof *input);
    for (int i = 0; i < height * width * 3; i++)
        input[i] = (double)pixels[i] * (double)backbone->scale[i % 3] + (double)backbone->offset[i % 3];
    for (int l = 0; l < backbone->layer_count; l++) {
        const struct layer *layer = &backbone->layers[l];
        int down = layer->down / layer->stride;
        outputs[l] =
            run_layer(backbone, layer, layer->from < 0 ? input : outputs[layer->from],
                      layer->add < 0 ? NULL : outputs[layer->add], layer_side(height, down), layer_side(width, down));
    }
    free(input);
    return outputs;
}

void graph_run_again(const struct backbone *backbone, double **outputs, int first, int height, int width)
{
    CHECK(first > 0);
    for (int l = first; l < backbone->layer_count; l++) {
        const struct layer *layer = &backbone->layers[l];
        int down = layer->down / layer->stride;
        free(outputs[l]);
        outputs[l] = run_layer(backbone, layer, outputs[layer->from], layer->add < 0 ? NULL : outputs[layer->add],
                               layer_side(height, down), layer_side(width, down));
    }
}

void graph_free_outputs(const struct backbone *backbone, double **outputs)
{
    for (int l = 0; l < backbone->layer_count; l++)
        free(outputs[l]);
    free(outputs);
}
