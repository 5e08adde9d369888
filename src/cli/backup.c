/*
 * backup: everything but the images as one file, also while a server writes; and `restore`, the way back. Models that a
 * bucket keeps stay there.
 *
 * Both make their file under another name in the folder where it will be, recount it there, sync it, and only then give
 * it its name: whatever happens, what bears the name is whole.
 */
#define _GNU_SOURCE /* renameat2 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ident.h"
#include "cli/backup_models.h"
#include "cli/command.h"
#include "cli/home.h"
#include "cli/recount.h"
#include "store/backup.h"

enum { PATH_MAX_BYTES = 4096, PLACE_MAX = 8192, CHUNK = 1 << 20 };

/* What was carried. */
struct counts {
    struct fsck_counts rows;
    struct model_counts models;
};

/* A file on its way to its name. */
struct draft {
    char name[PATH_MAX_BYTES]; /* what it will be called */
    char path[PATH_MAX_BYTES + 64];
    char place[PATH_MAX_BYTES + 80]; /* "sqlite:" and the path */
};

static bool draft_begin(struct draft *draft, const char *name, struct err *err)
{
    char uuid[37];
    if (!name[0] || strlen(name) >= sizeof draft->name)
        return fail(err, E_CONFIG, "`%.80s` is not a file's name", name);
    ident_uuid(uuid);
    snprintf(draft->name, sizeof draft->name, "%s", name);
    snprintf(draft->path, sizeof draft->path, "%s.%s.part", name, uuid);
    snprintf(draft->place, sizeof draft->place, "sqlite:%s", draft->path);
    return true;
}

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static bool sync_path(const char *path, int flags)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    bool done = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return done;
}

/* The folder in which the draft gets its name. */
static bool sync_folder(const struct draft *draft)
{
    char folder[PATH_MAX_BYTES];
    memcpy(folder, draft->name, sizeof folder);
    char *slash = strrchr(folder, '/');
    if (!slash)
        return sync_path(".", O_DIRECTORY);
    slash[slash == folder] = '\0';
    return sync_path(folder, O_DIRECTORY);
}

static bool draft_finish(const struct draft *draft, bool overwrite, struct err *err)
{
    if (chmod(draft->path, S_IRUSR | S_IWUSR) == 0 && sync_path(draft->path, 0) &&
        renameat2(AT_FDCWD, draft->path, AT_FDCWD, draft->name, overwrite ? 0 : RENAME_NOREPLACE) == 0 &&
        sync_folder(draft))
        return true;
    return fail(err, E_INTERNAL, "%s cannot be written: %s", draft->name, strerror(errno));
}

/* What a draft that came to nothing leaves. Of one that got its name there is nothing left to remove. */
static void draft_drop(const struct draft *draft)
{
    static const char *const beside[] = { "", "-wal", "-shm", "-journal" };
    char path[sizeof draft->path + 16];
    for (unsigned i = 0; i < COUNT_OF(beside); i++) {
        snprintf(path, sizeof path, "%s%s", draft->path, beside[i]);
        unlink(path);
    }
}

static bool draft_recount(const struct draft *draft, const struct conf *conf, struct fsck_counts *ret_counts,
                          struct err *err)
{
    return recount(&conf->values, span_str(draft->place), false, ret_counts, err) &&
           (ret_counts->faults == 0 ||
            fail(err, E_INTERNAL, "the copy does not agree with its own counters (above), so it was not kept"));
}

static void wipe(struct buf *secret)
{
    if (secret->ptr)
        explicit_bzero(secret->ptr, secret->len);
    buf_free(secret);
}

/* --- backup --------------------------------------------------------------------------------------------------------
 */

static bool make_backup(const struct conf *conf, const struct home *home, const struct draft *draft, bool overwrite,
                        struct counts *ret_counts, struct err *err)
{
    struct buf place, credentials;
    bool found;
    buf_init(&place, PLACE_MAX);
    buf_init(&credentials, BACKUP_CREDENTIALS_MAX);
    home_store_place(home, &conf->values, &place);
    bool done = home_credentials(home, &credentials, &found, err) &&
                backup_write(buf_span(&place), draft->path, buf_span(&credentials), err) &&
                models_pack(home->path, span_str(draft->place), conf->values.models[0], &ret_counts->models, err) &&
                draft_recount(draft, conf, &ret_counts->rows, err) && draft_finish(draft, overwrite, err);
    wipe(&credentials);
    buf_free(&place);
    return done;
}

