/* tidier: the write-ahead log of a real database stays short while it is written, and is given back afterwards. */
#include "store/tidier.h"
#include "base/ident.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PART = 256 * 1024, PARTS = 512, PATIENCE_MS = 20000 };

struct place {
    char folder[64];
    struct store *store;
};

static const char *file_of(const struct place *place, const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", place->folder, name);
    return path;
}

static int open_place(void **state)
{
    struct place *place = mem_zero(1, sizeof *place);
    struct err err;
    char where[128];
    snprintf(place->folder, sizeof place->folder, "/tmp/placard-tidier-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(where, sizeof where, "sqlite:%s/placard.db", place->folder);
    const struct store_options options = { span_str(where), "aws", 2, true };
    assert_true(store_open(&options, &place->store, &err));
    *state = place;
    return 0;
}

static int close_place(void **state)
{
    static const char *const files[] = { "placard.db", "placard.db-wal", "placard.db-shm" };
    struct place *place = *state;
    store_close(place->store);
    for (unsigned i = 0; i < COUNT_OF(files); i++)
        unlink(file_of(place, files[i]));
    int result = rmdir(place->folder);
    free(place);
    return result;
}

static long log_bytes(const struct place *place)
{
    struct stat found;
    return stat(file_of(place, "placard.db-wal"), &found) == 0 ? (long)found.st_size : -1;
}

static void write_part(const struct place *place, int number, struct span bytes)
{
    struct err err;
    struct db *db;
    char key[32];
    snprintf(key, sizeof key, "part-%d", number);
    assert_true(store_write_begin(place->store, STORE_JOB, &db, &err));
    struct db_query *q = db_query(db, "INSERT INTO meta (key, value) VALUES (?1, ?2)");
    db_bind_text(q, 1, span_str(key));
    db_bind_blob(q, 2, bytes);
    assert_true(db_run(q, &err));
    assert_true(store_write_commit(place->store, &err));
}

/* 128 MiB go through a log that never holds a quarter of them; without a tidier it would hold them all. */
static void test_the_log_begins_anew_while_a_job_writes(void **state)
{
    struct place *place = *state;
    unsigned char *bytes = mem_alloc(PART);
    long longest = 0;
    ident_random(bytes, PART);
    for (int i = 0; i < PARTS; i++) {
        write_part(place, i, span_of(bytes, PART));
        longest = log_bytes(place) > longest ? log_bytes(place) : longest;
    }
    free(bytes);
    assert_in_range(longest, PART, (uintmax_t)PART * PARTS / 4);
}

static void test_a_rest_gives_its_space_back(void **state)
{
    struct place *place = *state;
    assert_true(log_bytes(place) > 0);
    store_tidy(place->store);
    for (int waited = 0; waited < PATIENCE_MS && log_bytes(place) > 0; waited += 10)
        usleep(10000);
    assert_int_equal(log_bytes(place), 0);
}

/* Closing joins it, whatever it is at. */
static void test_it_ends_while_it_is_asked(void **state)
{
    struct place *place = *state;
    for (int i = 0; i < 50; i++) {
        struct tidier *tidier = tidier_new(place->store, span_str("sqlite:/nonexistent/placard.db"));
        for (int asked = 0; asked < i; asked++)
            tidier_ask(tidier, asked % 2);
        tidier_free(tidier);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_log_begins_anew_while_a_job_writes),
        cmocka_unit_test(test_a_rest_gives_its_space_back),
        cmocka_unit_test(test_it_ends_while_it_is_asked),
    };
    return cmocka_run_group_tests(tests, open_place, close_place);
}
