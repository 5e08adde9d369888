/*
 * tail: see tail.h for the contract.
 *
 * Forward is the trunk's: a layer is one convolution with its residual and activation fused. Every output is kept, for
 * backward reads it twice: as what the next layer was given, and to see where its activation was flat. The slope of an
 * output has the output's order of data, so that masking and adding go over plain runs of floats.
 */
#include "vision/tail.h"

#include <stdlib.h>

#include "vision/backbone_graph.h"
#include "vision/convolution.h"

enum { BATCH_MAX = 256 };

/* One primitive, its operands bound when it runs. */
struct part {
    dnnl_primitive_desc_t how;
    dnnl_primitive_t run;
};

/* A memory and its floats, owned together. */
struct store {
    dnnl_memory_t memory;
    float *data;
    size_t count; /* floats, padding of blocked orders included */
};

struct unit {
    const struct layer *layer;
    struct part forward, by_weights, by_data; /* by_data.run is NULL where nobody asks for the slope of the input */
    struct store output, slope;
    struct store weights;                   /* in forward's order */
    struct store turned;                    /* in by_data's order */
    struct store slope_weights, slope_bias; /* in by_weights' order */
    struct store input_slope;               /* what by_data writes, before it is added to its layer's slope */
    float *plain;                           /* slope_weights in the file's order */
};

struct tail {
    const struct backbone *backbone;
    struct cut cut;
    int batch, height, width;
    dnnl_stream_t stream;
    struct unit *units; /* one for each layer from cut.layer on */
    int unit_count;
    struct store input;
    dnnl_memory_desc_t input_desc; /* as the caller gives it */
    struct store scratch;
    float *weights, *gradients;
    struct store taps[BACKBONE_TAPS]; /* channels last; no data where the tap lies before the cut */
    struct tap shapes[BACKBONE_TAPS];
};

/* The one layer before `first` that layers from it on read, or LAYER_NONE if there are several or the image is among
 * them. */
static int only_source(const struct backbone *backbone, int first)
{
    int source = LAYER_NONE;
    for (int i = first; i < backbone->layer_count; i++) {
        const int reads[] = { backbone->layers[i].from, backbone->layers[i].add };
        for (unsigned j = 0; j < COUNT_OF(reads); j++) {
            if (reads[j] == LAYER_NONE || reads[j] >= first)
                continue;
            if (reads[j] == LAYER_INPUT || (source != LAYER_NONE && source != reads[j]))
                return LAYER_NONE;
            source = reads[j];
        }
    }
    return source;
}

int tail_cuts(const struct backbone *backbone, struct cut *ret_cuts, int max)
{
    int count = 0;
    for (int first = backbone->layer_count - 1; first > 0; first--) {
        int source = only_source(backbone, first);
        if (source == LAYER_NONE || backbone->layers[first].from != source)
            continue;
        if (count < max)
            ret_cuts[count] = (struct cut){ .layer = first,
                                            .channels = backbone->layers[source].out,
                                            .stride = backbone->layers[source].down,
                                            .weight_count = backbone->weight_count - backbone->layers[first].weight };
        count++;
    }
    return count;
}

static struct store store_new(const dnnl_memory_desc_t *desc)
{
    size_t bytes = dnnl_memory_desc_get_size(desc);
    float *data = engine_alloc(bytes);
    return (struct store){ engine_memory(desc, data), data, bytes / sizeof(float) };
}

static void store_free(struct store *store)
{
    if (store->memory)
        dnnl_memory_destroy(store->memory);
    free(store->data);
}

static struct unit *unit_of(const struct tail *tail, int layer)
{
    return layer < tail->cut.layer ? NULL : &tail->units[layer - tail->cut.layer];
}

/* The output that a layer reads, the tail's input for one before the cut. */
static struct store *output_of(struct tail *tail, int layer)
{
    struct unit *unit = unit_of(tail, layer);
    return unit ? &unit->output : &tail->input;
}

static dnnl_memory_desc_t desc_of(const struct store *store)
{
    const dnnl_memory_desc_t *desc;
    DNNL(dnnl_memory_get_memory_desc(store->memory, &desc));
    return *desc;
}

static struct place place_before(const struct tail *tail, const struct layer *layer)
{
    int down = layer->down / layer->stride;
    return (struct place){ tail->batch, layer_side(tail->height, down), layer_side(tail->width, down) };
}

