/* tfjs_graph: a graph model as it was read, before anything is folded; for the files of tfjs alone. */
#ifndef PLACARD_CONVERT_TFJS_GRAPH_H
#define PLACARD_CONVERT_TFJS_GRAPH_H

#include "base/arena.h"
#include "base/err.h"

enum { TFJS_INPUTS_MAX = 5, TFJS_DIMS_MAX = 4, TFJS_NODES_MAX = 20000 };

struct tfjs_tensor {
    struct span name;
    int dims[TFJS_DIMS_MAX];
    int dim_count;
    size_t count;
    const unsigned char *bytes; /* little-endian float32; NULL of another type */
};

struct tfjs_node {
    struct span name, op;
    struct span inputs[TFJS_INPUTS_MAX]; /* names; a node with more has input_count above the maximum */
    size_t input_count;
    int stride;   /* of rows and columns; 0: none, or they differ */
    bool same;    /* SAME padding */
    bool dilated; /* or of another data format than NHWC */
    double epsilon;
};

/* Both arrays sorted by name, each name once. */
struct tfjs_graph {
    struct tfjs_node *nodes;
    size_t node_count;
    struct tfjs_tensor *tensors;
    size_t tensor_count;
};

/* Names and texts are copied into the arena; the tensors' bytes are those of `weights`. */
bool tfjs_read(struct span model_json, struct span weights, struct arena *arena, struct tfjs_graph *ret_graph,
               struct err *err) MUST_CHECK;

/* The place of a node, or -1; of a tensor, or NULL. */
long tfjs_node_named(const struct tfjs_graph *graph, struct span name);
const struct tfjs_tensor *tfjs_tensor_named(const struct tfjs_graph *graph, struct span name);

/* Number `at` of a tensor. */
float tfjs_value(const struct tfjs_tensor *tensor, size_t at);

#endif
