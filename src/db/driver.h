/*
 * driver: what an SQL engine gives to db.c. One const table per engine; every function mirrors the verb of db.h of the
 * same name, and a struct db or db_query of an engine begins with the struct here.
 */
#ifndef PLACARD_DB_DRIVER_H
#define PLACARD_DB_DRIVER_H

#include "db/db.h"

struct db_driver {
    const char *schemes[3];     /* how its places begin: "sqlite:"; NULL behind the last */
    bool shared;                /* several processes may write */
    const char *const *scripts; /* its schemas, in order */
    unsigned script_count;
    bool (*open)(struct span place, enum db_mode mode, struct db **ret_db, struct err *err);
    void (*close)(struct db *db);
    bool (*begin)(struct db *db, enum db_mode mode, struct err *err);
    bool (*commit)(struct db *db, struct err *err);
    void (*rollback)(struct db *db);
    struct db_query *(*query)(struct db *db, const char *sql_literal, bool walk);
    const char *(*text)(const struct db_query *q); /* the literal */
    void (*bind_int)(struct db_query *q, int at, int64_t value);
    void (*bind_text)(struct db_query *q, int at, struct span text);
    void (*bind_blob)(struct db_query *q, int at, struct span bytes);
    void (*bind_null)(struct db_query *q, int at);
    enum db_step (*next)(struct db_query *q, struct err *err);
    bool (*end)(struct db_query *q, struct err *err);
    struct db_query *(*append)(struct db *db, const char *sql_literal);
    bool (*append_row)(struct db_query *q, struct err *err);
    bool (*append_end)(struct db *db, struct err *err);
    int64_t (*column_int)(struct db_query *q, int column);
    struct span (*column_text)(struct db_query *q, int column);
    struct span (*column_blob)(struct db_query *q, int column);
    bool (*column_is_null)(struct db_query *q, int column);
    bool (*script)(struct db *db, const char *sql, struct err *err);
    bool (*has_table)(struct db *db, const char *name, bool *ret_has, struct err *err);
    bool (*last_id)(struct db *db, const char *table, int64_t *ret_id, struct err *err);
    bool (*raise_last_id)(struct db *db, const char *table, int64_t id, struct err *err);
    bool (*others)(struct db *db, int64_t *ret_count, struct err *err);
    bool (*end_stuck)(struct db *db, struct err *err);
    bool (*checkpoint)(struct db *db, bool truncate, struct err *err);
    bool (*copy)(struct db *db, const char *path, struct err *err);
};

struct db {
    const struct db_driver *driver;
    bool in_transaction;
    int64_t changes;
    unsigned log_pages;
    uint64_t log_commits;
    struct db_moved moved; /* by the last checkpoint */
};

struct db_query {
    struct db *db;
    bool broken; /* by a test: db_end tells, as for a step that failed by itself */
};

extern const struct db_driver db_sqlite, db_postgres;

#endif
