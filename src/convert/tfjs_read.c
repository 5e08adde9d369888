/* tfjs_read: model.json into nodes and tensors; see tfjs_graph.h. */
#include <stdlib.h>

#include "convert/tfjs.h"
#include "convert/tfjs_graph.h"
#include "json/json.h"

enum { DIM_MAX = 65536, PADDING_TEXT = 16 };

static bool wrong(struct err *err, const char *what)
{
    return fail(err, E_INVALID, "model.json is not a graph model: %s", what);
}

static bool member(struct json object, const char *key, enum json_kind kind, struct json *ret_value)
{
    struct json value;
    if (json_kind(object) != JSON_OBJECT || !json_member(object, span_str(key), &value) || json_kind(value) != kind)
        return false;
    *ret_value = value;
    return true;
}

static bool text_member(struct json object, const char *key, struct arena *arena, struct span *ret_text)
{
    struct json value;
    if (!member(object, key, JSON_STRING, &value))
        return false;
    *ret_text = arena_copy(arena, json_string(value));
    return true;
}

/* Numbers stand as such or, where protobuf's 64-bit integers went through JSON, as texts. */
static bool small_number(struct json value, int *ret_number)
{
    int64_t number;
    uint64_t parsed;
    if (json_kind(value) == JSON_INTEGER && json_to_i64(value, &number) && number >= 0 && number <= DIM_MAX) {
        *ret_number = (int)number;
        return true;
    }
    if (json_kind(value) != JSON_STRING || !span_to_u64(json_string(value), DIM_MAX, &parsed))
        return false;
    *ret_number = (int)parsed;
    return true;
}

/* Bytes are an array of numbers or, in newer files, base64. */
static bool bytes_are(struct json attr, const char *name, const char *plain, const char *base64)
{
    struct json holder, bytes;
    size_t at = 0, len = strlen(plain);
    if (!member(attr, name, JSON_OBJECT, &holder) || !json_member(holder, SPAN_LIT("s"), &bytes))
        return false;
    if (json_kind(bytes) == JSON_STRING)
        return span_is(json_string(bytes), base64);
    if (json_kind(bytes) != JSON_ARRAY)
        return false;
    struct json_iter it = json_iter(bytes);
    while (json_next(&it)) {
        int byte;
        if (at == len || !small_number(it.value, &byte) || byte != plain[at])
            return false;
        at++;
    }
    return at == len;
}

/* The inner two of an attribute of four, [1, N, N, 1]; 0 if it is not that, `missing` if there is none. */
static int inner_of(struct json attr, const char *name, int missing)
{
    struct json holder, list, numbers;
    int values[4], count = 0;
    if (!json_member(attr, span_str(name), &holder))
        return missing;
    if (!member(holder, "list", JSON_OBJECT, &list) || !member(list, "i", JSON_ARRAY, &numbers))
        return 0;
    struct json_iter it = json_iter(numbers);
    while (json_next(&it)) {
        if (count == 4 || !small_number(it.value, &values[count]))
            return 0;
        count++;
    }
    bool uniform = count == 4 && values[0] == 1 && values[3] == 1 && values[1] == values[2];
    return uniform ? values[1] : 0;
}

static void read_attributes(struct json value, struct tfjs_node *node)
{
    struct json attr, epsilon, number;
    if (!member(value, "attr", JSON_OBJECT, &attr))
        return;
    node->stride = inner_of(attr, "strides", 0);
    node->same = bytes_are(attr, "padding", "SAME", "U0FNRQ==");
    node->dilated = inner_of(attr, "dilations", 1) != 1;
    if (json_member(attr, SPAN_LIT("data_format"), &number) && !bytes_are(attr, "data_format", "NHWC", "TkhXQw=="))
        node->dilated = true;
    node->epsilon = 0.0001; /* TensorFlow's own default */
    if (member(attr, "epsilon", JSON_OBJECT, &epsilon) && json_member(epsilon, SPAN_LIT("f"), &number) &&
        (json_kind(number) == JSON_DOUBLE || json_kind(number) == JSON_INTEGER))
        node->epsilon = json_to_double(number);
}

