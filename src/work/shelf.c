/* shelf: see shelf.h for the contract. */
#include "work/shelf.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "train/file.h"
#include "train/request.h"
#include "vision/model_file.h"

static const size_t output_max = 2000ul * 1024 * 1024;

void shelf_folder(const char *data, int64_t version_id, struct buf *ret_path)
{
    buf_addf(ret_path, "%s/models/%lld", data, (long long)version_id);
}

void shelf_keep_model(const char *folder)
{
    static const char *const names[] = { "request.json", "train.lines", "test.lines", "checkpoint", "spent", "lock" };
    struct buf path;
    buf_init(&path, TRAIN_PATH_ROOM);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unlink(file_path(&path, folder, names[i]));
    buf_free(&path);
}

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

bool shelf_drop(const char *data, int64_t version_id, struct err *err)
{
    struct buf folder;
    buf_init(&folder, TRAIN_PATH_ROOM);
    shelf_folder(data, version_id, &folder);
    await_trainer(buf_cstr(&folder));
    bool done = file_remove_folder(buf_cstr(&folder), err);
    buf_free(&folder);
    return done;
}

/* One file of the source's folder to the copy's, and (with a key) to its bucket. */
static bool copy_file(const char *from, const char *to, const char *name, struct object_store *objects,
                      const struct object_name *object, struct err *err)
{
    struct buf content, path;
    buf_init(&content, object ? output_max : MODEL_FILE_MAX * 2ul);
    buf_init(&path, TRAIN_PATH_ROOM);
    bool done = file_read(file_path(&path, from, name), &content, err) &&
                file_replace(file_path(&path, to, name), buf_span(&content), true, err) &&
                (!object || object_put(objects, *object, buf_span(&content), err));
    buf_free(&content);
    buf_free(&path);
    return done;
}

static bool copy_outputs(const char *from_folder, const char *to_folder, struct object_store *objects,
                         const struct version *from, const struct version *to, unsigned *ret_outputs, struct err *err)
{
    struct arena arena;
    struct buf name;
    bool done = true;
    arena_init(&arena);
    buf_init(&name, TRAIN_PATH_ROOM);
    for (unsigned i = 0; done && i < TRAIN_OUTPUTS; i++) {
        if (!(from->outputs & 1u << i))
            continue;
        const struct object_name object = { .bucket = to->output_bucket,
                                            .key = version_output_key(&arena, to, (enum version_output)(1u << i)) };
        buf_clear(&name);
        buf_addf(&name, "%s.json", train_output_names[i]);
        done = copy_file(from_folder, to_folder, buf_cstr(&name), objects, &object, err);
        if (done)
            *ret_outputs |= 1u << i;
    }
    buf_free(&name);
    arena_free(&arena);
    return done;
}

bool shelf_copy(const char *data, struct object_store *objects, const struct version *from, const struct version *to,
                unsigned *ret_outputs, struct err *err)
{
    struct buf source, copy;
    unsigned outputs = 0;
    buf_init(&source, TRAIN_PATH_ROOM);
    buf_init(&copy, TRAIN_PATH_ROOM);
    shelf_folder(data, from->id, &source);
    shelf_folder(data, to->id, &copy);
    bool done = file_make_folder(buf_cstr(&copy), err) &&
                copy_outputs(buf_cstr(&source), buf_cstr(&copy), objects, from, to, &outputs, err) &&
                copy_file(buf_cstr(&source), buf_cstr(&copy), "model", NULL, NULL, err);
    if (done)
        *ret_outputs = outputs;
    buf_free(&source);
    buf_free(&copy);
    return done;
}
