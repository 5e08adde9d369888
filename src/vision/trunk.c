/*
 * trunk: see trunk.h for the contract.
 *
 * Made in three goes. `plan` asks oneDNN layer by layer for a convolution in the order of data that it likes best, and
 * gives each output a buffer, the same again once its last reader is done. `wire` allocates the buffers, packs the
 * weights and binds everything. A residual is added in place by the convolution's sum, a ReLU is its last step, so a
 * layer is one primitive.
 */
#include "vision/trunk.h"

#include <stdlib.h>

#include "vision/backbone_graph.h"
#include "vision/convolution.h"

enum { BUFFERS_MAX = 64 };

struct step {
    dnnl_primitive_desc_t how;
    dnnl_primitive_t convolution;
    dnnl_memory_desc_t output;
    int buffer;
    int copy_from; /* a layer whose output is copied into this buffer first, for the sum; LAYER_NONE: none */
    dnnl_memory_t from, weights, bias, into, scratch;
    float *packed, *bias_data;
};

struct trunk {
    const struct backbone *backbone;
    const struct cut *tuned; /* while it is made; NULL: the backbone's own weights everywhere */
    const float *weights;    /* behind that cut */
    int height, width;
    dnnl_stream_t stream;
    struct step *steps; /* one for each layer */
    size_t buffer_bytes[BUFFERS_MAX];
    bool buffer_free[BUFFERS_MAX];
    float *buffers[BUFFERS_MAX];
    int buffer_count;
    size_t scratch_bytes;
    void *scratch;
    dnnl_memory_desc_t input_desc;
    dnnl_memory_t input_memory;
    float *input; /* [height][width][3] */
    float levels[3][256];
    dnnl_memory_t tap_memory[BACKBONE_TAPS];
    float *tap_data[BACKBONE_TAPS]; /* NULL where the layer's own buffer is channels last */
    struct tap taps[BACKBONE_TAPS];
    struct foreign_tap foreign_taps[BACKBONE_TAPS]; /* of the last run, if the backbone is a foreign one */
    float *cut_data;                                /* what trunk_run_to gave last, of cut_desc */
    dnnl_memory_desc_t cut_desc;
};

static int take_buffer(struct trunk *trunk, size_t bytes)
{
    int best = -1;
    for (int i = 0; i < trunk->buffer_count; i++)
        if (trunk->buffer_free[i] && (best < 0 || trunk->buffer_bytes[i] > trunk->buffer_bytes[best]))
            best = i;
    if (best < 0) {
        CHECK(trunk->buffer_count < BUFFERS_MAX);
        best = trunk->buffer_count++;
    }
    if (trunk->buffer_bytes[best] < bytes)
        trunk->buffer_bytes[best] = bytes;
    trunk->buffer_free[best] = false;
    return best;
}

static bool is_tap(const struct backbone *backbone, int place)
{
    for (unsigned t = 0; t < BACKBONE_TAPS; t++)
        if (backbone->taps[t] == place)
            return true;
    return false;
}

/* Outputs that this layer was the last to read give their buffers back; a tap's is kept to the end of the run. */
static void release_buffers(struct trunk *trunk, int at)
{
    const struct layer *layer = &trunk->backbone->layers[at];
    const int read[] = { layer->from, layer->add };
    for (unsigned i = 0; i < COUNT_OF(read); i++) {
        int place = read[i];
        if (place >= 0 && trunk->backbone->layers[place].last_use == at && !is_tap(trunk->backbone, place) &&
            trunk->steps[place].buffer != trunk->steps[at].buffer)
            trunk->buffer_free[trunk->steps[place].buffer] = true;
    }
}

/* The residual's own buffer becomes the output's where nobody reads it again. */
static void place_output(struct trunk *trunk, int at)
{
    const struct layer *layer = &trunk->backbone->layers[at];
    struct step *step = &trunk->steps[at];
    step->copy_from = LAYER_NONE;
    if (layer->add >= 0 && layer->add != layer->from && trunk->backbone->layers[layer->add].last_use == at &&
        !is_tap(trunk->backbone, layer->add)) {
        step->buffer = trunk->steps[layer->add].buffer;
        return;
    }
    if (layer->add >= 0)
        step->copy_from = layer->add;
    step->buffer = take_buffer(trunk, dnnl_memory_desc_get_size(&step->output));
}