static bool read_inputs(struct json value, struct arena *arena, struct tfjs_node *node)
{
    struct json inputs;
    if (!json_member(value, SPAN_LIT("input"), &inputs))
        return true;
    if (json_kind(inputs) != JSON_ARRAY)
        return false;
    struct json_iter it = json_iter(inputs);
    while (json_next(&it)) {
        if (json_kind(it.value) != JSON_STRING)
            return false;
        struct span name = json_string(it.value);
        if (span_starts(name, SPAN_LIT("^")))
            continue; /* an order of execution, not data */
        if (node->input_count < TFJS_INPUTS_MAX)
            node->inputs[node->input_count] = arena_copy(arena, name);
        node->input_count++;
    }
    return true;
}

static int by_node_name(const void *a, const void *b)
{
    return span_compare(((const struct tfjs_node *)a)->name, ((const struct tfjs_node *)b)->name);
}

static int by_tensor_name(const void *a, const void *b)
{
    return span_compare(((const struct tfjs_tensor *)a)->name, ((const struct tfjs_tensor *)b)->name);
}

static bool read_nodes(struct json root, struct arena *arena, struct tfjs_graph *graph, struct err *err)
{
    struct json topology, nodes;
    if (!member(root, "modelTopology", JSON_OBJECT, &topology) || !member(topology, "node", JSON_ARRAY, &nodes))
        return wrong(err, "it has no modelTopology with nodes");
    size_t count = json_count(nodes);
    if (count == 0 || count > TFJS_NODES_MAX)
        return wrong(err, "it has no nodes, or too many");
    graph->nodes = arena_alloc(arena, count * sizeof *graph->nodes);
    struct json_iter it = json_iter(nodes);
    while (json_next(&it)) {
        struct tfjs_node *node = &graph->nodes[graph->node_count++];
        if (!text_member(it.value, "name", arena, &node->name) || !text_member(it.value, "op", arena, &node->op) ||
            !read_inputs(it.value, arena, node))
            return wrong(err, "a node without a name, an operation or proper inputs");
        read_attributes(it.value, node);
    }
    qsort(graph->nodes, count, sizeof *graph->nodes, by_node_name);
    for (size_t i = 1; i < count; i++)
        if (span_eq(graph->nodes[i - 1].name, graph->nodes[i].name))
            return wrong(err, "two nodes have one name");
    return true;
}

/* The bytes of one tensor are cut from the front of *rest. */
static bool read_tensor(struct json value, struct arena *arena, struct span *rest, struct tfjs_tensor *tensor)
{
    struct json shape, quantization;
    struct span dtype;
    size_t count = 1;
    if (!text_member(value, "name", arena, &tensor->name) || !text_member(value, "dtype", arena, &dtype) ||
        !member(value, "shape", JSON_ARRAY, &shape) || json_member(value, SPAN_LIT("quantization"), &quantization))
        return false;
    struct json_iter it = json_iter(shape);
    while (json_next(&it)) {
        int dim;
        if (!small_number(it.value, &dim) || dim == 0 || count > rest->len / (size_t)dim)
            return false;
        if (tensor->dim_count < TFJS_DIMS_MAX)
            tensor->dims[tensor->dim_count] = dim;
        tensor->dim_count++;
        count *= (size_t)dim;
    }
    size_t bytes = count * (span_is(dtype, "bool") || span_is(dtype, "uint8") ? 1 : 4);
    if (bytes > rest->len ||
        !(span_is(dtype, "float32") || span_is(dtype, "int32") || span_is(dtype, "bool") || span_is(dtype, "uint8")))
        return false;
    tensor->count = count;
    if (span_is(dtype, "float32"))
        tensor->bytes = (const unsigned char *)rest->ptr;
    *rest = span_from(*rest, bytes);
    return true;
}

