/* backbone_text: the lines of backbone.txt; see backbone_graph.h for their form. */
#include <math.h>
#include <stdlib.h>

#include "vision/backbone_graph.h"

struct line {
    struct span rest;
    size_t number;
    struct err *err;
};

static bool wrong(const struct line *line, const char *why)
{
    return fail(line->err, E_INVALID, "backbone.txt line %zu: %s", line->number, why);
}

static struct span word(struct line *line)
{
    struct span got;
    do {
        got = span_cut(&line->rest, ' ');
    } while (got.len == 0 && line->rest.ptr);
    return got;
}

/* The value of the next word if that is `key=VALUE`; otherwise the word stays. */
static bool value(struct line *line, const char *key, struct span *ret_value)
{
    struct line ahead = *line;
    struct span got = word(&ahead), name = span_cut(&got, '=');
    if (!got.ptr || !span_is(name, key))
        return false;
    line->rest = ahead.rest;
    *ret_value = got;
    return true;
}

static bool number(struct line *line, const char *key, int max, int *ret_number)
{
    struct span text;
    uint64_t got;
    if (!value(line, key, &text) || !span_to_u64(text, (uint64_t)max, &got) || got == 0)
        return false;
    *ret_number = (int)got;
    return true;
}

static bool real(struct span text, float *ret_real)
{
    char copy[64];
    char *end;
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    float got = strtof(copy, &end);
    if (*end || !isfinite(got))
        return false;
    *ret_real = got;
    return true;
}

/* One value for all three channels, or three between commas. */
static bool triple(struct line *line, const char *key, float ret_values[3])
{
    struct span text;
    if (!value(line, key, &text))
        return false;
    for (int c = 0; c < 3; c++) {
        if (!real(span_cut(&text, ','), &ret_values[c]))
            return false;
        if (c == 0 && !text.ptr) {
            ret_values[1] = ret_values[2] = ret_values[0];
            return true;
        }
        if (!text.ptr != (c == 2))
            return false;
    }
    return true;
}

