/*
 * tfjs: see tfjs.h for the contract.
 *
 * `value_of` walks from a tap back to the input and gives every node a value: a constant, the image, or the output of a
 * layer. A layer is begun by a convolution; what follows it and no other node reads (a factor, a shift, a second
 * branch, an activation) is taken into it, so that in the end each layer is one convolution of the engine.
 */
#include "convert/tfjs.h"

#include <math.h>
#include <stdlib.h>

#include <openssl/sha.h>

#include "convert/tfjs_graph.h"

enum { LAYERS_MAX = 1024, DEPTH_MAX = 4000, NAME_MAX_BYTES = 64 };
enum { FROM_IMAGE = -1, FROM_NONE = -2 };

enum value_kind { VALUE_UNKNOWN, VALUE_OPEN, VALUE_CONST, VALUE_IMAGE, VALUE_LAYER };

struct value {
    enum value_kind kind; /* VALUE_OPEN: it is being worked out */
    const struct tfjs_tensor *tensor;
    int layer;
    int channels;
};

struct folded {
    struct span name;
    struct span end; /* the node whose output it is */
    bool depthwise, active;
    const char *act;
    int from, add;
    int in, out, kernel, stride;
    double *weights; /* [out][kernel][kernel][in] */
    double *bias;
};

struct folding {
    const struct tfjs_graph *graph;
    const struct tfjs_recipe *recipe;
    struct arena *arena;
    struct value *values;   /* one for each node */
    unsigned *reader_count; /* likewise */
    struct folded *layers;
    int layer_count;
    unsigned depth;
    struct err *err;
};

static bool refuse(struct folding *folding, const struct tfjs_node *node, const char *why)
{
    return fail(folding->err, E_INVALID, "the node " SPAN_FMT " (" SPAN_FMT ") cannot be converted: %s",
                SPAN_ARG(node->name), SPAN_ARG(node->op), why);
}

/* The layer of a value, if it can still take something in: nobody but the asking node sees it as it is. */
static struct folded *open_layer(struct folding *folding, struct span input, const struct value *value)
{
    if (value->kind != VALUE_LAYER)
        return NULL;
    struct folded *layer = &folding->layers[value->layer];
    long node = tfjs_node_named(folding->graph, input);
    return !layer->active && node >= 0 && folding->reader_count[node] == 1 ? layer : NULL;
}

/* One number for each output channel: the constant's, or its only one for all. */
static bool per_channel(const struct tfjs_tensor *tensor, int channels)
{
    return tensor->bytes && (tensor->count == 1 || tensor->count == (size_t)channels);
}

static double channel(const struct tfjs_tensor *tensor, int at)
{
    return (double)tfjs_value(tensor, tensor->count == 1 ? 0 : (size_t)at);
}

static size_t weights_of_one(const struct folded *layer)
{
    return (size_t)layer->kernel * (size_t)layer->kernel * (layer->depthwise ? 1 : (size_t)layer->in);
}

static void scale_channel(struct folded *layer, int out, double factor)
{
    size_t each = weights_of_one(layer);
    for (size_t i = 0; i < each; i++)
        layer->weights[(size_t)out * each + i] *= factor;
    layer->bias[out] *= factor;
}

/* TensorFlow keeps weights as [row][column][in][out], a depthwise layer's as [row][column][channel][1]. */
static void copy_weights(struct folded *layer, const struct tfjs_tensor *tensor)
{
    size_t kernel = (size_t)layer->kernel, out = (size_t)layer->out, in = layer->depthwise ? 1 : (size_t)layer->in;
    for (size_t place = 0; place < kernel * kernel; place++)
        for (size_t i = 0; i < in; i++)
            for (size_t o = 0; o < out; o++)
                layer->weights[(o * kernel * kernel + place) * in + i] =
                    (double)tfjs_value(tensor, (place * in + i) * out + o);
}

