/*
 * postgres_query: statements of the PostgreSQL driver. A literal is prepared once in the life of a connection, at its
 * first execution, when the kinds of its parameters are known; text and blobs have one binary form, so the engine takes
 * the column's type for them. All values go and come in binary. The rows of a query are fetched whole; those of a walk
 * by a cursor, in pieces that grow.
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "db/postgres.h"

enum { INT8_OID = 20, BINARY = 1, NAME = 32, FETCH_FIRST = 4, FETCH_MOST = 64 };

/* --- text --------------------------------------------------------------------------------------------------------- */

static char *with_dollars(const char *sql)
{
    char *text = mem_dup(sql, strlen(sql));
    bool quoted = false;
    for (char *at = text; *at; at++) {
        quoted = quoted != (*at == '\'');
        if (*at == '?' && !quoted)
            *at = '$';
    }
    return text;
}

struct db_query *pg_query(struct db *base, const char *sql, bool walk)
{
    struct pg_db *db = (struct pg_db *)base;
    unsigned at = (unsigned)(((uintptr_t)sql * 0x9E3779B97F4A7C15u) >> 40) % PG_STATEMENTS;
    for (unsigned tried = 0; db->queries[at].sql && db->queries[at].sql != sql; tried++) {
        CHECK(tried < PG_STATEMENTS);
        at = (at + 1) % PG_STATEMENTS;
    }
    struct pg_query *q = &db->queries[at];
    if (!q->sql) {
        q->sql = sql;
        q->text = with_dollars(sql);
        q->number = at;
    }
    CHECK(!q->begun); /* the same literal twice at once is our mistake */
    q->base.db = base;
    q->walk = walk;
    q->over = q->failed = false;
    q->parameter_count = 0;
    return &q->base;
}

const char *pg_text(const struct db_query *q)
{
    return ((const struct pg_query *)q)->sql;
}

void pg_queries_free(struct pg_db *db)
{
    for (unsigned i = 0; i < PG_STATEMENTS; i++) {
        PQclear(db->queries[i].rows);
        free(db->queries[i].text);
        if (db->queries[i].copy)
            buf_free(&db->queries[i].gathered);
        free(db->queries[i].copy);
    }
}

/* --- parameters --------------------------------------------------------------------------------------------------- */

static unsigned place_of(struct pg_query *q, int at)
{
    CHECK(at >= 1 && at <= PG_PARAMETERS && !q->begun);
    for (; q->parameter_count < at; q->parameter_count++) {
        q->values[q->parameter_count] = NULL;
        q->lengths[q->parameter_count] = 0;
    }
    return (unsigned)at - 1;
}

void pg_bind_int(struct db_query *base, int at, int64_t value)
{
    struct pg_query *q = (struct pg_query *)base;
    unsigned place = place_of(q, at);
    q->numbers[place] = htobe64((uint64_t)value);
    q->values[place] = (const char *)&q->numbers[place];
    q->lengths[place] = sizeof q->numbers[place];
    q->types[place] = INT8_OID;
}

void pg_bind_bytes(struct db_query *base, int at, struct span bytes)
{
    struct pg_query *q = (struct pg_query *)base;
    unsigned place = place_of(q, at);
    CHECK(bytes.len <= INT32_MAX);
    q->values[place] = bytes.ptr ? bytes.ptr : "";
    q->lengths[place] = (int)bytes.len;
    q->types[place] = 0;
}

void pg_bind_null(struct db_query *base, int at)
{
    struct pg_query *q = (struct pg_query *)base;
    unsigned place = place_of(q, at);
    q->values[place] = NULL;
    q->types[place] = 0;
}

/* --- execution ---------------------------------------------------------------------------------------------------- */

static bool failed(struct pg_query *q, const PGresult *result)
{
    q->failed = true;
    return pg_fail((struct pg_db *)q->base.db, result, "step", &q->error);
}

static bool prepare(struct pg_query *q, const char *name)
{
    struct pg_db *db = (struct pg_db *)q->base.db;
    PGresult *result = PQprepare(db->connection, name, q->text, q->parameter_count, q->types);
    bool done = PQresultStatus(result) == PGRES_COMMAND_OK || failed(q, result);
    PQclear(result);
    q->prepared = done ? db->life : 0;
    return done;
}

static void take_rows(struct pg_query *q, PGresult *rows)
{
    PQclear(q->rows);
    q->rows = rows;
    q->row = -1;
    q->row_count = PQntuples(rows);
}

