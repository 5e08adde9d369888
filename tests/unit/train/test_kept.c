/* What a training keeps in files: its request and result, and features up to a bound. */
#include "train/feature_cache.h"
#include "train/file.h"
#include "train/request.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void requests_read_back(void **state)
{
    (void)state;
    const struct train_bucket buckets[] = { { SPAN_LIT("b1"), SPAN_LIT("1") }, { SPAN_LIT("b2"), SPAN_LIT("2") } };
    const struct object_name manifests[] = { { SPAN_LIT("bucket"), SPAN_LIT("a \"key\""), SPAN_LIT("v") } };
    struct train_request request = { .version_arn = SPAN_LIT("arn"),
                                     .account = SPAN_LIT("1"),
                                     .objects = SPAN_LIT("dir:x"),
                                     .output_bucket = SPAN_LIT("out"),
                                     .features_bytes = 1ll << 40,
                                     .split = true,
                                     .manifests = { manifests, NULL },
                                     .manifest_counts = { 1, 0 },
                                     .buckets = buckets,
                                     .bucket_count = 2,
                                     .dropped_percent = 20 };
    for (unsigned i = 0; i < TRAIN_OUTPUTS; i++)
        request.output_keys[i] = span_str(train_output_names[i]);
    struct buf text, again;
    struct arena arena;
    struct train_request read;
    struct err err;
    arena_init(&arena);
    buf_init(&text, 1 << 20);
    buf_init(&again, 1 << 20);
    train_request_write(&request, &text);
    assert_true(train_request_read(buf_span(&text), &arena, &read, &err));
    train_request_write(&read, &again);
    assert_string_equal(buf_cstr(&text), buf_cstr(&again));
    assert_true(span_is(read.manifests[0][0].key, "a \"key\"") && read.split);
    for (size_t len = 0; len < text.len; len += 7)
        assert_false(train_request_read(span_first(buf_span(&text), len), &arena, &read, &err));

    const struct train_result result = { SPAN_LIT("arn"), true, SPAN_LIT("text"), 0.5f, 12, 63 };
    struct train_result back;
    buf_clear(&text);
    train_result_write(&result, &text);
    assert_true(train_result_read(buf_span(&text), &arena, &back, &err));
    assert_true(span_is(back.version_arn, "arn"));
    assert_true(back.trained && back.f1 == 0.5f && back.billable_seconds == 12 && back.outputs == 63);
    assert_false(train_result_read(SPAN_LIT("{}"), &arena, &back, &err));
    buf_free(&text);
    buf_free(&again);
    arena_free(&arena);
}

static void remove_folders(const char *folder)
{
    struct buf path;
    struct err err;
    buf_init(&path, 4096);
    for (unsigned i = 0; i < 256; i++) {
        char name[4];
        snprintf(name, sizeof name, "%02x", i);
        assert_true(file_remove_folder(file_path(&path, folder, name), &err));
    }
    assert_true(file_remove_folder(folder, &err));
    buf_free(&path);
}

/* The first file below, which is the only one. */
static void find_file(const char *folder, struct buf *ret_path)
{
    struct buf sub;
    buf_init(&sub, 4096);
    DIR *top = opendir(folder);
    const struct dirent *entry;
    while ((entry = readdir(top))) {
        if (entry->d_name[0] == '.')
            continue;
        file_path(&sub, folder, entry->d_name);
        DIR *inner = opendir(buf_cstr(&sub));
        while ((entry = readdir(inner)))
            if (entry->d_name[0] != '.')
                file_path(ret_path, buf_cstr(&sub), entry->d_name);
        closedir(inner);
    }
    closedir(top);
    buf_free(&sub);
}

static void features_are_kept_and_checked(void **state)
{
    (void)state;
    char folder[] = "/tmp/placard-features-XXXXXX";
    unsigned char key[FEATURES_KEY_BYTES] = { 1 }, space[FEATURES_KEY_BYTES] = { 2 }, other[FEATURES_KEY_BYTES] = { 3 };
    const struct features_name name = { key, space, "c5" }, elsewhere = { key, other, "c5" },
                               what = { key, space, "c4" };
    struct features *features;
    struct buf got, path;
    struct err err;
    assert_non_null(mkdtemp(folder));
    buf_init(&got, 4096);
    buf_init(&path, 4096);
    assert_true(features_open(folder, 1 << 20, &features, &err));
    assert_false(features_get(features, &name, &got));
    features_put(features, &name, SPAN_LIT("some bytes"));
    assert_false(features_get(features, &elsewhere, &got) || features_get(features, &what, &got));
    assert_true(features_get(features, &name, &got));
    assert_true(span_is(buf_span(&got), "some bytes"));
    features_close(features);
    /* another process finds it, but not once a bit is another */
    assert_true(features_open(folder, 1 << 20, &features, &err));
    buf_clear(&got);
    assert_true(features_get(features, &name, &got));
    find_file(folder, &path);
    int file = open(buf_cstr(&path), O_RDWR);
    assert_true(pwrite(file, "S", 1, 8) == 1);
    close(file);
    buf_clear(&got);
    assert_false(features_get(features, &name, &got));
    assert_int_equal(features_count(features).hits, 1);
    assert_int_equal(features_count(features).misses, 1);
    features_close(features);
    remove_folders(folder);
    buf_free(&got);
    buf_free(&path);
}

static void features_stay_below_their_bound(void **state)
{
    (void)state;
    enum { ITEMS = 100, ITEM_BYTES = 20000, BOUND = 1000000 };
    char folder[] = "/tmp/placard-features-XXXXXX";
    unsigned char key[FEATURES_KEY_BYTES] = { 0 }, space[FEATURES_KEY_BYTES] = { 0 };
    const struct features_name name = { key, space, "x" };
    struct features *features;
    struct buf got;
    struct err err;
    char *bytes = mem_zero(1, ITEM_BYTES);
    assert_non_null(mkdtemp(folder));
    assert_true(features_open(folder, BOUND, &features, &err));
    buf_init(&got, ITEM_BYTES);
    for (unsigned i = 0; i < ITEMS; i++) {
        key[0] = (unsigned char)i;
        features_put(features, &name, span_of(bytes, ITEM_BYTES));
        assert_true(features_count(features).bytes <= BOUND);
        key[0] = 0; /* the first is used all the time, so it stays */
        buf_clear(&got);
        assert_true(features_get(features, &name, &got));
    }
    unsigned kept = 0;
    for (unsigned i = 0; i < ITEMS; i++) {
        key[0] = (unsigned char)i;
        buf_clear(&got);
        kept += features_get(features, &name, &got);
    }
    assert_in_range(kept, BOUND / ITEM_BYTES * 7 / 10, BOUND / ITEM_BYTES);
    features_close(features);
    remove_folders(folder);
    buf_free(&got);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_read_back),
        cmocka_unit_test(features_are_kept_and_checked),
        cmocka_unit_test(features_stay_below_their_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
