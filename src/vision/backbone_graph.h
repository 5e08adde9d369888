/*
 * backbone_graph: what a backbone holds, for the files of vision/ that run one.
 *
 * backbone.txt of the built-in engine, a line a fact, in this order:
 *
 *     placard-backbone 1
 *     input scale=0.0078431 offset=-1             y = x * scale + offset for a channel x of 0 to 255; one value or
 * three weights floats=2223872 sha256=HEX           of weights.bin conv NAME from=NAME out=32 kernel=3 stride=2
 * act=relu6 add=NAME depthwise NAME from=NAME kernel=3 stride=1 act=relu6 tap c3 NAME and c4, c5
 *
 * The sidecar of a foreign model has the same first two lines and tap lines, and one about the model between them:
 *
 *     model file=model.onnx sha256=HEX layout=nchw input=NAME library=PATH
 *
 * where layout is nchw or nhwc, `library` may be left out, and a tap names an output of the model.
 *
 * `from=input` is the image. `add` names an earlier layer of the same shape; it is added before the activation. act is
 * none, relu or relu6. Padding is TensorFlow's SAME: an output has ceil(side / stride) rows, and where the padding is
 * odd the extra row is at the end.
 */
#ifndef PLACARD_VISION_BACKBONE_GRAPH_H
#define PLACARD_VISION_BACKBONE_GRAPH_H

#include "vision/backbone.h"
#include "vision/foreign.h"

enum { LAYER_NAME_MAX = 64, LAYERS_MAX = 1024, CHANNELS_MAX = 8192, KERNEL_MAX = 11, STRIDE_MAX = 4 };
enum { WEIGHTS_MAX = 1 << 27 };
enum { LAYER_INPUT = -1, LAYER_NONE = -2 };

enum layer_act { ACT_NONE, ACT_RELU, ACT_RELU6 };

struct layer {
    char name[LAYER_NAME_MAX + 1];
    bool depthwise;
    int from; /* place of a layer, or LAYER_INPUT */
    int add;  /* place of a layer, or LAYER_NONE */
    int in, out, kernel, stride;
    enum layer_act act;
    int down;     /* the image's side over the output's */
    int last_use; /* the last layer that reads the output; its own place if none does */
    size_t
        weight; /* place of its weights in the backbone's, [out][kernel][kernel][in], depthwise [out][kernel][kernel] */
    size_t bias; /* likewise, [out] */
};

struct backbone {
    char id[BACKBONE_ID_MAX + 1];
    unsigned char sha256[BACKBONE_SHA_BYTES];
    float scale[3], offset[3];
    struct layer *layers;
    int layer_count;
    int taps[BACKBONE_TAPS]; /* places of layers, rising */
    int channels[BACKBONE_TAPS];
    unsigned char weights_sha256[BACKBONE_SHA_BYTES]; /* of the model's file, if it is a foreign one */
    float *weights;
    size_t weight_count;
    bool is_foreign; /* then what follows counts, and layers and weights do not */
    struct foreign_spec spec;
    struct foreign *foreign; /* NULL until it is opened */
};

/* The number of weights of a layer, without its bias. */
size_t layer_weight_count(const struct layer *layer);

/* One side of a layer's output from that of its input. */
static inline int layer_side(int side, int stride)
{
    return (side + stride - 1) / stride;
}

/* Rows of padding before the first one; what TensorFlow's SAME asks for in all is `*ret_end` more behind the last. */
int layer_padding(int side, int kernel, int stride, int *ret_end);

/* Reads the lines into layers, taps and input; E_INVALID names the line. */
bool backbone_parse(struct backbone *backbone, struct span text, struct err *err) MUST_CHECK;

#endif