static bool begin_layer(struct folding *folding, const struct tfjs_node *node, const struct value values[2],
                        struct value *ret_value)
{
    const struct tfjs_tensor *tensor = values[1].tensor;
    bool depthwise = span_is(node->op, "DepthwiseConv2dNative");
    if (node->input_count != 2 || values[1].kind != VALUE_CONST || !tensor->bytes || tensor->dim_count != 4 ||
        values[0].kind == VALUE_CONST)
        return refuse(folding, node, "it wants data and constant weights");
    if (!node->same || node->dilated || node->stride < 1 || node->stride > 4)
        return refuse(folding, node, "its padding is not SAME, or its strides or dilations are not plain");
    if (tensor->dims[0] != tensor->dims[1] || tensor->dims[0] > 11 || tensor->dims[2] != values[0].channels ||
        (depthwise && tensor->dims[3] != 1) || folding->layer_count == LAYERS_MAX)
        return refuse(folding, node, "its weights are of a shape that does not fit");
    struct folded layer = { .name = node->name,
                            .depthwise = depthwise,
                            .act = "none",
                            .from = values[0].kind == VALUE_IMAGE ? FROM_IMAGE : values[0].layer,
                            .add = FROM_NONE,
                            .in = values[0].channels,
                            .out = depthwise ? values[0].channels : tensor->dims[3],
                            .kernel = tensor->dims[0],
                            .stride = node->stride };
    layer.weights = arena_alloc(folding->arena, tensor->count * sizeof *layer.weights);
    layer.bias = arena_alloc(folding->arena, (size_t)layer.out * sizeof *layer.bias);
    copy_weights(&layer, tensor);
    *ret_value = (struct value){ VALUE_LAYER, NULL, folding->layer_count, layer.out };
    folding->layers[folding->layer_count++] = layer;
    return true;
}

/* Mul, and Add, Sub and BiasAdd of a constant. */
static bool fold_constant(struct folding *folding, const struct tfjs_node *node, const struct value *data,
                          struct span input, const struct tfjs_tensor *tensor, struct value *ret_value)
{
    struct folded *layer = open_layer(folding, input, data);
    if (!layer || !per_channel(tensor, layer->out))
        return refuse(folding, node, "it is not behind a convolution of its own, or not one number a channel");
    bool factor = span_is(node->op, "Mul");
    if (factor && layer->add != FROM_NONE)
        return refuse(folding, node, "it scales a sum of two branches");
    double sign = span_is(node->op, "Sub") ? -1 : 1;
    for (int o = 0; o < layer->out; o++) {
        if (factor)
            scale_channel(layer, o, channel(tensor, o));
        else
            layer->bias[o] += sign * channel(tensor, o);
    }
    *ret_value = *data;
    return true;
}

/* The younger branch takes the older one in, if nobody else reads it; else the other way round. */
static bool fold_branches(struct folding *folding, const struct tfjs_node *node, const struct value values[2],
                          struct value *ret_value)
{
    int young = values[0].layer > values[1].layer ? 0 : 1;
    if (values[0].kind != VALUE_LAYER || values[1].kind != VALUE_LAYER || values[0].channels != values[1].channels)
        return refuse(folding, node, "it does not add two layers of one shape");
    struct folded *layer = open_layer(folding, node->inputs[young], &values[young]);
    if (!layer || layer->add != FROM_NONE || values[0].layer == values[1].layer)
        return refuse(folding, node, "neither branch ends in a convolution of its own");
    layer->add = values[1 - young].layer;
    *ret_value = values[young];
    return true;
}

static bool fold_norm(struct folding *folding, const struct tfjs_node *node, const struct value *values,
                      struct value *ret_value)
{
    struct folded *layer = open_layer(folding, node->inputs[0], &values[0]);
    if (!layer || layer->add != FROM_NONE)
        return refuse(folding, node, "it is not behind a convolution of its own");
    for (int i = 1; i < 5; i++)
        if (values[i].kind != VALUE_CONST || !per_channel(values[i].tensor, layer->out))
            return refuse(folding, node, "it wants four constants of one number a channel");
    for (int o = 0; o < layer->out; o++) {
        double factor = channel(values[1].tensor, o) / sqrt(channel(values[4].tensor, o) + node->epsilon);
        scale_channel(layer, o, factor);
        layer->bias[o] += channel(values[2].tensor, o) - factor * channel(values[3].tensor, o);
    }
    *ret_value = values[0];
    return true;
}

static bool fold_activation(struct folding *folding, const struct tfjs_node *node, const struct value *values,
                            struct value *ret_value)
{
    struct folded *layer = open_layer(folding, node->inputs[0], &values[0]);
    if (!layer)
        return refuse(folding, node, "it is not behind a convolution of its own");
    layer->act = span_is(node->op, "Relu6") ? "relu6" : "relu";
    layer->active = true;
    *ret_value = values[0];
    return true;
}

