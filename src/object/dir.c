/*
 * dir: the object store that is a directory. A bucket is a folder in it and a key a path beneath the bucket.
 *
 * The kernel holds every lookup beneath its bucket (openat2 with RESOLVE_BENEATH), links included: a link may point
 * anywhere in its own bucket and nowhere else, and a bucket itself is a folder, never a link (mount what should be
 * elsewhere). Keys are taken literally, so one that a path would fold into another's (an empty component, `.`, `..`)
 * names nothing. Only regular files are objects, and there are no versions.
 *
 * A put writes a temporary file beside its goal and renames it; a crash may leave that file behind, which is why its
 * prefix is no key's. Nothing is kept between calls but the root's descriptor, so any thread may do anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/ident.h"
#include "object/driver.h"

#define TEMP_PREFIX ".placard-put-"
enum { TEMP_ROOM = sizeof TEMP_PREFIX + 36, RACE_TRIES = 16 };

struct dir_store {
    struct object_store base;
    int root;
};

struct dir_reader {
    struct object_reader base;
    int fd;
    uint64_t at;
    struct object_info info; /* as it was when opened */
};

/* A key as a path, with the folder and the file's name told apart in place. */
struct dir_path {
    char text[OBJECT_KEY_MAX + 1];
    char *folder; /* "." for a key without a slash */
    char *file;
};

