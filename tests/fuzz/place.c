/* place: see place.h. */
#define _GNU_SOURCE /* nftw, memfd_create */
#include "place.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

enum { PATHS = 8, PATH_ROOM = 512 };

static char folder[256];

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

static void remove_folder(void)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *place_folder(void)
{
    if (folder[0])
        return folder;
    const char *where = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/placard-fuzz-XXXXXX", where && where[0] ? where : "/tmp");
    CHECK(mkdtemp(folder));
    CHECK(atexit(remove_folder) == 0);
    return folder;
}

const char *place_path(const char *name)
{
    static char ring[PATHS][PATH_ROOM];
    static unsigned calls;
    char *path = ring[calls++ % PATHS];
    CHECK(snprintf(path, PATH_ROOM, "%s/%s", place_folder(), name) < PATH_ROOM);
    return path;
}

void place_write(const char *path, struct span content)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    CHECK(file >= 0);
    CHECK(content.len == 0 || write(file, content.ptr, content.len) == (ssize_t)content.len);
    close(file);
}

void place_empty(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    CHECK(mkdir(path, S_IRWXU) == 0);
}

const char *place_file(struct span content)
{
    static int file = -1;
    static char path[64];
    if (file < 0) {
        file = memfd_create("fuzz", MFD_CLOEXEC);
        CHECK(file >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    CHECK(ftruncate(file, 0) == 0);
    CHECK(content.len == 0 || pwrite(file, content.ptr, content.len, 0) == (ssize_t)content.len);
    return path;
}
