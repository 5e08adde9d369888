/* A graph model of a few nodes becomes layers with the folded weights; what cannot be folded is refused. */
#include "convert/tfjs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "convert/package.h"
#include "vision/backbone.h"

/* A model under construction: nodes and weights as they stand in model.json, and the shard's bytes. */
struct model {
    struct buf nodes, weights, shard;
    struct arena arena;
};

static const struct tfjs_recipe recipe = {
    .input = "in", .taps = { "c3", "c4", "c5" }, .prefix = "net/", .scale = "0.5", .offset = "-1"
};

static void begin(struct model *model)
{
    buf_init(&model->nodes, 1 << 20);
    buf_init(&model->weights, 1 << 20);
    buf_init(&model->shard, 1 << 20);
    arena_init(&model->arena);
}

static void end(struct model *model)
{
    buf_free(&model->nodes);
    buf_free(&model->weights);
    buf_free(&model->shard);
    arena_free(&model->arena);
}

/* inputs: names between blanks; attr: members of the node's attributes. */
static void node(struct model *model, const char *op, const char *name, const char *inputs, const char *attr)
{
    struct span rest = span_str(inputs);
    buf_addf(&model->nodes, "%s{\"name\":\"%s\",\"op\":\"%s\",\"input\":[", model->nodes.len ? "," : "", name, op);
    for (bool more = false; rest.len > 0; more = true) {
        struct span input = span_cut(&rest, ' ');
        buf_addf(&model->nodes, "%s\"" SPAN_FMT "\"", more ? "," : "", SPAN_ARG(input));
    }
    buf_addf(&model->nodes, "],\"attr\":{%s}}", attr);
}

/* A constant of count numbers: first, first + step, … */
static void constant(struct model *model, const char *name, const char *shape, size_t count, float first, float step)
{
    node(model, "Const", name, "", "");
    buf_addf(&model->weights, "%s{\"name\":\"%s\",\"dtype\":\"float32\",\"shape\":[%s]}", model->weights.len ? "," : "",
             name, shape);
    for (size_t i = 0; i < count; i++) {
        float value = first + step * (float)i;
        buf_add(&model->shard, span_of(&value, sizeof value));
    }
}

#define SAME "\"padding\":{\"s\":[83,65,77,69]},\"data_format\":{\"s\":\"TkhXQw==\"}"
#define STRIDES(n) "\"strides\":{\"list\":{\"i\":[\"1\",\"" #n "\"," #n ",1]}}"

static const char conv2[] = SAME "," STRIDES(2);
static const char conv1[] = SAME "," STRIDES(1);

/* A convolution of one input channel and one output, of 1x1, the weight as given. */
static void down(struct model *model, const char *name, const char *from)
{
    struct span weight = arena_printf(&model->arena, "%s/w", name);
    struct span inputs = arena_printf(&model->arena, "%s %s/w", from, name);
    constant(model, weight.ptr, "1,1,1,1", 1, 1, 0);
    node(model, "Conv2D", name, inputs.ptr, conv2);
}

static bool converted(struct model *model, struct buf *ret_text, struct buf *ret_weights, struct err *err)
{
    struct buf json;
    buf_init(&json, 1 << 22);
    buf_init(ret_text, 1 << 20);
    buf_init(ret_weights, 1 << 20);
    buf_addf(&json, "{\"modelTopology\":{\"node\":[%s]},\"weightsManifest\":[{\"paths\":[\"s\"],\"weights\":[%s]}]}",
             buf_cstr(&model->nodes), buf_cstr(&model->weights));
    bool done = tfjs_convert(buf_span(&json), buf_span(&model->shard), &recipe, ret_text, ret_weights, err);
    buf_free(&json);
    if (!done) {
        buf_free(ret_text);
        buf_free(ret_weights);
    }
    return done;
}

/* Everything that there is to fold: a factor, a shift, a bias, a norm, a sum with a shift behind it, two activations.
 */
