/* ref_pages: pages and rows together are a dataset's refs; what is taken out is found no more. */
#include "store/ref_pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/stage_rows.h"

enum { DATASET = 7, PAIRS = 1000, SEQS = 16 };

struct place {
    char folder[64];
    struct store *store;
};

static int open_place(void **state)
{
    struct place *place = mem_zero(1, sizeof *place);
    struct err err;
    char where[128];
    snprintf(place->folder, sizeof place->folder, "/tmp/placard-refs-XXXXXX");
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
    char path[128];
    store_close(place->store);
    for (unsigned i = 0; i < COUNT_OF(files); i++) {
        snprintf(path, sizeof path, "%s/%s", place->folder, files[i]);
        unlink(path);
    }
    int result = rmdir(place->folder);
    free(place);
    return result;
}

static struct db *write_begin(struct place *place)
{
    struct err err;
    struct db *db;
    assert_true(store_write_begin(place->store, STORE_JOB, &db, &err));
    return db;
}

static void write_commit(struct place *place)
{
    struct err err;
    assert_true(store_write_commit(place->store, &err));
}

/* Pair i: hashes from the most negative to the most positive, in order, three seqs under every tenth. */
static struct ref pair(size_t i)
{
    size_t hash = i % 10 < 3 ? i - i % 10 : i;
    return (struct ref){ ((uint64_t)1 << 63) + hash * (UINT64_MAX / PAIRS), (int64_t)i + 1 };
}

static void put_pages(struct place *place, const struct ref *refs, size_t count)
{
    struct err err;
    struct db *db = write_begin(place);
    for (size_t at = 0; at < count;) {
        size_t taken = ref_page_take(refs, count, at);
        assert_true(taken > 0 && at + taken <= count);
        assert_true(ref_page_put(db, DATASET, refs + at, taken, &err));
        at += taken;
    }
    write_commit(place);
}

static void clear_pages(struct place *place)
{
    struct err err;
    bool more = true;
    struct db *db = write_begin(place);
    while (more)
        assert_true(ref_page_clear_some(db, DATASET, &more, &err));
    write_commit(place);
}

static size_t find(struct place *place, uint64_t hash, int64_t seqs[SEQS])
{
    struct err err;
    size_t count;
    assert_true(stage_refs_of(place->store, DATASET, hash, seqs, SEQS, &count, &err));
    return count;
}

static bool has(struct place *place, struct ref ref)
{
    int64_t seqs[SEQS];
    size_t count = find(place, ref.hash, seqs);
    for (size_t i = 0; i < count; i++)
        if (seqs[i] == ref.seq)
            return true;
    return false;
}

static void remove_ref(struct place *place, struct ref ref)
{
    struct err err;
    struct db *db = write_begin(place);
    assert_true(stage_ref_remove(db, DATASET, ref.hash, ref.seq, &err));
    write_commit(place);
}

static void fill(struct ref refs[PAIRS])
{
    for (size_t i = 0; i < PAIRS; i++)
        refs[i] = pair(i);
}

static void finds_every_pair(void **state)
{
    struct place *place = *state;
    struct ref refs[PAIRS];
    int64_t seqs[SEQS];
    fill(refs);
    put_pages(place, refs, PAIRS);
    clear_pages(place);
    put_pages(place, refs, PAIRS);
    for (size_t i = 0; i < PAIRS; i++) {
        assert_true(has(place, refs[i]));
        assert_int_equal(find(place, refs[i].hash, seqs), i % 10 < 3 ? 3 : 1);
    }
    assert_int_equal(find(place, refs[5].hash + 1, seqs), 0);
}

static void finds_rows_beside_pages(void **state)
{
    struct place *place = *state;
    struct ref refs[PAIRS];
    struct err err;
    fill(refs);
    put_pages(place, refs, PAIRS);
    const struct ref later[] = { { refs[4].hash, 5000 }, { refs[4].hash + 1, 5001 } };
    struct db *db = write_begin(place);
    for (unsigned i = 0; i < COUNT_OF(later); i++)
        assert_true(stage_ref_put(db, DATASET, later[i].hash, later[i].seq, &err));
    write_commit(place);
    assert_true(has(place, later[0]) && has(place, later[1]) && has(place, refs[4]));
    remove_ref(place, later[0]);
    assert_false(has(place, later[0]));
    assert_true(has(place, refs[4]) && has(place, later[1]));
}

static void removes_what_it_is_told(void **state)
{
    struct place *place = *state;
    struct ref refs[PAIRS];
    fill(refs);
    put_pages(place, refs, PAIRS);
    for (size_t i = 0; i < PAIRS; i += 2)
        remove_ref(place, refs[i]);
    remove_ref(place, refs[0]); /* a repeat is harmless */
    for (size_t i = 0; i < PAIRS; i++)
        assert_int_equal(has(place, refs[i]), i % 2 == 1);
    for (size_t i = 1; i < PAIRS; i += 2)
        remove_ref(place, refs[i]);
    struct err err;
    bool more = true;
    struct db *db = write_begin(place);
    assert_true(ref_page_clear_some(db, DATASET, &more, &err));
    assert_false(more); /* empty pages went with their last pair */
    write_commit(place);
}

static void equal_hashes_share_a_page(void **state)
{
    struct place *place = *state;
    struct ref refs[2 * REF_PAGE_PAIRS];
    int64_t seqs[SEQS];
    for (size_t i = 0; i < COUNT_OF(refs); i++)
        refs[i] = (struct ref){ i < REF_PAGE_PAIRS - 5 ? i : 100000, (int64_t)i };
    assert_int_equal(ref_page_take(refs, COUNT_OF(refs), 0), COUNT_OF(refs));
    put_pages(place, refs, COUNT_OF(refs));
    assert_int_equal(find(place, 100000, seqs), SEQS); /* as many as there is room for */
}

static void knows_damage(void **state)
{
    (void)state;
    const struct ref wrong[] = { { 2, 1 }, { 1, 1 } }, right[] = { { (uint64_t)-1, 9 }, { 1, 1 }, { 1, 2 } };
    const struct ref *refs;
    size_t count;
    assert_false(ref_page_read(span_of(wrong, sizeof wrong), &refs, &count));
    assert_false(ref_page_read(span_of(right, sizeof right - 1), &refs, &count));
    assert_true(ref_page_read(span_of(right, sizeof right), &refs, &count));
    assert_int_equal(count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_every_pair, open_place, close_place),
        cmocka_unit_test_setup_teardown(finds_rows_beside_pages, open_place, close_place),
        cmocka_unit_test_setup_teardown(removes_what_it_is_told, open_place, close_place),
        cmocka_unit_test_setup_teardown(equal_hashes_share_a_page, open_place, close_place),
        cmocka_unit_test(knows_damage),
    };
    return cmocka_run_group_tests_name("ref_pages", tests, NULL, NULL);
}
