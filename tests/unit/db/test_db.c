/* The engine behind its table: rows and types, transactions, readers beside a writer, faults, migrations. */
#define _GNU_SOURCE /* nftw */
#include "base/arena.h"
#include "db/db.h"
#include "db/migrate.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct place {
    char folder[64];
    char text[128];
    struct db *db;
};

static int begin(void **state)
{
    struct place *place = mem_zero(1, sizeof *place);
    struct err err;
    snprintf(place->folder, sizeof place->folder, "/tmp/placard-db-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->text, sizeof place->text, "sqlite:%s/x.db", place->folder);
    assert_true(db_open(span_str(place->text), DB_WRITE, &place->db, &err));
    assert_true(db_script(place->db, "CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT, data BLOB)", &err));
    *state = place;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static int end(void **state)
{
    struct place *place = *state;
    db_set_fault(NULL, NULL);
    db_close(place->db);
    int status = nftw(place->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(place);
    return status;
}

static bool insert(struct db *db, int64_t id, struct span name, struct err *err)
{
    struct db_query *q = db_query(db, "INSERT INTO thing (id, name, data) VALUES (?1, ?2, ?3)");
    db_bind_int(q, 1, id);
    db_bind_text(q, 2, name);
    db_bind_blob(q, 3, SPAN_LIT("\0\1\2"));
    return db_run(q, err);
}

static int64_t count(struct db *db)
{
    struct err err;
    struct db_query *q = db_query(db, "SELECT count(*) FROM thing");
    assert_int_equal(db_next(q, &err), DB_ROW);
    int64_t rows = db_int(q, 0);
    assert_true(db_end(q, &err));
    return rows;
}

static void values_come_back(void **state)
{
    struct place *place = *state;
    struct err err;
    assert_true(db_begin(place->db, DB_WRITE, &err));
    assert_true(insert(place->db, INT64_MIN,
                       SPAN_LIT("gr\xc3\xb6\xc3\x9f"
                                "e\0x"),
                       &err));
    assert_int_equal(db_changes(place->db), 1);
    struct db_query *q = db_query(place->db, "INSERT INTO thing (id, name, data) VALUES (?1, ?2, ?3)");
    db_bind_int(q, 1, 5);
    db_bind_null(q, 2);
    db_bind_blob(q, 3, SPAN_NONE);
    assert_true(db_run(q, &err));
    assert_true(db_commit(place->db, &err));
    q = db_query(place->db, "SELECT id, name, data FROM thing ORDER BY id");
    assert_int_equal(db_next(q, &err), DB_ROW);
    assert_true(db_int(q, 0) == INT64_MIN);
    assert_true(span_eq(db_text(q, 1), SPAN_LIT("gr\xc3\xb6\xc3\x9f"
                                                "e\0x")));
    assert_true(span_eq(db_blob(q, 2), SPAN_LIT("\0\1\2")));
    assert_int_equal(db_next(q, &err), DB_ROW);
    assert_true(db_is_null(q, 1));
    assert_int_equal(db_blob(q, 2).len, 0);
    assert_int_equal(db_next(q, &err), DB_DONE);
    assert_true(db_end(q, &err));
}

static void a_rolled_back_transaction_leaves_nothing(void **state)
{
    struct place *place = *state;
    struct err err;
    assert_true(db_begin(place->db, DB_WRITE, &err));
    assert_true(db_in_transaction(place->db));
    assert_true(insert(place->db, 1, SPAN_LIT("a"), &err));
    db_rollback(place->db);
    assert_false(db_in_transaction(place->db));
    assert_int_equal(count(place->db), 0);
}

static void a_reader_sees_one_state(void **state)
{
    struct place *place = *state;
    struct db *reader;
    struct err err;
    assert_true(db_open(span_str(place->text), DB_READ, &reader, &err));
    assert_true(db_begin(reader, DB_READ, &err));
    assert_int_equal(count(reader), 0);
    assert_true(db_begin(place->db, DB_WRITE, &err));
    assert_true(insert(place->db, 1, SPAN_LIT("a"), &err));
    assert_true(db_commit(place->db, &err));
    assert_int_equal(count(reader), 0);
    assert_true(db_commit(reader, &err));
    assert_int_equal(count(reader), 1);
    db_close(reader);
}

static void a_violated_constraint_is_an_error_of_the_store(void **state)
{
    struct place *place = *state;
    struct err err;
    assert_true(db_begin(place->db, DB_WRITE, &err));
    assert_true(insert(place->db, 1, SPAN_LIT("a"), &err));
    assert_false(insert(place->db, 1, SPAN_LIT("b"), &err));
    assert_int_equal(err.code, E_STORE);
    assert_true(insert(place->db, 2, SPAN_LIT("c"), &err)); /* the statement failed, not the transaction */
    assert_true(db_commit(place->db, &err));
    assert_int_equal(count(place->db), 2);
}

static bool append(struct db *db, int64_t id, struct span name, struct err *err)
{
    struct db_query *q = db_append(db, "INSERT INTO thing (id, name, data) VALUES (?1, ?2, ?3)");
    db_bind_int(q, 1, id);
    if (name.ptr)
        db_bind_text(q, 2, name);
    else
        db_bind_null(q, 2);
    db_bind_blob(q, 3, SPAN_LIT("\0\1"));
    return db_append_row(q, err);
}

static void many_rows_are_appended(void **state)
{
    struct place *place = *state;
    struct err err;
    assert_true(db_begin(place->db, DB_WRITE, &err));
    assert_true(append(place->db, 1, SPAN_LIT("a"), &err));
    assert_true(append(place->db, 2, SPAN_NONE, &err));
    assert_true(db_append_end(place->db, &err));
    assert_int_equal(count(place->db), 2);
    assert_true(append(place->db, 3, SPAN_LIT("c"), &err));
    assert_true(db_commit(place->db, &err));
    assert_int_equal(count(place->db), 3);
    struct db_query *q = db_query(place->db, "SELECT name, data FROM thing WHERE id = 2");
    assert_int_equal(db_next(q, &err), DB_ROW);
    assert_true(db_is_null(q, 0));
    assert_true(span_eq(db_blob(q, 1), SPAN_LIT("\0\1")));
    assert_true(db_end(q, &err));
}

static void a_row_that_is_there_already_is_told(void **state)
{
    struct place *place = *state;
    struct err err;
    assert_true(db_begin(place->db, DB_WRITE, &err));
    assert_true(append(place->db, 1, SPAN_LIT("a"), &err));
    bool done = append(place->db, 1, SPAN_LIT("b"), &err) && db_append_end(place->db, &err);
    assert_false(done);
    assert_int_equal(err.code, E_STORE);
    db_rollback(place->db);
    assert_int_equal(count(place->db), 0);
    assert_true(db_begin(place->db, DB_WRITE, &err));
    assert_true(append(place->db, 1, SPAN_LIT("c"), &err));
    assert_true(db_commit(place->db, &err));
}

static bool break_one_kind(void *ctx, enum db_call call, const char *what)
{
    (void)what;
    return call == *(enum db_call *)ctx;
}

static void faults_are_whole(void **state)
{
    struct place *place = *state;
    struct err err;
    enum db_call kind = DB_CALL_BEGIN;
    db_set_fault(break_one_kind, &kind);
    assert_false(db_begin(place->db, DB_WRITE, &err));
    assert_int_equal(err.code, E_STORE);
    assert_false(db_in_transaction(place->db));
    kind = DB_CALL_COMMIT;
    assert_true(db_begin(place->db, DB_WRITE, &err));
    assert_true(insert(place->db, 1, SPAN_LIT("a"), &err));
    assert_false(db_commit(place->db, &err));
    assert_false(db_in_transaction(place->db));
    kind = DB_CALL_STEP;
    assert_true(db_begin(place->db, DB_WRITE, &err));
    assert_false(insert(place->db, 2, SPAN_LIT("b"), &err));
    assert_false(append(place->db, 2, SPAN_LIT("b"), &err));
    db_rollback(place->db);
    db_set_fault(NULL, NULL);
    assert_int_equal(count(place->db), 0);
}

static int64_t version_of(struct db *db)
{
    struct err err;
    struct db_query *q = db_query(db, "SELECT max(version) FROM schema_version");
    assert_int_equal(db_next(q, &err), DB_ROW);
    int64_t version = db_int(q, 0);
    assert_true(db_end(q, &err));
    return version;
}

static void migrations(void **state)
{
    struct place *place = *state;
    struct err err;
    assert_false(db_migrate(place->db, false, &err)); /* an empty one, and not allowed to */
    assert_int_equal(err.code, E_CONFIG);
    assert_true(db_migrate(place->db, true, &err));
    int64_t version = version_of(place->db);
    assert_true(version >= 1);
    assert_true(db_migrate(place->db, false, &err)); /* nothing to do */
    assert_int_equal(version_of(place->db), version);
    assert_true(db_script(place->db, "INSERT INTO schema_version VALUES (999)", &err));
    assert_false(db_migrate(place->db, true, &err));
    assert_int_equal(err.code, E_CONFIG);
    assert_non_null(strstr(err.text, "newer"));
}

static void a_broken_migration_leaves_nothing(void **state)
{
    struct place *place = *state;
    struct err err;
    enum db_call kind = DB_CALL_COMMIT;
    db_set_fault(break_one_kind, &kind);
    assert_false(db_migrate(place->db, true, &err));
    db_set_fault(NULL, NULL);
    struct db_query *q = db_query(place->db, "SELECT count(*) FROM sqlite_master WHERE name = 'dataset'");
    assert_int_equal(db_next(q, &err), DB_ROW);
    assert_int_equal(db_int(q, 0), 0);
    assert_true(db_end(q, &err));
    assert_true(db_migrate(place->db, true, &err));
}

static void places_that_are_none(void **state)
{
    struct place *place = *state;
    struct db *db;
    struct err err;
    char text[160];
    snprintf(text, sizeof text, "sqlite:%s/none/x.db", place->folder);
    assert_false(db_open(span_str(text), DB_WRITE, &db, &err));
    assert_false(db_open(SPAN_LIT("oracle:x"), DB_WRITE, &db, &err));
    assert_int_equal(err.code, E_CONFIG);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACE(values_come_back),
        WITH_PLACE(a_rolled_back_transaction_leaves_nothing),
        WITH_PLACE(a_reader_sees_one_state),
        WITH_PLACE(a_violated_constraint_is_an_error_of_the_store),
        WITH_PLACE(many_rows_are_appended),
        WITH_PLACE(a_row_that_is_there_already_is_told),
        WITH_PLACE(faults_are_whole),
        WITH_PLACE(migrations),
        WITH_PLACE(a_broken_migration_leaves_nothing),
        WITH_PLACE(places_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
