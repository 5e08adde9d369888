/*
 * shelf_cache: models of a bucket as files of DATA/models, and how one is had.
 *
 * What is fetched is judged by the sum inside of a model's file before it is kept, and so is what was kept before it is
 * used: a disk or a network that flips a bit costs another fetch. A version's model never changes, but its id may come
 * again where an older backup was restored: hence the ARN in `source`.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "train/file.h"
#include "vision/model_file.h"
#include "work/shelf_bucket.h"

enum { SOURCE_ROOM = 4096, FETCHES = 2, ABANDONED_S = 24 * 3600 };

static bool is_sound(struct span file, struct err *err)
{
    struct arena arena;
    struct model model;
    arena_init(&arena);
    bool sound = model_read(file, &arena, &model, err);
    arena_free(&arena);
    return sound;
}

/* --- the note ------------------------------------------------------------------------------------------------------
 */

static void write_note(const struct version *version, const char *folder, const char *etag)
{
    struct buf path, text;
    struct err why;
    buf_init(&path, TRAIN_PATH_ROOM);
    buf_init(&text, SOURCE_ROOM);
    buf_addf(&text, SPAN_FMT "\n%s\n", SPAN_ARG(version->arn), etag);
    if (!file_replace(file_path(&path, folder, "source"), buf_span(&text), false, &why))
        log_line(LOG_WARN, "a model is not cached", LOG_T("version", version->arn), LOG_S("why", why.text));
    buf_free(&text);
    buf_free(&path);
}

void cache_note(const struct shelf *shelf, const struct version *version, const char *folder)
{
    struct object_info info;
    struct err why;
    if (bucket_stat(shelf, version, "model", &info, &why))
        write_note(version, folder, info.etag);
}

/* The etag of the folder's model; false: there is none of this version. */
static bool read_note(const struct version *version, const char *folder, char ret_etag[OBJECT_ETAG_ROOM])
{
    struct buf path, text;
    struct err why;
    buf_init(&path, TRAIN_PATH_ROOM);
    buf_init(&text, SOURCE_ROOM);
    bool found = file_read(file_path(&path, folder, "source"), &text, &why);
    struct span rest = buf_span(&text), arn = span_cut(&rest, '\n'), etag = span_cut(&rest, '\n');
    found = found && span_eq(arn, version->arn) && rest.ptr && etag.len < OBJECT_ETAG_ROOM;
    if (found) {
        snprintf(ret_etag, OBJECT_ETAG_ROOM, SPAN_FMT, SPAN_ARG(etag));
        utimensat(AT_FDCWD, buf_cstr(&path), NULL, 0); /* used now */
    }
    buf_free(&text);
    buf_free(&path);
    return found;
}

/* --- its size ------------------------------------------------------------------------------------------------------
 */

struct cached {
    int64_t id;
    int64_t used_ns, bytes;
};

static bool file_stat(const char *folder, const char *name, struct stat *ret_info)
{
    struct buf path;
    buf_init(&path, TRAIN_PATH_ROOM);
    bool found = stat(file_path(&path, folder, name), ret_info) == 0;
    buf_free(&path);
    return found;
}

/* A training that another node has taken over leaves its folder here. */
static bool is_abandoned(const char *folder)
{
    struct stat info;
    struct buf path;
    bool free_to_take = true;
    if (!file_stat(folder, "request.json", &info) || info.st_mtim.tv_sec + ABANDONED_S > clock_wall_ms() / 1000)
        return false;
    buf_init(&path, TRAIN_PATH_ROOM);
    int lock = open(file_path(&path, folder, "lock"), O_RDWR | O_CLOEXEC);
    buf_free(&path);
    if (lock >= 0) {
        free_to_take = flock(lock, LOCK_EX | LOCK_NB) == 0;
        close(lock);
    }
    return free_to_take;
}

static void remove_folder(const char *folder)
{
    struct err why;
    if (!file_remove_folder(folder, &why))
        log_line(LOG_WARN, "a cached model is not removed", LOG_S("why", why.text));
}

/* The folders that are a cache; what was abandoned goes on the way. Models that were kept for good are left alone. */
static size_t list_cached(const struct shelf *shelf, struct cached **ret_list)
{
    struct buf path, folder;
    struct stat note, model;
    size_t count = 0, room = 0;
    buf_init(&path, TRAIN_PATH_ROOM);
    buf_init(&folder, TRAIN_PATH_ROOM);
    DIR *all = opendir(file_path(&path, shelf->data, "models"));
    const struct dirent *entry;
    while (all && (entry = readdir(all))) {
        uint64_t id;
        if (!span_to_u64(span_str(entry->d_name), INT64_MAX, &id))
            continue;
        file_path(&folder, buf_cstr(&path), entry->d_name);
        if (!file_stat(buf_cstr(&folder), "source", &note)) {
            if (is_abandoned(buf_cstr(&folder)))
                remove_folder(buf_cstr(&folder));
            continue;
        }
        if (count == room)
            *ret_list = mem_grow(*ret_list, (room = 2 * room + 16) * sizeof **ret_list);
        int64_t bytes = file_stat(buf_cstr(&folder), "model", &model) ? model.st_size : 0;
        (*ret_list)[count++] =
            (struct cached){ (int64_t)id, note.st_mtim.tv_sec * INT64_C(1000000000) + note.st_mtim.tv_nsec, bytes };
    }
    if (all)
        closedir(all);
    buf_free(&folder);
    buf_free(&path);
    return count;
}

