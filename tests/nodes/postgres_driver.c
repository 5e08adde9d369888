/*
 * The driver of PostgreSQL behind the verbs of db.h: values, pieces of long results, transactions that meet,
 * connections that break. The one argument is the place of an empty database. The rest of the engine is tests/unit/db's
 * subject.
 */
#include "db/db.h"
#include "db/migrate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *place;
static struct db *one, *two;
static struct err err;

static int begin(void **state)
{
    (void)state;
    assert_true(db_open(span_str(place), DB_WRITE, &one, &err));
    assert_true(db_open(span_str(place), DB_WRITE, &two, &err));
    assert_true(db_script(one,
                          "DROP TABLE IF EXISTS thing; CREATE TABLE thing (id BIGINT PRIMARY KEY, name TEXT, "
                          "data BYTEA)",
                          &err));
    return 0;
}

static int end(void **state)
{
    (void)state;
    db_close(one);
    db_close(two);
    return 0;
}

static struct db_query *bind_thing(struct db_query *q, int64_t id, struct span name, struct span data)
{
    db_bind_int(q, 1, id);
    if (name.ptr)
        db_bind_text(q, 2, name);
    else
        db_bind_null(q, 2);
    db_bind_blob(q, 3, data);
    return q;
}

static bool insert(struct db *db, int64_t id, struct span name, struct span data)
{
    struct db_query *q = db_query(db, "INSERT INTO thing (id, name, data) VALUES (?1, ?2, ?3)");
    return db_run(bind_thing(q, id, name, data), &err);
}

static void fill(int64_t rows)
{
    assert_true(db_begin(one, DB_WRITE, &err));
    for (int64_t i = 1; i <= rows; i++)
        assert_true(insert(one, i, SPAN_LIT("a"), SPAN_LIT("b")));
    assert_true(db_commit(one, &err));
}

static int64_t count(struct db *db)
{
    struct db_query *q = db_query(db, "SELECT count(*) FROM thing");
    int64_t rows = db_next(q, &err) == DB_ROW ? db_int(q, 0) : -1;
    assert_true(db_end(q, &err));
    return rows;
}

static bool rename_one(struct db *db, int64_t id)
{
    struct db_query *q = db_query(db, "UPDATE thing SET name = 'b' WHERE id = ?1");
    db_bind_int(q, 1, id);
    return db_run(q, &err);
}

static void values_come_back(void **state)
{
    (void)state;
    assert_true(db_begin(one, DB_WRITE, &err));
    assert_true(insert(one, INT64_MIN, SPAN_LIT("gr\xc3\xb6\xc3\x9f"), SPAN_LIT("\0\1\377")));
    assert_int_equal(db_changes(one), 1);
    assert_true(insert(one, 5, SPAN_NONE, SPAN_NONE));
    assert_true(db_commit(one, &err));
    struct db_query *q = db_query(two, "SELECT id, name, data, 7 FROM thing ORDER BY id");
    assert_int_equal(db_next(q, &err), DB_ROW);
    assert_true(db_int(q, 0) == INT64_MIN);
    assert_true(span_is(db_text(q, 1), "gr\xc3\xb6\xc3\x9f"));
    assert_true(span_eq(db_blob(q, 2), SPAN_LIT("\0\1\377")));
    assert_int_equal(db_int(q, 3), 7); /* of four bytes */
    assert_int_equal(db_next(q, &err), DB_ROW);
    assert_true(db_is_null(q, 1));
    assert_false(db_is_null(q, 2));
    assert_int_equal(db_blob(q, 2).len, 0);
    assert_int_equal(db_next(q, &err), DB_DONE);
    assert_int_equal(db_next(q, &err), DB_DONE);
    assert_true(db_end(q, &err));
}

static void a_walk_comes_in_pieces(void **state)
{
    (void)state;
    enum { ROWS = 333 };
    fill(ROWS);
    assert_true(db_begin(one, DB_READ, &err));
    for (int64_t stop = 0; stop <= ROWS; stop += 37) { /* left early, and read to its end */
        struct db_query *q = db_walk(one, "SELECT id FROM thing WHERE id > ?1 ORDER BY id");
        db_bind_int(q, 1, 0);
        int64_t seen = 0;
        while (seen < (stop ? stop : ROWS + 1) && db_next(q, &err) == DB_ROW) {
            assert_int_equal(db_int(q, 0), ++seen);
            if (seen % 100 == 0)
                assert_int_equal(count(one), ROWS); /* another query meanwhile */
        }
        assert_int_equal(seen, stop ? stop : ROWS);
        assert_true(db_end(q, &err));
    }
    struct db_query *q = db_walk(one, "SELECT id FROM thing WHERE id > ?1 ORDER BY id");
    db_bind_int(q, 1, ROWS);
    assert_int_equal(db_next(q, &err), DB_DONE);
    assert_true(db_end(q, &err));
    db_rollback(one);
}