static void rich(struct model *model)
{
    node(model, "Placeholder", "in", "", "");
    constant(model, "a/w", "1,1,3,2", 6, 1, 1); /* [in][out]: 1 2, 3 4, 5 6 */
    node(model, "Conv2D", "net/a/BatchNorm/mul", "in a/w ^in", conv2);
    constant(model, "a/m", "2", 2, 10, 10); /* 10 20 */
    node(model, "Mul", "a/mul", "net/a/BatchNorm/mul a/m", "");
    constant(model, "a/s", "2", 2, 0.5f, 0.5f);
    node(model, "Sub", "a/sub", "a/mul a/s", "");
    node(model, "Relu6", "a/relu", "a/sub", "");
    constant(model, "d/w", "3,3,2,1", 18, 0, 1); /* [row][column][channel] */
    node(model, "DepthwiseConv2dNative", "net/d", "a/relu d/w", conv1);
    constant(model, "d/gamma", "2", 2, 2, 0);
    constant(model, "d/beta", "2", 2, 3, 0);
    constant(model, "d/mean", "2", 2, 1, 0);
    constant(model, "d/variance", "2", 2, 0.75f, 0);
    node(model, "FusedBatchNormV3", "d/norm", "net/d d/gamma d/beta d/mean d/variance", "\"epsilon\":{\"f\":0.25}");
    node(model, "AddN", "sum", "d/norm a/relu", "");
    constant(model, "sum/s", "", 1, 7, 0);
    node(model, "Add", "sum/shift", "sum/s sum", "");
    node(model, "Relu", "sum/relu", "sum/shift", "");
    constant(model, "e/w", "1,1,2,1", 2, 1, 1);
    node(model, "Conv2D", "e", "sum/relu e/w", conv2);
    constant(model, "e/b", "1", 1, 9, 0);
    node(model, "BiasAdd", "e/bias", "e e/b", "");
    down(model, "c3", "e/bias");
    down(model, "c4", "c3");
    down(model, "c5", "c4");
}

static void everything_is_folded(void **state)
{
    (void)state;
    struct model model;
    struct buf text, weights;
    struct backbone *backbone;
    struct err err;
    begin(&model);
    rich(&model);
    if (!converted(&model, &text, &weights, &err))
        fail_msg("%s", err.text);
    assert_non_null(strstr(buf_cstr(&text), "\nconv a from=input out=2 kernel=1 stride=2 act=relu6\n"
                                            "depthwise d from=a kernel=3 stride=1 act=relu add=a\n"
                                            "conv e from=d out=1 kernel=1 stride=2 act=none\n"
                                            "conv c3 from=e out=1 kernel=1 stride=2 act=none\n"));
    assert_non_null(strstr(buf_cstr(&text), "\ninput scale=0.5 offset=-1\nweights floats=37 sha256="));
    const float wanted[] = {
        10, 30, 50, 40, 80, 120, -0.5f, -1,                                             /* a */
        0,  4,  8,  12, 16, 20,  24,    28, 32, 2, 6, 10, 14, 18, 22, 26, 30, 34, 8, 8, /* d */
        1,  2,  9,                                                                      /* e */
        1,  0,  1,  0,  1,  0,                                                          /* c3 c4 c5 */
    };
    const float *got = (const float *)(const void *)weights.ptr;
    assert_int_equal(weights.len, sizeof wanted);
    for (unsigned i = 0; i < COUNT_OF(wanted); i++)
        if (got[i] != wanted[i])
            fail_msg("weight %u is %g, not %g", i, (double)got[i], (double)wanted[i]);
    assert_true(backbone_read("made", buf_span(&text), buf_span(&weights), &backbone, &err));
    backbone_free(backbone);
    buf_free(&text);
    buf_free(&weights);
    end(&model);
}

