/* home: see home.h for the contract. */
#include "cli/home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ident.h"
#include "base/log.h"

#define STORE_SCHEME "sqlite:"
enum { STORE_PATH_MAX = 8192, ID_CHARACTERS = 16, SECRET_CHARACTERS = 40 };

/* A folder that was not there is on the disk before anything in it is promised. */
static bool make_folder(const char *name)
{
    if (mkdir(name, S_IRWXU) != 0)
        return errno == EEXIST;
    int folder = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int parent = folder < 0 ? -1 : openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = parent >= 0 && fsync(parent) == 0;
    if (parent >= 0)
        close(parent);
    if (folder >= 0)
        close(folder);
    return done;
}

bool home_make_folders(const char *path)
{
    char *name = mem_dup(path, strlen(path));
    bool done = true;
    for (char *at = name + 1; done && *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        done = make_folder(name);
        *at = '/';
    }
    done = done && make_folder(name);
    free(name);
    return done;
}

bool home_open(const char *path, bool make, struct home *ret_home, struct err *err)
{
    if (!path[0])
        return fail(err, E_CONFIG, "the data directory has no name; say --data DIR");
    if (make && !home_make_folders(path))
        return fail(err, E_CONFIG, "the data directory %s cannot be made: %s", path, strerror(errno));
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 && errno == ENOENT)
        return fail(err, E_CONFIG, "there is no data directory %s; `placard serve --data %s` makes one", path, path);
    if (folder < 0)
        return fail(err, E_CONFIG, "the data directory %s cannot be used: %s", path, strerror(errno));
    *ret_home = (struct home){ .path = mem_dup(path, strlen(path)), .folder = folder, .lock = -1, .store_lock = -1 };
    return true;
}

void home_close(struct home *home)
{
    if (home->store_lock >= 0)
        close(home->store_lock);
    if (home->lock >= 0)
        close(home->lock);
    close(home->folder);
    free(home->path);
    home->path = NULL;
}

/* The process id that the holder wrote, or 0. */
static uint64_t holder_of(int lock)
{
    char text[32];
    uint64_t pid = 0;
    ssize_t got = pread(lock, text, sizeof text, 0);
    struct span rest = span_of(text, got > 0 ? (size_t)got : 0);
    return span_to_u64(span_cut(&rest, '\n'), INT32_MAX, &pid) ? pid : 0;
}

/* What a lock guards, for the sentences. */
struct guarded {
    const char *kind, *name, *flag;
    enum err_code unusable; /* and how its name is at fault */
    const char *cannot;
};

/* A locked file that says whose it is, or -1. */
static int take_lock(int folder, const char *file, const struct guarded *what, struct err *err)
{
    int lock = openat(folder, file, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (lock < 0) {
        fail(err, what->unusable, "%s %s cannot be %s: %s", what->kind, what->name, what->cannot, strerror(errno));
        return -1;
    }
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        int why = errno;
        uint64_t holder = holder_of(lock);
        close(lock);
        if (why != EWOULDBLOCK)
            fail(err, E_CONFIG, "%s %s cannot be locked: %s", what->kind, what->name, strerror(why));
        else
            fail(err, E_IN_USE, "%s %s is in use by process %llu; stop that one first, or name another with --%s",
                 what->kind, what->name, (unsigned long long)holder, what->flag);
        return -1;
    }
    char text[32];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(lock, 0) != 0 || pwrite(lock, text, (size_t)len, 0) != len)
        log_line(LOG_WARN, "the process id could not be noted in the lock"); /* only a message is poorer for it */
    return lock;
}

/* Two data directories may be told of one store: that has a lock of its own. */
bool home_lock_store(struct home *home, const char *store, struct err *err)
{
    struct buf file;
    buf_init(&file, STORE_PATH_MAX);
    buf_addf(&file, "%s-lock", store + sizeof STORE_SCHEME - 1);
    const struct guarded what = { "the store", store, "store", E_STORE, "opened" };
    home->store_lock = take_lock(AT_FDCWD, buf_cstr(&file), &what, err);
    buf_free(&file);
    return home->store_lock >= 0;
}