static void a_failure_spoils_the_transaction(void **state)
{
    (void)state;
    fill(1);
    assert_true(db_begin(one, DB_WRITE, &err));
    assert_true(insert(one, 2, SPAN_NONE, SPAN_NONE));
    struct db_query *q = db_query(one, "SELECT 1 / (?1 - ?1)");
    db_bind_int(q, 1, 3);
    assert_int_equal(db_next(q, &err), DB_FAILED);
    assert_false(db_end(q, &err));
    assert_int_equal(err.code, E_STORE);
    assert_false(insert(one, 3, SPAN_NONE, SPAN_NONE));
    assert_non_null(strstr(err.text, "division")); /* the cause, not that what follows is refused */
    assert_false(db_commit(one, &err));
    assert_non_null(strstr(err.text, "division"));
    assert_int_equal(count(one), 1);
    assert_true(db_begin(one, DB_WRITE, &err));
    assert_true(insert(one, 2, SPAN_NONE, SPAN_NONE));
    assert_true(db_commit(one, &err));
}

/* Each reads what the other writes: one of them did not see the last word. */
static void assert_serializable(bool (*put)(struct db *db, int64_t id, struct span name, struct span data))
{
    assert_true(db_begin(one, DB_WRITE, &err));
    assert_true(db_begin(two, DB_WRITE, &err));
    assert_int_equal(count(one), 0);
    assert_int_equal(count(two), 0);
    assert_true(put(one, 1, SPAN_NONE, SPAN_NONE));
    assert_true(put(two, 2, SPAN_NONE, SPAN_NONE));
    assert_true(db_commit(one, &err));
    assert_false(db_commit(two, &err));
    assert_int_equal(err.code, E_CONFLICT);
    assert_int_equal(count(one), 1);
}

static void writes_are_serializable(void **state)
{
    (void)state;
    assert_serializable(insert);
}

static void a_row_that_is_there_meanwhile_is_a_conflict(void **state)
{
    (void)state;
    fill(1);
    assert_true(db_begin(one, DB_WRITE, &err));
    assert_false(insert(one, 1, SPAN_NONE, SPAN_NONE));
    assert_int_equal(err.code, E_CONFLICT);
    db_rollback(one);
    assert_true(db_begin(one, DB_WRITE_CLAIMED, &err));
    assert_true(rename_one(one, 1));
    assert_true(db_begin(two, DB_WRITE, &err));
    assert_int_equal(count(two), 1);
    assert_true(db_commit(one, &err));
    assert_false(rename_one(two, 1));
    assert_int_equal(err.code, E_CONFLICT);
    db_rollback(two);
}

static int64_t claim(struct db *db)
{
    struct db_query *q = db_query(db, "SELECT id FROM thing ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED");
    int64_t id = db_next(q, &err) == DB_ROW ? db_int(q, 0) : 0;
    assert_true(db_end(q, &err));
    return id;
}

static void claims_pass_each_other(void **state)
{
    (void)state;
    fill(2);
    assert_true(db_begin(one, DB_WRITE_CLAIMED, &err));
    assert_true(db_begin(two, DB_WRITE_CLAIMED, &err));
    assert_int_equal(claim(one), 1);
    assert_int_equal(claim(two), 2);
    db_rollback(one);
    db_rollback(two);
}

static void end_session_of_one(void)
{
    struct db_query *q = db_query(one, "SELECT pg_backend_pid()");
    int64_t pid = db_next(q, &err) == DB_ROW ? db_int(q, 0) : 0;
    assert_true(db_end(q, &err));
    q = db_query(two, "SELECT 1 WHERE pg_terminate_backend(CAST(?1 AS INTEGER), 5000)");
    db_bind_int(q, 1, pid);
    assert_int_equal(db_next(q, &err), DB_ROW);
    assert_true(db_end(q, &err));
}

static void a_connection_is_made_anew(void **state)
{
    (void)state;
    fill(1);
    end_session_of_one();
    assert_true(db_begin(one, DB_WRITE, &err)); /* nothing was under way */
    assert_true(insert(one, 2, SPAN_NONE, SPAN_NONE));
    end_session_of_one();
    assert_false(insert(one, 3, SPAN_NONE, SPAN_NONE));
    assert_int_equal(err.code, E_CONFLICT);
    assert_false(db_commit(one, &err));
    assert_int_equal(err.code, E_CONFLICT);
    assert_int_equal(count(two), 1);
    assert_true(db_begin(one, DB_WRITE, &err));
    assert_true(insert(one, 2, SPAN_NONE, SPAN_NONE));
    end_session_of_one();
    assert_false(db_commit(one, &err));
    assert_int_equal(err.code,
                     E_STORE); /* the commit may have been done before it broke: nobody does it again unasked */
    assert_true(db_begin(one, DB_READ_ONE, &err));
    assert_int_equal(count(one), 1);
    db_rollback(one);
}