/* One wrong thing at the end of a model that is fine: the node that the tap c3 takes as its input. */
static void assert_refused(void (*spoil)(struct model *model), const char *why)
{
    struct model model;
    struct buf text, weights;
    struct err err;
    begin(&model);
    node(&model, "Placeholder", "in", "", "");
    constant(&model, "w", "1,1,3,1", 3, 1, 0);
    constant(&model, "two", "2", 2, 1, 0);
    constant(&model, "one", "1", 1, 1, 0);
    node(&model, "Conv2D", "first", "in w", conv2);
    down(&model, "second", "first");
    spoil(&model);
    down(&model, "c3", "last");
    down(&model, "c4", "c3");
    down(&model, "c5", "c4");
    if (converted(&model, &text, &weights, &err)) {
        if (why)
            fail_msg("taken, and should not for: %s", why);
        buf_free(&text);
        buf_free(&weights);
    } else {
        assert_int_equal(err.code, E_INVALID);
        if (!why || !strstr(err.text, why))
            fail_msg("refused for: %s; not for: %s", err.text, why ? why : "anything");
    }
    end(&model);
}

static void is_fine(struct model *model)
{
    node(model, "Identity", "last", "second", "");
}

static void unknown_node(struct model *model)
{
    node(model, "Softmax", "last", "second", "");
}

static void missing_input(struct model *model)
{
    node(model, "Relu", "last", "nowhere", "");
}

static void circle(struct model *model)
{
    node(model, "Relu", "other", "last", "");
    node(model, "Relu", "last", "other", "");
}

static void valid_padding(struct model *model)
{
    constant(model, "v", "1,1,1,1", 1, 1, 0);
    node(model, "Conv2D", "last", "second v", "\"padding\":{\"s\":\"VkFMSUQ=\"}," STRIDES(1));
}

static void dilated(struct model *model)
{
    constant(model, "v", "1,1,1,1", 1, 1, 0);
    node(model, "Conv2D", "last", "second v", SAME "," STRIDES(1) ",\"dilations\":{\"list\":{\"i\":[1,2,2,1]}}");
}

static void uneven_strides(struct model *model)
{
    constant(model, "v", "1,1,1,1", 1, 1, 0);
    node(model, "Conv2D", "last", "second v", SAME ",\"strides\":{\"list\":{\"i\":[1,2,1,1]}}");
}

static void odd_weights(struct model *model)
{
    constant(model, "v", "1,1,2,1", 2, 1, 0);
    node(model, "Conv2D", "last", "second v", conv1);
}

static void no_constant(struct model *model)
{
    node(model, "Conv2D", "last", "second first", conv1);
}

static void odd_factor(struct model *model)
{
    node(model, "Mul", "last", "second two", "");
}

/* Two read the convolution, so the factor cannot go into it. */
static void two_readers(struct model *model)
{
    node(model, "Mul", "factor", "second one", "");
    node(model, "Add", "last", "factor second", "");
}

static void factor_behind_relu(struct model *model)
{
    node(model, "Relu", "relu", "second", "");
    node(model, "Mul", "last", "relu one", "");
}

static void other_shapes(struct model *model)
{
    constant(model, "v", "1,1,1,2", 2, 1, 0);
    node(model, "Conv2D", "wide", "second v", conv1);
    node(model, "Add", "last", "wide second", "");
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    assert_refused(is_fine, NULL);
    assert_refused(unknown_node, "there is no such thing in the built-in engine");
    assert_refused(missing_input, "there is no node nowhere");
    assert_refused(circle, "circles");
    assert_refused(valid_padding, "padding is not SAME");
    assert_refused(dilated, "padding is not SAME");
    assert_refused(uneven_strides, "padding is not SAME");
    assert_refused(odd_weights, "a shape that does not fit");
    assert_refused(no_constant, "constant weights");
    assert_refused(odd_factor, "not one number a channel");
    assert_refused(two_readers, "it is not behind a convolution of its own");
    assert_refused(factor_behind_relu, "it is not behind a convolution of its own");
    assert_refused(other_shapes, "two layers of one shape");
}

