/* classify_model: see classify_model.h. */
#include "vision/classify_model.h"

#include <math.h>
#include <stdlib.h>

enum { HEAD_WORDS = 7 };

static const char magic[8] = "PLCLASS1";

static size_t count_numbers(const struct classify_model *model)
{
    size_t rows = 1 + model->width;
    for (unsigned m = 0; m < SIGHT_MAPS && model->use_places; m++)
        rows += model->channels[m];
    return rows * model->labels;
}

void classify_model_allocate(struct classify_model *model)
{
    model->numbers = mem_zero(count_numbers(model), sizeof *model->numbers);
    model->bias = model->numbers;
    model->whole = model->bias + model->labels;
    model->maps[0] = model->whole + model->width * model->labels;
    model->maps[1] = model->maps[0] + (model->use_places ? model->channels[0] * model->labels : 0);
}

void classify_model_free(struct classify_model *model)
{
    free(model->numbers);
    *model = (struct classify_model){ 0 };
}

static void add_word(struct buf *out, uint32_t word)
{
    for (int shift = 0; shift < 32; shift += 8)
        buf_add_char(out, (char)(word >> shift & 255));
}

static uint32_t word_at(const char *bytes)
{
    uint32_t word = 0;
    for (int k = 3; k >= 0; k--)
        word = word << 8 | (unsigned char)bytes[k];
    return word;
}

static void add_float(struct buf *out, float value)
{
    uint32_t word;
    memcpy(&word, &value, sizeof word);
    add_word(out, word);
}

static float float_at(const char *bytes)
{
    uint32_t word = word_at(bytes);
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}

void classify_model_write(const struct classify_model *model, struct buf *ret_payload)
{
    buf_add(ret_payload, span_of(magic, sizeof magic));
    const size_t words[HEAD_WORDS] = { model->each,       model->labels,      model->parts,      model->width,
                                       model->use_places, model->channels[0], model->channels[1] };
    for (size_t i = 0; i < HEAD_WORDS; i++)
        add_word(ret_payload, (uint32_t)words[i]);
    add_float(ret_payload, model->places_weight);
    size_t count = count_numbers(model);
    for (size_t i = 0; i < count; i++)
        add_float(ret_payload, model->numbers[i]);
}

/* Everything that decides how many numbers there are is held against what it must be before it is used. */
static bool read_head(struct span payload, const struct sight *features, size_t label_count,
                      struct classify_model *model)
{
    const size_t head = sizeof magic + (HEAD_WORDS + 1) * sizeof(uint32_t);
    if (payload.len < head || memcmp(payload.ptr, magic, sizeof magic) != 0)
        return false;
    uint32_t words[HEAD_WORDS];
    for (size_t i = 0; i < HEAD_WORDS; i++)
        words[i] = word_at(payload.ptr + sizeof magic + i * sizeof(uint32_t));
    *model = (struct classify_model){ .each = words[0] != 0,
                                      .labels = words[1],
                                      .parts = words[2],
                                      .width = words[3],
                                      .use_places = words[4] != 0,
                                      .channels = { words[5], words[6] } };
    model->places_weight = float_at(payload.ptr + head - sizeof(float));
    if (words[0] > 1 || words[4] > 1 || model->labels != label_count || model->parts >> features->parts ||
        model->width != sight_width(features, model->parts))
        return false;
    for (unsigned m = 0; m < SIGHT_MAPS; m++)
        if (model->channels[m] != (size_t)features->maps[m].channels)
            return false;
    return payload.len - head == count_numbers(model) * sizeof(float) && isfinite(model->places_weight);
}

bool classify_model_read(struct span payload, const struct sight *features, size_t label_count,
                         struct classify_model *ret_model, struct err *err)
{
    struct classify_model model;
    if (label_count == 0 || !read_head(payload, features, label_count, &model))
        return fail(err, E_INVALID, "The model is no classifier for these labels and this backbone.");
    classify_model_allocate(&model);
    size_t count = count_numbers(&model);
    const char *at = payload.ptr + payload.len - count * sizeof(float);
    bool finite = true;
    for (size_t i = 0; i < count; i++) {
        model.numbers[i] = float_at(at + i * sizeof(float));
        finite = finite && isfinite(model.numbers[i]);
    }
    if (!finite) {
        classify_model_free(&model);
        return fail(err, E_INVALID, "The model holds numbers that are none.");
    }
    *ret_model = model;
    return true;
}
