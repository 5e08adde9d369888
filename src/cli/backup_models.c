/* backup_models: see backup_models.h for the contract. */
#include "cli/backup_models.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/ident.h"
#include "store/backup_models.h"
#include "train/file.h"
#include "train/request.h"

/* --- into a backup -------------------------------------------------------------------------------------------------
 */

struct packing {
    struct backup_models *models;
    const char *data;
    char *part;
    struct model_counts counts;
};

/* A file that is not there is none: a version has the outputs that were written, and may be deleted meanwhile. */
static bool pack_file(struct packing *packing, int64_t id, const char *name, bool *ret_found, struct err *err)
{
    struct buf path;
    buf_init(&path, TRAIN_PATH_ROOM);
    buf_addf(&path, "%s/models/%lld/%s", packing->data, (long long)id, name);
    int file = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC);
    *ret_found = file >= 0;
    bool done = file >= 0 || errno == ENOENT || fail(err, E_INTERNAL, "%s cannot be read", buf_cstr(&path));
    ssize_t got = file >= 0 ? 1 : 0;
    for (int64_t part = 0; done && got > 0; part++) {
        size_t len = 0;
        while (len < BACKUP_PART_BYTES && (got = read(file, packing->part + len, BACKUP_PART_BYTES - len)) > 0)
            len += (size_t)got;
        done = got >= 0 || fail(err, E_INTERNAL, "%s cannot be read: %s", buf_cstr(&path), strerror(errno));
        done = done && backup_models_put(packing->models, id, span_str(name), part, span_of(packing->part, len), err);
        packing->counts.bytes += (int64_t)len;
    }
    if (file >= 0)
        close(file);
    buf_free(&path);
    return done;
}

static bool has(const struct packing *packing, int64_t id, const char *name)
{
    struct buf path;
    buf_init(&path, TRAIN_PATH_ROOM);
    buf_addf(&path, "%s/models/%lld/%s", packing->data, (long long)id, name);
    bool found = access(buf_cstr(&path), F_OK) == 0;
    buf_free(&path);
    return found;
}

static bool pack_version(struct packing *packing, int64_t id, bool bucket, struct err *err)
{
    struct buf name;
    bool found, done = true;
    if (bucket && (!has(packing, id, "model") || has(packing, id, "source"))) {
        packing->counts.elsewhere++;
        return true;
    }
    buf_init(&name, TRAIN_PATH_ROOM);
    for (unsigned i = 0; done && i < TRAIN_OUTPUTS; i++) {
        buf_clear(&name);
        buf_addf(&name, "%s.json", train_output_names[i]);
        done = pack_file(packing, id, buf_cstr(&name), &found, err);
    }
    done = done && pack_file(packing, id, "result.json", &found, err) && pack_file(packing, id, "model", &found, err);
    if (done)
        *(found ? &packing->counts.kept : &packing->counts.missing) += 1;
    buf_free(&name);
    return done;
}

bool models_pack(const char *data, struct span place, bool bucket, struct model_counts *ret_counts, struct err *err)
{
    struct packing packing = { .data = data };
    struct arena arena;
    int64_t *ids;
    size_t count = 0;
    if (!backup_models_open(place, &packing.models, err))
        return false;
    packing.part = mem_alloc(BACKUP_PART_BYTES);
    arena_init(&arena);
    bool done = backup_models_versions(packing.models, &arena, &ids, &count, err);
    for (size_t i = 0; done && i < count; i++)
        done = pack_version(&packing, ids[i], bucket, err);
    arena_free(&arena);
    free(packing.part);
    struct err why;
    if (!backup_models_close(packing.models, done, done ? err : &why) || !done)
        return false;
    *ret_counts = packing.counts;
    return true;
}

/* --- out of one ----------------------------------------------------------------------------------------------------
 */

struct unpacking {
    const char *into;
    int file; /* -1: none is open */
    struct model_counts counts;
};

/* A backup may have been made by others: a name is one that this program gives. */
static bool is_ours(struct span name)
{
    if (span_is(name, "model") || span_is(name, "result.json"))
        return true;
    for (unsigned i = 0; i < TRAIN_OUTPUTS; i++) {
        struct span output = span_str(train_output_names[i]);
        if (span_starts(name, output) && span_is(span_from(name, output.len), ".json"))
            return true;
    }
    return false;
}

