/*
 * db: SQL engines behind one small table of functions. Knows nothing of our tables.
 *
 * A connection belongs to one thread at a time. SQL text is a string literal: statements are prepared once per
 * connection and cached by the literal's address. Parameters are ?1 ?2 …; one dialect for all engines: integers of 64
 * bits, text, blobs, 0/1 booleans, CASE and not a scalar max, ON CONFLICT, RETURNING, no row ids, no JSON functions,
 * ordering by integers only. FOR UPDATE [SKIP LOCKED] may end a SELECT of a write: an engine with one writer, which has
 * locked everything, leaves it out. now_ms() is the engine's wall clock, the same for all who share it.
 *
 *     struct db_query *q = db_query(db, "SELECT name FROM label WHERE dataset_id = ?1");
 *     db_bind_int(q, 1, id);
 *     while (db_next(q, err) == DB_ROW) … db_text(q, 0) …      (spans live until the next db_next or db_end)
 *     if (!db_end(q, err)) return false;                        (errors of every step surface here too)
 *
 * Errors are E_STORE with the engine's sentence, which is logged and never shown to a client; or E_CONFLICT where an
 * engine that is shared by several processes could not do it now: another transaction came first (serialization
 * failure, deadlock, a unique row that was not there before, a lock not had in time) or the connection broke. Then
 * nothing of the transaction has happened, and who began it may do the whole of it again. A connection that breaks
 * while it commits is E_STORE: what became of it is not known. A broken connection is made anew by the next db_begin.
 */
#ifndef PLACARD_DB_DB_H
#define PLACARD_DB_DB_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

struct db;
struct db_query;

enum db_step { DB_ROW, DB_DONE, DB_FAILED };

/*
 * DB_READ: one consistent state. DB_READ_ONE: a single statement, which is a state of its own; costs an engine
 * elsewhere one exchange and not three. DB_WRITE: serializable. DB_WRITE_CLAIMED: each statement sees what is committed
 * when it begins; for writes of rows on which the writer has a claim, and checks it. An engine with one writer takes
 * both alike.
 */
enum db_mode { DB_READ, DB_READ_ONE, DB_WRITE, DB_WRITE_CLAIMED };

/*
 * What a test may count, delay and break: called before each engine call, and true makes it fail. `what` is the SQL
 * text of a step or script, the point's name of a commit, else "". DB_CALL_COMMITTED is told behind a commit, when
 * nothing can fail any more.
 */
enum db_call { DB_CALL_BEGIN, DB_CALL_STEP, DB_CALL_COMMIT, DB_CALL_COMMITTED, DB_CALL_CHECKPOINT };
#define DB_CALLS (DB_CALL_CHECKPOINT + 1)
typedef bool db_fault_hook(void *ctx, enum db_call call, const char *what);

/*
 * `sqlite:PATH`, or `postgres://…` as libpq's documentation has it (`postgresql://…` likewise). DB_READ or DB_WRITE: a
 * connection that only reads never blocks a writer.
 */
bool db_open(struct span place, enum db_mode mode, struct db **ret_db, struct err *err) MUST_CHECK;
void db_close(struct db *db);

/* Whether other processes may write to the same database. */
bool db_is_shared(const struct db *db);

/* A place without what must not be logged: `postgres://HOST/NAME` for one with a user, a password and options. */
void db_show_place(struct span place, struct buf *out);

bool db_begin(struct db *db, enum db_mode mode, struct err *err) MUST_CHECK;

/* On failure the transaction is rolled back. A commit point is named by the function that commits. */
#define db_commit(db, err) db_commit_at(db, __func__, err)
bool db_commit_at(struct db *db, const char *point, struct err *err) MUST_CHECK;

void db_rollback(struct db *db);
bool db_in_transaction(const struct db *db);

struct db_query *db_query(struct db *db, const char *sql_literal);

/* Likewise, for a SELECT of more rows than should lie in memory, or that may not be read to its end. In a transaction.
 */
struct db_query *db_walk(struct db *db, const char *sql_literal);
void db_bind_int(struct db_query *q, int at, int64_t value);
void db_bind_text(struct db_query *q, int at, struct span text); /* bytes must live until db_end */
void db_bind_blob(struct db_query *q, int at, struct span bytes);
void db_bind_null(struct db_query *q, int at);
enum db_step db_next(struct db_query *q, struct err *err);
bool db_end(struct db_query *q, struct err *err) MUST_CHECK;

