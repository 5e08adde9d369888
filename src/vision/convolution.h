/*
 * convolution: a layer of a backbone as oneDNN's convolution primitives.
 *
 * Shapes are oneDNN's: data is (batch, channels, rows, columns) and weights (out, in, rows, columns), or (groups, 1, 1,
 * rows, columns) for a depthwise layer, whatever the order in memory. Padding is the layer's SAME (backbone_graph.h).
 */
#ifndef PLACARD_VISION_CONVOLUTION_H
#define PLACARD_VISION_CONVOLUTION_H

#include "vision/backbone_graph.h"
#include "vision/engine.h"

/* Where a layer stands: `batch` inputs of height x width. */
struct place {
    int batch, height, width;
};

/* The same behind the layer. */
struct place place_after(struct place place, const struct layer *layer);

dnnl_memory_desc_t convolution_data(struct place place, int channels, dnnl_format_tag_t tag);
dnnl_memory_desc_t convolution_weights(const struct layer *layer); /* of any order */
dnnl_memory_desc_t convolution_bias(const struct layer *layer);

/* Strides and padding, of rows and columns. */
struct geometry {
    dnnl_dims_t strides, before, behind;
};
struct geometry convolution_geometry(const struct layer *layer, struct place place);

/* A layer's weights in the order of the backbone's file; nothing is copied, and only what the caller may write is
 * written. */
dnnl_memory_t convolution_plain_weights(const struct layer *layer, const float *weights);

/*
 * How to run the layer forward, its residual and activation included; `from` and `into` may be any order. The
 * scratchpad is the caller's.
 */
dnnl_primitive_desc_t convolution_forward(const struct layer *layer, struct place place, dnnl_prop_kind_t kind,
                                          const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *into);

/*
 * The slopes (derivatives of a loss) of a layer's weights and bias, and of its input, from that of its output before
 * the activation; in the order of data `from` and `into` that `forward` was made for, which it is made beside.
 */
dnnl_primitive_desc_t convolution_by_weights(const struct layer *layer, struct place place,
                                             dnnl_primitive_desc_t forward, const dnnl_memory_desc_t *from,
                                             const dnnl_memory_desc_t *into);
dnnl_primitive_desc_t convolution_by_data(const struct layer *layer, struct place place, dnnl_primitive_desc_t forward,
                                          const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *into);

/* What a primitive wants: dnnl_query_dst_md and its kin. */
dnnl_memory_desc_t convolution_wants(dnnl_primitive_desc_t how, dnnl_query_t what);

#endif
