/* file: see file.h for the contract. */
#include "train/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 256 * 1024, PATH_ROOM = 8192 };

static bool fail_errno(struct err *err, const char *verb, const char *path)
{
    int number = errno;
    return fail(err, number == ENOENT ? E_NOT_FOUND : E_INTERNAL, "%s cannot be %s: %s", path, verb, strerror(number));
}

bool file_read(const char *path, struct buf *ret_content, struct err *err)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return fail_errno(err, "opened", path);
    bool done = true;
    for (ssize_t got = 1; done && got != 0;) {
        char more;
        size_t room = ret_content->max - ret_content->len;
        room = room < PIECE ? room : PIECE;
        if (room > 0)
            CHECK(buf_reserve(ret_content, room));
        got = room > 0 ? read(file, ret_content->ptr + ret_content->len, room) : read(file, &more, 1);
        if (got > 0 && room == 0)
            done = fail(err, E_INTERNAL, "%s is larger than it may be", path);
        else if (got > 0)
            ret_content->len += (size_t)got;
        else if (got < 0 && errno != EINTR)
            done = fail_errno(err, "read", path);
    }
    close(file);
    return done;
}

static bool write_all(int file, struct span content)
{
    while (content.len > 0) {
        ssize_t put = write(file, content.ptr, content.len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        content = span_from(content, (size_t)put);
    }
    return true;
}

/* The entry of the folder, too, is on the disk. */
static bool sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? mem_dup(path, (size_t)(slash - path)) : mem_dup(".", 1);
    int opened = open(folder[0] ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = opened >= 0 && fsync(opened) == 0;
    if (opened >= 0)
        close(opened);
    free(folder);
    return done;
}

bool file_replace(const char *path, struct span content, bool durable, struct err *err)
{
    struct buf fresh;
    buf_init(&fresh, PATH_ROOM);
    buf_addf(&fresh, "%s.%ld.%lx.tmp", path, (long)getpid(), (unsigned long)(uintptr_t)&fresh);
    int file = open(buf_cstr(&fresh), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool done = file >= 0 && write_all(file, content) && (!durable || fsync(file) == 0);
    if (file >= 0 && close(file) != 0)
        done = false;
    done = done && rename(buf_cstr(&fresh), path) == 0 && (!durable || sync_folder_of(path));
    if (!done) {
        if (errno == ENOENT)
            errno = EIO; /* the folder is gone: not the same as a file that is not there */
        fail_errno(err, "written", path);
        if (file >= 0)
            unlink(buf_cstr(&fresh));
    }
    buf_free(&fresh);
    return done;
}

bool file_publish(int file, const char *fresh, const char *path, struct err *err)
{
    return (fsync(file) == 0 && rename(fresh, path) == 0 && sync_folder_of(path)) ||
           fail(err, E_INTERNAL, "%s cannot be written: %s", path, strerror(errno));
}

bool file_make_folder(const char *path, struct err *err)
{
    char *whole = mem_dup(path, strlen(path));
    bool done = true;
    for (char *at = whole + 1; done; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char kept = *at;
        *at = '\0';
        done = mkdir(whole, 0700) == 0 || errno == EEXIST || fail_errno(err, "made", whole);
        *at = kept;
        if (kept == '\0')
            break;
    }
    free(whole);
    return done;
}

bool file_remove_folder(const char *path, struct err *err)
{
    DIR *folder = opendir(path);
    if (!folder)
        return errno == ENOENT || fail_errno(err, "opened", path);
    bool done = true;
    const struct dirent *entry;
    while (done && (entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            done = unlinkat(dirfd(folder), entry->d_name, 0) == 0 || errno == ENOENT;
    done = done && (rmdir(path) == 0 || errno == ENOENT);
    if (!done)
        fail_errno(err, "removed", path);
    closedir(folder);
    return done;
}

const char *file_path(struct buf *path, const char *folder, const char *name)
{
    buf_clear(path);
    buf_addf(path, "%s/%s", folder, name);
    return buf_cstr(path);
}
