/*
 * Fuzz target for convert/tfjs: model.json, a line end, the shards' bytes. What is converted is a backbone that opens, or
 * one whose weights are no numbers.
 */
#include "convert/tfjs.h"
#include "vision/backbone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct tfjs_recipe recipe = {
        .input = "in", .taps = { "c3", "c4", "c5" }, .prefix = "net/", .scale = "0.5", .offset = "-1"
    };
    struct span weights = span_of(data, size), json = span_cut(&weights, '\n');
    struct tfjs_shards shards;
    struct arena arena;
    struct buf text, floats;
    struct err err;
    arena_init(&arena);
    buf_init(&text, 1 << 20);
    buf_init(&floats, 1 << 20);
    if (tfjs_shards(json, &arena, &shards, &err))
        CHECK(shards.count <= TFJS_SHARDS_MAX);
    if (tfjs_convert(json, weights, &recipe, &text, &floats, &err)) {
        struct backbone *backbone;
        if (backbone_read("fuzz", buf_span(&text), buf_span(&floats), &backbone, &err))
            backbone_free(backbone);
        else
            CHECK(err.code == E_INVALID);
    } else {
        CHECK(err.code == E_INVALID || err.code == E_SERIALIZATION);
    }
    buf_free(&floats);
    buf_free(&text);
    arena_free(&arena);
    return 0;
}