static bool fold_node(struct folding *folding, const struct tfjs_node *node, const struct value *values,
                      struct value *ret_value)
{
    struct span op = node->op;
    if (span_is(op, "Conv2D") || span_is(op, "DepthwiseConv2dNative"))
        return begin_layer(folding, node, values, ret_value);
    if (span_is(op, "Identity") && node->input_count == 1) {
        *ret_value = values[0];
        return true;
    }
    if ((span_is(op, "Relu") || span_is(op, "Relu6")) && node->input_count == 1)
        return fold_activation(folding, node, values, ret_value);
    if (span_starts(op, SPAN_LIT("FusedBatchNorm")) && node->input_count == 5)
        return fold_norm(folding, node, values, ret_value);
    bool sum = span_is(op, "Add") || span_is(op, "AddV2") || span_is(op, "AddN") || span_is(op, "BiasAdd");
    if (node->input_count == 2 && (sum || span_is(op, "Sub") || span_is(op, "Mul"))) {
        if (values[1].kind == VALUE_CONST)
            return fold_constant(folding, node, &values[0], node->inputs[0], values[1].tensor, ret_value);
        if (values[0].kind == VALUE_CONST && !span_is(op, "Sub"))
            return fold_constant(folding, node, &values[1], node->inputs[1], values[0].tensor, ret_value);
        if (sum)
            return fold_branches(folding, node, values, ret_value);
    }
    return refuse(folding, node, "there is no such thing in the built-in engine");
}

static bool value_of(struct folding *folding, struct span name, struct value *ret_value)
{
    const struct tfjs_graph *graph = folding->graph;
    long at = tfjs_node_named(graph, name);
    if (at < 0)
        return fail(folding->err, E_INVALID, "there is no node " SPAN_FMT, SPAN_ARG(name));
    const struct tfjs_node *node = &graph->nodes[at];
    struct value *value = &folding->values[at], values[TFJS_INPUTS_MAX] = { 0 };
    if (value->kind == VALUE_OPEN || folding->depth > DEPTH_MAX)
        return refuse(folding, node, "the graph goes in circles, or too deep");
    if (value->kind == VALUE_UNKNOWN) {
        value->kind = VALUE_OPEN;
        if (span_is(name, folding->recipe->input)) {
            *value = (struct value){ VALUE_IMAGE, NULL, FROM_IMAGE, 3 };
        } else if (span_is(node->op, "Const")) {
            *value = (struct value){ VALUE_CONST, tfjs_tensor_named(graph, name), FROM_NONE, 0 };
            if (!value->tensor)
                return refuse(folding, node, "it has no weights");
        } else {
            if (node->input_count > TFJS_INPUTS_MAX)
                return refuse(folding, node, "it has too many inputs");
            folding->depth++;
            for (size_t i = 0; i < node->input_count; i++)
                if (!value_of(folding, node->inputs[i], &values[i]))
                    return false;
            folding->depth--;
            if (!fold_node(folding, node, values, value))
                return false;
            if (value->kind == VALUE_LAYER)
                folding->layers[value->layer].end = name;
        }
    }
    *ret_value = *value;
    return true;
}

static void count_readers(struct folding *folding)
{
    for (size_t i = 0; i < folding->graph->node_count; i++) {
        const struct tfjs_node *node = &folding->graph->nodes[i];
        for (size_t j = 0; j < node->input_count && j < TFJS_INPUTS_MAX; j++) {
            struct span rest = node->inputs[j];
            long at = tfjs_node_named(folding->graph, span_cut(&rest, ':'));
            if (at >= 0)
                folding->reader_count[at]++;
        }
    }
}

/* "expanded_conv_13/expand" for a node of that layer; `layer-7` where that is no name for backbone.txt, or taken. */
static void name_layers(struct folding *folding)
{
    struct span prefix = span_str(folding->recipe->prefix);
    for (int i = 0; i < folding->layer_count; i++) {
        struct span name = folding->layers[i].name;
        if (span_starts(name, prefix))
            name = span_from(name, prefix.len);
        for (size_t end = 0; end < name.len; end++)
            if (span_starts(span_from(name, end), SPAN_LIT("/BatchNorm")))
                name.len = end;
        bool good = name.len > 0 && name.len <= NAME_MAX_BYTES && !span_is(name, "input");
        for (size_t c = 0; good && c < name.len; c++)
            good = name.ptr[c] > ' ' && name.ptr[c] <= '~' && name.ptr[c] != '=';
        for (int j = 0; good && j < i; j++)
            good = !span_eq(name, folding->layers[j].name);
        folding->layers[i].name = good ? name : arena_printf(folding->arena, "layer-%d", i);
    }
}