static bool read_tensors(struct json root, struct span weights, struct arena *arena, struct tfjs_graph *graph,
                         struct err *err)
{
    struct json manifest, list;
    size_t count = 0;
    if (!member(root, "weightsManifest", JSON_ARRAY, &manifest))
        return wrong(err, "it has no weightsManifest");
    struct json_iter groups = json_iter(manifest);
    while (json_next(&groups)) {
        if (!member(groups.value, "weights", JSON_ARRAY, &list))
            return wrong(err, "a group of weights has none");
        count += json_count(list);
    }
    if (count > TFJS_NODES_MAX)
        return wrong(err, "it has too many weights");
    graph->tensors = arena_alloc(arena, (count + 1) * sizeof *graph->tensors);
    groups = json_iter(manifest);
    while (json_next(&groups)) {
        CHECK(member(groups.value, "weights", JSON_ARRAY, &list));
        struct json_iter it = json_iter(list);
        while (json_next(&it))
            if (!read_tensor(it.value, arena, &weights, &graph->tensors[graph->tensor_count++]))
                return wrong(err, "a weight without a name, of an odd shape or type, or behind the end of the shards");
    }
    if (weights.len > 0)
        return fail(err, E_INVALID, "the shards hold %zu bytes more than model.json names", weights.len);
    qsort(graph->tensors, count, sizeof *graph->tensors, by_tensor_name);
    for (size_t i = 1; i < count; i++)
        if (span_eq(graph->tensors[i - 1].name, graph->tensors[i].name))
            return wrong(err, "two weights have one name");
    return true;
}

bool tfjs_read(struct span model_json, struct span weights, struct arena *arena, struct tfjs_graph *ret_graph,
               struct err *err)
{
    struct json_parser *parser = json_parser_new();
    struct tfjs_graph graph = { 0 };
    struct json root;
    bool done = json_parse(parser, model_json, &root, err) && read_nodes(root, arena, &graph, err) &&
                read_tensors(root, weights, arena, &graph, err);
    json_parser_free(parser);
    if (done)
        *ret_graph = graph;
    return done;
}

static bool add_shards(struct json group, struct arena *arena, struct tfjs_shards *shards)
{
    struct json paths;
    if (!member(group, "paths", JSON_ARRAY, &paths))
        return false;
    struct json_iter it = json_iter(paths);
    while (json_next(&it)) {
        if (json_kind(it.value) != JSON_STRING || shards->count == TFJS_SHARDS_MAX)
            return false;
        struct span name = json_string(it.value);
        if (name.len == 0 || name.len > 255 || name.ptr[0] == '.' || memchr(name.ptr, '/', name.len) ||
            memchr(name.ptr, '\0', name.len))
            return false;
        shards->names[shards->count++] = arena_copy(arena, name);
    }
    return true;
}

bool tfjs_shards(struct span model_json, struct arena *arena, struct tfjs_shards *ret_shards, struct err *err)
{
    struct json_parser *parser = json_parser_new();
    struct tfjs_shards shards = { 0 };
    struct json root, manifest;
    bool done = json_parse(parser, model_json, &root, err);
    if (done && !member(root, "weightsManifest", JSON_ARRAY, &manifest))
        done = wrong(err, "it has no weightsManifest");
    if (done) {
        struct json_iter groups = json_iter(manifest);
        while (done && json_next(&groups))
            done =
                add_shards(groups.value, arena, &shards) || wrong(err, "a group of weights without plain file names");
    }
    json_parser_free(parser);
    if (done)
        *ret_shards = shards;
    return done;
}

long tfjs_node_named(const struct tfjs_graph *graph, struct span name)
{
    const struct tfjs_node wanted = { .name = name };
    const struct tfjs_node *found =
        bsearch(&wanted, graph->nodes, graph->node_count, sizeof *graph->nodes, by_node_name);
    return found ? found - graph->nodes : -1;
}

const struct tfjs_tensor *tfjs_tensor_named(const struct tfjs_graph *graph, struct span name)
{
    const struct tfjs_tensor wanted = { .name = name };
    return bsearch(&wanted, graph->tensors, graph->tensor_count, sizeof *graph->tensors, by_tensor_name);
}

float tfjs_value(const struct tfjs_tensor *tensor, size_t at)
{
    const unsigned char *bytes = tensor->bytes + at * 4;
    uint32_t bits = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
