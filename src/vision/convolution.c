/* convolution: see convolution.h for the contract. */
#include "vision/convolution.h"

struct place place_after(struct place place, const struct layer *layer)
{
    return (struct place){ place.batch, layer_side(place.height, layer->stride),
                           layer_side(place.width, layer->stride) };
}

dnnl_memory_desc_t convolution_data(struct place place, int channels, dnnl_format_tag_t tag)
{
    const dnnl_dim_t dims[] = { place.batch, channels, place.height, place.width };
    return engine_desc(4, dims, tag);
}

static dnnl_memory_desc_t weights_desc(const struct layer *layer, dnnl_format_tag_t full, dnnl_format_tag_t depthwise)
{
    const dnnl_dim_t full_dims[] = { layer->out, layer->in, layer->kernel, layer->kernel };
    const dnnl_dim_t depthwise_dims[] = { layer->out, 1, 1, layer->kernel, layer->kernel };
    return layer->depthwise ? engine_desc(5, depthwise_dims, depthwise) : engine_desc(4, full_dims, full);
}

dnnl_memory_desc_t convolution_weights(const struct layer *layer)
{
    return weights_desc(layer, dnnl_format_tag_any, dnnl_format_tag_any);
}

dnnl_memory_desc_t convolution_bias(const struct layer *layer)
{
    const dnnl_dim_t dims[] = { layer->out };
    return engine_desc(1, dims, dnnl_a);
}

dnnl_memory_t convolution_plain_weights(const struct layer *layer, const float *weights)
{
    dnnl_memory_desc_t desc = weights_desc(layer, dnnl_ohwi, dnnl_goihw);
    return engine_memory(&desc, (float *)(uintptr_t)weights);
}

static dnnl_primitive_attr_t plain_attributes(void)
{
    dnnl_primitive_attr_t attr;
    DNNL(dnnl_primitive_attr_create(&attr));
    DNNL(dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user));
    return attr;
}

/* What follows the sum of products: the residual is added, then the activation applied. */
static dnnl_primitive_attr_t attributes(const struct layer *layer)
{
    dnnl_primitive_attr_t attr = plain_attributes();
    dnnl_post_ops_t ops;
    DNNL(dnnl_post_ops_create(&ops));
    if (layer->add >= 0)
        DNNL(dnnl_post_ops_append_sum(ops, 1));
    if (layer->act == ACT_RELU)
        DNNL(dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, 0, 0));
    else if (layer->act == ACT_RELU6)
        DNNL(dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_clip, 0, 6));
    DNNL(dnnl_primitive_attr_set_post_ops(attr, ops));
    DNNL(dnnl_post_ops_destroy(ops));
    return attr;
}

struct geometry convolution_geometry(const struct layer *layer, struct place place)
{
    struct geometry geometry = { .strides = { layer->stride, layer->stride } };
    int behind[2];
    geometry.before[0] = layer_padding(place.height, layer->kernel, layer->stride, &behind[0]);
    geometry.before[1] = layer_padding(place.width, layer->kernel, layer->stride, &behind[1]);
    geometry.behind[0] = behind[0];
    geometry.behind[1] = behind[1];
    return geometry;
}

dnnl_primitive_desc_t convolution_forward(const struct layer *layer, struct place place, dnnl_prop_kind_t kind,
                                          const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *into)
{
    dnnl_memory_desc_t weights = convolution_weights(layer), bias = convolution_bias(layer);
    struct geometry geometry = convolution_geometry(layer, place);
    dnnl_convolution_desc_t what;
    dnnl_primitive_desc_t how;
    DNNL(dnnl_convolution_forward_desc_init(&what, kind, dnnl_convolution_direct, from, &weights, &bias, into,
                                            geometry.strides, geometry.before, geometry.behind));
    dnnl_primitive_attr_t attr = attributes(layer);
    DNNL(dnnl_primitive_desc_create(&how, &what, attr, engine_cpu(), NULL));
    DNNL(dnnl_primitive_attr_destroy(attr));
    return how;
}

static dnnl_primitive_desc_t backward(const dnnl_convolution_desc_t *what, dnnl_primitive_desc_t forward)
{
    dnnl_primitive_desc_t how;
    dnnl_primitive_attr_t attr = plain_attributes();
    DNNL(dnnl_primitive_desc_create(&how, what, attr, engine_cpu(), forward));
    DNNL(dnnl_primitive_attr_destroy(attr));
    return how;
}

dnnl_primitive_desc_t convolution_by_weights(const struct layer *layer, struct place place,
                                             dnnl_primitive_desc_t forward, const dnnl_memory_desc_t *from,
                                             const dnnl_memory_desc_t *into)
{
    dnnl_memory_desc_t weights = convolution_weights(layer), bias = convolution_bias(layer);
    struct geometry geometry = convolution_geometry(layer, place);
    dnnl_convolution_desc_t what;
    DNNL(dnnl_convolution_backward_weights_desc_init(&what, dnnl_convolution_direct, from, &weights, &bias, into,
                                                     geometry.strides, geometry.before, geometry.behind));
    return backward(&what, forward);
}

dnnl_primitive_desc_t convolution_by_data(const struct layer *layer, struct place place, dnnl_primitive_desc_t forward,
                                          const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *into)
{
    dnnl_memory_desc_t weights = convolution_weights(layer);
    struct geometry geometry = convolution_geometry(layer, place);
    dnnl_convolution_desc_t what;
    DNNL(dnnl_convolution_backward_data_desc_init(&what, dnnl_convolution_direct, from, &weights, into,
                                                  geometry.strides, geometry.before, geometry.behind));
    return backward(&what, forward);
}

dnnl_memory_desc_t convolution_wants(dnnl_primitive_desc_t how, dnnl_query_t what)
{
    const dnnl_memory_desc_t *desc = dnnl_primitive_desc_query_md(how, what, 0);
    CHECK(desc);
    return *desc;
}
