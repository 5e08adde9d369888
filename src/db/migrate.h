/*
 * migrate: brings a database to the schema this program was built with.
 *
 * The scripts in src/db/sql are applied in order, each in one transaction together with its number. A database of a
 * newer schema is refused with a sentence (E_CONFIG), and so is an old or empty one where `allowed` is false.
 */
#ifndef PLACARD_DB_MIGRATE_H
#define PLACARD_DB_MIGRATE_H

#include "db/db.h"

bool db_migrate(struct db *db, bool allowed, struct err *err) MUST_CHECK;

#endif
