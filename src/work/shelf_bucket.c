/* shelf_bucket: see shelf_bucket.h for the contract. Objects alone; the cache is shelf_cache.c. */
#include "work/shelf_bucket.h"

#include <unistd.h>

#include "aws/arn.h"
#include "base/log.h"
#include "train/file.h"
#include "vision/model_file.h"

enum { PIECE = 1024 * 1024, NAME_ROOM = 128 };

static const size_t file_max = 2000ul * 1024 * 1024;

const char *shelf_file_name(unsigned place, struct buf *room)
{
    CHECK(place < SHELF_FILES);
    if (place == SHELF_FILES - 1)
        return "result.json";
    if (place == SHELF_FILES - 2)
        return "model";
    buf_clear(room);
    buf_addf(room, "%s.json", train_output_names[place]);
    return buf_cstr(room);
}

/* PREFIX ACCOUNT/REGION/TIME-ID/NAME. The account, the region and the time make it the only one also where two stores
   were told of one bucket; names of projects are left out, for one may be "..". */
static struct object_name object_of(const struct shelf *shelf, const struct version *version, const char *name,
                                    struct buf *key)
{
    struct arn arn;
    CHECK(arn_parse(version->arn, &arn)); /* the store made it */
    buf_init(key, TRAIN_PATH_ROOM);
    buf_add(key, shelf->prefix);
    buf_addf(key, SPAN_FMT "/" SPAN_FMT "/" SPAN_FMT "-%lld/%s", SPAN_ARG(arn.place.account),
             SPAN_ARG(arn.place.region), SPAN_ARG(arn.number), (long long)version->id, name);
    return (struct object_name){ .bucket = shelf->bucket, .key = buf_span(key) };
}

static bool read_whole(const struct shelf *shelf, struct object_name name, struct buf *ret_content, struct err *err)
{
    struct object_reader *reader;
    struct object_info info;
    size_t before = ret_content->len;
    if (!object_stat(shelf->objects, name, &info, err) ||
        !object_open(shelf->objects, name, 0, span_str(info.etag), &reader, err))
        return false;
    bool done = true;
    for (size_t got = 1; done && got > 0;) {
        size_t room = ret_content->max - ret_content->len;
        char more;
        room = room < PIECE ? room : PIECE;
        if (room > 0)
            CHECK(buf_reserve(ret_content, room));
        done = room > 0 ? object_read(reader, ret_content->ptr + ret_content->len, room, &got, err)
                        : object_read(reader, &more, 1, &got, err);
        if (done && room == 0 && got > 0)
            done = fail(err, E_INTERNAL, "an object of a model is larger than it may be");
        else if (done)
            ret_content->len += got;
    }
    object_close(reader);
    if (done && ret_content->len - before != info.bytes)
        done = fail(err, E_INTERNAL, "the object store gave %zu bytes of an object of %llu", ret_content->len - before,
                    (unsigned long long)info.bytes);
    return done;
}

bool bucket_get(const struct shelf *shelf, const struct version *version, const char *name, struct buf *ret_content,
                bool *ret_found, struct err *err)
{
    struct buf key;
    struct err why = { 0 };
    size_t before = ret_content->len;
    bool done = read_whole(shelf, object_of(shelf, version, name, &key), ret_content, &why);
    *ret_found = done;
    buf_free(&key);
    if (!done)
        ret_content->len = before;
    if (!done && (why.code == E_OBJECT || why.code == E_OBJECT_DENIED))
        return true;
    return done || fail(err, E_INTERNAL, "%s", why.text); /* also one that was replaced meanwhile: asked for again */
}

bool bucket_stat(const struct shelf *shelf, const struct version *version, const char *name,
                 struct object_info *ret_info, struct err *err)
{
    struct buf key;
    bool done = object_stat(shelf->objects, object_of(shelf, version, name, &key), ret_info, err);
    buf_free(&key);
    return done;
}

bool bucket_put(const struct shelf *shelf, const struct version *version, const char *name, struct span content,
                struct err *err)
{
    struct buf key;
    struct err why = { 0 };
    const struct object_name object = object_of(shelf, version, name, &key);
    bool done = object_put(shelf->objects, object, content, &why);
    if (!done && why.code == E_OBJECT)
        done = object_bucket_make(shelf->objects, shelf->bucket, &why) &&
               object_put(shelf->objects, object, content, &why);
    buf_free(&key);
    return done || fail(err, E_INTERNAL, "a model cannot be kept in the bucket " SPAN_FMT ": %s",
                        SPAN_ARG(shelf->bucket), why.text);
}

static bool put_file(const struct shelf *shelf, const struct version *version, const char *folder, const char *name,
                     struct err *err)
{
    struct buf content, path;
    buf_init(&content, file_max);
    buf_init(&path, TRAIN_PATH_ROOM);
    bool done =
        access(file_path(&path, folder, name), F_OK) != 0 || /* an output that was not written */
        (file_read(buf_cstr(&path), &content, err) && bucket_put(shelf, version, name, buf_span(&content), err));
    buf_free(&content);
    buf_free(&path);
    return done;
}

bool bucket_keep(const struct shelf *shelf, const struct version *version, const char *folder,
                 bool (*go_on)(void *ctx, double share), void *ctx, struct err *err)
{
    struct buf room, path;
    bool done = true;
    buf_init(&room, NAME_ROOM);
    buf_init(&path, TRAIN_PATH_ROOM);
    for (unsigned i = 0; done && i < SHELF_FILES; i++) {
        if (go_on && !go_on(ctx, (double)i / SHELF_FILES))
            done = fail(err, E_LOST_LEASE, "the training is another node's, or the server ends");
        done = done && put_file(shelf, version, folder, shelf_file_name(i, &room), err);
    }
    if (done && access(file_path(&path, folder, "model"), F_OK) == 0)
        cache_note(shelf, version, folder);
    for (unsigned i = 0; done && i < SHELF_FILES; i++)
        if (i != SHELF_FILES - 2) /* the model */
            unlink(file_path(&path, folder, shelf_file_name(i, &room)));
    buf_free(&path);
    buf_free(&room);
    return done;
}

/* result.json goes first: while it is there the rest is. */
bool bucket_drop(const struct shelf *shelf, const struct version *version, struct err *err)
{
    struct buf key, room;
    struct err why = { 0 };
    bool done = true;
    buf_init(&room, NAME_ROOM);
    for (unsigned i = SHELF_FILES; done && i-- > 0;) {
        done = object_remove(shelf->objects, object_of(shelf, version, shelf_file_name(i, &room), &key), &why);
        buf_free(&key);
    }
    buf_free(&room);
    return done || fail(err, E_INTERNAL, "a model cannot be removed from the bucket " SPAN_FMT ": %s",
                        SPAN_ARG(shelf->bucket), why.text);
}
