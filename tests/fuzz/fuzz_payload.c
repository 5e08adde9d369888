/*
 * Fuzz target for the payload of a model file, both kinds: vision/classify_model and vision/detect_model, on a small
 * backbone. A byte says how many labels there are, the payload follows; it is read as it is, and once more filled up to
 * the length that its own heading asks for, so that what lies behind the heading is reached with short inputs. A
 * classifier that is taken writes the same bytes again; a detector that is taken has whole numbers alone.
 */
#include <math.h>
#include <stdlib.h>

#include <openssl/sha.h>

#include "vision/backbone.h"
#include "vision/classify_model.h"
#include "vision/detect_head.h"
#include "vision/detect_kind.h"
#include "vision/detect_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LABELS_MOST = 8, FILL_MOST = 1 << 21, CLASSIFY_HEAD = 40, DETECT_HEAD = 40 };

static const struct backbone *toy(void)
{
    static const char layers[] =
        "conv z from=input out=2 kernel=1 stride=2 act=none\nconv a from=z out=2 kernel=1 stride=4 act=none\n"
        "conv b from=a out=2 kernel=1 stride=2 act=relu\n"
        "conv c from=b out=2 kernel=1 stride=2 act=relu6\ntap c3 a\ntap c4 b\ntap c5 c\n";
    static const float weights[3 * 2 + 2 + 3 * (2 * 2 + 2)];
    static struct backbone *made;
    struct err err;
    if (!made) {
        unsigned char sum[SHA256_DIGEST_LENGTH];
        struct buf text;
        buf_init(&text, 4096);
        SHA256((const unsigned char *)weights, sizeof weights, sum);
        buf_addf(&text, "placard-backbone 1\ninput scale=1 offset=0\nweights floats=%zu sha256=", COUNT_OF(weights));
        buf_add_hex(&text, sum, sizeof sum);
        buf_addf(&text, "\n%s", layers);
        CHECK(backbone_read("toy", buf_span(&text), span_of(weights, sizeof weights), &made, &err));
        buf_free(&text);
    }
    return made;
}

static bool read_classifier(struct span payload, size_t labels)
{
    struct sight features = sight_of(toy());
    struct classify_model model;
    struct err err;
    if (!classify_model_read(payload, &features, labels, &model, &err)) {
        CHECK(err.code == E_INVALID && err.text[0] != '\0');
        return false;
    }
    struct buf again;
    buf_init(&again, payload.len);
    classify_model_write(&model, &again);
    CHECK(span_eq(buf_span(&again), payload));
    buf_free(&again);
    classify_model_free(&model);
    return true;
}

static bool read_detector(struct span payload, size_t labels)
{
    struct detect_model model;
    struct err err;
    if (!detect_model_read(payload, toy(), labels, &model, &err)) {
        CHECK(err.code == E_INVALID && err.text[0] != '\0');
        return false;
    }
    size_t count = head_param_count(&model.shape) + 2 * (size_t)kind_width(&model.shape);
    CHECK(model.shape.labels == (int)labels && payload.len == DETECT_HEAD + count * sizeof(float));
    for (size_t i = 0; i < count; i++)
        CHECK(isfinite(model.all[i]));
    free(model.all);
    return true;
}

/* How long a classifier with this heading is; 0: too long to be tried. */
static size_t classifier_length(struct span payload)
{
    uint32_t words[7];
    if (payload.len < CLASSIFY_HEAD)
        return 0;
    memcpy(words, payload.ptr + 8, sizeof words);
    uint64_t rows = 1 + (uint64_t)words[3] + (words[4] ? (uint64_t)words[5] + words[6] : 0);
    uint64_t numbers = rows * (words[1] & 15);
    return words[1] > 15 || numbers > FILL_MOST / sizeof(float) ? 0 : CLASSIFY_HEAD + (size_t)numbers * sizeof(float);
}

/* The canvas counts for nothing here. */
static size_t detector_length(size_t labels)
{
    struct head_shape shape = { .height = 8, .width = 8, .labels = (int)labels };
    for (unsigned t = 0; t < HEAD_TAPS; t++)
        shape.channels[t] = backbone_channels(toy(), t);
    return DETECT_HEAD + (head_param_count(&shape) + 2 * (size_t)kind_width(&shape)) * sizeof(float);
}

static void filled(struct span payload, size_t length, size_t labels, bool read(struct span payload, size_t labels))
{
    if (length <= payload.len)
        return;
    char *whole = mem_zero(1, length);
    memcpy(whole, payload.ptr, payload.len);
    read(span_of(whole, length), labels);
    free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t labels = data[0] % (LABELS_MOST + 1);
    struct span payload = span_of(data + 1, size - 1);
    if (payload.len == 0)
        return 0;
    read_classifier(payload, labels);
    read_detector(payload, labels);
    filled(payload, classifier_length(payload), labels, read_classifier);
    filled(payload, detector_length(labels), labels, read_detector);
    return 0;
}
