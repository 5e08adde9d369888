/* Fuzz target for the lines of backbone.txt: what is taken is a graph that can be run, and nothing else is taken. */
#include <math.h>
#include <stdlib.h>

#include "vision/backbone_graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_layer(const struct backbone *backbone, int at)
{
    const struct layer *layer = &backbone->layers[at];
    CHECK(layer->from >= LAYER_INPUT && layer->from < at && layer->add < at);
    CHECK(layer->in == (layer->from < 0 ? 3 : backbone->layers[layer->from].out));
    CHECK(layer->out > 0 && layer->out <= CHANNELS_MAX && (!layer->depthwise || layer->out == layer->in));
    CHECK(layer->kernel > 0 && layer->kernel <= KERNEL_MAX && layer->stride > 0 && layer->stride <= STRIDE_MAX);
    CHECK(layer->last_use >= at && layer->last_use < backbone->layer_count && layer->down <= 32);
    CHECK(layer->add < 0 || backbone->layers[layer->add].out == layer->out);
    CHECK(layer->bias + (size_t)layer->out <= backbone->weight_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct backbone backbone = { .id = "fuzz" };
    struct err err;
    if (backbone_parse(&backbone, span_of(data, size), &err)) {
        for (int i = 0; i < backbone.layer_count; i++)
            check_layer(&backbone, i);
        for (int t = 0; t < BACKBONE_TAPS; t++)
            CHECK(backbone.layers[backbone.taps[t]].down == 8 << t && backbone.channels[t] > 0);
        for (int c = 0; c < 3; c++)
            CHECK(isfinite(backbone.scale[c]) && isfinite(backbone.offset[c]));
    } else {
        CHECK(err.code == E_INVALID && err.text[0]);
    }
    free(backbone.layers);
    return 0;
}
