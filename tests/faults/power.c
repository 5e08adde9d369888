/*
 * power: a disk that forgets. An SQLite VFS before the machine's own, in force where the environment's FAULT_POWER is
 * set.
 *
 * What SQLite writes is kept in memory, in order, and reaches the file only when SQLite syncs it; every handle of the
 * process reads through what is kept. power_cut leaves of the unsynced writes what a disk might: none, all, the first
 * few, some of them out of order, some of their 512-byte sectors, or one cut in its middle; then the process is killed.
 * A SIGKILL alone is the loss of everything unsynced. A file that was made and whose folder was never synced may be
 * gone altogether. Deletions are taken as durable, and the shared-memory file is the machine's: no content of it counts
 * after a start.
 *
 * A sync costs nothing here: the file is a process's page cache away from the test, and the test never cuts real power.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "board.h"

enum { SECTOR = 512, NAME_MAX_BYTES = 4096 };

/* An unsynced change of a file: bytes at a place, or (bytes NULL) its new length. */
struct change {
    sqlite3_int64 at;
    int len;
    unsigned char *bytes;
};

struct disk_file {
    struct disk_file *next;
    char path[NAME_MAX_BYTES];
    unsigned handles;
    struct change *changes;
    size_t count, room;
    sqlite3_int64 size; /* as the process sees it */
    bool unnamed;       /* made, and its folder not synced yet */
};

