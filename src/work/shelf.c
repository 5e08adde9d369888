/* shelf: see shelf.h for the contract. The folder's half, and which half it is. */
#include "work/shelf.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"
#include "train/file.h"
#include "vision/model_file.h"
#include "work/shelf_bucket.h"

enum { RESULT_MAX = 1024 * 1024 };

static const size_t output_max = 2000ul * 1024 * 1024;

void shelf_folder(const struct shelf *shelf, int64_t version_id, struct buf *ret_path)
{
    buf_addf(ret_path, "%s/models/%lld", shelf->data, (long long)version_id);
}

static bool has_file(const char *folder, const char *name)
{
    struct buf path;
    buf_init(&path, TRAIN_PATH_ROOM);
    bool found = access(file_path(&path, folder, name), F_OK) == 0;
    buf_free(&path);
    return found;
}

/* --- keeping -------------------------------------------------------------------------------------------------------
 */

static void leave_model(const char *folder)
{
    static const char *const names[] = { "request.json", "train.lines", "test.lines", "checkpoint", "spent", "lock" };
    struct buf path;
    buf_init(&path, TRAIN_PATH_ROOM);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unlink(file_path(&path, folder, names[i]));
    buf_free(&path);
}

bool shelf_keep(const struct shelf *shelf, const struct version *version, bool (*go_on)(void *ctx, double share),
                void *ctx, struct err *err)
{
    struct buf folder;
    buf_init(&folder, TRAIN_PATH_ROOM);
    shelf_folder(shelf, version->id, &folder);
    bool done = shelf->bucket.len == 0 || bucket_keep(shelf, version, buf_cstr(&folder), go_on, ctx, err);
    if (done)
        leave_model(buf_cstr(&folder));
    if (done && shelf->bucket.len > 0)
        cache_trim(shelf, version->id);
    buf_free(&folder);
    return done;
}

/* Puts a model that was kept for good into the bucket that there is now. */
static bool bring_in(const struct shelf *shelf, const struct version *version, struct err *err)
{
    struct buf folder;
    bool done = true;
    buf_init(&folder, TRAIN_PATH_ROOM);
    shelf_folder(shelf, version->id, &folder);
    const char *path = buf_cstr(&folder);
    if (has_file(path, "model") && !has_file(path, "source") && !has_file(path, "request.json")) {
        log_line(LOG_INFO, "a model goes into the bucket", LOG_T("version", version->arn));
        done = bucket_keep(shelf, version, path, NULL, NULL, err);
    }
    buf_free(&folder);
    return done;
}

static bool read_file(const char *folder, const char *name, struct buf *ret_content, bool *ret_found, struct err *err)
{
    struct buf path;
    struct err why;
    buf_init(&path, TRAIN_PATH_ROOM);
    *ret_found = file_read(file_path(&path, folder, name), ret_content, &why);
    buf_free(&path);
    return *ret_found || why.code == E_NOT_FOUND || fail(err, why.code, "%s", why.text);
}

/* One that is of another version, whose id came again when an older backup was restored, is none. */
static bool is_of(const struct version *version, struct span text, struct arena *arena, struct train_result *ret_result)
{
    struct err why;
    return train_result_read(text, arena, ret_result, &why) && span_eq(ret_result->version_arn, version->arn);
}

bool shelf_result(const struct shelf *shelf, const struct version *version, bool elsewhere, struct arena *arena,
                  struct train_result *ret_result, bool *ret_found, struct err *err)
{
    struct buf folder, text;
    buf_init(&folder, TRAIN_PATH_ROOM);
    buf_init(&text, RESULT_MAX);
    shelf_folder(shelf, version->id, &folder);
    bool done = read_file(buf_cstr(&folder), "result.json", &text, ret_found, err);
    if (done && *ret_found) {
        *ret_found = is_of(version, buf_span(&text), arena, ret_result);
        if (!*ret_found)
            done = file_remove_folder(buf_cstr(&folder), err);
    }
    if (done && !*ret_found && elsewhere && shelf->bucket.len > 0) {
        buf_clear(&text);
        done = bucket_get(shelf, version, "result.json", &text, ret_found, err);
        if (done && *ret_found)
            *ret_found = is_of(version, buf_span(&text), arena, ret_result);
        if (done && *ret_found) /* what an earlier attempt left here is not what was kept */
            done = file_remove_folder(buf_cstr(&folder), err);
    }
    buf_free(&text);
    buf_free(&folder);
    return done;
}

