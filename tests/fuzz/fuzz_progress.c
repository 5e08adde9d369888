/*
 * Fuzz target for store/progress: the bytes kept in a job's row, both kinds. What is read without complaint is written
 * and read again the same, and its texts lie within the bytes.
 */
#include "store/progress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct span text, struct span bytes)
{
    CHECK(text.len == 0 || (text.ptr >= bytes.ptr && text.ptr + text.len <= bytes.ptr + bytes.len));
}

static void check_progress(struct arena *arena, struct span bytes)
{
    struct progress progress, again;
    struct err err = { .code = E_OK };
    if (!progress_decode(bytes, &progress, &err)) {
        CHECK(err.code == E_INTERNAL);
        return;
    }
    check_within(progress.bucket, bytes);
    check_within(progress.message, bytes);
    CHECK(progress_decode(progress_encode(arena, &progress), &again, &err));
    CHECK(span_eq(progress.bucket, again.bucket) && span_eq(progress.message, again.message));
    progress.bucket = progress.message = again.bucket = again.message = SPAN_NONE;
    CHECK(memcmp(&progress, &again, sizeof progress) == 0);
}

static void check_source(struct arena *arena, struct span bytes)
{
    struct dataset_manifest manifest, again;
    struct err err = { .code = E_OK };
    if (!manifest_source_decode(bytes, &manifest, &err)) {
        CHECK(err.code == E_INTERNAL);
        return;
    }
    check_within(manifest.bucket, bytes);
    check_within(manifest.key, bytes);
    check_within(manifest.version, bytes);
    check_within(manifest.etag, bytes);
    CHECK(manifest_source_decode(manifest_source_encode(arena, &manifest), &again, &err));
    CHECK(manifest.bytes == again.bytes && span_eq(manifest.bucket, again.bucket) && span_eq(manifest.key, again.key));
    CHECK(span_eq(manifest.version, again.version) && span_eq(manifest.etag, again.etag));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena);
    check_progress(&arena, span_of(data, size));
    check_source(&arena, span_of(data, size));
    arena_free(&arena);
    return 0;
}