static void add_weights(struct buf *out, const double *weights, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float value = (float)weights[i];
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        const unsigned char bytes[] = { bits & 0xff, bits >> 8 & 0xff, bits >> 16 & 0xff, bits >> 24 };
        buf_add(out, span_of(bytes, sizeof bytes));
    }
}

static void add_layer(struct buf *text, const struct folding *folding, int at)
{
    const struct folded *layer = &folding->layers[at];
    buf_add_str(text, layer->depthwise ? "depthwise " : "conv ");
    buf_add(text, layer->name);
    buf_add_str(text, " from=");
    buf_add(text, layer->from == FROM_IMAGE ? SPAN_LIT("input") : folding->layers[layer->from].name);
    if (!layer->depthwise)
        buf_addf(text, " out=%d", layer->out);
    buf_addf(text, " kernel=%d stride=%d act=%s", layer->kernel, layer->stride, layer->act);
    if (layer->add != FROM_NONE) {
        buf_add_str(text, " add=");
        buf_add(text, folding->layers[layer->add].name);
    }
    buf_add_char(text, '\n');
}

static void write_backbone(const struct folding *folding, const int taps[3], struct buf *text, struct buf *weights)
{
    unsigned char sha256[SHA256_DIGEST_LENGTH];
    size_t from = weights->len;
    for (int i = 0; i < folding->layer_count; i++) {
        const struct folded *layer = &folding->layers[i];
        add_weights(weights, layer->weights, (size_t)layer->out * weights_of_one(layer));
        add_weights(weights, layer->bias, (size_t)layer->out);
    }
    SHA256((const unsigned char *)weights->ptr + from, weights->len - from, sha256);
    buf_addf(text, "placard-backbone 1\ninput scale=%s offset=%s\nweights floats=%zu sha256=", folding->recipe->scale,
             folding->recipe->offset, (weights->len - from) / 4);
    buf_add_hex(text, sha256, sizeof sha256);
    buf_add_char(text, '\n');
    for (int i = 0; i < folding->layer_count; i++)
        add_layer(text, folding, i);
    for (int t = 0; t < 3; t++) {
        buf_addf(text, "tap c%d ", t + 3);
        buf_add(text, folding->layers[taps[t]].name);
        buf_add_char(text, '\n');
    }
}

static bool convert(struct folding *folding, struct buf *text, struct buf *weights)
{
    int taps[3];
    count_readers(folding);
    for (int t = 2; t >= 0; t--) { /* the last first, so that layers stand in its order */
        struct value value;
        if (!value_of(folding, span_str(folding->recipe->taps[t]), &value))
            return false;
        if (value.kind != VALUE_LAYER || !span_is(folding->layers[value.layer].end, folding->recipe->taps[t]))
            return fail(folding->err, E_INVALID, "the tap %s is not the output of a layer", folding->recipe->taps[t]);
        taps[t] = value.layer;
    }
    name_layers(folding);
    write_backbone(folding, taps, text, weights);
    if (text->overflow || weights->overflow)
        return fail(folding->err, E_INVALID, "the backbone is too large");
    return true;
}

bool tfjs_convert(struct span model_json, struct span weights, const struct tfjs_recipe *recipe, struct buf *ret_text,
                  struct buf *ret_weights, struct err *err)
{
    struct arena arena;
    struct tfjs_graph graph;
    arena_init(&arena);
    bool done = tfjs_read(model_json, weights, &arena, &graph, err);
    if (done) {
        struct folding folding = { .graph = &graph, .recipe = recipe, .arena = &arena, .err = err };
        folding.values = arena_alloc(&arena, graph.node_count * sizeof *folding.values);
        folding.reader_count = arena_alloc(&arena, graph.node_count * sizeof *folding.reader_count);
        folding.layers = arena_alloc(&arena, LAYERS_MAX * sizeof *folding.layers);
        done = convert(&folding, ret_text, ret_weights);
    }
    arena_free(&arena);
    return done;
}