static void bad_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json, *why;
        size_t shard;
    } cases[] = {
        { "", "", 0 },
        { "[]", "modelTopology", 0 },
        { "{\"modelTopology\":{\"node\":[]}}", "no nodes", 0 },
        { "{\"modelTopology\":{\"node\":[{\"name\":\"a\"}]}}", "a node without", 0 },
        { "{\"modelTopology\":{\"node\":[{\"name\":\"a\",\"op\":\"b\",\"input\":[7]}]}}", "a node without", 0 },
        { "{\"modelTopology\":{\"node\":[{\"name\":\"a\",\"op\":\"b\"},{\"name\":\"a\",\"op\":\"b\"}]}}", "one name",
          0 },
        { "{\"modelTopology\":{\"node\":[{\"name\":\"a\",\"op\":\"b\"}]}}", "weightsManifest", 0 },
        { "{\"modelTopology\":{\"node\":[{\"name\":\"a\",\"op\":\"b\"}]},\"weightsManifest\":[{}]}", "has none", 0 },
        { "{\"modelTopology\":{\"node\":[{\"name\":\"a\",\"op\":\"b\"}]},\"weightsManifest\":[{\"weights\":[{\"name\":"
          "\"a\","
          "\"dtype\":\"float32\",\"shape\":[3]}]}]}",
          "behind the end", 11 },
        { "{\"modelTopology\":{\"node\":[{\"name\":\"a\",\"op\":\"b\"}]},\"weightsManifest\":[{\"weights\":[{\"name\":"
          "\"a\","
          "\"dtype\":\"float32\",\"shape\":[65536,65536,65536,65536]}]}]}",
          "behind the end", 12 },
        { "{\"modelTopology\":{\"node\":[{\"name\":\"a\",\"op\":\"b\"}]},\"weightsManifest\":[{\"weights\":[{\"name\":"
          "\"a\","
          "\"dtype\":\"float32\",\"shape\":[2]}]}]}",
          "bytes more", 12 },
        { "{\"modelTopology\":{\"node\":[{\"name\":\"a\",\"op\":\"b\"}]},\"weightsManifest\":[{\"weights\":[{\"name\":"
          "\"a\","
          "\"dtype\":\"float32\",\"shape\":[3],\"quantization\":{}}]}]}",
          "odd shape or type", 12 },
        { "{\"modelTopology\":{\"node\":[{\"name\":\"a\",\"op\":\"b\"}]},\"weightsManifest\":[]}",
          "there is no node c5", 0 },
    };
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        struct buf text, weights;
        struct err err = { E_OK, "" };
        static const char bytes[16];
        buf_init(&text, 1 << 16);
        buf_init(&weights, 1 << 16);
        if (tfjs_convert(span_str(cases[i].json), span_of(bytes, cases[i].shard), &recipe, &text, &weights, &err))
            fail_msg("case %u was taken", i);
        if (!strstr(err.text, cases[i].why))
            fail_msg("case %u: %s", i, err.text);
        buf_free(&text);
        buf_free(&weights);
    }
}

static void shards_are_plain_names(void **state)
{
    (void)state;
    struct tfjs_shards shards;
    struct arena arena;
    struct err err;
    arena_init(&arena);
    assert_true(tfjs_shards(SPAN_LIT("{\"weightsManifest\":[{\"paths\":[\"a\",\"b\"]},{\"paths\":[\"c\"]}]}"), &arena,
                            &shards, &err));
    assert_int_equal(shards.count, 3);
    assert_true(span_is(shards.names[2], "c"));
    static const char *const bad[] = { "../a", "/etc/passwd", "a/b", "", ".", "..", ".hidden", "a\\u0000b" };
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        struct span json = arena_printf(&arena, "{\"weightsManifest\":[{\"paths\":[\"%s\"]}]}", bad[i]);
        assert_false(tfjs_shards(json, &arena, &shards, &err));
    }
    arena_free(&arena);
}

static void a_package_is_known_by_its_bytes(void **state)
{
    (void)state;
    struct err err;
    assert_ptr_equal(package_of(BACKBONE_DEFAULT), &package_default);
    assert_null(package_of("other"));
    assert_false(package_check(&package_default, SPAN_LIT("something else"), &err));
    assert_int_equal(err.code, E_INVALID);
    const struct package other = { .name = "n",
                                   .version = "1",
                                   .sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" };
    assert_true(package_check(&other, SPAN_LIT("abc"), &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_folded),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(shards_are_plain_names),
        cmocka_unit_test(a_package_is_known_by_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
