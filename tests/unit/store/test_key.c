/* key: rows of keys, sessions and bucket owners in a real database. */
#include "store/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct place {
    char folder[64];
    struct store *store;
    struct arena arena;
};

static int open_place(void **state)
{
    struct place *place = mem_zero(1, sizeof *place);
    struct err err;
    char where[128];
    snprintf(place->folder, sizeof place->folder, "/tmp/placard-key-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(where, sizeof where, "sqlite:%s/placard.db", place->folder);
    const struct store_options options = { span_str(where), "aws", 2, true };
    assert_true(store_open(&options, &place->store, &err));
    arena_init(&place->arena);
    *state = place;
    return 0;
}

static int close_place(void **state)
{
    static const char *const files[] = { "placard.db", "placard.db-wal", "placard.db-shm" };
    struct place *place = *state;
    char path[128];
    store_close(place->store);
    for (unsigned i = 0; i < COUNT_OF(files); i++) {
        snprintf(path, sizeof path, "%s/%s", place->folder, files[i]);
        unlink(path);
    }
    int result = rmdir(place->folder);
    arena_free(&place->arena);
    free(place);
    return result;
}

static struct key_row sample_key(const char *id, int64_t created_ms)
{
    return (struct key_row){ .id = span_str(id),
                             .secret = SPAN_LIT("s3cret/+="),
                             .account = SPAN_LIT("000000000001"),
                             .user = SPAN_LIT("ann"),
                             .policy = SPAN_LIT("{\"Statement\":[]}"),
                             .created_ms = created_ms };
}

static void test_keys(void **state)
{
    struct place *place = *state;
    struct err err;
    struct key_row *rows, row;
    size_t count;
    assert_true(key_list(place->store, &place->arena, &rows, &count, &err));
    assert_int_equal(count, 0);
    for (int i = 0; i < 40; i++) {
        char id[16];
        snprintf(id, sizeof id, "AKIA%02d", i);
        row = sample_key(id, 1000 - i);
        assert_true(key_add(place->store, &row, &err));
    }
    row = sample_key("AKIA07", 5);
    assert_false(key_add(place->store, &row, &err));
    assert_int_equal(err.code, E_EXISTS);
    assert_true(key_set_disabled(place->store, SPAN_LIT("AKIA39"), true, &err));
    assert_true(key_delete(place->store, SPAN_LIT("AKIA38"), &err));
    assert_true(key_list(place->store, &place->arena, &rows, &count, &err));
    assert_int_equal(count, 39);
    assert_true(span_is(rows[0].id, "AKIA39")); /* the oldest */
    assert_true(rows[0].disabled);
    assert_false(rows[1].disabled);
    assert_true(span_is(rows[1].id, "AKIA37"));
    assert_true(span_is(rows[1].secret, "s3cret/+="));
    assert_true(span_is(rows[1].account, "000000000001"));
    assert_true(span_is(rows[1].user, "ann"));
    assert_true(span_is(rows[1].policy, "{\"Statement\":[]}"));
    assert_int_equal(rows[1].created_ms, 963);
}

static void test_absent_key(void **state)
{
    struct place *place = *state;
    struct err err;
    assert_false(key_set_disabled(place->store, SPAN_LIT("AKIAX"), true, &err));
    assert_int_equal(err.code, E_NOT_FOUND);
    assert_false(key_delete(place->store, SPAN_LIT("AKIAX"), &err));
    assert_int_equal(err.code, E_NOT_FOUND);
    assert_string_equal(err.text, "There is no access key AKIAX.");
}

static void test_sessions(void **state)
{
    struct place *place = *state;
    struct err err;
    struct session_row *rows;
    size_t count;
    struct key_row key = sample_key("AKIA1", 1);
    char digest[32];
    for (unsigned i = 0; i < sizeof digest; i++)
        digest[i] = (char)(i * 8); /* NUL and high bytes included */
    struct session_row row = { SPAN_LIT("ASIA1"), SPAN_LIT("secret"), SPAN_LIT("AKIA1"), span_of(digest, 32), 2000 };
    assert_true(key_add(place->store, &key, &err));
    assert_true(session_add(place->store, &row, 1000, &err));
    row.id = SPAN_LIT("ASIA2");
    row.expires_ms = 3000;
    assert_true(session_add(place->store, &row, 1999, &err));
    assert_true(session_list(place->store, &place->arena, 1999, &rows, &count, &err));
    assert_int_equal(count, 2);
    assert_true(span_eq(rows[0].token_sha256, span_of(digest, 32)));
    assert_true(span_is(rows[0].parent, "AKIA1"));
    assert_true(session_list(place->store, &place->arena, 2000, &rows, &count, &err));
    assert_int_equal(count, 1);
    row.id = SPAN_LIT("ASIA3");
    assert_true(session_add(place->store, &row, 2000, &err)); /* ASIA1 is over and goes */
    assert_true(session_list(place->store, &place->arena, 0, &rows, &count, &err));
    assert_int_equal(count, 2);
    assert_true(span_is(rows[0].id, "ASIA2"));
    assert_true(key_delete(place->store, SPAN_LIT("AKIA1"), &err));
    assert_true(session_list(place->store, &place->arena, 0, &rows, &count, &err));
    assert_int_equal(count, 0);
}

static void test_buckets(void **state)
{
    struct place *place = *state;
    struct err err;
    struct bucket_row *rows;
    size_t count;
    struct span owner;
    assert_true(bucket_assign(place->store, SPAN_LIT("photos"), SPAN_LIT("000000000001"), &err));
    assert_true(bucket_assign(place->store, SPAN_LIT("photos"), SPAN_LIT("000000000002"), &err));
    assert_true(bucket_assign(place->store, SPAN_LIT("films"), SPAN_LIT("000000000003"), &err));
    assert_true(bucket_list(place->store, &place->arena, &rows, &count, &err));
    assert_int_equal(count, 2);
    assert_true(span_is(rows[0].name, "films"));
    assert_true(span_is(rows[1].account, "000000000002"));
    assert_true(bucket_owner(place->store, &place->arena, SPAN_LIT("photos"), SPAN_LIT("123456789012"), &owner, &err));
    assert_true(span_is(owner, "000000000002"));
    assert_true(bucket_owner(place->store, &place->arena, SPAN_LIT("Photos"), SPAN_LIT("123456789012"), &owner, &err));
    assert_true(span_is(owner, "123456789012"));
}

static bool break_commit(void *ctx, enum db_call call, const char *what)
{
    (void)ctx, (void)what;
    return call == DB_CALL_COMMIT;
}

static void test_failed_commit_leaves_nothing(void **state)
{
    struct place *place = *state;
    struct err err;
    struct key_row *rows, row = sample_key("AKIA1", 1);
    size_t count;
    db_set_fault(break_commit, NULL);
    bool added = key_add(place->store, &row, &err);
    db_set_fault(NULL, NULL);
    assert_false(added);
    assert_int_equal(err.code, E_STORE);
    assert_true(key_list(place->store, &place->arena, &rows, &count, &err));
    assert_int_equal(count, 0);
    assert_true(key_add(place->store, &row, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keys, open_place, close_place),
        cmocka_unit_test_setup_teardown(test_absent_key, open_place, close_place),
        cmocka_unit_test_setup_teardown(test_sessions, open_place, close_place),
        cmocka_unit_test_setup_teardown(test_buckets, open_place, close_place),
        cmocka_unit_test_setup_teardown(test_failed_commit_leaves_nothing, open_place, close_place),
    };
    return cmocka_run_group_tests_name("key", tests, NULL, NULL);
}
