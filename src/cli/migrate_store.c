/*
 * migrate-store: every row of a store into another one, from SQLite to PostgreSQL or back, and everything that a store
 * needs beside them (store/migration.h). Images, manifests and models are not rows and stay where they are.
 *
 * A place in a file is held by the lock that `serve` takes, on both sides and until the end.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/home.h"
#include "cli/recount.h"
#include "store/migration.h"

#define SCHEME "sqlite:"
#define ROWS_FILE "placard.db"
enum { PATH_MAX_BYTES = 4096, SHOWN_MAX = 8192, TELL_AGAIN_MS = 2000 };

/* One of the two stores. */
struct side {
    char place[PATH_MAX_BYTES * 2];
    char shown[PATH_MAX_BYTES * 2]; /* without a password */
    struct home home;
    bool is_file;   /* then its home is open */
    bool is_folder; /* its home is a data directory, of which the root key is one part */
};

/* --- where they are ----------------------------------------------------------------------------------------------- */

/* A place has a scheme, a data directory none. */
static bool has_scheme(const char *name)
{
    size_t len = strcspn(name, ":/");
    return name[len] == ':';
}

/* The folder of a file, and whether the file is called as in a data directory. */
static bool folder_of(const char *path, char folder[PATH_MAX_BYTES])
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 1;
    memcpy(folder, slash ? path : ".", len);
    folder[len] = '\0';
    if (slash == path)
        memcpy(folder, "/", sizeof "/");
    return strcmp(slash ? slash + 1 : path, ROWS_FILE) == 0;
}

/* Takes the locks of a file: the store's own, and the data directory's where it lies in one. */
static bool lock_file(struct side *side, const struct conf *conf, struct err *err)
{
    if (!side->is_folder)
        return home_lock_store(&side->home, side->place, err);
    struct conf_values values = conf->values;
    values.store = side->place;
    return home_lock(&side->home, &values, err);
}

static bool open_file(struct side *side, const char *name, bool make, const struct conf *conf, struct err *err)
{
    char folder[PATH_MAX_BYTES];
    bool by_path = has_scheme(name);
    if (by_path) {
        snprintf(side->place, sizeof side->place, "%s", name);
        side->is_folder = folder_of(name + sizeof SCHEME - 1, folder);
    } else {
        snprintf(side->place, sizeof side->place, SCHEME "%s/" ROWS_FILE, name);
        snprintf(folder, sizeof folder, "%s", name);
        side->is_folder = true;
    }
    const char *path = side->place + sizeof SCHEME - 1;
    if (!make && access(path, F_OK) != 0)
        return fail(err, E_CONFIG, "there is no database %s: %s", path, strerror(errno));
    if (!home_open(folder, make, &side->home, err))
        return false;
    side->is_file = true;
    return lock_file(side, conf, err);
}

static bool side_open(struct side *side, const char *name, bool make, const struct conf *conf, struct err *err)
{
    *side = (struct side){ .is_file = false };
    if (!name[0] || strlen(name) >= PATH_MAX_BYTES - sizeof SCHEME ROWS_FILE)
        return fail(err, E_CONFIG, "`%.80s` is not a store", name);
    if ((!has_scheme(name) || span_starts(span_str(name), SPAN_LIT(SCHEME))) && !open_file(side, name, make, conf, err))
        return false;
    if (!side->is_file)
        snprintf(side->place, sizeof side->place, "%s", name);
    struct buf shown;
    buf_init(&shown, SHOWN_MAX);
    db_show_place(span_str(side->place), &shown);
    snprintf(side->shown, sizeof side->shown, "%s", buf_cstr(&shown));
    buf_free(&shown);
    return true;
}

static void side_close(struct side *side)
{
    if (side->is_file)
        home_close(&side->home);
    side->is_file = false;
}

/* --- the root key ------------------------------------------------------------------------------------------------- */

/* "ID SECRET" of the source's directory, if it has one there; what the environment gives is nobody's file. */
static bool read_root_key(const struct side *from, struct buf *root_key, struct err *err)
{
    struct root_key key;
    enum home_key found = HOME_KEY_NONE;
    if (!from->is_folder || !home_find_root_key(&from->home, &key, &found, err))
        return !from->is_folder;
    if (found == HOME_KEY_FILE)
        buf_addf(root_key, "%s %s", key.id, key.secret);
    explicit_bzero(&key, sizeof key);
    return true;
}