struct handle {
    sqlite3_file base;
    sqlite3_file *real;
    struct disk_file *file; /* NULL: a temporary file, which nobody expects back */
    bool syncs_folder;      /* SQLite syncs a new log's folder with it */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct disk_file *files;
static sqlite3_vfs *machine;
static sqlite3_vfs forgetful;

static struct disk_file *file_of(const char *path)
{
    for (struct disk_file *file = files; file; file = file->next)
        if (strcmp(file->path, path) == 0)
            return file;
    struct disk_file *file = mem_zero(1, sizeof *file);
    CHECK(strlen(path) < sizeof file->path);
    memcpy(file->path, path, strlen(path) + 1);
    file->next = files;
    files = file;
    return file;
}

static void forget(struct disk_file *file)
{
    for (size_t i = 0; i < file->count; i++)
        free(file->changes[i].bytes);
    file->count = 0;
}

static void keep(struct disk_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    if (file->count == file->room) {
        file->room = file->room ? file->room * 2 : 64;
        file->changes = mem_grow(file->changes, file->room * sizeof *file->changes);
    }
    struct change *change = &file->changes[file->count++];
    *change = (struct change){ .at = at, .len = len };
    if (bytes) {
        change->bytes = mem_alloc((size_t)len + 1);
        memcpy(change->bytes, bytes, (size_t)len);
        if (at + len > file->size)
            file->size = at + len;
    } else {
        file->size = at;
    }
}

/* What a sync brings to the file. */
static int write_out(struct disk_file *file, sqlite3_file *real)
{
    int result = SQLITE_OK;
    for (size_t i = 0; i < file->count && result == SQLITE_OK; i++) {
        const struct change *change = &file->changes[i];
        result = change->bytes ? real->pMethods->xWrite(real, change->bytes, change->len, change->at)
                               : real->pMethods->xTruncate(real, change->at);
    }
    if (result == SQLITE_OK)
        forget(file);
    return result;
}

/* --- the loss ---------------------------------------------------------------------------------------------------- */

enum loss { LOSE_ALL, LOSE_NONE, KEEP_FIRST, KEEP_SOME, KEEP_SECTORS, TEAR_ONE, LOSSES };

static uint64_t chance(uint64_t *state)
{
    *state += 0x9E3779B97F4A7C15u;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static void put(int fd, const unsigned char *bytes, int len, sqlite3_int64 at)
{
    CHECK(pwrite(fd, bytes, (size_t)len, at) == len);
}

static void put_change(int fd, const struct change *change)
{
    if (change->bytes)
        put(fd, change->bytes, change->len, change->at);
    else
        CHECK(ftruncate(fd, change->at) == 0);
}

static void put_sectors(int fd, const struct change *change, uint64_t *state)
{
    for (int from = 0; from < change->len;) {
        int step = SECTOR - (int)((change->at + from) % SECTOR);
        int len = step < change->len - from ? step : change->len - from;
        if (chance(state) & 1)
            put(fd, change->bytes + from, len, change->at + from);
        from += len;
    }
}

static void lose(const struct disk_file *file, int fd, uint64_t *state)
{
    enum loss loss = (enum loss)(chance(state) % LOSSES);
    size_t turn = file->count ? chance(state) % file->count : 0;
    for (size_t i = 0; i < file->count; i++) {
        const struct change *change = &file->changes[i];
        if (loss == LOSE_NONE || (loss == KEEP_SOME && (chance(state) & 1)) ||
            ((loss == KEEP_FIRST || loss == TEAR_ONE) && i < turn))
            put_change(fd, change);
        else if (loss == KEEP_SECTORS && change->bytes)
            put_sectors(fd, change, state);
        else if (loss == TEAR_ONE && i == turn && change->bytes && change->len > 1)
            put(fd, change->bytes, 1 + (int)(chance(state) % (uint64_t)(change->len - 1)), change->at);
    }
}

void power_cut(uint64_t seed)
{
    uint64_t state = seed;
    pthread_mutex_lock(&lock); /* and never let go: nobody writes any more */
    for (struct disk_file *file = files; file; file = file->next) {
        int fd = open(file->path, O_WRONLY);
        if (fd < 0)
            continue; /* it was deleted */
        lose(file, fd, &state);
        if (file->unnamed && (chance(&state) & 1))
            unlink(file->path);
    }
}

/* --- SQLite's methods --------------------------------------------------------------------------------------------- */

static struct handle *of(sqlite3_file *base)
{
    return (struct handle *)base;
}

static int on_close(sqlite3_file *base)
{
    struct handle *handle = of(base);
    pthread_mutex_lock(&lock);
    struct disk_file *file = handle->file;
    if (file && --file->handles == 0)
        write_out(file, handle->real); /* for what reads the file when the process has ended */
    int result = handle->real->pMethods->xClose(handle->real);
    pthread_mutex_unlock(&lock);
    free(handle->real);
    return result;
}

/* Lays what is kept over what was read. */
static void lay_over(const struct disk_file *file, char *into, int len, sqlite3_int64 at)
{
    for (size_t i = 0; i < file->count; i++) {
        const struct change *change = &file->changes[i];
        sqlite3_int64 from = change->at > at ? change->at : at;
        sqlite3_int64 to = change->bytes && change->at + change->len < at + len ? change->at + change->len : at + len;
        if (from >= to)
            continue;
        if (change->bytes)
            memcpy(into + (from - at), change->bytes + (from - change->at), (size_t)(to - from));
        else
            memset(into + (from - at), 0, (size_t)(to - from));
    }
}

static int on_read(sqlite3_file *base, void *into, int len, sqlite3_int64 at)
{
    struct handle *handle = of(base);
    if (!handle->file)
        return handle->real->pMethods->xRead(handle->real, into, len, at);
    pthread_mutex_lock(&lock);
    int result = handle->real->pMethods->xRead(handle->real, into, len, at);
    if (result == SQLITE_OK || result == SQLITE_IOERR_SHORT_READ) {
        lay_over(handle->file, into, len, at);
        sqlite3_int64 there = handle->file->size - at;
        result = there >= len ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
        if (there < len)
            memset((char *)into + (there > 0 ? there : 0), 0, (size_t)(len - (there > 0 ? there : 0)));
    }
    pthread_mutex_unlock(&lock);
    return result;
}

static int on_write(sqlite3_file *base, const void *bytes, int len, sqlite3_int64 at)
{
    struct handle *handle = of(base);
    if (!handle->file)
        return handle->real->pMethods->xWrite(handle->real, bytes, len, at);
    if (board_call(BOARD_DISK_WRITE, ""))
        return SQLITE_FULL;
    pthread_mutex_lock(&lock);
    keep(handle->file, bytes, len, at);
    pthread_mutex_unlock(&lock);
    return SQLITE_OK;
}

static int on_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct handle *handle = of(base);
    if (!handle->file)
        return handle->real->pMethods->xTruncate(handle->real, size);
    if (board_call(BOARD_DISK_TRUNCATE, ""))
        return SQLITE_IOERR_TRUNCATE;
    pthread_mutex_lock(&lock);
    keep(handle->file, NULL, 0, size);
    pthread_mutex_unlock(&lock);
    return SQLITE_OK;
}

static int on_sync(sqlite3_file *base, int flags)
{
    (void)flags;
    struct handle *handle = of(base);
    if (!handle->file)
        return SQLITE_OK;
    if (board_call(BOARD_DISK_SYNC, ""))
        return SQLITE_IOERR_FSYNC;
    if (board_get() && board_get()->lying_syncs)
        return SQLITE_OK;
    pthread_mutex_lock(&lock);
    int result = write_out(handle->file, handle->real);
    for (struct disk_file *file = files; handle->syncs_folder && file; file = file->next)
        file->unnamed = false;
    pthread_mutex_unlock(&lock);
    return result;
}

static int on_size(sqlite3_file *base, sqlite3_int64 *ret_size)
{
    struct handle *handle = of(base);
    if (!handle->file)
        return handle->real->pMethods->xFileSize(handle->real, ret_size);
    pthread_mutex_lock(&lock);
    *ret_size = handle->file->size;
    pthread_mutex_unlock(&lock);
    return SQLITE_OK;
}

static int on_lock(sqlite3_file *base, int level)
{
    return of(base)->real->pMethods->xLock(of(base)->real, level);
}

static int on_unlock(sqlite3_file *base, int level)
{
    return of(base)->real->pMethods->xUnlock(of(base)->real, level);
}

static int on_check_lock(sqlite3_file *base, int *ret_reserved)
{
    return of(base)->real->pMethods->xCheckReservedLock(of(base)->real, ret_reserved);
}

static int on_control(sqlite3_file *base, int op, void *arg)
{
    if (op == SQLITE_FCNTL_SIZE_HINT || op == SQLITE_FCNTL_CHUNK_SIZE)
        return SQLITE_NOTFOUND; /* would change the real file at once */
    return of(base)->real->pMethods->xFileControl(of(base)->real, op, arg);
}

static int on_sector_size(sqlite3_file *base)
{
    return of(base)->real->pMethods->xSectorSize(of(base)->real);
}

static int on_device(sqlite3_file *base)
{
    return of(base)->real->pMethods->xDeviceCharacteristics(of(base)->real);
}

static int on_shm_map(sqlite3_file *base, int region, int bytes, int extend, void volatile **ret_memory)
{
    return of(base)->real->pMethods->xShmMap(of(base)->real, region, bytes, extend, ret_memory);
}

static int on_shm_lock(sqlite3_file *base, int offset, int count, int flags)
{
    return of(base)->real->pMethods->xShmLock(of(base)->real, offset, count, flags);
}

static void on_shm_barrier(sqlite3_file *base)
{
    of(base)->real->pMethods->xShmBarrier(of(base)->real);
}

static int on_shm_unmap(sqlite3_file *base, int remove)
{
    return of(base)->real->pMethods->xShmUnmap(of(base)->real, remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* no memory maps */
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_check_lock,
    .xFileControl = on_control,
    .xSectorSize = on_sector_size,
    .xDeviceCharacteristics = on_device,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

static int on_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *ret_flags)
{
    (void)vfs;
    struct handle *handle = of(base);
    bool lasting = path && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL));
    bool there = lasting && access(path, F_OK) == 0;
    *handle = (struct handle){ .real = mem_zero(1, (size_t)machine->szOsFile) };
    int result = machine->xOpen(machine, path, handle->real, flags, ret_flags);
    if (result != SQLITE_OK) {
        if (handle->real->pMethods)
            handle->real->pMethods->xClose(handle->real);
        free(handle->real);
        return result;
    }
    base->pMethods = &methods;
    if (!lasting)
        return SQLITE_OK;
    pthread_mutex_lock(&lock);
    struct disk_file *file = handle->file = file_of(path);
    if (file->handles++ == 0)
        handle->real->pMethods->xFileSize(handle->real, &file->size);
    file->unnamed = file->unnamed || !there;
    handle->syncs_folder = !there && !(flags & SQLITE_OPEN_MAIN_DB);
    pthread_mutex_unlock(&lock);
    return SQLITE_OK;
}

static int on_delete(sqlite3_vfs *vfs, const char *path, int syncs_folder)
{
    (void)vfs;
    pthread_mutex_lock(&lock);
    struct disk_file *file = file_of(path);
    forget(file);
    file->size = 0;
    file->unnamed = false;
    pthread_mutex_unlock(&lock);
    return machine->xDelete(machine, path, syncs_folder);
}

__attribute__((constructor)) static void be_the_disk(void)
{
    if (!getenv("FAULT_POWER"))
        return;
    CHECK(sqlite3_initialize() == SQLITE_OK);
    machine = sqlite3_vfs_find(NULL);
    forgetful = *machine;
    forgetful.zName = "forgetful";
    forgetful.szOsFile = sizeof(struct handle);
    forgetful.xOpen = on_open;
    forgetful.xDelete = on_delete;
    CHECK(sqlite3_vfs_register(&forgetful, 1) == SQLITE_OK);
}
