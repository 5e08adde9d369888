/* migration_tables: the list that a migration goes by is the schema, table by table and column by column. */
#include "db/migrate.h"
#include "store/migration_tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct db *db;
static char folder[64];

static int open_place(void **state)
{
    (void)state;
    struct err err;
    char where[128];
    snprintf(folder, sizeof folder, "/tmp/placard-tables-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(where, sizeof where, "sqlite:%s/x.db", folder);
    assert_true(db_open(span_str(where), DB_WRITE, &db, &err));
    assert_true(db_migrate(db, true, &err));
    return 0;
}

static int close_place(void **state)
{
    (void)state;
    char path[128];
    db_close(db);
    snprintf(path, sizeof path, "%s/x.db", folder);
    unlink(path);
    return rmdir(folder);
}

static const struct migration_table *table_named(struct span name)
{
    for (unsigned i = 0; i < MIGRATION_TABLES; i++)
        if (span_is(name, migration_tables[i].name))
            return &migration_tables[i];
    return NULL;
}

static void every_table_is_listed(void **state)
{
    (void)state;
    struct err err;
    unsigned found = 0;
    struct db_query *q = db_query(db, "SELECT name, sql LIKE '%AUTOINCREMENT%' FROM sqlite_master WHERE type = 'table' "
                                      "AND name NOT LIKE 'sqlite_%' AND name <> 'schema_version'");
    while (db_next(q, &err) == DB_ROW) {
        const struct migration_table *table = table_named(db_text(q, 0));
        if (!table)
            fail_msg("a migration would leave table " SPAN_FMT " out", SPAN_ARG(db_text(q, 0)));
        assert_int_equal(db_int(q, 1), table->numbered);
        found++;
    }
    assert_true(db_end(q, &err));
    assert_int_equal(found, MIGRATION_TABLES);
}

/* The columns in their order, as an INSERT names them, and their kinds. */
static void every_column_is_listed(void **state)
{
    (void)state;
    struct err err;
    for (unsigned i = 0; i < MIGRATION_TABLES; i++) {
        const struct migration_table *table = &migration_tables[i];
        struct db_query *q =
            db_query(db, "SELECT group_concat(CASE name WHEN 'user' THEN '\"user\"' ELSE name END, ', '), "
                         "group_concat(CASE type WHEN 'INTEGER' THEN 'i' WHEN 'TEXT' THEN 't' ELSE 'b' END, ''), "
                         "count(*) FROM pragma_table_info(?1)");
        db_bind_text(q, 1, span_str(table->name));
        assert_int_equal(db_next(q, &err), DB_ROW);
        char head[1024], last[16];
        snprintf(head, sizeof head, "INSERT INTO %s (" SPAN_FMT ") VALUES (?1, ", table->name, SPAN_ARG(db_text(q, 0)));
        snprintf(last, sizeof last, ", ?%d)", (int)db_int(q, 2));
        if (!span_starts(span_str(table->insert), span_str(head)))
            fail_msg("%s does not begin with %s", table->insert, head);
        assert_true(span_ends(span_str(table->insert), span_str(last)));
        if (!span_is(db_text(q, 1), table->kinds))
            fail_msg("%s: %s, and the columns are " SPAN_FMT, table->name, table->kinds, SPAN_ARG(db_text(q, 1)));
        assert_true(db_end(q, &err));
    }
}

static void the_statements_are_sql(void **state)
{
    (void)state;
    struct err err;
    for (unsigned i = 0; i < MIGRATION_TABLES; i++) {
        struct db_query *q = db_query(db, migration_tables[i].select);
        while (db_next(q, &err) == DB_ROW)
            ;
        assert_true(db_end(q, &err));
        assert_true(db_run(db_query(db, migration_tables[i].clear), &err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_is_listed),
        cmocka_unit_test(every_column_is_listed),
        cmocka_unit_test(the_statements_are_sql),
    };
    return cmocka_run_group_tests(tests, open_place, close_place);
}