static void plan(struct trunk *trunk)
{
    const struct backbone *backbone = trunk->backbone;
    struct place image = { 1, trunk->height, trunk->width };
    trunk->input_desc = convolution_data(image, 3, dnnl_nhwc);
    for (int i = 0; i < backbone->layer_count; i++) {
        const struct layer *layer = &backbone->layers[i];
        struct step *step = &trunk->steps[i];
        int down = layer->down / layer->stride;
        struct place place = { 1, layer_side(trunk->height, down), layer_side(trunk->width, down) };
        dnnl_memory_desc_t from = layer->from < 0 ? trunk->input_desc : trunk->steps[layer->from].output;
        dnnl_memory_desc_t into = layer->add < 0
                                      ? convolution_data(place_after(place, layer), layer->out, dnnl_format_tag_any)
                                      : trunk->steps[layer->add].output;
        step->how = convolution_forward(layer, place, dnnl_forward_inference, &from, &into);
        step->output = convolution_wants(step->how, dnnl_query_dst_md);
        place_output(trunk, i);
        release_buffers(trunk, i);
        size_t scratch =
            dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(step->how, dnnl_query_scratchpad_md, 0));
        trunk->scratch_bytes = scratch > trunk->scratch_bytes ? scratch : trunk->scratch_bytes;
    }
}

/* A layer's weights and, behind them, its bias; tuned ones begin with those of the cut's layer. */
static const float *own_weights(const struct trunk *trunk, int at)
{
    const struct layer *layers = trunk->backbone->layers;
    if (trunk->tuned && at >= trunk->tuned->layer)
        return trunk->weights + (layers[at].weight - layers[trunk->tuned->layer].weight);
    return trunk->backbone->weights + layers[at].weight;
}

static void wire_step(struct trunk *trunk, int at)
{
    const struct layer *layer = &trunk->backbone->layers[at];
    struct step *step = &trunk->steps[at];
    dnnl_memory_desc_t weights = convolution_wants(step->how, dnnl_query_weights_md);
    dnnl_memory_desc_t bias = convolution_bias(layer);
    dnnl_memory_desc_t scratch = convolution_wants(step->how, dnnl_query_scratchpad_md);
    const float *own = own_weights(trunk, at);
    dnnl_memory_t filed = convolution_plain_weights(layer, own);
    step->packed = engine_alloc(dnnl_memory_desc_get_size(&weights));
    step->weights = engine_memory(&weights, step->packed);
    engine_copy(trunk->stream, filed, step->weights);
    dnnl_memory_destroy(filed);
    step->bias_data = engine_alloc((size_t)layer->out * sizeof(float));
    memcpy(step->bias_data, own + layer_weight_count(layer), (size_t)layer->out * sizeof(float));
    step->bias = engine_memory(&bias, step->bias_data);
    step->from = layer->from < 0 ? trunk->input_memory : trunk->steps[layer->from].into;
    step->into = engine_memory(&step->output, trunk->buffers[step->buffer]);
    step->scratch = engine_memory(&scratch, trunk->scratch);
    DNNL(dnnl_primitive_create(&step->convolution, step->how));
}

static void wire_tap(struct trunk *trunk, unsigned tap)
{
    const struct step *step = &trunk->steps[trunk->backbone->taps[tap]];
    const struct layer *layer = &trunk->backbone->layers[trunk->backbone->taps[tap]];
    struct tap shape = { .channels = layer->out,
                         .height = layer_side(trunk->height, layer->down),
                         .width = layer_side(trunk->width, layer->down),
                         .data = trunk->buffers[step->buffer] };
    dnnl_memory_desc_t plain =
        convolution_data((struct place){ 1, shape.height, shape.width }, shape.channels, dnnl_nhwc);
    if (!engine_same(&plain, &step->output)) {
        trunk->tap_data[tap] = engine_alloc(dnnl_memory_desc_get_size(&plain));
        trunk->tap_memory[tap] = engine_memory(&plain, trunk->tap_data[tap]);
        shape.data = trunk->tap_data[tap];
    }
    trunk->taps[tap] = shape;
}