static void part_finish(struct tail *tail, struct part *part)
{
    dnnl_memory_desc_t scratch = convolution_wants(part->how, dnnl_query_scratchpad_md);
    size_t floats = (dnnl_memory_desc_get_size(&scratch) + sizeof(float) - 1) / sizeof(float);
    if (tail->scratch.count < floats)
        tail->scratch.count = floats;
    DNNL(dnnl_primitive_create(&part->run, part->how));
}

static void unit_new(struct tail *tail, struct unit *unit, const struct layer *layer)
{
    struct place place = place_before(tail, layer);
    dnnl_memory_desc_t from = desc_of(output_of(tail, layer->from)), bias = convolution_bias(layer);
    dnnl_memory_desc_t into = layer->add < 0
                                  ? convolution_data(place_after(place, layer), layer->out, dnnl_format_tag_any)
                                  : desc_of(output_of(tail, layer->add));
    unit->layer = layer;
    unit->forward.how = convolution_forward(layer, place, dnnl_forward_training, &from, &into);
    into = convolution_wants(unit->forward.how, dnnl_query_dst_md);
    dnnl_memory_desc_t weights = convolution_wants(unit->forward.how, dnnl_query_weights_md);
    unit->output = store_new(&into);
    unit->slope = store_new(&into);
    unit->weights = store_new(&weights);
    unit->by_weights.how = convolution_by_weights(layer, place, unit->forward.how, &from, &into);
    weights = convolution_wants(unit->by_weights.how, dnnl_query_diff_weights_md);
    unit->slope_weights = store_new(&weights);
    unit->slope_bias = store_new(&bias);
    unit->plain = engine_alloc(layer_weight_count(layer) * sizeof(float));
    if (unit_of(tail, layer->from)) {
        unit->by_data.how = convolution_by_data(layer, place, unit->forward.how, &from, &into);
        weights = convolution_wants(unit->by_data.how, dnnl_query_weights_md);
        unit->turned = store_new(&weights);
        unit->input_slope = store_new(&from);
        part_finish(tail, &unit->by_data);
    }
    part_finish(tail, &unit->forward);
    part_finish(tail, &unit->by_weights);
}

static void taps_new(struct tail *tail)
{
    for (unsigned t = 0; t < BACKBONE_TAPS; t++) {
        const struct layer *layer = &tail->backbone->layers[tail->backbone->taps[t]];
        struct place place = { tail->batch, layer_side(tail->height, layer->down),
                               layer_side(tail->width, layer->down) };
        tail->shapes[t] = (struct tap){ layer->out, place.height, place.width, NULL };
        if (!unit_of(tail, tail->backbone->taps[t]))
            continue;
        dnnl_memory_desc_t plain = convolution_data(place, layer->out, dnnl_nhwc);
        tail->taps[t] = store_new(&plain);
        tail->shapes[t].data = tail->taps[t].data;
    }
}

/*
 * The input lies in the order that its first reader likes best: given one in another order, oneDNN has no fast
 * convolution that could go on from it and runs a plain loop, a hundred times slower.
 */
static void input_new(struct tail *tail)
{
    const struct layer *layer = &tail->backbone->layers[tail->cut.layer];
    struct place place = place_before(tail, layer);
    dnnl_memory_desc_t from = convolution_data(place, layer->in, dnnl_format_tag_any);
    dnnl_memory_desc_t into = convolution_data(place_after(place, layer), layer->out, dnnl_format_tag_any);
    dnnl_primitive_desc_t how = convolution_forward(layer, place, dnnl_forward_training, &from, &into);
    from = convolution_wants(how, dnnl_query_src_md);
    DNNL(dnnl_primitive_desc_destroy(how));
    tail->input = store_new(&from);
    tail->input_desc = convolution_data(place, layer->in, dnnl_nhwc);
}

