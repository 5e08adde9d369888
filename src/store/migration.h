/*
 * migration: every row of a store into another one, of whatever engine.
 *
 *     migration_open -> migration_copy -> (what is above recounts the target) -> migration_finish -> migration_close
 *
 * The source is read in one snapshot and not changed. The target has a mark in it before it has anything else, and
 * until migration_finish; a marked store is refused by store_open, and the next migration_open takes it for empty
 * whatever it holds, so that one that was killed can be begun again. All rows go in one transaction.
 *
 * What a store has beside projects, datasets and versions goes along: keys and sessions with their secrets, the secrets
 * of hashes and of pagination tokens, the last id of each table, so that none comes a second time. Jobs go along too,
 * as nobody's: whoever serves the target claims them.
 */
#ifndef PLACARD_STORE_MIGRATION_H
#define PLACARD_STORE_MIGRATION_H

#include "base/buf.h"
#include "store/store.h"

struct migration;

struct migration_options {
    struct span from, to;                                                 /* places */
    void (*tell)(void *ctx, const char *table, int64_t rows, bool whole); /* how many rows have been written */
    void *ctx;
};

/*
 * Marks the target. E_CONFIG: the source is no store of this schema, or is marked itself; the target holds something,
 * or is of another schema. E_IN_USE: servers are connected to one of them, as far as its engine can tell.
 */
bool migration_open(const struct migration_options *options, struct migration **ret_migration,
                    struct err *err) MUST_CHECK;
void migration_close(struct migration *migration);

/*
 * The root key is the store's where several servers share it, as "ID SECRET" (root_key_agree), and else not in it. What
 * the source has of it is in *root_key afterwards, if anything; where the source has none, what is in it is given to a
 * target that is shared.
 */
bool migration_copy(struct migration *migration, struct buf *root_key, int64_t *ret_rows, unsigned *ret_tables,
                    struct err *err) MUST_CHECK;

/* Takes the mark away. */
bool migration_finish(struct migration *migration, struct err *err) MUST_CHECK;

/* E_CONFIG with a sentence where the store is marked. Inside a transaction. */
bool migration_refuse_marked(struct db *db, struct err *err) MUST_CHECK;

#endif