bool home_lock(struct home *home, const struct conf_values *values, struct err *err)
{
    const struct guarded what = { "the data directory", home->path, "data", E_CONFIG, "written" };
    home->lock = take_lock(home->folder, "lock", &what, err);
    if (home->lock < 0)
        return false;
    if (!span_starts(span_str(values->store), SPAN_LIT(STORE_SCHEME)) || home_lock_store(home, values->store, err))
        return true;
    close(home->lock);
    home->lock = -1;
    return false;
}

void home_store_place(const struct home *home, const struct conf_values *values, struct buf *ret_place)
{
    if (values->store[0])
        buf_add_str(ret_place, values->store);
    else
        buf_addf(ret_place, "sqlite:%s/placard.db", home->path);
}

void home_objects_place(const struct home *home, const struct conf_values *values, struct buf *ret_place)
{
    if (values->objects[0])
        buf_add_str(ret_place, values->objects);
    else
        buf_addf(ret_place, "dir:%s/buckets", home->path);
}

void home_fresh_key(const char prefix[4], struct root_key *ret_key)
{
    memcpy(ret_key->id, prefix, 4);
    ident_text(ret_key->id + 4, ID_CHARACTERS, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
    ident_text(ret_key->secret, SECRET_CHARACTERS, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
}

/* Copies one half of a key; false when it is empty, too long, or holds what no header could carry. */
static bool keep_part(struct span part, char *into, size_t max)
{
    if (part.len == 0 || part.len > max)
        return false;
    for (size_t i = 0; i < part.len; i++)
        if (part.ptr[i] <= ' ' || part.ptr[i] > '~')
            return false;
    memcpy(into, part.ptr, part.len);
    into[part.len] = '\0';
    return true;
}

static bool keep_id(struct span part, char *into)
{
    for (size_t i = 0; i < part.len; i++)
        if (part.ptr[i] == '/' || part.ptr[i] == ',' || part.ptr[i] == '=')
            return false; /* would end the key id inside a Credential */
    return keep_part(part, into, ROOT_KEY_ID_MAX);
}

static bool key_of_environment(struct root_key *ret_key, bool *ret_found, struct err *err)
{
    struct span id = span_str(getenv("PLACARD_ACCESS_KEY_ID"));
    struct span secret = span_str(getenv("PLACARD_SECRET_ACCESS_KEY"));
    *ret_found = id.len > 0 || secret.len > 0;
    if (!*ret_found)
        return true;
    if (id.len == 0 || secret.len == 0)
        return fail(err, E_CONFIG, "%s is set and %s is not; set both or neither",
                    id.len ? "PLACARD_ACCESS_KEY_ID" : "PLACARD_SECRET_ACCESS_KEY",
                    id.len ? "PLACARD_SECRET_ACCESS_KEY" : "PLACARD_ACCESS_KEY_ID");
    if (!keep_id(id, ret_key->id) || !keep_part(secret, ret_key->secret, ROOT_KEY_SECRET_MAX))
        return fail(err, E_CONFIG,
                    "PLACARD_ACCESS_KEY_ID or PLACARD_SECRET_ACCESS_KEY is too long or holds a "
                    "character that no key has");
    return true;
}

/* The [default] section of an AWS shared-credentials file. */
static bool parse_credentials(struct span text, struct root_key *ret_key)
{
    bool in_default = false, have_id = false, have_secret = false;
    while (text.ptr) {
        struct span line = span_trim(span_cut(&text, '\n'));
        if (span_ends(line, SPAN_LIT("\r")))
            line = span_trim(span_first(line, line.len - 1));
        if (span_starts(line, SPAN_LIT("[")))
            in_default =
                span_ends(line, SPAN_LIT("]")) && span_is(span_trim(span_of(line.ptr + 1, line.len - 2)), "default");
        if (!in_default || line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';')
            continue;
        struct span value = line;
        struct span name = span_trim(span_cut(&value, '='));
        if (span_eq_nocase(name, SPAN_LIT("aws_access_key_id")))
            have_id = keep_id(span_trim(value), ret_key->id);
        else if (span_eq_nocase(name, SPAN_LIT("aws_secret_access_key")))
            have_secret = keep_part(span_trim(value), ret_key->secret, ROOT_KEY_SECRET_MAX);
    }
    return have_id && have_secret;
}

bool home_credentials(const struct home *home, struct buf *ret_text, bool *ret_found, struct err *err)
{
    char text[HOME_CREDENTIALS_MAX];
    struct stat info;
    int file = openat(home->folder, "credentials", O_RDONLY | O_CLOEXEC);
    *ret_found = file >= 0;
    if (file < 0 && errno == ENOENT)
        return true;
    ssize_t got = file < 0 ? -1 : read(file, text, sizeof text);
    int why = errno;
    bool exposed = file >= 0 && fstat(file, &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0;
    if (file >= 0)
        close(file);
    if (got < 0)
        return fail(err, E_CONFIG, "%s/credentials cannot be read: %s", home->path, strerror(why));
    if (exposed)
        log_line(LOG_WARN, "the file with the root key can be read by others; chmod 600 it",
                 LOG_S("file", "credentials"));
    buf_add(ret_text, span_of(text, (size_t)got));
    explicit_bzero(text, sizeof text);
    return true;
}

static bool read_credentials(const struct home *home, struct root_key *ret_key, bool *ret_found, struct err *err)
{
    struct buf text;
    buf_init(&text, HOME_CREDENTIALS_MAX);
    bool done = home_credentials(home, &text, ret_found, err);
    if (done && *ret_found && !parse_credentials(buf_span(&text), ret_key))
        done = fail(err, E_CONFIG,
                    "%s/credentials has no [default] section with aws_access_key_id and aws_secret_access_key; "
                    "repair it, or remove it and a new root key is made",
                    home->path);
    buf_free(&text);
    return done;
}

static bool put_file(const struct home *home, struct span text)
{
    int file = openat(home->folder, "credentials.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0)
        return false;
    bool done = write(file, text.ptr, text.len) == (ssize_t)text.len && fsync(file) == 0;
    done = close(file) == 0 && done;
    return done && renameat(home->folder, "credentials.new", home->folder, "credentials") == 0 &&
           fsync(home->folder) == 0;
}

bool home_put_credentials(const struct home *home, struct span text, struct err *err)
{
    CHECK(home->lock >= 0);
    return put_file(home, text) ||
           fail(err, E_CONFIG, "%s/credentials cannot be written: %s", home->path, strerror(errno));
}

bool home_keep_root_key(const struct home *home, const char *region, const struct root_key *key, struct err *err)
{
    struct buf text;
    buf_init(&text, HOME_CREDENTIALS_MAX);
    buf_addf(&text, "[default]\naws_access_key_id = %s\naws_secret_access_key = %s\nregion = %s\n", key->id,
             key->secret, region);
    CHECK(!text.overflow); /* a region has 63 characters at most */
    bool done = home_put_credentials(home, buf_span(&text), err);
    buf_free(&text);
    return done;
}

bool home_find_root_key(const struct home *home, struct root_key *ret_key, enum home_key *ret_found, struct err *err)
{
    bool found;
    if (!key_of_environment(ret_key, &found, err))
        return false;
    *ret_found = HOME_KEY_ENVIRONMENT;
    if (found)
        return true;
    if (!read_credentials(home, ret_key, &found, err))
        return false;
    *ret_found = found ? HOME_KEY_FILE : HOME_KEY_NONE;
    return true;
}
