/*
 * home: the data directory. What lies in it:
 *
 *     placard.db     rows (mode 0600)          buckets/     one folder a bucket, unless --objects says otherwise
 *     credentials    the root key (0600)       lock         held by the server, with its process id
 *     admin.sock     the running server's ear (0600)
 *
 * `home_open`, then `home_lock` before anything is written, `home_close` at the end. The lock is the process's: it goes
 * when the process does, however that ends. Errors are E_CONFIG for a place that cannot be used and E_IN_USE for one
 * that another process holds.
 */
#ifndef PLACARD_CLI_HOME_H
#define PLACARD_CLI_HOME_H

#include "base/buf.h"
#include "base/conf.h"
#include "base/err.h"

struct home {
    char *path;
    int folder;     /* of the directory */
    int lock;       /* -1 until home_lock */
    int store_lock; /* -1 where the store is in the directory */
};

/* `make`: create it (mode 0700) if it is not there. */
bool home_open(const char *path, bool make, struct home *ret_home, struct err *err) MUST_CHECK;
void home_close(struct home *home);

/* Makes every missing folder of a path, mode 0700; errno says why not. */
bool home_make_folders(const char *path) MUST_CHECK;

/* Takes the lock, and of a store elsewhere (STORE-lock, beside it) that one too; a process that holds it already is
   named in the sentence. */
bool home_lock(struct home *home, const struct conf_values *values, struct err *err) MUST_CHECK;

/* Of a store elsewhere its lock alone, for who needs nothing of the directory. */
bool home_lock_store(struct home *home, const char *store, struct err *err) MUST_CHECK;

/* "sqlite:DIR/placard.db" and "dir:DIR/buckets", or what the configuration says. */
void home_store_place(const struct home *home, const struct conf_values *values, struct buf *ret_place);
void home_objects_place(const struct home *home, const struct conf_values *values, struct buf *ret_place);

#define ROOT_KEY_ID_MAX 128
#define ROOT_KEY_SECRET_MAX 256

struct root_key {
    char id[ROOT_KEY_ID_MAX + 1];
    char secret[ROOT_KEY_SECRET_MAX + 1];
};

/* The root key: from PLACARD_ACCESS_KEY_ID and PLACARD_SECRET_ACCESS_KEY, else from DIR/credentials, else none. */
enum home_key { HOME_KEY_NONE, HOME_KEY_ENVIRONMENT, HOME_KEY_FILE };
bool home_find_root_key(const struct home *home, struct root_key *ret_key, enum home_key *ret_found,
                        struct err *err) MUST_CHECK;

/* Writes DIR/credentials (AWS shared-credentials format, mode 0600). Needs the lock. */
bool home_keep_root_key(const struct home *home, const char *region, const struct root_key *key,
                        struct err *err) MUST_CHECK;

/* DIR/credentials as it is; *ret_found false where there is none. */
bool home_credentials(const struct home *home, struct buf *ret_text, bool *ret_found, struct err *err) MUST_CHECK;

/* Replaces it, whole and on the disk. Needs the lock. */
bool home_put_credentials(const struct home *home, struct span text, struct err *err) MUST_CHECK;

#define HOME_CREDENTIALS_MAX 65536

/* A pair of fresh names: "AKIA" or another prefix of four, and a secret of 40 characters. */
void home_fresh_key(const char prefix[4], struct root_key *ret_key);

#endif
