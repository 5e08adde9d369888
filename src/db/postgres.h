/* postgres: the inside of the driver, shared by its files. See postgres.c. */
#ifndef PLACARD_DB_POSTGRES_H
#define PLACARD_DB_POSTGRES_H

#include <libpq-fe.h>

#include "db/driver.h"

enum { PG_STATEMENTS = 256, PG_PARAMETERS = 24, PG_APPENDS = 16 };

struct pg_query {
    struct db_query base;
    const char *sql;   /* the literal; NULL: this place is free */
    char *text;        /* with $1 for ?1 */
    unsigned number;   /* names the statement and its cursor */
    unsigned prepared; /* the life of the connection in which it was; 0: never */
    bool walk;
    bool begun, over, failed;
    PGresult *rows; /* all of them, or of a walk the last piece fetched */
    int row, row_count;
    int fetch; /* of a walk: how many rows the next piece has at most */
    int parameter_count;
    const char *values[PG_PARAMETERS];
    int lengths[PG_PARAMETERS];
    Oid types[PG_PARAMETERS];
    uint64_t numbers[PG_PARAMETERS]; /* where values point for integers, in network order */
    struct err error;
    struct buf gathered; /* rows of an append, as COPY takes them */
    char *copy;          /* its text; NULL: this literal has never been one */
};

struct pg_db {
    struct db base;
    PGconn *connection;
    bool writes;
    int64_t rest_until_us; /* before then nobody tries to connect again */
    unsigned life;         /* counts connections made, from 1 */
    enum db_mode doing;    /* of the transaction */
    bool failed;           /* a statement of the transaction has; it cannot be committed any more */
    struct err why;
    struct pg_query *appends[PG_APPENDS]; /* which have gathered rows; the first append_count */
    unsigned append_count;
    struct pg_query queries[PG_STATEMENTS]; /* by hashed address of the literal */
};

/* What went wrong with a statement, from its result or (NULL) the connection; spoils the transaction. Always false. */
bool pg_fail(struct pg_db *db, const PGresult *result, const char *what, struct err *err);

struct db_query *pg_query(struct db *base, const char *sql, bool walk);
const char *pg_text(const struct db_query *q);
void pg_bind_int(struct db_query *q, int at, int64_t value);
void pg_bind_bytes(struct db_query *q, int at, struct span bytes);
void pg_bind_null(struct db_query *q, int at);
enum db_step pg_next(struct db_query *q, struct err *err);
bool pg_end(struct db_query *q, struct err *err);
int64_t pg_column_int(struct db_query *q, int column);
struct span pg_column_bytes(struct db_query *q, int column);
bool pg_column_is_null(struct db_query *q, int column);

struct db_query *pg_append(struct db *base, const char *sql);
bool pg_append_row(struct db_query *q, struct err *err);
bool pg_append_end(struct db *base, struct err *err);

bool pg_end_stuck(struct db *base, struct err *err);

/* Forgets what is gathered. */
void pg_append_drop(struct pg_db *db);

/* Frees what the queries of a connection hold. */
void pg_queries_free(struct pg_db *db);

#endif
