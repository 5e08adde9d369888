/* feature_cache: see feature_cache.h for the contract. */
#include "train/feature_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "aws/sha256.h"
#include "base/clock.h"
#include "train/file.h"

enum { PATH_ROOM = 8192, SUM_BYTES = 8, FOLDERS = 256, ITEM_MAX = 256 * 1024 * 1024, WRITE_S = 60 };

struct features {
    char *folder;
    int64_t bytes_max;
    _Atomic int64_t bytes;
    atomic_uint_least64_t hits, misses;
    pthread_mutex_t lock; /* one tidies at a time */
};

/* --- what is there -------------------------------------------------------------------------------------------------
 */

struct kept {
    int64_t used_ns; /* when it was written or last read */
    int64_t bytes;
    unsigned char folder;
    char name[2 * SHA256_BYTES];
};

struct listing {
    struct kept *list;
    size_t count, room;
    int64_t bytes;
};

static void list_folder(const struct features *features, unsigned number, struct listing *listing)
{
    struct buf path;
    buf_init(&path, PATH_ROOM);
    buf_addf(&path, "%s/%02x", features->folder, number);
    DIR *folder = opendir(buf_cstr(&path));
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        struct stat info;
        size_t len = strlen(entry->d_name);
        if (entry->d_name[0] == '.' || fstatat(dirfd(folder), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (len >= sizeof listing->list->name) { /* being written, or a write that was cut off */
            if (info.st_mtim.tv_sec + WRITE_S < clock_wall_ms() / 1000)
                unlinkat(dirfd(folder), entry->d_name, 0);
            continue;
        }
        if (listing->count == listing->room) {
            listing->room = listing->room ? listing->room * 2 : 1024;
            listing->list = mem_grow(listing->list, listing->room * sizeof *listing->list);
        }
        struct kept *kept = &listing->list[listing->count++];
        *kept = (struct kept){ .used_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec,
                               .bytes = (int64_t)info.st_blocks * 512,
                               .folder = (unsigned char)number };
        memcpy(kept->name, entry->d_name, len + 1);
        listing->bytes += kept->bytes;
    }
    if (folder)
        closedir(folder);
    buf_free(&path);
}

static void list_all(const struct features *features, struct listing *ret_listing)
{
    *ret_listing = (struct listing){ 0 };
    for (unsigned i = 0; i < FOLDERS; i++)
        list_folder(features, i, ret_listing);
}

static int by_use(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;
    return x->used_ns < y->used_ns ? -1 : x->used_ns > y->used_ns;
}

/* Brings it to nine tenths of the bound, so that not every further item tidies anew. */
static void tidy(struct features *features)
{
    struct listing listing;
    struct buf path;
    pthread_mutex_lock(&features->lock);
    buf_init(&path, PATH_ROOM);
    list_all(features, &listing);
    if (listing.bytes > features->bytes_max) {
        qsort(listing.list, listing.count, sizeof *listing.list, by_use);
        int64_t aim = features->bytes_max / 10 * 9;
        for (size_t i = 0; i < listing.count && listing.bytes > aim; i++) {
            buf_clear(&path);
            buf_addf(&path, "%s/%02x/%s", features->folder, listing.list[i].folder, listing.list[i].name);
            if (unlink(buf_cstr(&path)) == 0)
                listing.bytes -= listing.list[i].bytes;
        }
    }
    atomic_store(&features->bytes, listing.bytes);
    free(listing.list);
    buf_free(&path);
    pthread_mutex_unlock(&features->lock);
}

/* --- items ---------------------------------------------------------------------------------------------------------
 */

/* FOLDER/ab/the first 30 bytes of a hash in hexadecimal. */
static void path_of(const struct features *features, const struct features_name *name, bool make, struct buf *ret_path)
{
    struct sha256 hash;
    unsigned char digest[SHA256_BYTES];
    sha256_init(&hash);
    sha256_update(&hash, span_of(name->key, FEATURES_KEY_BYTES));
    sha256_update(&hash, span_of(name->space, FEATURES_KEY_BYTES));
    sha256_update(&hash, span_str(name->what));
    sha256_final(&hash, digest);
    buf_addf(ret_path, "%s/%02x", features->folder, digest[0]);
    if (make)
        mkdir(buf_cstr(ret_path), 0700);
    buf_add_char(ret_path, '/');
    buf_add_hex(ret_path, digest + 1, 30);
}

bool features_open(const char *folder, int64_t bytes_max, struct features **ret_features, struct err *err)
{
    if (!file_make_folder(folder, err))
        return false;
    struct features *features = mem_zero(1, sizeof *features);
    features->folder = mem_dup(folder, strlen(folder));
    features->bytes_max = bytes_max;
    pthread_mutex_init(&features->lock, NULL);
    tidy(features);
    *ret_features = features;
    return true;
}

void features_close(struct features *features)
{
    if (!features)
        return;
    pthread_mutex_destroy(&features->lock);
    free(features->folder);
    free(features);
}

/* The bytes lie behind their checksum. */
static bool is_sound(struct span content)
{
    if (content.len < SUM_BYTES)
        return false;
    uint64_t want, sum = XXH3_64bits(content.ptr + SUM_BYTES, content.len - SUM_BYTES);
    memcpy(&want, content.ptr, SUM_BYTES);
    return want == sum;
}

bool features_get(struct features *features, const struct features_name *name, struct buf *ret_bytes)
{
    struct buf path, content;
    struct err err;
    buf_init(&path, PATH_ROOM);
    buf_init(&content, ITEM_MAX);
    path_of(features, name, false, &path);
    bool found = file_read(buf_cstr(&path), &content, &err) && is_sound(buf_span(&content));
    if (found) {
        buf_add(ret_bytes, span_from(buf_span(&content), SUM_BYTES));
        utimensat(AT_FDCWD, buf_cstr(&path), NULL, 0); /* used now */
    }
    atomic_fetch_add(found ? &features->hits : &features->misses, 1);
    buf_free(&content);
    buf_free(&path);
    return found && !ret_bytes->overflow;
}

void features_put(struct features *features, const struct features_name *name, struct span bytes)
{
    struct buf path, content;
    struct err err;
    if (bytes.len > ITEM_MAX - SUM_BYTES || (int64_t)bytes.len > features->bytes_max / 2)
        return;
    buf_init(&path, PATH_ROOM);
    buf_init(&content, ITEM_MAX);
    path_of(features, name, true, &path);
    uint64_t sum = XXH3_64bits(bytes.ptr, bytes.len);
    buf_add(&content, span_of(&sum, sizeof sum));
    buf_add(&content, bytes);
    if (file_replace(buf_cstr(&path), buf_span(&content), false, &err)) {
        int64_t disk = (int64_t)(content.len + 4095) / 4096 * 4096;
        if (atomic_fetch_add(&features->bytes, disk) + disk > features->bytes_max)
            tidy(features);
    }
    buf_free(&content);
    buf_free(&path);
}

struct features_counts features_count(struct features *features)
{
    return (struct features_counts){ .hits = atomic_load(&features->hits),
                                     .misses = atomic_load(&features->misses),
                                     .bytes = atomic_load(&features->bytes) };
}
