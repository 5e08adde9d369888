/*
 * Fuzz target for vision/model_file: what is read whole writes the same bytes again. The input stands for what follows
 * the checksum, which is put right, so that the parts behind it are reached; and for a whole file as it is.
 */
#include <xxhash.h>

#include "base/check.h"
#include "vision/model_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool reads_back(struct span file)
{
    struct arena arena;
    struct model model;
    struct err err;
    struct buf again;
    arena_init(&arena);
    buf_init(&again, file.len);
    bool read = model_read(file, &arena, &model, &err);
    if (read) {
        model_write(&model, &again);
        CHECK(span_eq(buf_span(&again), file));
    } else {
        CHECK(err.code == E_INVALID && err.text[0] != '\0');
    }
    buf_free(&again);
    arena_free(&arena);
    return read;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf file;
    XXH128_canonical_t sum;
    reads_back(span_of(data, size));
    XXH128_canonicalFromHash(&sum, XXH3_128bits(data, size));
    buf_init(&file, size + 64);
    buf_add_str(&file, "placard model 1\n");
    buf_add(&file, span_of(sum.digest, sizeof sum.digest));
    buf_add(&file, span_of(data, size));
    reads_back(buf_span(&file));
    buf_free(&file);
    return 0;
}