/* All rows, or that there are none to come. */
static bool execute(struct pg_query *q)
{
    struct pg_db *db = (struct pg_db *)q->base.db;
    static const int binary[PG_PARAMETERS] = { [0 ... PG_PARAMETERS - 1] = BINARY };
    char name[NAME];
    snprintf(name, sizeof name, "q%u", q->number);
    if (q->prepared != db->life && !prepare(q, name))
        return false;
    PGresult *result = PQexecPrepared(db->connection, name, q->parameter_count, q->values, q->lengths, binary, BINARY);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        failed(q, result);
        PQclear(result);
        return false;
    }
    take_rows(q, result);
    q->base.db->changes = strtoll(PQcmdTuples(result), NULL, 10);
    return true;
}

/* The next piece of a walk. */
static bool fetch(struct pg_query *q)
{
    struct pg_db *db = (struct pg_db *)q->base.db;
    char sql[NAME * 2];
    snprintf(sql, sizeof sql, "FETCH %d FROM c%u", q->fetch, q->number);
    q->fetch = q->fetch < FETCH_MOST ? q->fetch * 2 : FETCH_MOST;
    PGresult *result = PQexecParams(db->connection, sql, 0, NULL, NULL, NULL, NULL, BINARY);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        failed(q, result);
        PQclear(result);
        return false;
    }
    take_rows(q, result);
    return true;
}

static bool declare(struct pg_query *q)
{
    struct pg_db *db = (struct pg_db *)q->base.db;
    static const int binary[PG_PARAMETERS] = { [0 ... PG_PARAMETERS - 1] = BINARY };
    char head[NAME * 2];
    int head_len = snprintf(head, sizeof head, "DECLARE c%u NO SCROLL CURSOR FOR ", q->number);
    char *sql = mem_alloc((size_t)head_len + strlen(q->text) + 1);
    memcpy(sql, head, (size_t)head_len);
    memcpy(sql + head_len, q->text, strlen(q->text) + 1);
    PGresult *result =
        PQexecParams(db->connection, sql, q->parameter_count, q->types, q->values, q->lengths, binary, BINARY);
    free(sql);
    bool done = PQresultStatus(result) == PGRES_COMMAND_OK || failed(q, result);
    PQclear(result);
    q->fetch = FETCH_FIRST;
    return done && fetch(q);
}

enum db_step pg_next(struct db_query *base, struct err *err)
{
    struct pg_query *q = (struct pg_query *)base;
    if (!q->failed && !q->over) {
        bool begins = !q->begun;
        q->begun = true;
        bool done = !begins || (q->walk ? declare(q) : execute(q));
        if (done && q->walk && q->row + 1 == q->row_count && q->row_count > 0)
            done = fetch(q);
        if (done && ++q->row < q->row_count)
            return DB_ROW;
        q->over = done;
    }
    if (!q->failed)
        return DB_DONE;
    if (err)
        *err = q->error;
    return DB_FAILED;
}

bool pg_end(struct db_query *base, struct err *err)
{
    struct pg_query *q = (struct pg_query *)base;
    struct pg_db *db = (struct pg_db *)base->db;
    if (q->walk && q->begun && !q->failed && !db->failed) {
        char sql[NAME];
        snprintf(sql, sizeof sql, "CLOSE c%u", q->number);
        PGresult *result = PQexec(db->connection, sql);
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            failed(q, result);
        PQclear(result);
    }
    PQclear(q->rows);
    q->rows = NULL;
    q->begun = false;
    if (!base->db->in_transaction)
        db->failed = false;
    if (q->failed && err)
        *err = q->error;
    return !q->failed;
}

/* --- columns ------------------------------------------------------------------------------------------------------ */

int64_t pg_column_int(struct db_query *base, int column)
{
    struct pg_query *q = (struct pg_query *)base;
    const char *value = PQgetvalue(q->rows, q->row, column);
    union {
        uint64_t eight;
        uint32_t four;
        uint16_t two;
    } as;
    switch (PQgetlength(q->rows, q->row, column)) {
    case 0: /* NULL */
        return 0;
    case 8:
        memcpy(&as.eight, value, sizeof as.eight);
        return (int64_t)be64toh(as.eight);
    case 4:
        memcpy(&as.four, value, sizeof as.four);
        return (int32_t)be32toh(as.four);
    case 2:
        memcpy(&as.two, value, sizeof as.two);
        return (int16_t)be16toh(as.two);
    default:
        CHECK(!"an integer has 2, 4 or 8 bytes");
        return 0;
    }
}

struct span pg_column_bytes(struct db_query *base, int column)
{
    struct pg_query *q = (struct pg_query *)base;
    if (PQgetisnull(q->rows, q->row, column))
        return SPAN_NONE;
    return span_of(PQgetvalue(q->rows, q->row, column), (size_t)PQgetlength(q->rows, q->row, column));
}

bool pg_column_is_null(struct db_query *base, int column)
{
    struct pg_query *q = (struct pg_query *)base;
    return PQgetisnull(q->rows, q->row, column) == 1;
}
