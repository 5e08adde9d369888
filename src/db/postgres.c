/*
 * postgres: PostgreSQL, and what speaks its protocol, by libpq. This file has the connection and its transactions,
 * postgres_query.c the statements, postgres_append.c the many rows.
 *
 * DB_WRITE is SERIALIZABLE: what a call has read still holds when it commits, whoever else writes on whatever node. It
 * may therefore fail with 40001 at any statement; the unit that is done again is the whole call or the whole attempt of
 * a job, by who began it (db.h, E_CONFLICT). DB_WRITE_CLAIMED is READ COMMITTED: a job's rows are its own by its claim,
 * which each transaction checks. Reads are REPEATABLE READ, READ ONLY.
 *
 * A process that vanishes in the middle of a write must not keep its locks: the engine is told to end a transaction
 * that stands idle, and to look after the connection by keep-alives. Nothing here needs advisory locks, LISTEN, or a
 * session that outlives a transaction but for prepared statements.
 */
#include "db/postgres.h"

#include <stdlib.h>

#include "base/clock.h"
#include "db/scripts_postgres.h"

enum { CONNECT_WORDS = 64, SENTENCE = 600, REST_SHARE = 4 };

/* Where the user says nothing else. Only a server that takes writes will do: another is a replica. */
static const char *const defaults[][2] = {
    { "connect_timeout", "5" },        { "tcp_user_timeout", "10000" }, { "keepalives_idle", "5" },
    { "keepalives_interval", "3" },    { "keepalives_count", "3" },     { "target_session_attrs", "read-write" },
    { "application_name", "placard" }, { "client_encoding", "UTF8" },
};

/* One by one, for an engine that only speaks the protocol may know some and not others. */
static const char *const settings[] = {
    "SET lock_timeout = '5s'",           "SET idle_in_transaction_session_timeout = '15s'",
    "SET tcp_keepalives_idle = 5",       "SET tcp_keepalives_interval = 3",
    "SET tcp_keepalives_count = 3",      "SET tcp_user_timeout = 10000",
    "SET client_min_messages = warning",
};

/* --- what goes wrong ---------------------------------------------------------------------------------------------- */

/* The engine's texts end with a newline and may have several lines. */
static void flatten(const char *text, char into[SENTENCE])
{
    size_t len = 0;
    for (; text && *text && len < SENTENCE - 1; text++)
        if (*text != '\n')
            into[len++] = *text;
        else if (text[1])
            into[len++] = ' ';
    into[len] = '\0';
}

/* The states after which the same transaction may succeed: see db.h. Class 08, 57P0x: the connection is gone. */
static bool is_conflict(const char *state)
{
    static const char *const states[] = { "40001", "40P01", "40003", "23505", "42P07", "42723", "55P03",
                                          "25P03", "25006", "57P01", "57P02", "57P03", "53300" };
    for (unsigned i = 0; i < COUNT_OF(states); i++)
        if (strcmp(state, states[i]) == 0)
            return true;
    return strncmp(state, "08", 2) == 0;
}

bool pg_fail(struct pg_db *db, const PGresult *result, const char *what, struct err *err)
{
    char sentence[SENTENCE];
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    bool lost = PQstatus(db->connection) != CONNECTION_OK;
    flatten(text ? text : PQerrorMessage(db->connection), sentence);
    struct err why;
    fail(&why, lost || (state && is_conflict(state)) ? E_CONFLICT : E_STORE, "%s: %s%s%s", what, sentence,
         state ? ", state " : "", state ? state : "");
    if (!db->failed) /* what follows a failure says only that the transaction has failed */
        db->why = why;
    db->failed = true;
    if (err)
        *err = db->why;
    return false;
}

/* Runs a text without parameters. */
static bool run(struct pg_db *db, const char *sql, const char *what, struct err *err)
{
    PGresult *result = PQexec(db->connection, sql);
    ExecStatusType status = PQresultStatus(result);
    bool done = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
    if (!done)
        pg_fail(db, result, what, err);
    PQclear(result);
    return done;
}

/* --- the connection ----------------------------------------------------------------------------------------------- */

static void set_up(struct pg_db *db)
{
    db->life++;
    for (unsigned i = 0; i < COUNT_OF(settings); i++)
        PQclear(PQexec(db->connection, settings[i]));
}

