/* check: see check.h for the contract. */
#include "train/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "aws/sha256.h"
#include "train/alike.h"

enum { PIECE = 256 * 1024, RECORD_BYTES = 32 + ALIKE_LOOK_BYTES + 12, REPORT_EVERY = 64 };

static const unsigned char no_backbone[FEATURES_KEY_BYTES];

/* What is known of an image, as it is kept. */
struct record {
    unsigned char key[LEARN_KEY_BYTES];
    unsigned char look[ALIKE_LOOK_BYTES];
    uint32_t width, height, sound;
};
_Static_assert(sizeof(struct record) == RECORD_BYTES, "a record is kept as it is");

struct image_limits check_limits(const struct train_request *request)
{
    return image_limits_of(request->image_bytes, request->side_min_px, request->side_max_px);
}

/* The whole object, which is refused past the limit with E_OBJECT like one that is not there. `info` (NULL: not known)
   is what it has to be. */
static bool read_object(struct object_store *objects, struct object_name name, const struct object_info *info,
                        struct buf *out, struct err *err)
{
    struct object_reader *reader;
    if (!object_open(objects, name, 0, span_str(info ? info->etag : NULL), &reader, err))
        return false;
    bool done = true;
    for (size_t got = 1; done && got > 0;) {
        if (!buf_reserve(out, PIECE)) {
            done = fail(err, E_OBJECT, "the image is too large");
            break;
        }
        done = object_read(reader, out->ptr + out->len, PIECE, &got, err);
        if (done)
            out->len += got;
    }
    object_close(reader);
    if (done && info && out->len != info->bytes)
        done = fail(err, E_OBJECT_CHANGED, "the object store gave %zu bytes of an image of %llu", out->len,
                    (unsigned long long)info->bytes);
    return done;
}

static bool inspect(const struct check *check, struct object_name name, const struct object_info *info,
                    struct record *ret_record, struct err *err)
{
    struct buf bytes;
    struct image image;
    enum image_fault fault;
    buf_init(&bytes, check->limits.max_bytes + PIECE);
    bool done = read_object(check->objects, name, info, &bytes, err);
    if (done) {
        *ret_record = (struct record){ 0 };
        sha256_of(buf_span(&bytes), ret_record->key);
        int width = 0, height = 0;
        ret_record->sound = image_probe(buf_span(&bytes), &check->limits, &width, &height, &fault) &&
                            image_decode_near(buf_span(&bytes), &check->limits, LEARN_SIDE, &image, &fault);
        if (ret_record->sound) {
            ret_record->width = (uint32_t)width;
            ret_record->height = (uint32_t)height;
            alike_look(&image, ret_record->look);
            image_free(&image);
        }
    }
    buf_free(&bytes);
    return done;
}

static void key_of(struct object_name name, const char *etag, unsigned char ret_key[SHA256_BYTES])
{
    struct sha256 hash;
    sha256_init(&hash);
    sha256_update(&hash, name.bucket);
    sha256_update(&hash, SPAN_LIT("\0"));
    sha256_update(&hash, name.key);
    sha256_update(&hash, SPAN_LIT("\0"));
    sha256_update(&hash, span_str(etag));
    sha256_final(&hash, ret_key);
}

/* From what is kept, or anew. */
static bool learn_of(const struct check *check, struct object_name name, const struct object_info *info,
                     struct record *ret_record, struct err *err)
{
    unsigned char key[SHA256_BYTES];
    struct buf kept;
    char what[64]; /* whether it is sound is said of these limits */
    const struct features_name place = { key, no_backbone, what };
    (void)snprintf(what, sizeof what, "image2-%zu-%d-%d-%d", check->limits.max_bytes, check->limits.min_side,
                   check->limits.max_side, check->limits.max_aspect);
    key_of(name, info->etag, key);
    buf_init(&kept, RECORD_BYTES);
    bool known = check->features && features_get(check->features, &place, &kept) && kept.len == RECORD_BYTES;
    if (known)
        memcpy(ret_record, kept.ptr, RECORD_BYTES);
    buf_free(&kept);
    if (known)
        return true;
    if (!inspect(check, name, info, ret_record, err))
        return false;
    if (check->features)
        features_put(check->features, &place, span_of(ret_record, RECORD_BYTES));
    return true;
}

/* --- all of a side -------------------------------------------------------------------------------------------------
 */

struct round {
    const struct check *check;
    struct side *side;
    uint32_t *lines;
    size_t count;
    atomic_size_t done;
};

static bool check_one(void *ctx, unsigned thread, size_t i, struct err *err)
{
    struct round *round = ctx;
    struct line *line = &round->side->lines[round->lines[i]];
    struct object_name name = side_image(round->side, line);
    struct object_info info;
    struct record record = { 0 };
    (void)thread;
    bool done = false;
    /* one that is another when it is read than when it was looked at is looked at again */
    for (int tries = 0; !done && tries < 2 && (tries == 0 || err->code == E_OBJECT_CHANGED); tries++)
        done = object_stat(round->check->objects, name, &info, err) &&
               (info.bytes > round->check->limits.max_bytes || learn_of(round->check, name, &info, &record, err));
    if (!done && err->code != E_OBJECT && err->code != E_OBJECT_DENIED && err->code != E_OBJECT_CHANGED)
        return false;
    line->unread = !done;
    line->forbidden = !done && err->code == E_OBJECT_DENIED;
    line->bad_image = !done || !record.sound;
    if (line->bad_image)
        line->fate = LINE_INVALID;
    memcpy(line->key, record.key, sizeof line->key);
    memcpy(line->look, record.look, sizeof line->look);
    line->width = record.width;
    line->height = record.height;
    size_t so_far = atomic_fetch_add(&round->done, 1) + 1;
    if (so_far % REPORT_EVERY == 0)
        round->check->job->progress(round->check->job->ctx, "images", (double)so_far / (double)round->count);
    return true;
}

bool check_images(const struct check *check, struct side *side, struct err *err)
{
    struct round round = { .check = check, .side = side, .lines = mem_alloc((side->count + 1) * sizeof(uint32_t)) };
    for (size_t i = 0; i < side->count; i++)
        if (side->lines[i].fate == LINE_USABLE)
            round.lines[round.count++] = (uint32_t)i;
    bool done = learn_each(check->job, round.count, check_one, &round, err);
    free(round.lines);
    return done;
}

bool check_fetch(struct object_store *objects, struct object_name name, const struct image_limits *limits, int side,
                 struct image *ret_image, struct err *err)
{
    struct buf bytes;
    enum image_fault fault = IMAGE_OK;
    struct err why = { 0 };
    buf_init(&bytes, limits->max_bytes + PIECE);
    bool done = read_object(objects, name, NULL, &bytes, &why);
    if (!done)
        fail(err, E_INTERNAL, "An image that was sound cannot be read any more: %s", why.text);
    else if (!image_decode_near(buf_span(&bytes), limits, side, ret_image, &fault))
        done = fail(err, E_INTERNAL, "An image that was sound has changed: %s", image_fault_name(fault));
    buf_free(&bytes);
    return done;
}