/* --- reading -------------------------------------------------------------------------------------------------------
 */

bool shelf_model(const struct shelf *shelf, const struct version *version, struct buf *ret_file, struct err *err)
{
    struct buf folder;
    bool found = false;
    if (shelf->bucket.len > 0)
        return bring_in(shelf, version, err) && bucket_model(shelf, version, ret_file, err);
    buf_init(&folder, TRAIN_PATH_ROOM);
    shelf_folder(shelf, version->id, &folder);
    bool done = read_file(buf_cstr(&folder), "model", ret_file, &found, err);
    buf_free(&folder);
    return done && (found || fail(err, E_NOT_READY, "The model's file is not there."));
}

/* --- the end -------------------------------------------------------------------------------------------------------
 */

/* A trainer of a server that was killed ends by itself within moments. */
static void await_trainer(const char *folder)
{
    struct buf path;
    buf_init(&path, TRAIN_PATH_ROOM);
    int lock = open(file_path(&path, folder, "lock"), O_RDWR | O_CLOEXEC);
    if (lock >= 0) {
        (void)!flock(lock, LOCK_EX);
        close(lock);
    }
    buf_free(&path);
}

bool shelf_drop(const struct shelf *shelf, const struct version *version, struct err *err)
{
    struct buf folder;
    buf_init(&folder, TRAIN_PATH_ROOM);
    shelf_folder(shelf, version->id, &folder);
    await_trainer(buf_cstr(&folder));
    bool done =
        file_remove_folder(buf_cstr(&folder), err) && (shelf->bucket.len == 0 || bucket_drop(shelf, version, err));
    buf_free(&folder);
    return done;
}

/* --- copying -------------------------------------------------------------------------------------------------------
 */

/* One file of the source to the copy's place, and (with a key) to its bucket. */
static bool copy_file(const struct shelf *shelf, const struct version *from, const struct version *to, const char *name,
                      const struct object_name *object, struct err *err)
{
    struct buf content, folder, path;
    bool found = false;
    buf_init(&content, object ? output_max : MODEL_FILE_MAX * 2ul);
    buf_init(&folder, TRAIN_PATH_ROOM);
    buf_init(&path, TRAIN_PATH_ROOM);
    shelf_folder(shelf, from->id, &folder);
    bool bucket = shelf->bucket.len > 0;
    bool done = bucket ? bucket_get(shelf, from, name, &content, &found, err)
                       : read_file(buf_cstr(&folder), name, &content, &found, err);
    if (done && !found)
        done = fail(err, E_NOT_READY, "A file of the model to copy is not there, or may not be read.");
    buf_clear(&folder);
    shelf_folder(shelf, to->id, &folder);
    done =
        done && (bucket ? bucket_put(shelf, to, name, buf_span(&content), err)
                        : file_make_folder(buf_cstr(&folder), err) &&
                              file_replace(file_path(&path, buf_cstr(&folder), name), buf_span(&content), true, err));
    done = done && (!object || object_put(shelf->objects, *object, buf_span(&content), err));
    buf_free(&content);
    buf_free(&folder);
    buf_free(&path);
    return done;
}

static bool copy_outputs(const struct shelf *shelf, const struct version *from, const struct version *to,
                         unsigned *ret_outputs, struct err *err)
{
    struct arena arena;
    struct buf room;
    bool done = true;
    arena_init(&arena);
    buf_init(&room, TRAIN_PATH_ROOM);
    for (unsigned i = 0; done && i < TRAIN_OUTPUTS; i++) {
        if (!(from->outputs & 1u << i))
            continue;
        const struct object_name object = { .bucket = to->output_bucket,
                                            .key = version_output_key(&arena, to, (enum version_output)(1u << i)) };
        done = copy_file(shelf, from, to, shelf_file_name(i, &room), &object, err);
        if (done)
            *ret_outputs |= 1u << i;
    }
    buf_free(&room);
    arena_free(&arena);
    return done;
}

bool shelf_copy(const struct shelf *shelf, const struct version *from, const struct version *to, unsigned *ret_outputs,
                struct err *err)
{
    unsigned outputs = 0;
    bool done = (shelf->bucket.len == 0 || bring_in(shelf, from, err)) &&
                copy_outputs(shelf, from, to, &outputs, err) && copy_file(shelf, from, to, "model", NULL, err);
    if (done)
        *ret_outputs = outputs;
    return done;
}