static bool end_file(struct unpacking *unpacking)
{
    bool done = unpacking->file < 0 || fsync(unpacking->file) == 0;
    if (unpacking->file >= 0)
        done = close(unpacking->file) == 0 && done;
    unpacking->file = -1;
    return done;
}

static bool take_part(void *ctx, int64_t version_id, struct span name, int64_t part, struct span content,
                      struct err *err)
{
    struct unpacking *unpacking = ctx;
    struct buf path;
    bool done = true;
    if (!is_ours(name))
        return fail(err, E_CONFIG, "the backup holds a file of a model that is none");
    if (part == 0) {
        buf_init(&path, TRAIN_PATH_ROOM);
        buf_addf(&path, "%s/%lld", unpacking->into, (long long)version_id);
        done = end_file(unpacking) && file_make_folder(buf_cstr(&path), err);
        buf_addf(&path, "/" SPAN_FMT, SPAN_ARG(name));
        if (done)
            unpacking->file = open(buf_cstr(&path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        buf_free(&path);
        unpacking->counts.kept += span_is(name, "model");
    }
    unpacking->counts.bytes += (int64_t)content.len;
    while (done && unpacking->file >= 0 && content.len > 0) {
        ssize_t put = write(unpacking->file, content.ptr, content.len);
        done = put > 0;
        content = done ? span_from(content, (size_t)put) : content;
    }
    return (done && unpacking->file >= 0) || fail(err, E_INTERNAL, "a model cannot be written: %s", strerror(errno));
}

bool models_unpack(struct span place, const char *into, struct model_counts *ret_counts, struct err *err)
{
    struct unpacking unpacking = { .into = into, .file = -1 };
    struct backup_models *models;
    struct err why;
    if (!backup_models_open(place, &models, err))
        return false;
    bool done = backup_models_each(models, take_part, &unpacking, err);
    if (!end_file(&unpacking) && done)
        done = fail(err, E_INTERNAL, "a model cannot be written: %s", strerror(errno));
    if (!backup_models_close(models, done, done ? err : &why) || !done)
        return false;
    *ret_counts = unpacking.counts;
    return backup_models_strip(place, err);
}

/* --- changing places -----------------------------------------------------------------------------------------------
 */

void models_swap_init(struct models_swap *swap, const char *data)
{
    char uuid[37];
    ident_uuid(uuid);
    *swap = (struct models_swap){ .swapped = false };
    buf_init(&swap->place, TRAIN_PATH_ROOM);
    buf_init(&swap->fresh, TRAIN_PATH_ROOM);
    buf_init(&swap->old, TRAIN_PATH_ROOM);
    buf_addf(&swap->place, "%s/models", data);
    buf_addf(&swap->fresh, "%s/models.%s.part", data, uuid);
    buf_addf(&swap->old, "%s/models.%s.old", data, uuid);
}

static bool move(struct buf *from, struct buf *to, struct err *err)
{
    return rename(buf_cstr(from), buf_cstr(to)) == 0 || errno == ENOENT ||
           fail(err, E_INTERNAL, "%s cannot be moved: %s", buf_cstr(from), strerror(errno));
}

bool models_swap(struct models_swap *swap, struct err *err)
{
    if (!move(&swap->place, &swap->old, err))
        return false;
    swap->swapped = true;
    return move(&swap->fresh, &swap->place, err);
}

/* Two levels: a folder of folders of files. */
static void remove_all(const char *path)
{
    struct buf inner;
    struct err why;
    DIR *folder = opendir(path);
    const struct dirent *entry;
    buf_init(&inner, TRAIN_PATH_ROOM);
    while (folder && (entry = readdir(folder)))
        if (entry->d_name[0] != '.' && !file_remove_folder(file_path(&inner, path, entry->d_name), &why))
            fprintf(stderr, "placard restore: %s\n", why.text);
    if (folder)
        closedir(folder);
    rmdir(path);
    buf_free(&inner);
}

void models_swap_end(struct models_swap *swap, bool done)
{
    struct err why;
    if (!done && swap->swapped) {
        remove_all(buf_cstr(&swap->place));
        if (!move(&swap->old, &swap->place, &why))
            fprintf(stderr, "placard restore: %s\n", why.text);
    }
    remove_all(buf_cstr(&swap->old));
    remove_all(buf_cstr(&swap->fresh));
    buf_free(&swap->place);
    buf_free(&swap->fresh);
    buf_free(&swap->old);
}
