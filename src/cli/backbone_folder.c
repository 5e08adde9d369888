/* backbone_folder: see backbone_folder.h for the contract. */
#define _GNU_SOURCE /* renameat2 */
#include "cli/backbone_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/home.h"

void backbone_folder(const struct conf_values *values, struct buf *ret_path)
{
    if (values->backbones[0])
        buf_add_str(ret_path, values->backbones);
    else
        buf_addf(ret_path, "%s/backbones", values->data);
}

static bool join(char into[BACKBONE_PATH_MAX], const char *folder, const char *name, struct err *err)
{
    int len = snprintf(into, BACKBONE_PATH_MAX, "%s/%s", folder, name);
    if (len < 0 || len >= BACKBONE_PATH_MAX)
        return fail(err, E_CONFIG, "the path of %s is too long", name);
    return true;
}

bool backbone_draft_begin(const char *folder, const char *id, struct backbone_draft *ret_draft, struct err *err)
{
    struct backbone_draft draft = { .id = id };
    char absolute[BACKBONE_PATH_MAX];
    if (!home_make_folders(folder))
        return fail(err, E_CONFIG, "the folder %s cannot be made: %s", folder, strerror(errno));
    if (!realpath(folder, absolute))
        return fail(err, E_CONFIG, "the folder %s cannot be used: %s", folder, strerror(errno));
    memcpy(draft.folder, absolute, sizeof absolute);
    if (!join(draft.holder, draft.folder, ".draft-XXXXXX", err))
        return false;
    if (!mkdtemp(draft.holder))
        return fail(err, E_CONFIG, "the folder %s cannot be written: %s", folder, strerror(errno));
    if (!join(draft.place, draft.holder, id, err) || mkdir(draft.place, S_IRWXU) != 0) {
        rmdir(draft.holder);
        return fail(err, E_CONFIG, "a folder for %s cannot be made: %s", id, strerror(errno));
    }
    *ret_draft = draft;
    return true;
}

static bool write_all(int file, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t wrote = write(file, bytes.ptr, bytes.len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        bytes = span_from(bytes, (size_t)wrote);
    }
    return fsync(file) == 0;
}

bool backbone_draft_file(const struct backbone_draft *draft, const char *name, struct span bytes, struct err *err)
{
    char path[BACKBONE_PATH_MAX];
    if (!join(path, draft->place, name, err))
        return false;
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    bool done = file >= 0 && write_all(file, bytes);
    if (!done)
        fail(err, E_CONFIG, "%s cannot be written: %s", path, strerror(errno));
    if (file >= 0)
        close(file);
    return done;
}

/* Folders inside of folders too: what was unpacked lies in some. Links are removed, not followed. */
static void remove_tree(int parent, const char *name)
{
    int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *list = folder < 0 ? NULL : fdopendir(folder);
    if (!list) {
        if (folder >= 0)
            close(folder);
        unlinkat(parent, name, 0);
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(list)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove_tree(folder, entry->d_name);
    closedir(list);
    unlinkat(parent, name, AT_REMOVEDIR);
}

void backbone_draft_drop(struct backbone_draft *draft)
{
    remove_tree(AT_FDCWD, draft->holder);
}

/* An older one changes places with the new, and goes with the holder. */
bool backbone_draft_keep(struct backbone_draft *draft, struct err *err)
{
    char final[BACKBONE_PATH_MAX];
    bool done = join(final, draft->folder, draft->id, err);
    if (done && renameat2(AT_FDCWD, draft->place, AT_FDCWD, final, RENAME_EXCHANGE) != 0 &&
        rename(draft->place, final) != 0)
        done = fail(err, E_CONFIG, "%s cannot be put in place: %s", final, strerror(errno));
    int folder = open(draft->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        if (fsync(folder) != 0 && done)
            done = fail(err, E_CONFIG, "%s cannot be written: %s", draft->folder, strerror(errno));
        close(folder);
    }
    backbone_draft_drop(draft);
    return done;
}

bool backbone_read_file(const char *path, size_t max_bytes, struct buf *ret_bytes, struct err *err)
{
    FILE *file = fopen(path, "rbe");
    if (!file)
        return fail(err, E_CONFIG, "%s cannot be read: %s", path, strerror(errno));
    char part[65536];
    size_t got;
    buf_init(ret_bytes, max_bytes);
    while ((got = fread(part, 1, sizeof part, file)) > 0 && !ret_bytes->overflow)
        buf_add(ret_bytes, span_of(part, got));
    bool done = !ferror(file) && !ret_bytes->overflow;
    int why = errno;
    fclose(file);
    if (!done) {
        bool large = ret_bytes->overflow;
        buf_free(ret_bytes);
        return fail(err, E_CONFIG, "%s %s", path, large ? "is too large" : strerror(why));
    }
    return true;
}