static bool backup_to(const struct conf *conf, const char *file, bool overwrite, struct counts *ret_counts,
                      struct err *err)
{
    struct home home;
    struct draft draft;
    if (!draft_begin(&draft, file, err))
        return false;
    if (!overwrite && is_there(file))
        return fail(err, E_CONFIG, "%s is there already; name another file, or say --overwrite", file);
    if (!home_open(conf->values.data, false, &home, err))
        return false;
    bool done = (conf->values.store[0] || faccessat(home.folder, "placard.db", F_OK, 0) == 0 ||
                 fail(err, E_CONFIG, "there is no database in %s", home.path)) &&
                make_backup(conf, &home, &draft, overwrite, ret_counts, err);
    draft_drop(&draft);
    home_close(&home);
    return done;
}

/* --- restore -------------------------------------------------------------------------------------------------------
 */

/* The file's bytes. A log beside it would belong to them: then it is a database in use, not a backup. */
static bool fetch(const char *file, const struct draft *draft, struct err *err)
{
    static char chunk[CHUNK];
    char log[PATH_MAX_BYTES + 8];
    struct stat st;
    snprintf(log, sizeof log, "%s-wal", file);
    if (stat(log, &st) == 0) /* empty or not: a server that rests has emptied it */
        return fail(err, E_CONFIG, "%s has a log beside it, so it is a database in use; make a backup of that first",
                    file);
    int from = open(file, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return fail(err, E_CONFIG, "%s cannot be read: %s", file, strerror(errno));
    int to = open(draft->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    ssize_t got = to < 0 ? -1 : 1;
    while (got > 0) {
        got = read(from, chunk, sizeof chunk);
        for (ssize_t at = 0, wrote; at < got; at += wrote)
            if ((wrote = write(to, chunk + at, (size_t)(got - at))) < 0) {
                got = -1;
                break;
            }
    }
    int why = errno;
    close(from);
    if (to >= 0 && close(to) != 0)
        got = -1;
    return got == 0 || fail(err, E_INTERNAL, "%s cannot be copied to %s: %s", file, draft->path, strerror(why));
}

/* The old database's log must not meet the new one. What the log holds goes into the old file first, where it can. */
static void retire_log(struct buf *place)
{
    const char *path = buf_cstr(place) + sizeof "sqlite:" - 1;
    static const char *const beside[] = { "-wal", "-shm" };
    char name[PATH_MAX_BYTES + 8];
    if (is_there(path) && !backup_fold_log(buf_span(place), NULL))
        fprintf(stderr, "placard restore: the database that is replaced cannot be read\n");
    for (unsigned i = 0; i < COUNT_OF(beside); i++) {
        snprintf(name, sizeof name, "%s%s", path, beside[i]);
        unlink(name);
    }
}

static bool restore_credentials(const struct home *home, struct span text, bool overwrite, struct err *err)
{
    bool there = faccessat(home->folder, "credentials", F_OK, 0) == 0;
    return text.len == 0 || (there && !overwrite) || home_put_credentials(home, text, err);
}

static bool take_backup(const struct conf *conf, const struct home *home, const char *file, const struct draft *draft,
                        bool overwrite, struct counts *ret_counts, struct err *err)
{
    const struct span copy = span_of(draft->place, strlen(draft->place));
    struct buf credentials, place;
    struct models_swap swap;
    struct err why;
    buf_init(&credentials, BACKUP_CREDENTIALS_MAX);
    buf_init(&place, PLACE_MAX);
    home_store_place(home, &conf->values, &place);
    bool done = fetch(file, draft, err);
    if (done && !backup_open(copy, &credentials, &why))
        done = fail(err, why.code == E_STORE ? E_CONFIG : why.code, "%s is no backup that can be used: %s", file,
                    why.text);
    models_swap_init(&swap, home->path);
    done = done && models_unpack(copy, buf_cstr(&swap.fresh), &ret_counts->models, err) &&
           draft_recount(draft, conf, &ret_counts->rows, err) &&
           restore_credentials(home, buf_span(&credentials), overwrite, err) && models_swap(&swap, err);
    if (done) {
        retire_log(&place);
        done = draft_finish(draft, overwrite, err);
    }
    models_swap_end(&swap, done);
    if (credentials.ptr)
        wipe(&credentials);
    buf_free(&place);
    return done;
}

static bool restore_from(const struct conf *conf, const char *file, bool overwrite, struct counts *ret_counts,
                         struct err *err)
{
    struct home home;
    struct draft draft;
    struct buf place;
    if (!is_there(file))
        return fail(err, E_CONFIG, "there is no file %s", file);
    if (!home_open(conf->values.data, true, &home, err))
        return false;
    buf_init(&place, PLACE_MAX);
    home_store_place(&home, &conf->values, &place);
    bool is_file = span_starts(buf_span(&place), SPAN_LIT("sqlite:"));
    const char *path = is_file ? buf_cstr(&place) + sizeof "sqlite:" - 1 : "";
    bool done = (is_file || fail(err, E_CONFIG,
                                 "a backup is restored to sqlite:PATH only; what pg_dump wrote is "
                                 "restored by pg_restore")) &&
                home_lock(&home, &conf->values, err) && draft_begin(&draft, path, err);
    if (done && !overwrite && is_there(path))
        done = fail(err, E_CONFIG, "%s is there already; name another data directory, or say --overwrite", path);
    if (done) {
        done = take_backup(conf, &home, file, &draft, overwrite, ret_counts, err);
        draft_drop(&draft);
    }
    buf_free(&place);
    home_close(&home);
    return done;
}

/* --- the commands --------------------------------------------------------------------------------------------------
 */

typedef bool transfer(const struct conf *conf, const char *file, bool overwrite, struct counts *ret_counts,
                      struct err *err);

static void print_models(const struct command *command, const struct conf *conf, const struct model_counts *counts)
{
    if (counts->kept > 0)
        printf("%lld models, %lld bytes with what belongs to them\n", (long long)counts->kept,
               (long long)counts->bytes);
    if (counts->elsewhere > 0)
        printf("%lld models are kept in %s and are not in this file\n", (long long)counts->elsewhere,
               conf->values.models);
    if (counts->missing > 0)
        fprintf(stderr, "placard %s: of %lld versions no model is in DATA/models, so they are without one\n",
                command->name, (long long)counts->missing);
}

static enum status run(const struct command *command, transfer *carry, int argc, const char **argv)
{
    static const char *const only[] = { "data", "store", "models", RECOUNT_SETTINGS, NULL };
    struct conf conf;
    struct counts counts = { 0 };
    struct err err;
    bool overwrite = false;
    const struct flag flags[] = { { "--overwrite", &overwrite, NULL } };
    bool done = command_conf(&conf, only, &argc, argv, &err) && command_flags(flags, 1, &argc, argv, &err);
    if (done && argc != 1)
        done = fail(&err, E_CONFIG, argc == 0 ? "say which file" : "`%s` is not expected here", argv[argc - 1]);
    done = done && carry(&conf, argv[0], overwrite, &counts, &err);
    if (done) {
        recount_print(&counts.rows);
        print_models(command, &conf, &counts.models);
    }
    conf_free(&conf);
    if (!done)
        return command_failed(command, &err);
    return fflush(stdout) == 0 ? STATUS_DONE : STATUS_FAILED;
}

static enum status run_backup(int argc, const char **argv)
{
    return run(&command_backup, backup_to, argc, argv);
}

static enum status run_restore(int argc, const char **argv)
{
    return run(&command_restore, restore_from, argc, argv);
}

const struct command command_backup = {
    .name = "backup",
    .summary = "write everything but the images into one file",
    .help =
        "Usage: placard backup FILE [--overwrite] [--data DIR] [--config FILE] [--store PLACE]\n"
        "                           [--models PLACE] [--limits SET] [--limit KEY=VALUE]…\n\n"
        "Writes the state of one commit, also beside a server that writes, and recounts the copy as `placard\n"
        "fsck` does before it gets its name. The file (mode 0600) holds every row, the trained models and the root "
        "key\n"
        "of DATA/credentials: keep it as you keep DATA. Images and manifests stay where they are, and so do models\n"
        "that --models keeps in a bucket.\n\n"
        "Example:\n"
        "  placard backup /backup/placard-monday --data placard-data\n",
    .run = run_backup,
};

const struct command command_restore = {
    .name = "restore",
    .summary = "make a data directory of a backup",
    .help = "Usage: placard restore FILE [--overwrite] [--data DIR] [--config FILE] [--store PLACE]\n"
            "                            [--limits SET] [--limit KEY=VALUE]…\n\n"
            "Makes DATA/placard.db, DATA/models, and DATA/credentials where there is none, of a file that `placard\n"
            "backup` wrote, also an older placard's. The file is recounted first. No server may run on DATA. A\n"
            "database that is there already, its models and its root key are only replaced with --overwrite.\n\n"
            "Example:\n"
            "  placard restore /backup/placard-monday --data placard-data\n",
    .run = run_restore,
};