/*
 * A new one where there is none or it has broken. Where the network is cut an attempt lasts as long as it may: those
 * who wait for the connection meanwhile are not to try one after the other, so for a while behind a long one nobody
 * does.
 */
static bool connect_anew(struct pg_db *db, struct err *err)
{
    db->failed = false;
    if (PQstatus(db->connection) == CONNECTION_OK)
        return true;
    int64_t begun_us = clock_mono_us();
    if (begun_us >= db->rest_until_us) {
        PQreset(db->connection);
        int64_t now_us = clock_mono_us();
        db->rest_until_us = now_us + (now_us - begun_us) / REST_SHARE;
    }
    if (PQstatus(db->connection) != CONNECTION_OK)
        return pg_fail(db, NULL, "connection", err);
    set_up(db);
    return true;
}

static void ignore_notice(void *ctx, const PGresult *result)
{
    (void)ctx, (void)result;
}

/* The place as libpq reads it, with our defaults where it says nothing. */
static PGconn *connect_to(const char *place, struct err *err)
{
    const char *names[CONNECT_WORDS + 1], *values[CONNECT_WORDS + 1];
    char *problem = NULL;
    PQconninfoOption *options = PQconninfoParse(place, &problem);
    if (!options) {
        char sentence[SENTENCE];
        flatten(problem, sentence);
        PQfreemem(problem);
        fail(err, E_CONFIG, "the address is not understood: %s", sentence);
        return NULL;
    }
    unsigned count = 0;
    for (const PQconninfoOption *option = options; option->keyword; option++) {
        const char *value = option->val;
        for (unsigned i = 0; !value && i < COUNT_OF(defaults); i++)
            if (strcmp(defaults[i][0], option->keyword) == 0)
                value = defaults[i][1];
        CHECK(count < CONNECT_WORDS);
        names[count] = option->keyword;
        values[count++] = value;
    }
    names[count] = values[count] = NULL;
    PGconn *connection = PQconnectdbParams(names, values, 0);
    PQconninfoFree(options);
    CHECK(connection);
    return connection;
}

static void pg_close(struct db *base)
{
    struct pg_db *db = (struct pg_db *)base;
    pg_queries_free(db);
    PQfinish(db->connection);
    free(db);
}

static bool pg_open(struct span place, enum db_mode mode, struct db **ret_db, struct err *err)
{
    char *text = mem_dup(place.ptr, place.len);
    PGconn *connection = connect_to(text, err);
    free(text);
    if (!connection)
        return false;
    struct pg_db *db = mem_zero(1, sizeof *db);
    db->base.driver = &db_postgres;
    db->connection = connection;
    db->writes = mode == DB_WRITE;
    if (PQstatus(connection) != CONNECTION_OK) {
        pg_fail(db, NULL, "connection", err);
        pg_close(&db->base);
        return false;
    }
    PQsetNoticeReceiver(connection, ignore_notice, NULL);
    set_up(db);
    *ret_db = &db->base;
    return true;
}

/* --- transactions ------------------------------------------------------------------------------------------------- */

static bool pg_begin(struct db *base, enum db_mode mode, struct err *err)
{
    static const char *const begins[] = {
        [DB_READ] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        [DB_READ_ONE] = NULL,
        [DB_WRITE] = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE",
        [DB_WRITE_CLAIMED] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    };
    struct pg_db *db = (struct pg_db *)base;
    db->doing = mode;
    for (unsigned tries = 0;; tries++) {
        if (!connect_anew(db, err))
            return false;
        if (!begins[mode] || run(db, begins[mode], "begin", err))
            return true;
        if (PQstatus(db->connection) == CONNECTION_OK || tries == 1)
            return false; /* a connection that had broken unnoticed is made anew once */
    }
}

/* COMMIT of a transaction in which something failed is a rollback, and no error: the tag tells. */
static bool pg_commit(struct db *base, struct err *err)
{
    struct pg_db *db = (struct pg_db *)base;
    if (db->failed) {
        if (err)
            *err = db->why;
        return false;
    }
    if (db->doing == DB_READ_ONE)
        return true;
    if (!pg_append_end(base, err))
        return false;
    PGresult *result = PQexec(db->connection, "COMMIT");
    bool done = PQresultStatus(result) == PGRES_COMMAND_OK && strcmp(PQcmdStatus(result), "COMMIT") == 0;
    if (!done && PQstatus(db->connection) != CONNECTION_OK)
        fail(err, E_STORE, "commit: the connection broke, and what became of it is not known");
    else if (!done)
        pg_fail(db, result, "commit", err);
    PQclear(result);
    return done;
}