static int by_use(const void *a, const void *b)
{
    const struct cached *x = a, *y = b;
    return x->used_ns < y->used_ns ? -1 : x->used_ns > y->used_ns;
}

void cache_trim(const struct shelf *shelf, int64_t version_id)
{
    struct cached *list = NULL;
    struct buf folder;
    size_t count = list_cached(shelf, &list);
    int64_t bytes = 0;
    buf_init(&folder, TRAIN_PATH_ROOM);
    for (size_t i = 0; i < count; i++)
        bytes += list[i].bytes;
    if (count > 0)
        qsort(list, count, sizeof *list, by_use);
    for (size_t i = 0; i < count && bytes > shelf->cache_bytes; i++) {
        if (list[i].id == version_id)
            continue;
        buf_clear(&folder);
        shelf_folder(shelf, list[i].id, &folder);
        remove_folder(buf_cstr(&folder));
        bytes -= list[i].bytes;
    }
    buf_free(&folder);
    free(list);
}

/* --- a model -------------------------------------------------------------------------------------------------------
 */

/* From the disk, if it is whole; else nothing is appended. */
static bool take_cached(const struct version *version, const char *folder, char ret_etag[OBJECT_ETAG_ROOM],
                        struct buf *ret_file)
{
    struct buf path;
    struct err why = { 0 };
    size_t before = ret_file->len;
    if (!read_note(version, folder, ret_etag))
        return false;
    buf_init(&path, TRAIN_PATH_ROOM);
    bool sound = file_read(file_path(&path, folder, "model"), ret_file, &why) &&
                 is_sound(span_from(buf_span(ret_file), before), &why);
    buf_free(&path);
    if (sound)
        return true;
    log_line(LOG_WARN, "a cached model is damaged and fetched again", LOG_T("version", version->arn),
             LOG_S("why", why.text));
    ret_file->len = before;
    return false;
}

static void put_in_cache(const struct shelf *shelf, const struct version *version, const char *folder, const char *etag,
                         struct span file)
{
    struct buf path;
    struct err why;
    buf_init(&path, TRAIN_PATH_ROOM);
    if (file_make_folder(folder, &why) && file_replace(file_path(&path, folder, "model"), file, false, &why))
        write_note(version, folder, etag);
    else
        log_line(LOG_WARN, "a model is not cached", LOG_T("version", version->arn), LOG_S("why", why.text));
    buf_free(&path);
    cache_trim(shelf, version->id);
}

static bool fetch(const struct shelf *shelf, const struct version *version, struct buf *ret_file, struct err *err)
{
    struct err why = { 0 };
    size_t before = ret_file->len;
    for (int i = 0; i < FETCHES; i++) {
        bool found;
        if (!bucket_get(shelf, version, "model", ret_file, &found, err))
            return false;
        if (!found)
            return fail(err, E_NOT_READY, "The model's file is not there, or may not be read.");
        if (is_sound(span_from(buf_span(ret_file), before), &why))
            return true;
        log_line(LOG_WARN, "a model arrived damaged", LOG_T("version", version->arn), LOG_S("why", why.text));
        ret_file->len = before;
    }
    return fail_sentence(err, E_NOT_READY, &why);
}

bool bucket_model(const struct shelf *shelf, const struct version *version, struct buf *ret_file, struct err *err)
{
    struct buf folder;
    struct object_info info;
    struct err why = { 0 };
    char etag[OBJECT_ETAG_ROOM];
    buf_init(&folder, TRAIN_PATH_ROOM);
    shelf_folder(shelf, version->id, &folder);
    size_t before = ret_file->len;
    bool cached = take_cached(version, buf_cstr(&folder), etag, ret_file);
    bool known = bucket_stat(shelf, version, "model", &info, &why), done = cached;
    if (!known && (why.code == E_OBJECT || why.code == E_OBJECT_DENIED)) {
        done = fail(err, E_NOT_READY, "The model's file is not there, or may not be read.");
    } else if (!known && cached) {
        log_line(LOG_WARN, "a model is served as it was cached", LOG_T("version", version->arn),
                 LOG_S("why", why.text));
    } else if (!known) {
        done = fail(err, E_INTERNAL, "%s", why.text);
    } else if (!cached || strcmp(info.etag, etag) != 0) {
        ret_file->len = before;
        done = fetch(shelf, version, ret_file, err);
        if (done)
            put_in_cache(shelf, version, buf_cstr(&folder), info.etag, span_from(buf_span(ret_file), before));
    }
    if (!done)
        ret_file->len = before;
    buf_free(&folder);
    return done;
}
