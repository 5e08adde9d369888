/*
 * Fuzz target for store/progress and ref_pages: the bytes kept in a job's row, both kinds, and in a page of refs. What
 * is read without complaint is written and read again the same, its texts lie within the bytes, and refs are in order.
 */
#include <stdlib.h>

#include "store/progress.h"
#include "store/ref_pages.h"

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

static void check_page(struct span bytes)
{
    const struct ref *refs;
    size_t count, at = 0, taken = 0;
    char *copy = mem_dup(bytes.ptr, bytes.len); /* aligned, as the store hands it on */
    if (ref_page_read(span_of(copy, bytes.len), &refs, &count)) {
        CHECK(count * sizeof *refs == bytes.len);
        for (size_t i = 1; i < count; i++)
            CHECK((int64_t)refs[i - 1].hash < (int64_t)refs[i].hash ||
                  (refs[i - 1].hash == refs[i].hash && refs[i - 1].seq < refs[i].seq));
        for (; at < count; at += taken) {
            taken = ref_page_take(refs, count, at);
            CHECK(taken > 0 && taken <= count - at);
            CHECK(at + taken == count || refs[at + taken].hash != refs[at + taken - 1].hash);
        }
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena);
    check_progress(&arena, span_of(data, size));
    check_source(&arena, span_of(data, size));
    check_page(span_of(size ? (const char *)data : "", size));
    arena_free(&arena);
    return 0;
}
