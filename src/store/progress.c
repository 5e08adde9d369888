/* progress: see progress.h for the contract. */
#include "store/progress.h"

enum { NUMBERS = 9 };

static void numbers_of(struct progress *progress, int64_t *ret_numbers[NUMBERS])
{
    int64_t *all[NUMBERS] = { &progress->total,    &progress->labeled,  &progress->errors,
                              &progress->next_seq, &progress->line,     &progress->nonblank,
                              &progress->dropped,  &progress->unparsed, &progress->message_code };
    memcpy(ret_numbers, all, sizeof all);
}

static size_t put(char *into, uint64_t value)
{
    size_t at = 0;
    for (; value >= 0x80; value >>= 7)
        into[at++] = (char)(value | 0x80);
    into[at++] = (char)value;
    return at;
}

static size_t put_text(char *into, struct span text)
{
    size_t at = put(into, text.len);
    if (text.len)
        memcpy(into + at, text.ptr, text.len);
    return at + text.len;
}

struct span progress_encode(struct arena *arena, const struct progress *progress)
{
    struct progress copy = *progress;
    int64_t *numbers[NUMBERS];
    numbers_of(&copy, numbers);
    char *bytes = arena_alloc(arena, (NUMBERS + 2) * 10 + copy.bucket.len + copy.message.len);
    size_t at = 0;
    for (unsigned i = 0; i < NUMBERS; i++) {
        CHECK(*numbers[i] >= 0);
        at += put(bytes + at, (uint64_t)*numbers[i]);
    }
    at += put_text(bytes + at, copy.bucket);
    at += put_text(bytes + at, copy.message);
    return span_of(bytes, at);
}

static bool get(struct span *bytes, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 63 && bytes->len; shift += 7) {
        unsigned char byte = (unsigned char)bytes->ptr[0];
        *bytes = span_from(*bytes, 1);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static bool get_text(struct span *bytes, struct span *ret_text)
{
    uint64_t len;
    if (!get(bytes, &len) || len > bytes->len)
        return false;
    *ret_text = span_first(*bytes, len);
    *bytes = span_from(*bytes, len);
    return true;
}

bool progress_decode(struct span bytes, struct progress *ret_progress, struct err *err)
{
    struct progress progress = { 0 };
    if (bytes.len > 0) {
        int64_t *numbers[NUMBERS];
        numbers_of(&progress, numbers);
        for (unsigned i = 0; i < NUMBERS; i++) {
            uint64_t value;
            if (!get(&bytes, &value))
                return fail(err, E_INTERNAL, "a job's progress is damaged");
            *numbers[i] = (int64_t)value;
        }
        if (!get_text(&bytes, &progress.bucket) || !get_text(&bytes, &progress.message) || bytes.len != 0)
            return fail(err, E_INTERNAL, "a job's progress is damaged");
    }
    *ret_progress = progress;
    return true;
}

struct span manifest_source_encode(struct arena *arena, const struct dataset_manifest *manifest)
{
    const struct span parts[] = { manifest->bucket, manifest->key, manifest->version, manifest->etag };
    size_t room = 10;
    for (unsigned i = 0; i < COUNT_OF(parts); i++)
        room += 10 + parts[i].len;
    char *bytes = arena_alloc(arena, room);
    size_t at = put(bytes, manifest->bytes);
    for (unsigned i = 0; i < COUNT_OF(parts); i++)
        at += put_text(bytes + at, parts[i]);
    return span_of(bytes, at);
}

bool manifest_source_decode(struct span bytes, struct dataset_manifest *ret_manifest, struct err *err)
{
    struct dataset_manifest manifest;
    if (!get(&bytes, &manifest.bytes) || !get_text(&bytes, &manifest.bucket) || !get_text(&bytes, &manifest.key) ||
        !get_text(&bytes, &manifest.version) || !get_text(&bytes, &manifest.etag) || bytes.len != 0)
        return fail(err, E_INTERNAL, "a job's source is damaged");
    *ret_manifest = manifest;
    return true;
}