static void wire(struct trunk *trunk)
{
    for (int i = 0; i < trunk->buffer_count; i++)
        trunk->buffers[i] = engine_alloc(trunk->buffer_bytes[i]);
    trunk->scratch = engine_alloc(trunk->scratch_bytes);
    trunk->input_memory = engine_memory(&trunk->input_desc, trunk->input);
    for (int i = 0; i < trunk->backbone->layer_count; i++)
        wire_step(trunk, i);
    for (unsigned t = 0; t < BACKBONE_TAPS; t++)
        wire_tap(trunk, t);
}

/* One run of a foreign model, its taps kept until the next. */
static bool run_foreign(struct trunk *trunk, struct err *err)
{
    struct foreign_tap taps[BACKBONE_TAPS];
    if (!foreign_run(trunk->backbone->foreign, trunk->input, trunk->height, trunk->width, taps, err))
        return false;
    for (unsigned t = 0; t < BACKBONE_TAPS; t++) {
        CHECK(taps[t].channels == trunk->backbone->channels[t]);
        free(trunk->foreign_taps[t].data);
        trunk->foreign_taps[t] = taps[t];
        trunk->taps[t] = (struct tap){ taps[t].channels, taps[t].height, taps[t].width, taps[t].data };
    }
    return true;
}

static void build(struct trunk *trunk)
{
    trunk->stream = engine_stream();
    trunk->steps = mem_zero((unsigned long)trunk->backbone->layer_count, sizeof *trunk->steps);
    plan(trunk);
    wire(trunk);
}

bool trunk_new_tuned(const struct backbone *backbone, const struct cut *cut, const float *weights, int height,
                     int width, struct trunk **ret_trunk, struct err *err)
{
    CHECK(height >= TRUNK_SIDE_MIN && height <= TRUNK_SIDE_MAX && width >= TRUNK_SIDE_MIN && width <= TRUNK_SIDE_MAX);
    engine_alone();
    struct trunk *trunk = mem_zero(1, sizeof *trunk);
    *trunk = (struct trunk){ .backbone = backbone, .tuned = cut, .weights = weights, .height = height, .width = width };
    for (int c = 0; c < 3; c++)
        for (int x = 0; x < 256; x++)
            trunk->levels[c][x] = (float)x * backbone->scale[c] + backbone->offset[c];
    trunk->input = engine_alloc((size_t)height * (size_t)width * 3 * sizeof(float));
    if (backbone->is_foreign && !run_foreign(trunk, err)) {
        trunk_free(trunk);
        return false;
    }
    if (!backbone->is_foreign)
        build(trunk);
    trunk->tuned = NULL;
    trunk->weights = NULL;
    *ret_trunk = trunk;
    return true;
}

bool trunk_new(const struct backbone *backbone, int height, int width, struct trunk **ret_trunk, struct err *err)
{
    return trunk_new_tuned(backbone, NULL, NULL, height, width, ret_trunk, err);
}

static void free_steps(struct trunk *trunk)
{
    for (int i = 0; i < trunk->backbone->layer_count; i++) {
        struct step *step = &trunk->steps[i];
        dnnl_primitive_destroy(step->convolution);
        dnnl_primitive_desc_destroy(step->how);
        dnnl_memory_destroy(step->weights);
        dnnl_memory_destroy(step->bias);
        dnnl_memory_destroy(step->into);
        dnnl_memory_destroy(step->scratch);
        free(step->packed);
        free(step->bias_data);
    }
    dnnl_memory_destroy(trunk->input_memory);
    dnnl_stream_destroy(trunk->stream);
}

void trunk_free(struct trunk *trunk)
{
    if (!trunk)
        return;
    if (trunk->steps)
        free_steps(trunk);
    for (unsigned t = 0; t < BACKBONE_TAPS; t++) {
        if (trunk->tap_memory[t])
            dnnl_memory_destroy(trunk->tap_memory[t]);
        free(trunk->tap_data[t]);
        free(trunk->foreign_taps[t].data);
    }
    for (int i = 0; i < trunk->buffer_count; i++)
        free(trunk->buffers[i]);
    free(trunk->cut_data);
    free(trunk->input);
    free(trunk->scratch);
    free(trunk->steps);
    free(trunk);
}

void trunk_shapes(const struct trunk *trunk, struct tap ret_taps[BACKBONE_TAPS])
{
    for (unsigned t = 0; t < BACKBONE_TAPS; t++) {
        ret_taps[t] = trunk->taps[t];
        ret_taps[t].data = NULL;
    }
}

