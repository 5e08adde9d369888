/*
 * migration_tables: what a store's tables are, for copying them: those that are referred to before those that refer.
 *
 * The kinds of columns are the ones that SQLite has: i an integer, t text, b bytes. (In PostgreSQL, what clients write
 * freely is bytes; what comes from there must become text again.)
 */
#ifndef PLACARD_STORE_MIGRATION_TABLES_H
#define PLACARD_STORE_MIGRATION_TABLES_H

#include <stdbool.h>

struct migration_table {
    const char *name;
    const char *kinds;
    bool numbered; /* its ids are given out by the engine */
    bool prepared; /* what a server writes into it when it first starts is nothing to keep */
    const char *select, *insert, *count, *clear; /* literals, as every statement */
};

#define MIGRATION_TABLES 18
extern const struct migration_table migration_tables[MIGRATION_TABLES];

#endif
