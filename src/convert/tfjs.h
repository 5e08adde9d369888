/*
 * tfjs: the frozen part of a TensorFlow.js graph model into a backbone of the built-in engine (vision/backbone.h).
 *
 * A graph model is model.json, with the nodes and the names and shapes of the weights, and shard files whose bytes
 * stand one behind the other. tfjs_shards tells which files those are; tfjs_convert takes their joined bytes. Only what
 * lies between the input and the taps is read: Conv2D and DepthwiseConv2dNative, with SAME padding and without
 * dilation; multiplications, additions and batch normalisation by constants, which go into the weights of the
 * convolution before them; sums of two branches; Relu and Relu6. Anything else there is E_INVALID, and so is everything
 * that is not as the format says: the file comes from outside. Any thread.
 */
#ifndef PLACARD_CONVERT_TFJS_H
#define PLACARD_CONVERT_TFJS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* Which nodes matter, and what the model wants pixels of 0 to 255 to be: x * scale + offset. */
struct tfjs_recipe {
    const char *input;   /* the node whose output is the scaled image */
    const char *taps[3]; /* the nodes whose outputs are c3, c4 and c5 */
    const char *prefix;  /* taken off the names of layers */
    const char *scale, *offset;
};

enum { TFJS_SHARDS_MAX = 64 };

struct tfjs_shards {
    struct span names[TFJS_SHARDS_MAX]; /* plain file names, in order, in the arena */
    size_t count;
};

bool tfjs_shards(struct span model_json, struct arena *arena, struct tfjs_shards *ret_shards,
                 struct err *err) MUST_CHECK;

/* Adds backbone.txt and weights.bin to the two bufs. */
bool tfjs_convert(struct span model_json, struct span weights, const struct tfjs_recipe *recipe, struct buf *ret_text,
                  struct buf *ret_weights, struct err *err) MUST_CHECK;

#endif