static bool append(struct db *db, int64_t id, struct span name, struct span data)
{
    struct db_query *q = db_append(db, "INSERT INTO thing (id, name, data) VALUES (?1, ?2, ?3)");
    return db_append_row(bind_thing(q, id, name, data), &err);
}

static void appended_values_come_back(void **state)
{
    (void)state;
    assert_true(db_begin(one, DB_WRITE, &err));
    assert_true(append(one, INT64_MIN, SPAN_LIT("gr\xc3\xb6\xc3\x9f"), SPAN_LIT("\0\1\377")));
    assert_true(insert(one, 7, SPAN_NONE, SPAN_NONE)); /* between */
    assert_true(append(one, 5, SPAN_NONE, SPAN_NONE));
    assert_int_equal(count(one), 1);
    assert_true(db_append_end(one, &err));
    assert_int_equal(count(one), 3);
    assert_true(append(one, 9, SPAN_NONE, SPAN_LIT("\377\377")));
    db_rollback(one);
    assert_true(db_begin(one, DB_WRITE_CLAIMED, &err));
    assert_true(append(one, INT64_MIN, SPAN_LIT("gr\xc3\xb6\xc3\x9f"), SPAN_LIT("\0\1\377")));
    assert_true(append(one, 5, SPAN_NONE, SPAN_NONE));
    assert_true(db_commit(one, &err)); /* ends it */
    struct db_query *q = db_query(two, "SELECT id, name, data FROM thing ORDER BY id");
    assert_int_equal(db_next(q, &err), DB_ROW);
    assert_true(db_int(q, 0) == INT64_MIN);
    assert_true(span_is(db_text(q, 1), "gr\xc3\xb6\xc3\x9f"));
    assert_true(span_eq(db_blob(q, 2), SPAN_LIT("\0\1\377")));
    assert_int_equal(db_next(q, &err), DB_ROW);
    assert_int_equal(db_int(q, 0), 5);
    assert_true(db_is_null(q, 1));
    assert_false(db_is_null(q, 2));
    assert_int_equal(db_blob(q, 2).len, 0);
    assert_int_equal(db_next(q, &err), DB_DONE);
    assert_true(db_end(q, &err));
}

/* More than is gathered at once, in rows that are small, and in one that is larger than all of it. */
static void many_rows_are_appended(void **state)
{
    (void)state;
    enum { ROWS = 60000, LARGE = 9 << 20 };
    char *large = mem_alloc(LARGE);
    memset(large, 7, LARGE);
    assert_true(db_begin(one, DB_WRITE_CLAIMED, &err));
    for (int64_t i = 1; i <= ROWS; i++)
        assert_true(append(one, i, SPAN_LIT("a name of some length, so that there are pieces"), span_of(large, 100)));
    assert_true(append(one, ROWS + 1, SPAN_NONE, span_of(large, LARGE)));
    assert_true(append(one, ROWS + 2, SPAN_NONE, span_of(large, 1)));
    assert_true(db_commit(one, &err));
    assert_int_equal(count(two), ROWS + 2);
    struct db_query *q = db_query(two, "SELECT data FROM thing WHERE id = ?1");
    db_bind_int(q, 1, ROWS + 1);
    assert_int_equal(db_next(q, &err), DB_ROW);
    assert_true(span_eq(db_blob(q, 0), span_of(large, LARGE)));
    assert_true(db_end(q, &err));
    free(large);
}

static void what_is_wrong_with_a_row_is_told_at_the_end(void **state)
{
    (void)state;
    fill(1);
    assert_true(db_begin(one, DB_WRITE_CLAIMED, &err));
    assert_true(append(one, 2, SPAN_NONE, SPAN_NONE));
    assert_true(append(one, 1, SPAN_NONE, SPAN_NONE)); /* it is there */
    assert_false(db_append_end(one, &err));
    assert_int_equal(err.code, E_CONFLICT);
    assert_non_null(strstr(err.text, "23505"));
    assert_false(insert(one, 3, SPAN_NONE, SPAN_NONE));
    assert_false(db_commit(one, &err));
    assert_int_equal(err.code, E_CONFLICT);
    assert_int_equal(count(one), 1);
    assert_true(db_begin(one, DB_WRITE_CLAIMED, &err));
    assert_true(append(one, 2, SPAN_LIT("\377"), SPAN_NONE)); /* no UTF-8 */
    assert_false(db_commit(one, &err));
    assert_int_equal(err.code, E_STORE);
    assert_true(db_begin(one, DB_WRITE_CLAIMED, &err));
    assert_true(append(one, 2, SPAN_NONE, SPAN_NONE));
    assert_true(db_commit(one, &err));
    assert_int_equal(count(one), 2);
}