static int open_beneath(int folder, const char *path, int flags, uint64_t resolve)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve,
    };
    long fd = -1;
    /* EAGAIN: something was renamed during the walk, so the kernel could not vouch for it. */
    for (int tries = 0; tries < RACE_TRIES; tries++) {
        fd = syscall(SYS_openat2, folder, path, &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    return (int)fd;
}

/* Whether errno speaks of the name (absent, forbidden, no file, leading out) rather than of the machine. */
static bool errno_is_about_the_name(int error)
{
    static const int codes[] = { ENOENT, ENOTDIR,      EISDIR, ELOOP, EXDEV,  EACCES,    EPERM,
                                 EROFS,  ENAMETOOLONG, EINVAL, ENXIO, ENODEV, ENOTEMPTY, EILSEQ };
    for (unsigned i = 0; i < COUNT_OF(codes); i++)
        if (error == codes[i])
            return true;
    return false;
}

static bool fail_reading(int error, struct err *err)
{
    if (error == EACCES || error == EPERM)
        return object_fail_denied(err);
    if (errno_is_about_the_name(error))
        return object_fail_unreadable(err);
    return fail(err, E_INTERNAL, "reading from the object directory failed: %s", strerror(error));
}

static bool fail_writing(int error, struct err *err)
{
    if (errno_is_about_the_name(error))
        return object_fail_unwritable(err);
    return fail(err, E_INTERNAL, "writing to the object directory failed: %s", strerror(error));
}

static bool component_is_plain(struct span part)
{
    return part.len > 0 && !span_is(part, ".") && !span_is(part, "..");
}

static bool path_of_key(struct span key, struct dir_path *ret_path)
{
    CHECK(key.len <= OBJECT_KEY_MAX);
    if (!key.ptr || key.len == 0)
        return false;
    struct span rest = key;
    struct span last = SPAN_NONE;
    while (rest.ptr) {
        last = span_cut(&rest, '/');
        if (!component_is_plain(last))
            return false;
    }
    if (span_starts(last, SPAN_LIT(TEMP_PREFIX)))
        return false;
    memcpy(ret_path->text, key.ptr, key.len);
    ret_path->text[key.len] = '\0';
    ret_path->file = ret_path->text + (last.ptr - key.ptr);
    return true;
}

/* Ends the folder's part with a NUL; text is no whole path any more. */
static void path_split(struct dir_path *path)
{
    static char here[] = ".";
    path->folder = here;
    if (path->file > path->text) {
        path->file[-1] = '\0';
        path->folder = path->text;
    }
}

/* A descriptor, or -1 with errno. */
static int open_bucket(struct object_store *base, struct span bucket)
{
    struct dir_store *store = (struct dir_store *)base;
    char name[OBJECT_BUCKET_MAX + 1];
    CHECK(bucket.len <= OBJECT_BUCKET_MAX);
    memcpy(name, bucket.ptr, bucket.len);
    name[bucket.len] = '\0';
    return open_beneath(store->root, name, O_RDONLY | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
}

/*
 * The etag: inode, size and both times to the nanosecond. The change time catches writers that put the modification
 * time back. The device stays out: its number may differ after a reboot, and a job that resumes then is right to.
 */
static void info_of(const struct stat *st, struct object_info *ret_info)
{
    ret_info->bytes = (uint64_t)st->st_size;
    snprintf(ret_info->etag, sizeof ret_info->etag, "%jx-%jx-%jx.%09ld-%jx.%09ld", (uintmax_t)st->st_ino,
             (uintmax_t)st->st_size, (uintmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec, (uintmax_t)st->st_ctim.tv_sec,
             st->st_ctim.tv_nsec);
}

static bool info_same(const struct object_info *a, const struct object_info *b)
{
    return a->bytes == b->bytes && strcmp(a->etag, b->etag) == 0;
}

static bool open_object(struct object_store *store, struct object_name name, int *ret_fd, struct object_info *ret_info,
                        struct err *err)
{
    struct dir_path path;
    struct stat st;
    if (name.version.len > 0 || !path_of_key(name.key, &path))
        return object_fail_unreadable(err);
    int bucket = open_bucket(store, name.bucket);
    if (bucket < 0)
        return fail_reading(errno, err);
    /* O_NONBLOCK: opening a FIFO must not wait for its other end. It means nothing for a regular file. */
    int fd = open_beneath(bucket, path.text, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    int error = errno;
    close(bucket);
    if (fd < 0)
        return fail_reading(error, err);
    if (fstat(fd, &st) != 0) {
        error = errno;
        close(fd);
        return fail_reading(error, err);
    }
    if (!S_ISREG(st.st_mode)) {
        close(fd);
        return object_fail_unreadable(err);
    }
    info_of(&st, ret_info);
    *ret_fd = fd;
    return true;
}

static bool dir_stat(struct object_store *store, struct object_name name, struct object_info *ret_info, struct err *err)
{
    int fd = -1;
    if (!open_object(store, name, &fd, ret_info, err))
        return false;
    close(fd);
    return true;
}

static bool dir_open_reader(struct object_store *store, struct object_name name, uint64_t offset, struct span etag,
                            struct object_reader **ret_reader, struct err *err)
{
    int fd = -1;
    struct object_info info = { 0 };
    if (!open_object(store, name, &fd, &info, err))
        return false;
    if ((etag.len > 0 && !span_is(etag, info.etag)) || offset > info.bytes) {
        close(fd);
        return object_fail_changed(err);
    }
    posix_fadvise(fd, (off_t)offset, 0, POSIX_FADV_SEQUENTIAL);
    struct dir_reader *reader = mem_zero(1, sizeof *reader);
    *reader = (struct dir_reader){ .fd = fd, .at = offset, .info = info };
    *ret_reader = &reader->base;
    return true;
}

static bool dir_read(struct object_reader *base, void *into, size_t room, size_t *ret_got, struct err *err)
{
    struct dir_reader *reader = (struct dir_reader *)base;
    struct stat st;
    struct object_info now;
    uint64_t left = reader->info.bytes - reader->at;
    ssize_t got = 0;
    if (left > 0) {
        do
            got = pread(reader->fd, into, room < left ? room : (size_t)left, (off_t)reader->at);
        while (got < 0 && errno == EINTR);
        if (got < 0)
            return fail_reading(errno, err);
    }
    /* Looked at after the bytes were read, so what is returned is of the object that was opened. */
    if (fstat(reader->fd, &st) != 0)
        return fail_reading(errno, err);
    info_of(&st, &now);
    if (!info_same(&now, &reader->info) || (left > 0 && got == 0))
        return object_fail_changed(err);
    reader->at += (uint64_t)got;
    *ret_got = (size_t)got;
    return true;
}

static void dir_close_reader(struct object_reader *base)
{
    struct dir_reader *reader = (struct dir_reader *)base;
    close(reader->fd);
    free(reader);
}

/* Opens `path` beneath the bucket, making the folders that are not there. A descriptor, or -1 with errno. */
static int open_folder(int bucket, char *path)
{
    int fd = open_beneath(bucket, path, O_RDONLY | O_DIRECTORY, 0);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    char *slash = strrchr(path, '/');
    int parent = -1;
    if (slash) {
        *slash = '\0';
        parent = open_folder(bucket, path); /* as deep as the key has slashes, at most 512 */
        *slash = '/';
    } else {
        parent = open_beneath(bucket, ".", O_RDONLY | O_DIRECTORY, 0);
    }
    if (parent < 0)
        return -1;
    bool made = mkdirat(parent, slash ? slash + 1 : path, 0777) == 0 || errno == EEXIST;
    made = made && fsync(parent) == 0;
    int error = errno;
    close(parent);
    errno = error;
    return made ? open_beneath(bucket, path, O_RDONLY | O_DIRECTORY, 0) : -1;
}

/* Zero, or the errno of what went wrong. */
static int write_all(int fd, struct span content)
{
    while (content.len > 0) {
        ssize_t wrote = write(fd, content.ptr, content.len);
        if (wrote < 0 && errno != EINTR)
            return errno;
        if (wrote > 0)
            content = span_from(content, (size_t)wrote);
    }
    return fsync(fd) == 0 ? 0 : errno;
}

/* Zero, or the errno of what went wrong; then nothing is left behind. */
static int replace_file(int folder, const char *file, struct span content)
{
    char temp[TEMP_ROOM + 1] = TEMP_PREFIX;
    ident_uuid(temp + sizeof TEMP_PREFIX - 1);
    int fd = openat(folder, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return errno;
    int error = write_all(fd, content);
    if (close(fd) != 0 && error == 0)
        error = errno;
    if (error == 0 && renameat(folder, temp, folder, file) != 0)
        error = errno;
    if (error != 0) {
        unlinkat(folder, temp, 0);
        return error;
    }
    return fsync(folder) == 0 ? 0 : errno;
}

static bool dir_put(struct object_store *store, struct object_name name, struct span content, struct err *err)
{
    struct dir_path path;
    if (!path_of_key(name.key, &path))
        return object_fail_unwritable(err);
    int bucket = open_bucket(store, name.bucket);
    if (bucket < 0)
        return fail_writing(errno, err);
    path_split(&path);
    int error = ENOENT;
    /* ENOENT: a folder was removed, being empty, between its making and the file's. */
    for (int tries = 0; tries < RACE_TRIES && error == ENOENT; tries++) {
        int folder = open_folder(bucket, path.folder);
        error = folder < 0 ? errno : replace_file(folder, path.file, content);
        if (folder >= 0)
            close(folder);
    }
    close(bucket);
    return error == 0 || fail_writing(error, err);
}

/* Removes the folders of `path` that are empty, from the innermost on. */
static void remove_empty_folders(int bucket, char *path)
{
    while (strcmp(path, ".") != 0) {
        char *slash = strrchr(path, '/');
        if (slash)
            *slash = '\0';
        int parent = open_beneath(bucket, slash ? path : ".", O_RDONLY | O_DIRECTORY, 0);
        bool gone = parent >= 0 && unlinkat(parent, slash ? slash + 1 : path, AT_REMOVEDIR) == 0;
        if (parent >= 0)
            close(parent);
        if (!gone || !slash)
            return;
    }
}

static bool dir_remove(struct object_store *store, struct object_name name, struct err *err)
{
    struct dir_path path;
    if (!path_of_key(name.key, &path))
        return object_fail_unwritable(err);
    int bucket = open_bucket(store, name.bucket);
    if (bucket < 0)
        return errno == ENOENT || fail_writing(errno, err);
    path_split(&path);
    int folder = open_beneath(bucket, path.folder, O_RDONLY | O_DIRECTORY, 0);
    bool done = folder >= 0 && unlinkat(folder, path.file, 0) == 0 && fsync(folder) == 0;
    int error = done ? 0 : errno;
    if (folder >= 0)
        close(folder);
    if (done)
        remove_empty_folders(bucket, path.folder);
    close(bucket);
    return done || error == ENOENT || error == ENOTDIR || error == EISDIR || fail_writing(error, err);
}

static bool dir_make_bucket(struct object_store *base, struct span bucket, struct err *err)
{
    struct dir_store *store = (struct dir_store *)base;
    char name[OBJECT_BUCKET_MAX + 1];
    memcpy(name, bucket.ptr, bucket.len);
    name[bucket.len] = '\0';
    if (mkdirat(store->root, name, 0777) != 0 && errno != EEXIST)
        return fail_writing(errno, err);
    int fd = open_bucket(base, bucket); /* what is there may be a file or a link */
    if (fd < 0)
        return fail_writing(errno, err);
    close(fd);
    return fsync(store->root) == 0 || fail_writing(errno, err);
}

static bool dir_open(struct span place, struct object_store **ret_store, struct err *err)
{
    char path[4096];
    if (place.len == 0 || place.len >= sizeof path || memchr(place.ptr, '\0', place.len))
        return fail(err, E_CONFIG, "The object store dir: needs the path of a directory.");
    memcpy(path, place.ptr, place.len);
    path[place.len] = '\0';
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return fail(err, E_CONFIG, "The object directory %s cannot be made: %s.", path, strerror(errno));
    int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return fail(err, E_CONFIG, "The object directory %s cannot be opened: %s.", path, strerror(errno));
    int probe = open_beneath(root, ".", O_RDONLY | O_DIRECTORY, 0);
    if (probe < 0) {
        int error = errno;
        close(root);
        return fail(err, E_CONFIG,
                    "Objects in a directory need openat2, which this kernel or its sandbox does not give (%s); "
                    "Linux 5.6 and later have it.",
                    strerror(error));
    }
    close(probe);
    struct dir_store *store = mem_zero(1, sizeof *store);
    store->root = root;
    *ret_store = &store->base;
    return true;
}

static void dir_close(struct object_store *base)
{
    struct dir_store *store = (struct dir_store *)base;
    close(store->root);
    free(store);
}

const struct object_driver object_dir = {
    .scheme = "dir:",
    .open = dir_open,
    .close = dir_close,
    .stat = dir_stat,
    .open_reader = dir_open_reader,
    .read = dir_read,
    .close_reader = dir_close_reader,
    .put = dir_put,
    .remove = dir_remove,
    .make_bucket = dir_make_bucket,
};