/* Where the target is a data directory without one it gets the source's. */
static bool keep_root_key(const struct side *to, struct span root_key, const char *region, struct err *err)
{
    struct root_key key = { .id = "" };
    if (!to->is_folder || root_key.len == 0 || faccessat(to->home.folder, "credentials", F_OK, 0) == 0)
        return true;
    struct span secret = root_key;
    struct span id = span_cut(&secret, ' ');
    if (id.len > ROOT_KEY_ID_MAX || secret.len > ROOT_KEY_SECRET_MAX)
        return fail(err, E_STORE, "the store's root key is damaged");
    memcpy(key.id, id.ptr, id.len);
    memcpy(key.secret, secret.ptr, secret.len);
    bool done = home_keep_root_key(&to->home, region, &key, err);
    explicit_bzero(&key, sizeof key);
    return done;
}

/* --- the migration ------------------------------------------------------------------------------------------------ */

static void tell(void *ctx, const char *table, int64_t rows, bool whole)
{
    int64_t *told_ms = ctx, now_ms = clock_mono_us() / 1000;
    if (whole ? rows == 0 : now_ms - *told_ms < TELL_AGAIN_MS)
        return;
    printf("%-16s %lld%s\n", table, (long long)rows, whole ? "" : " and more");
    fflush(stdout);
    *told_ms = now_ms;
}

static bool copy_and_recount(struct migration *migration, const struct side *from, const struct side *to,
                             const struct conf *conf, struct err *err)
{
    struct fsck_counts counts;
    struct buf root_key;
    int64_t rows;
    unsigned tables;
    buf_init(&root_key, HOME_CREDENTIALS_MAX);
    bool done = read_root_key(from, &root_key, err) && migration_copy(migration, &root_key, &rows, &tables, err) &&
                keep_root_key(to, buf_span(&root_key), conf->values.region, err) &&
                recount(&conf->values, span_str(to->place), false, &counts, err);
    if (root_key.ptr)
        explicit_bzero(root_key.ptr, root_key.len);
    buf_free(&root_key);
    if (!done)
        return false;
    recount_print(&counts);
    if (counts.faults > 0)
        return fail(err, E_INTERNAL,
                    "the copy does not agree with its own counters (above), so it stays unfinished; look at the source "
                    "with `placard fsck`");
    if (!migration_finish(migration, err))
        return false;
    printf("All %lld rows of %u tables of %s are now in %s, which can be served; the former is as it was.\n",
           (long long)rows, tables, from->shown, to->shown);
    return true;
}

static bool migrate(const struct conf *conf, const char *from_name, const char *to_name, struct err *err)
{
    struct side from, to = { .is_file = false };
    struct migration *migration;
    int64_t told_ms = clock_mono_us() / 1000;
    if (strcmp(from_name, to_name) == 0)
        return fail(err, E_CONFIG, "both stores are the same one");
    bool done = side_open(&from, from_name, false, conf, err) && side_open(&to, to_name, true, conf, err);
    if (done) {
        const struct migration_options options = {
            .from = span_str(from.place), .to = span_str(to.place), .tell = tell, .ctx = &told_ms
        };
        done = migration_open(&options, &migration, err);
        if (done) {
            done = copy_and_recount(migration, &from, &to, conf, err);
            migration_close(migration);
        }
    }
    side_close(&to);
    side_close(&from);
    return done;
}

static enum status run(int argc, const char **argv)
{
    static const char *const only[] = { "region", RECOUNT_SETTINGS, NULL };
    struct conf conf;
    struct err err;
    bool done = command_conf(&conf, only, &argc, argv, &err) && command_flags(NULL, 0, &argc, argv, &err);
    if (done && argc < 2)
        done = fail(&err, E_CONFIG, "say from which store to which one; `placard migrate-store --help` says how");
    if (done && argc > 2)
        done = fail(&err, E_CONFIG, "`%s` is not expected here", argv[2]);
    done = done && migrate(&conf, argv[0], argv[1], &err);
    conf_free(&conf);
    if (!done)
        return command_failed(&command_migrate_store, &err);
    return fflush(stdout) == 0 ? STATUS_DONE : STATUS_FAILED;
}

const struct command command_migrate_store = {
    .name = "migrate-store",
    .summary = "copy all rows of a store into another one",
    .help =
        "Usage: placard migrate-store FROM TO [--config FILE] [--limits SET] [--limit KEY=VALUE]…\n\n"
        "FROM and TO are data directories, or places as --store takes them: sqlite:PATH, postgres://USER@HOST/NAME.\n"
        "Every row goes along, keys, their secrets, the root key of a data directory and pending jobs too; the copy "
        "is\n"
        "recounted as `placard fsck` does before it can be served. No server may run on either of them. TO has to be\n"
        "empty; FROM is not changed. A migration that was cut off leaves a TO that `serve` refuses: run the same\n"
        "again. Buckets and models are not rows: serve TO with the objects and models of FROM.\n\n"
        "Examples:\n"
        "  placard migrate-store placard-data postgres://placard@db.internal/placard\n"
        "  placard migrate-store postgres://placard@db.internal/placard placard-data-again\n",
    .run = run,
};