static void run_step(struct trunk *trunk, int at)
{
    struct step *step = &trunk->steps[at];
    const dnnl_exec_arg_t args[] = { { DNNL_ARG_SRC, step->from },
                                     { DNNL_ARG_WEIGHTS, step->weights },
                                     { DNNL_ARG_BIAS, step->bias },
                                     { DNNL_ARG_DST, step->into },
                                     { DNNL_ARG_SCRATCHPAD, step->scratch } };
    if (step->copy_from >= 0)
        memcpy(trunk->buffers[step->buffer], trunk->buffers[trunk->steps[step->copy_from].buffer],
               dnnl_memory_desc_get_size(&step->output));
    DNNL(dnnl_primitive_execute(step->convolution, trunk->stream, (int)COUNT_OF(args), args));
}

/* From trunk->input to the taps. What a foreign model did once it does again, or memory is gone. */
static void run(struct trunk *trunk, struct tap ret_taps[BACKBONE_TAPS])
{
    struct err err;
    engine_alone();
    if (trunk->backbone->is_foreign) {
        CHECK(run_foreign(trunk, &err));
        memcpy(ret_taps, trunk->taps, sizeof trunk->taps);
        return;
    }
    for (int i = 0; i < trunk->backbone->layer_count; i++)
        run_step(trunk, i);
    DNNL(dnnl_stream_wait(trunk->stream));
    for (unsigned t = 0; t < BACKBONE_TAPS; t++) {
        if (trunk->tap_memory[t])
            engine_copy(trunk->stream, trunk->steps[trunk->backbone->taps[t]].into, trunk->tap_memory[t]);
        ret_taps[t] = trunk->taps[t];
    }
}

static void take_image(struct trunk *trunk, const struct image *image)
{
    CHECK(image->height == trunk->height && image->width == trunk->width);
    size_t pixels = (size_t)image->height * (size_t)image->width;
    for (size_t i = 0; i < pixels; i++)
        for (int c = 0; c < 3; c++)
            trunk->input[i * 3 + (size_t)c] = trunk->levels[c][image->rgb[i * 3 + (size_t)c]];
}

void trunk_run(struct trunk *trunk, const struct image *image, struct tap ret_taps[BACKBONE_TAPS])
{
    take_image(trunk, image);
    run(trunk, ret_taps);
}

void trunk_run_to(struct trunk *trunk, const struct image *image, const struct cut *cut, struct tap *ret_output)
{
    const struct backbone *backbone = trunk->backbone;
    int last = backbone->layers[cut->layer].from;
    CHECK(!backbone->is_foreign && last >= 0 && last < cut->layer);
    engine_alone();
    take_image(trunk, image);
    for (int i = 0; i <= last; i++)
        run_step(trunk, i);
    DNNL(dnnl_stream_wait(trunk->stream));
    const struct layer *layer = &backbone->layers[last];
    struct tap output = { layer->out, layer_side(trunk->height, layer->down), layer_side(trunk->width, layer->down),
                          NULL };
    dnnl_memory_desc_t plain =
        convolution_data((struct place){ 1, output.height, output.width }, output.channels, dnnl_nhwc);
    if (!trunk->cut_data || !engine_same(&plain, &trunk->cut_desc)) {
        free(trunk->cut_data);
        trunk->cut_data = engine_alloc(dnnl_memory_desc_get_size(&plain));
        trunk->cut_desc = plain;
    }
    dnnl_memory_t into = engine_memory(&plain, trunk->cut_data);
    engine_copy(trunk->stream, trunk->steps[last].into, into);
    dnnl_memory_destroy(into);
    output.data = trunk->cut_data;
    *ret_output = output;
}

void trunk_run_floats(struct trunk *trunk, const float *pixels, struct tap ret_taps[BACKBONE_TAPS])
{
    size_t count = (size_t)trunk->height * (size_t)trunk->width;
    for (size_t i = 0; i < count; i++)
        for (int c = 0; c < 3; c++) {
            size_t at = i * 3 + (size_t)c;
            trunk->input[at] = pixels[at] * trunk->backbone->scale[c] + trunk->backbone->offset[c];
        }
    run(trunk, ret_taps);
}
