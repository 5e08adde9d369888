/*
 * postgres_append: many rows by COPY in its binary form, which costs one exchange for all of them.
 *
 * Rows are gathered here and a COPY is begun, filled and ended at one go. While one is open the engine waits for its
 * client with every lock of the transaction held and no time limit that it would look at: it must not be open while we
 * wait for lines to write. Where a process is stopped in the middle of one, and its kernel still answers keep-alives,
 * the others end its session (pg_end_stuck).
 */
#include <endian.h>
#include <stdlib.h>

#include "db/postgres.h"

/* Beyond that a COPY is made of what is there: memory, and the other side may begin. */
enum { PIECE_BYTES = 4 << 20, GATHERED_MAX = 1 << 30, SEND_BYTES = 1 << 18 };

/* "PGCOPY…", no flags, nothing more in the head; and how it ends. */
static const char head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
static const char tail[] = "\377\377";

/* `COPY table (columns) FROM STDIN` of `INSERT INTO table (columns) VALUES (…)`. */
static char *copy_text(const char *sql)
{
    static const char insert[] = "INSERT INTO ", values[] = " VALUES (";
    const char *end = strstr(sql, values);
    CHECK(strncmp(sql, insert, sizeof insert - 1) == 0 && end && sql[strlen(sql) - 1] == ')');
    const char *table = sql + sizeof insert - 1;
    struct buf text;
    buf_init(&text, GATHERED_MAX);
    buf_addf(&text, "COPY %.*s FROM STDIN (FORMAT binary)", (int)(end - table), table);
    char *copy = mem_dup(text.ptr, text.len);
    buf_free(&text);
    return copy;
}

struct db_query *pg_append(struct db *base, const char *sql)
{
    struct pg_db *db = (struct pg_db *)base;
    struct pg_query *q = (struct pg_query *)pg_query(base, sql, false);
    if (!q->copy) {
        q->copy = copy_text(sql);
        buf_init(&q->gathered, GATHERED_MAX);
    }
    if (q->gathered.len == 0) {
        CHECK(db->append_count < PG_APPENDS);
        db->appends[db->append_count++] = q;
        buf_add(&q->gathered, span_of(head, sizeof head - 1));
    }
    return &q->base;
}

void pg_append_drop(struct pg_db *db)
{
    for (unsigned i = 0; i < db->append_count; i++)
        buf_clear(&db->appends[i]->gathered);
    db->append_count = 0;
}

/* Hands everything to the connection; false when that is broken. */
static bool send_all(PGconn *connection, struct span bytes)
{
    for (size_t at = 0, part; at < bytes.len; at += part) {
        part = bytes.len - at < SEND_BYTES ? bytes.len - at : SEND_BYTES;
        if (PQputCopyData(connection, bytes.ptr + at, (int)part) != 1)
            return false;
    }
    return PQputCopyEnd(connection, NULL) == 1;
}

/* Every result that is still to come; the first that is bad tells why. */
static bool take_results(struct pg_db *db, bool sent, struct err *err)
{
    bool done = sent || pg_fail(db, NULL, "copy", err);
    PGresult *result;
    while ((result = PQgetResult(db->connection)) != NULL) {
        if (PQresultStatus(result) == PGRES_COPY_IN) { /* the connection broke: it would be told for ever */
            PQclear(result);
            break;
        }
        if (done && PQresultStatus(result) != PGRES_COMMAND_OK)
            done = pg_fail(db, result, "copy", err);
        PQclear(result);
    }
    return done;
}

/* What is gathered goes out, and nothing is gathered any more. */
static bool copy_out(struct pg_db *db, struct pg_query *q, struct err *err)
{
    buf_add(&q->gathered, span_of(tail, sizeof tail - 1));
    CHECK(!q->gathered.overflow);
    PGresult *result = PQexec(db->connection, q->copy);
    bool ready = PQresultStatus(result) == PGRES_COPY_IN || pg_fail(db, result, "copy", err);
    PQclear(result);
    bool done = ready && take_results(db, send_all(db->connection, buf_span(&q->gathered)), err);
    buf_clear(&q->gathered);
    return done;
}

static bool is_empty(const struct pg_query *q)
{
    return q->gathered.len <= sizeof head - 1;
}

bool pg_append_row(struct db_query *base, struct err *err)
{
    struct pg_query *q = (struct pg_query *)base;
    struct buf *to = &q->gathered;
    uint16_t fields = htobe16((uint16_t)q->parameter_count);
    buf_add(to, span_of(&fields, sizeof fields));
    for (int i = 0; i < q->parameter_count; i++) {
        uint32_t length = htobe32(q->values[i] ? (uint32_t)q->lengths[i] : UINT32_MAX);
        buf_add(to, span_of(&length, sizeof length));
        if (q->values[i])
            buf_add(to, span_of(q->values[i], (size_t)q->lengths[i]));
    }
    if (to->len < PIECE_BYTES)
        return true;
    if (!copy_out((struct pg_db *)base->db, q, err))
        return false;
    buf_add(to, span_of(head, sizeof head - 1));
    return true;
}

bool pg_append_end(struct db *base, struct err *err)
{
    struct pg_db *db = (struct pg_db *)base;
    bool done = true;
    for (unsigned i = 0; done && i < db->append_count; i++)
        done = is_empty(db->appends[i]) || copy_out(db, db->appends[i], err);
    pg_append_drop(db);
    return done;
}

bool pg_end_stuck(struct db *base, struct err *err)
{
    struct db_query *q = db_query(
        base, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND "
              "usename = current_user AND application_name = current_setting('application_name') AND state = 'active' "
              "AND wait_event = 'ClientRead' AND query LIKE 'COPY %' AND query_start < clock_timestamp() - "
              "CAST('15 s' AS INTERVAL)");
    return db_run(q, err);
}