struct tail *tail_new(const struct backbone *backbone, const struct cut *cut, int batch, int height, int width)
{
    CHECK(batch >= 1 && batch <= BATCH_MAX && cut->layer > 0 && cut->layer < backbone->layer_count);
    engine_alone();
    struct tail *tail = mem_zero(1, sizeof *tail);
    *tail = (struct tail){ .backbone = backbone, .cut = *cut, .batch = batch, .height = height, .width = width };
    tail->stream = engine_stream();
    tail->weights = engine_alloc(cut->weight_count * sizeof(float));
    tail->gradients = engine_alloc(cut->weight_count * sizeof(float));
    memcpy(tail->weights, backbone->weights + backbone->layers[cut->layer].weight, cut->weight_count * sizeof(float));
    input_new(tail);
    tail->unit_count = backbone->layer_count - cut->layer;
    tail->units = mem_zero((unsigned long)tail->unit_count, sizeof *tail->units);
    for (int i = 0; i < tail->unit_count; i++)
        unit_new(tail, &tail->units[i], &backbone->layers[cut->layer + i]);
    const dnnl_dim_t scratch[] = { (dnnl_dim_t)tail->scratch.count + 1 };
    dnnl_memory_desc_t scratch_desc = engine_desc(1, scratch, dnnl_a);
    tail->scratch = store_new(&scratch_desc);
    taps_new(tail);
    return tail;
}

static void part_free(struct part *part)
{
    if (part->run)
        dnnl_primitive_destroy(part->run);
    if (part->how)
        dnnl_primitive_desc_destroy(part->how);
}

static void unit_free(struct unit *unit)
{
    struct store *const stores[] = { &unit->output,        &unit->slope,      &unit->weights,    &unit->turned,
                                     &unit->slope_weights, &unit->slope_bias, &unit->input_slope };
    part_free(&unit->forward);
    part_free(&unit->by_weights);
    part_free(&unit->by_data);
    for (unsigned i = 0; i < COUNT_OF(stores); i++)
        store_free(stores[i]);
    free(unit->plain);
}

void tail_free(struct tail *tail)
{
    if (!tail)
        return;
    for (int i = 0; i < tail->unit_count; i++)
        unit_free(&tail->units[i]);
    for (unsigned t = 0; t < BACKBONE_TAPS; t++)
        store_free(&tail->taps[t]);
    store_free(&tail->input);
    store_free(&tail->scratch);
    dnnl_stream_destroy(tail->stream);
    free(tail->units);
    free(tail->weights);
    free(tail->gradients);
    free(tail);
}

float *tail_weights(struct tail *tail)
{
    return tail->weights;
}

float *tail_gradients(struct tail *tail)
{
    return tail->gradients;
}

void tail_clear(struct tail *tail)
{
    memset(tail->gradients, 0, tail->cut.weight_count * sizeof(float));
}

/* Where the layer's weights begin in an array that begins with the cut's layer. */
static size_t weight_at(const struct tail *tail, const struct layer *layer)
{
    return layer->weight - tail->backbone->layers[tail->cut.layer].weight;
}

static size_t bias_at(const struct tail *tail, const struct layer *layer)
{
    return weight_at(tail, layer) + layer_weight_count(layer);
}

/* The weights as the file has them, into the order of a store. */
static void pack(struct tail *tail, const struct unit *unit, const struct store *into)
{
    dnnl_memory_t filed = convolution_plain_weights(unit->layer, tail->weights + weight_at(tail, unit->layer));
    engine_copy(tail->stream, filed, into->memory);
    dnnl_memory_destroy(filed);
}

static void execute(struct tail *tail, const struct part *part, const dnnl_exec_arg_t *operands, int count)
{
    dnnl_exec_arg_t args[8];
    dnnl_memory_desc_t scratch = convolution_wants(part->how, dnnl_query_scratchpad_md);
    dnnl_memory_t work = engine_memory(&scratch, tail->scratch.data);
    for (int i = 0; i < count; i++)
        args[i] = operands[i];
    args[count] = (dnnl_exec_arg_t){ DNNL_ARG_SCRATCHPAD, work };
    DNNL(dnnl_primitive_execute(part->run, tail->stream, count + 1, args));
    DNNL(dnnl_stream_wait(tail->stream));
    dnnl_memory_destroy(work);
}

static void unit_forward(struct tail *tail, struct unit *unit)
{
    const struct layer *layer = unit->layer;
    dnnl_memory_desc_t bias_desc = convolution_bias(layer);
    dnnl_memory_t bias = engine_memory(&bias_desc, tail->weights + bias_at(tail, layer));
    pack(tail, unit, &unit->weights);
    if (layer->add != LAYER_NONE)
        memcpy(unit->output.data, output_of(tail, layer->add)->data, unit->output.count * sizeof(float));
    const dnnl_exec_arg_t operands[] = { { DNNL_ARG_SRC, output_of(tail, layer->from)->memory },
                                         { DNNL_ARG_WEIGHTS, unit->weights.memory },
                                         { DNNL_ARG_BIAS, bias },
                                         { DNNL_ARG_DST, unit->output.memory } };
    execute(tail, &unit->forward, operands, (int)COUNT_OF(operands));
    dnnl_memory_destroy(bias);
}