/* An append reads what others write as any statement does, and so it meets them. */
static void appends_meet_others(void **state)
{
    (void)state;
    assert_serializable(append);
}

static void an_append_on_a_broken_connection_is_a_conflict(void **state)
{
    (void)state;
    assert_true(db_begin(one, DB_WRITE_CLAIMED, &err));
    assert_true(append(one, 1, SPAN_NONE, SPAN_NONE));
    end_session_of_one();
    assert_false(db_append_end(one, &err));
    assert_int_equal(err.code, E_CONFLICT);
    assert_false(db_commit(one, &err));
    assert_int_equal(err.code, E_CONFLICT);
    assert_true(db_begin(one, DB_WRITE_CLAIMED, &err));
    assert_true(append(one, 1, SPAN_NONE, SPAN_NONE));
    assert_true(db_commit(one, &err));
    assert_int_equal(count(two), 1);
}

static void readers_write_nothing(void **state)
{
    (void)state;
    fill(1);
    assert_true(db_begin(one, DB_READ, &err));
    assert_int_equal(count(one), 1);
    assert_true(db_begin(two, DB_WRITE, &err));
    assert_true(insert(two, 2, SPAN_NONE, SPAN_NONE));
    assert_true(db_commit(two, &err));
    assert_int_equal(count(one), 1);
    assert_false(insert(one, 3, SPAN_NONE, SPAN_NONE));
    db_rollback(one);
    assert_int_equal(count(one), 2);
}

static void schemas(void **state)
{
    (void)state;
    assert_false(db_migrate(one, false, &err));
    assert_int_equal(err.code, E_CONFIG);
    assert_true(db_migrate(one, true, &err));
    assert_true(db_migrate(two, true, &err));
    assert_true(db_migrate(two, false, &err));
    struct db_query *q = db_query(one, "SELECT now_ms()");
    assert_int_equal(db_next(q, &err), DB_ROW);
    assert_true(db_int(q, 0) > 1700000000000);
    assert_true(db_end(q, &err));
}

static void what_it_is_not(void **state)
{
    (void)state;
    struct db *db;
    struct buf shown;
    assert_true(db_is_shared(one));
    assert_true(db_checkpoint(one, true, &err));
    assert_false(db_copy(one, "/tmp/x", &err));
    assert_int_equal(err.code, E_CONFIG);
    assert_non_null(strstr(err.text, "pg_dump"));
    assert_false(db_open(SPAN_LIT("postgres://u@127.0.0.1:1/x"), DB_WRITE, &db, &err));
    assert_false(db_open(SPAN_LIT("postgres://u@h/x?no_such=1"), DB_WRITE, &db, &err));
    assert_int_equal(err.code, E_CONFIG);
    buf_init(&shown, 4096);
    db_show_place(SPAN_LIT("postgresql://ann:p@ss@h1:5432,h2/name?password=x&sslmode=require"), &shown);
    assert_string_equal(buf_cstr(&shown), "postgres://h1:5432,h2/name");
    buf_clear(&shown);
    db_show_place(SPAN_LIT("sqlite:/a@b"), &shown);
    assert_string_equal(buf_cstr(&shown), "sqlite:/a@b");
    buf_free(&shown);
}

#define WITH_TWO(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH_TWO(values_come_back),
        WITH_TWO(a_walk_comes_in_pieces),
        WITH_TWO(a_failure_spoils_the_transaction),
        WITH_TWO(writes_are_serializable),
        WITH_TWO(a_row_that_is_there_meanwhile_is_a_conflict),
        WITH_TWO(claims_pass_each_other),
        WITH_TWO(a_connection_is_made_anew),
        WITH_TWO(appended_values_come_back),
        WITH_TWO(many_rows_are_appended),
        WITH_TWO(what_is_wrong_with_a_row_is_told_at_the_end),
        WITH_TWO(appends_meet_others),
        WITH_TWO(an_append_on_a_broken_connection_is_a_conflict),
        WITH_TWO(readers_write_nothing),
        WITH_TWO(schemas),
        WITH_TWO(what_it_is_not),
    };
    CHECK(argc == 2);
    place = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