int64_t db_int(struct db_query *q, int column);
struct span db_text(struct db_query *q, int column);
struct span db_blob(struct db_query *q, int column);
bool db_is_null(struct db_query *q, int column);

/*
 * Many rows for one table, in a transaction: an INSERT of ?1 ?2 … ?n, which are all of its columns in order, and
 * nothing else.
 *
 *     struct db_query *q = db_append(db, "INSERT INTO label (dataset_id, name) VALUES (?1, ?2)");
 *     db_bind_…(q, …) of every column; if (!db_append_row(q, err)) return false;      (any number of times)
 *     if (!db_append_end(db, err)) return false;
 *
 * An engine elsewhere gathers rows and sends them together: they are surely there, and what is wrong with one is surely
 * told, only when db_append_end has returned, or the commit, which ends every append by itself. Other statements may
 * stand between, and to name a table again goes on with what is gathered. A rollback forgets it.
 */
struct db_query *db_append(struct db *db, const char *sql_literal);
bool db_append_row(struct db_query *q, struct err *err) MUST_CHECK;
bool db_append_end(struct db *db, struct err *err) MUST_CHECK;

/* For statements that return nothing: bind, then run. */
bool db_run(struct db_query *q, struct err *err) MUST_CHECK;
/* For statements that return one number at the most: bind, then run. 0 where there is no row. */
bool db_number(struct db_query *q, int64_t *ret_number, struct err *err) MUST_CHECK;
int64_t db_changes(const struct db *db); /* rows changed by the last db_run */

/* Several statements at once, for migrations and pragmas. */
bool db_script(struct db *db, const char *sql, struct err *err) MUST_CHECK;

bool db_has_table(struct db *db, const char *name, bool *ret_has, struct err *err) MUST_CHECK;

/*
 * Of a table whose column `id` the engine numbers: the highest number that it has ever given out, and that it is not
 * to give out any up to that one again (what is higher already stays). The latter in a write; a rollback may not undo
 * it.
 */
bool db_last_id(struct db *db, const char *table, int64_t *ret_id, struct err *err) MUST_CHECK;
bool db_raise_last_id(struct db *db, const char *table, int64_t id, struct err *err) MUST_CHECK;

/* How many connections of this program the database has beside this one; 0 from an engine that cannot tell. */
bool db_others(struct db *db, int64_t *ret_count, struct err *err) MUST_CHECK;

/*
 * Ends sessions of this program that have stood still in the middle of an append for 15 s: a process that is stopped
 * and not dead keeps its locks, and no engine bounds that by itself. Outside of a transaction, or in DB_READ_ONE.
 */
bool db_end_stuck(struct db *db, struct err *err) MUST_CHECK;

/* Pages in the write-ahead log behind this connection's last commit, and how many of its commits wrote there; 0 where
   an engine has none. */
unsigned db_log_pages(const struct db *db);
uint64_t db_log_commits(const struct db *db);

/*
 * Moves what the log holds into the database file; `truncate` also gives the log's space back. Nothing to do where the
 * engine sees to that itself. A log that was moved whole begins anew with the next commit.
 *
 * Others may write meanwhile, but only while the log is known not to be moved whole: SQLite before 3.51.3 loses pages
 * when a commit begins the log anew in the middle of a checkpoint (its "WAL-reset bug").
 */
bool db_checkpoint(struct db *db, bool truncate, struct err *err) MUST_CHECK;

/* Of the connection's last checkpoint: pages in the log when it began, and whether all of those are moved. */
struct db_moved {
    unsigned log_pages;
    bool whole;
};
struct db_moved db_moved(const struct db *db);

/*
 * Writes everything that is committed now into a new file, as one state, whatever is written meanwhile. The file holds
 * a whole database; it is not synced yet, and on failure some of it may be there. E_CONFIG from an engine that has
 * tools of its own for this.
 */
bool db_copy(struct db *db, const char *path, struct err *err) MUST_CHECK;

/* Process-wide, for tests only, while no other thread is in the room; NULL removes it. */
void db_set_fault(db_fault_hook *hook, void *ctx);

#endif