void tail_forward(struct tail *tail, const float *input, struct tap ret_taps[BACKBONE_TAPS])
{
    engine_alone();
    dnnl_memory_t given = engine_memory(&tail->input_desc, (float *)(uintptr_t)input);
    engine_copy(tail->stream, given, tail->input.memory);
    dnnl_memory_destroy(given);
    for (int i = 0; i < tail->unit_count; i++)
        unit_forward(tail, &tail->units[i]);
    for (unsigned t = 0; t < BACKBONE_TAPS; t++) {
        const struct unit *unit = unit_of(tail, tail->backbone->taps[t]);
        if (unit)
            engine_copy(tail->stream, unit->output.memory, tail->taps[t].memory);
        ret_taps[t] = tail->shapes[t];
    }
}

static void add(float *into, const float *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        into[i] += from[i];
}

/* Where an activation is flat no slope comes through. */
static void mask(const struct unit *unit)
{
    const float *output = unit->output.data;
    float *slope = unit->slope.data, top = unit->layer->act == ACT_RELU6 ? 6 : 3.0e38f;
    if (unit->layer->act == ACT_NONE)
        return;
    for (size_t i = 0; i < unit->slope.count; i++)
        slope[i] = output[i] > 0 && output[i] < top ? slope[i] : 0;
}

static void add_gradients(struct tail *tail, struct unit *unit)
{
    const struct layer *layer = unit->layer;
    dnnl_memory_t plain = convolution_plain_weights(layer, unit->plain);
    engine_copy(tail->stream, unit->slope_weights.memory, plain);
    dnnl_memory_destroy(plain);
    add(tail->gradients + weight_at(tail, layer), unit->plain, layer_weight_count(layer));
    add(tail->gradients + bias_at(tail, layer), unit->slope_bias.data, (size_t)layer->out);
}

static void unit_backward(struct tail *tail, struct unit *unit)
{
    const struct layer *layer = unit->layer;
    struct unit *from = unit_of(tail, layer->from);
    struct unit *residual = layer->add == LAYER_NONE ? NULL : unit_of(tail, layer->add);
    mask(unit);
    if (residual)
        add(residual->slope.data, unit->slope.data, unit->slope.count);
    const dnnl_exec_arg_t by_weights[] = { { DNNL_ARG_SRC, output_of(tail, layer->from)->memory },
                                           { DNNL_ARG_DIFF_DST, unit->slope.memory },
                                           { DNNL_ARG_DIFF_WEIGHTS, unit->slope_weights.memory },
                                           { DNNL_ARG_DIFF_BIAS, unit->slope_bias.memory } };
    execute(tail, &unit->by_weights, by_weights, (int)COUNT_OF(by_weights));
    add_gradients(tail, unit);
    if (!from)
        return;
    pack(tail, unit, &unit->turned);
    const dnnl_exec_arg_t by_data[] = { { DNNL_ARG_DIFF_DST, unit->slope.memory },
                                        { DNNL_ARG_WEIGHTS, unit->turned.memory },
                                        { DNNL_ARG_DIFF_SRC, unit->input_slope.memory } };
    execute(tail, &unit->by_data, by_data, (int)COUNT_OF(by_data));
    add(from->slope.data, unit->input_slope.data, unit->input_slope.count);
}

void tail_backward(struct tail *tail, const float *const slopes[BACKBONE_TAPS])
{
    engine_alone();
    for (int i = 0; i < tail->unit_count; i++)
        memset(tail->units[i].slope.data, 0, tail->units[i].slope.count * sizeof(float));
    for (unsigned t = 0; t < BACKBONE_TAPS; t++) {
        struct unit *unit = unit_of(tail, tail->backbone->taps[t]);
        CHECK(unit || !slopes[t]);
        if (!slopes[t])
            continue;
        dnnl_memory_desc_t plain = desc_of(&tail->taps[t]);
        dnnl_memory_t given = engine_memory(&plain, (void *)(uintptr_t)slopes[t]);
        engine_copy(tail->stream, given, unit->slope.memory);
        dnnl_memory_destroy(given);
    }
    for (int i = tail->unit_count - 1; i >= 0; i--)
        unit_backward(tail, &tail->units[i]);
}