static void pg_rollback(struct db *base)
{
    struct pg_db *db = (struct pg_db *)base;
    pg_append_drop(db);
    if (PQtransactionStatus(db->connection) != PQTRANS_IDLE && PQstatus(db->connection) == CONNECTION_OK)
        PQclear(PQexec(db->connection, "ROLLBACK"));
    db->failed = false;
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static bool pg_script(struct db *base, const char *sql, struct err *err)
{
    struct pg_db *db = (struct pg_db *)base;
    bool done = (base->in_transaction || connect_anew(db, err)) && run(db, sql, "script", err);
    if (!base->in_transaction)
        db->failed = false;
    return done;
}

static bool pg_has_table(struct db *base, const char *name, bool *ret_has, struct err *err)
{
    struct db_query *q = db_query(base, "SELECT CASE WHEN to_regclass(?1) IS NULL THEN 0 ELSE 1 END");
    db_bind_text(q, 1, span_str(name));
    enum db_step step = db_next(q, err);
    *ret_has = step == DB_ROW && db_int(q, 0) != 0;
    return db_end(q, step == DB_FAILED ? NULL : err) && step != DB_FAILED;
}

#define SEQUENCE "CAST(pg_get_serial_sequence(?1, 'id') AS regclass)"

static bool pg_last_id(struct db *db, const char *table, int64_t *ret_id, struct err *err)
{
    struct db_query *q = db_query(db, "SELECT coalesce(pg_sequence_last_value(" SEQUENCE "), 0)");
    db_bind_text(q, 1, span_str(table));
    return db_number(q, ret_id, err);
}

static bool pg_raise_last_id(struct db *db, const char *table, int64_t id, struct err *err)
{
    int64_t set;
    struct db_query *q =
        db_query(db, "SELECT setval(" SEQUENCE ", ?2) WHERE ?2 > coalesce(pg_sequence_last_value(" SEQUENCE "), 0)");
    db_bind_text(q, 1, span_str(table));
    db_bind_int(q, 2, id);
    return db_number(q, &set, err);
}

static bool pg_others(struct db *db, int64_t *ret_count, struct err *err)
{
    return db_number(db_query(db, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
                                  "pg_backend_pid() AND application_name = current_setting('application_name')"),
                     ret_count, err);
}

/* The engine's own business. */
static bool pg_checkpoint(struct db *db, bool truncate, struct err *err)
{
    (void)db, (void)truncate, (void)err;
    return true;
}

static bool pg_copy(struct db *db, const char *path, struct err *err)
{
    (void)db, (void)path;
    return fail(err, E_CONFIG,
                "a store in PostgreSQL is backed up by its own tools: pg_dump for one state, pg_basebackup "
                "with archived logs for every moment");
}

const struct db_driver db_postgres = {
    .schemes = { "postgres://", "postgresql://" },
    .shared = true,
    .scripts = db_scripts_postgres,
    .script_count = COUNT_OF(db_scripts_postgres),
    .open = pg_open,
    .close = pg_close,
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .query = pg_query,
    .text = pg_text,
    .bind_int = pg_bind_int,
    .bind_text = pg_bind_bytes,
    .bind_blob = pg_bind_bytes,
    .bind_null = pg_bind_null,
    .next = pg_next,
    .end = pg_end,
    .append = pg_append,
    .append_row = pg_append_row,
    .append_end = pg_append_end,
    .column_int = pg_column_int,
    .column_text = pg_column_bytes,
    .column_blob = pg_column_bytes,
    .column_is_null = pg_column_is_null,
    .script = pg_script,
    .has_table = pg_has_table,
    .last_id = pg_last_id,
    .raise_last_id = pg_raise_last_id,
    .others = pg_others,
    .end_stuck = pg_end_stuck,
    .checkpoint = pg_checkpoint,
    .copy = pg_copy,
};
