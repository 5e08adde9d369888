/*
 * backup: the whole database as one file, and back.
 *
 * A backup is a database like any other, with one row more: the root key's file, which lies beside the database and not
 * in it. It is not synced and not checked here.
 */
#ifndef PLACARD_STORE_BACKUP_H
#define PLACARD_STORE_BACKUP_H

#include "base/buf.h"
#include "store/store.h"

#define BACKUP_CREDENTIALS_MAX 65536

/* Copies the database at `place`, also beside a server that writes, into a new file. `credentials` may be empty. */
bool backup_write(struct span place, const char *path, struct span credentials, struct err *err) MUST_CHECK;

/*
 * Makes a copied backup ready to be served: takes the credentials out (none: empty), brings the schema up to date, and
 * leaves one file without a log. E_CONFIG for a file that is no backup of ours, or a newer placard's.
 */
bool backup_open(struct span place, struct buf *ret_credentials, struct err *err) MUST_CHECK;

/* Moves what the log beside a database holds into it, so that the log can go. */
bool backup_fold_log(struct span place, struct err *err) MUST_CHECK;

#endif