static bool take_input(struct backbone *backbone, struct line *line)
{
    if (!triple(line, "scale", backbone->scale) || !triple(line, "offset", backbone->offset))
        return wrong(line, "it should read `input scale=N offset=N`");
    return true;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_sha256(struct backbone *backbone, struct line *line)
{
    struct span hex;
    if (!value(line, "sha256", &hex) || hex.len != 2 * BACKBONE_SHA_BYTES)
        return wrong(line, "`sha256=` of 64 digits is missing");
    for (size_t i = 0; i < BACKBONE_SHA_BYTES; i++) {
        int high = digit(hex.ptr[2 * i]), low = digit(hex.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return wrong(line, "sha256 has 64 digits of 0 to 9 and a to f");
        backbone->weights_sha256[i] = (unsigned char)(high * 16 + low);
    }
    return true;
}

static bool take_weights(struct backbone *backbone, struct line *line)
{
    int floats;
    if (!number(line, "floats", WEIGHTS_MAX, &floats))
        return wrong(line, "it should read `weights floats=N sha256=HEX`");
    backbone->weight_count = (size_t)floats;
    return take_sha256(backbone, line);
}

static bool keep_name(struct span name, char into[FOREIGN_NAME_MAX + 1])
{
    if (name.len == 0 || name.len > FOREIGN_NAME_MAX || memchr(name.ptr, '\0', name.len))
        return false;
    memcpy(into, name.ptr, name.len);
    into[name.len] = '\0';
    return true;
}

static bool take_model(struct backbone *backbone, struct line *line)
{
    struct foreign_spec *spec = &backbone->spec;
    struct span text;
    backbone->is_foreign = true;
    if (!value(line, "file", &text) || !keep_name(text, spec->file) || spec->file[0] == '.' || strchr(spec->file, '/'))
        return wrong(line, "`file=` names no file of the folder");
    if (!take_sha256(backbone, line))
        return false;
    if (!value(line, "layout", &text) || !(span_is(text, "nchw") || span_is(text, "nhwc")))
        return wrong(line, "`layout=` is nchw or nhwc");
    spec->channels_last = span_is(text, "nhwc");
    if (!value(line, "input", &text) || !keep_name(text, spec->input))
        return wrong(line, "`input=` names no input of the model");
    if (value(line, "library", &text) && !keep_name(text, spec->library))
        return wrong(line, "`library=` names no file");
    return true;
}

/* The place of an earlier layer; LAYER_NONE if there is no such one. */
static int layer_named(const struct backbone *backbone, struct span name)
{
    for (int i = 0; i < backbone->layer_count; i++)
        if (span_is(name, backbone->layers[i].name))
            return i;
    return LAYER_NONE;
}

static bool take_source(struct backbone *backbone, struct line *line, struct layer *layer)
{
    struct span name;
    if (!value(line, "from", &name))
        return wrong(line, "`from=` is missing");
    layer->from = span_is(name, "input") ? LAYER_INPUT : layer_named(backbone, name);
    if (layer->from == LAYER_NONE)
        return wrong(line, "`from` names no layer above");
    const struct layer *from = layer->from == LAYER_INPUT ? NULL : &backbone->layers[layer->from];
    layer->in = from ? from->out : 3;
    layer->down = from ? from->down : 1;
    return true;
}

static bool take_ending(struct backbone *backbone, struct line *line, struct layer *layer)
{
    static const char *const acts[] = { [ACT_NONE] = "none", [ACT_RELU] = "relu", [ACT_RELU6] = "relu6" };
    struct span name;
    unsigned act = 0;
    if (!value(line, "act", &name))
        return wrong(line, "`act=` is missing");
    while (act < COUNT_OF(acts) && !span_is(name, acts[act]))
        act++;
    if (act == COUNT_OF(acts))
        return wrong(line, "`act` is none, relu or relu6");
    layer->act = (enum layer_act)act;
    if (!value(line, "add", &name))
        return true;
    layer->add = layer_named(backbone, name);
    if (layer->add == LAYER_NONE)
        return wrong(line, "`add` names no layer above");
    const struct layer *add = &backbone->layers[layer->add];
    if (add->out != layer->out || add->down != layer->down)
        return wrong(line, "`add` names a layer of another shape");
    return true;
}

static bool take_layer(struct backbone *backbone, struct line *line, bool depthwise)
{
    struct layer layer = { .depthwise = depthwise, .add = LAYER_NONE };
    struct span name = word(line);
    if (backbone->layer_count == LAYERS_MAX)
        return wrong(line, "too many layers");
    if (name.len == 0 || name.len > LAYER_NAME_MAX || span_is(name, "input") ||
        layer_named(backbone, name) != LAYER_NONE)
        return wrong(line, "a layer has a name of 1 to 64 characters that no other has");
    memcpy(layer.name, name.ptr, name.len);
    if (!take_source(backbone, line, &layer))
        return false;
    layer.out = layer.in;
    if (!depthwise && !number(line, "out", CHANNELS_MAX, &layer.out))
        return wrong(line, "`out=` is missing, or not 1 to 8192");
    if (!number(line, "kernel", KERNEL_MAX, &layer.kernel) || !number(line, "stride", STRIDE_MAX, &layer.stride))
        return wrong(line, "`kernel=` of 1 to 11 and `stride=` of 1 to 4 are wanted here");
    layer.down *= layer.stride;
    if (layer.down > 32)
        return wrong(line, "the output is smaller than 1/32 of the image");
    if (!take_ending(backbone, line, &layer))
        return false;
    backbone->layers[backbone->layer_count++] = layer;
    return true;
}

static bool take_tap(struct backbone *backbone, struct line *line, unsigned *tap_count)
{
    static const char *const names[BACKBONE_TAPS] = { "c3", "c4", "c5" };
    unsigned tap = *tap_count;
    if (tap == BACKBONE_TAPS || !span_is(word(line), names[tap]))
        return wrong(line, "the taps are c3, c4 and c5, in this order");
    if (backbone->is_foreign) {
        *tap_count = tap + 1;
        return keep_name(word(line), backbone->spec.taps[tap]) || wrong(line, "a tap names no output of the model");
    }
    int place = layer_named(backbone, word(line));
    if (place == LAYER_NONE)
        return wrong(line, "a tap names no layer above");
    if (backbone->layers[place].down != 8 << tap || (tap > 0 && place <= backbone->taps[tap - 1]))
        return wrong(line, "c3, c4 and c5 are at 1/8, 1/16 and 1/32 of the image, one behind the other");
    backbone->taps[tap] = place;
    backbone->channels[tap] = backbone->layers[place].out;
    *tap_count = tap + 1;
    return true;
}

size_t layer_weight_count(const struct layer *layer)
{
    size_t in = layer->depthwise ? 1 : (size_t)layer->in;
    return (size_t)layer->out * in * (size_t)layer->kernel * (size_t)layer->kernel;
}

/* Gives each layer its part of the weights, and finds who reads what last. What lies behind c5 has no use. */
static bool lay_out(struct backbone *backbone, const struct line *line)
{
    size_t at = 0;
    if (backbone->taps[BACKBONE_TAPS - 1] != backbone->layer_count - 1)
        return wrong(line, "c5 is not the last layer");
    for (int i = 0; i < backbone->layer_count; i++) {
        struct layer *layer = &backbone->layers[i];
        layer->weight = at;
        layer->bias = at + layer_weight_count(layer);
        at = layer->bias + (size_t)layer->out;
        layer->last_use = i;
        if (layer->from >= 0)
            backbone->layers[layer->from].last_use = i;
        if (layer->add >= 0)
            backbone->layers[layer->add].last_use = i;
        if (at > WEIGHTS_MAX)
            return wrong(line, "the layers have too many weights");
    }
    if (at != backbone->weight_count)
        return fail(line->err, E_INVALID, "backbone.txt: the layers have %zu weights, the line `weights` says %zu", at,
                    backbone->weight_count);
    return true;
}

/* The three lines that come first; then layers and taps. */
static bool take_line(struct backbone *backbone, struct line *line, unsigned *tap_count)
{
    struct span kind = word(line);
    if (line->number == 1)
        return (span_is(kind, "placard-backbone") && span_is(word(line), "1")) ||
               wrong(line, "it should read `placard-backbone 1`");
    if (line->number == 2)
        return span_is(kind, "input") ? take_input(backbone, line) : wrong(line, "`input` comes second");
    if (line->number == 3 && span_is(kind, "model"))
        return take_model(backbone, line);
    if (line->number == 3)
        return span_is(kind, "weights") ? take_weights(backbone, line)
                                        : wrong(line, "`weights` or `model` comes third");
    if (span_is(kind, "tap"))
        return take_tap(backbone, line, tap_count);
    if (*tap_count > 0 || backbone->is_foreign)
        return wrong(line, "taps come last");
    if (span_is(kind, "conv") || span_is(kind, "depthwise"))
        return take_layer(backbone, line, span_is(kind, "depthwise"));
    return wrong(line, "a line begins with conv, depthwise or tap");
}

bool backbone_parse(struct backbone *backbone, struct span text, struct err *err)
{
    struct line line = { .err = err };
    unsigned tap_count = 0;
    backbone->layers = mem_zero(LAYERS_MAX, sizeof *backbone->layers);
    while (text.ptr) {
        line.rest = span_cut(&text, '\n');
        line.number++;
        if (!text.ptr && line.rest.len == 0)
            break; /* what follows the last line's end */
        if (!take_line(backbone, &line, &tap_count))
            return false;
        if (span_trim(line.rest).len > 0)
            return wrong(&line, "something follows that has no meaning here");
    }
    if (tap_count != BACKBONE_TAPS)
        return wrong(&line, "the file ends before its three taps");
    return backbone->is_foreign || lay_out(backbone, &line);
}
