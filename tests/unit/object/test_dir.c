/* The directory store: what a key may reach, what counts as a change, and puts that are whole or nothing. */
#define _GNU_SOURCE        /* nftw */
#include "object/object.h" /* before cmocka.h, which has a macro called fail */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <dirent.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"

#define UNREADABLE "Unable to get object metadata from S3. Check object key, region and/or access permissions."

struct bench {
    char top[64]; /* holds `outside` (a file), `root/` (the store) */
    struct object_store *store;
    struct err err;
};

static const char *at(struct bench *b, const char *relative)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", b->top, relative);
    return path;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static int open_bench(void **state)
{
    struct bench *b = mem_zero(1, sizeof *b);
    snprintf(b->top, sizeof b->top, "/tmp/placard-dir-XXXXXX");
    assert_non_null(mkdtemp(b->top));
    write_file(at(b, "outside"), "a secret");
    struct buf place;
    buf_init(&place, 4096);
    buf_addf(&place, "dir:%s", at(b, "root"));
    assert_true(object_store_open(buf_span(&place), &b->store, &b->err));
    buf_free(&place);
    assert_true(object_bucket_make(b->store, SPAN_LIT("bucket"), &b->err));
    *state = b;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static int close_bench(void **state)
{
    struct bench *b = *state;
    object_store_close(b->store);
    nftw(b->top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(b);
    return 0;
}

static struct object_name in_bucket(const char *key)
{
    return (struct object_name){ .bucket = SPAN_LIT("bucket"), .key = span_str(key) };
}

static void expect_unreadable(struct bench *b, struct object_name name)
{
    struct object_info info = { .bytes = 77 };
    struct object_reader *reader = NULL;
    b->err = (struct err){ 0 };
    assert_false(object_stat(b->store, name, &info, &b->err));
    assert_int_equal(b->err.code, E_OBJECT);
    assert_string_equal(b->err.text, UNREADABLE);
    assert_int_equal(info.bytes, 77);
    b->err = (struct err){ 0 };
    assert_false(object_open(b->store, name, 0, SPAN_NONE, &reader, &b->err));
    assert_int_equal(b->err.code, E_OBJECT);
    assert_string_equal(b->err.text, UNREADABLE);
    assert_null(reader);
}

static void expect_unwritable(struct bench *b, struct object_name name)
{
    b->err = (struct err){ 0 };
    assert_false(object_put(b->store, name, SPAN_LIT("x"), &b->err));
    assert_int_equal(b->err.code, E_OBJECT);
    assert_string_equal(b->err.text, "Unable to write to output S3 bucket.");
}

static void put(struct bench *b, const char *key, const char *text)
{
    if (!object_put(b->store, in_bucket(key), span_str(text), &b->err))
        fail_msg("%s", b->err.text);
}

static void expect_content(struct bench *b, const char *key, uint64_t offset, const char *text)
{
    char got[256];
    size_t total = 0, more;
    struct object_reader *reader;
    assert_true(object_open(b->store, in_bucket(key), offset, SPAN_NONE, &reader, &b->err));
    do {
        assert_true(object_read(reader, got + total, 3, &more, &b->err));
        total += more;
    } while (more > 0);
    object_close(reader);
    assert_int_equal(total, strlen(text));
    assert_memory_equal(got, text, total);
}

static unsigned files_in(const char *path)
{
    unsigned count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    return count;
}

static void what_is_put_is_read(void **state)
{
    struct bench *b = *state;
    struct object_info info;
    put(b, "train.manifest", "0123456789");
    put(b, "deep/er/still/a key with spaces ü.json", "{}");
    put(b, "empty", "");
    expect_content(b, "train.manifest", 0, "0123456789");
    expect_content(b, "train.manifest", 7, "789");
    expect_content(b, "train.manifest", 10, "");
    expect_content(b, "deep/er/still/a key with spaces ü.json", 0, "{}");
    expect_content(b, "empty", 0, "");
    assert_true(object_stat(b->store, in_bucket("train.manifest"), &info, &b->err));
    assert_int_equal(info.bytes, 10);
    assert_true(strlen(info.etag) > 10);
}

static void keys_that_lead_out_are_refused(void **state)
{
    static const char *const keys[] = { "../../outside",
                                        "../bucket/there",
                                        "..",
                                        ".",
                                        "/there",
                                        "/etc/passwd",
                                        "folder/../there",
                                        "folder/../../../outside",
                                        "folder//there",
                                        "./there",
                                        "there/",
                                        "folder/",
                                        "folder",
                                        "there/below",
                                        "absent",
                                        "",
                                        ".placard-put-something" };
    struct bench *b = *state;
    put(b, "there", "x");
    put(b, "folder/there", "x");
    for (unsigned i = 0; i < COUNT_OF(keys); i++)
        expect_unreadable(b, in_bucket(keys[i]));
    for (unsigned i = 0; i < COUNT_OF(keys); i++)
        if (strcmp(keys[i], "absent") != 0)
            expect_unwritable(b, in_bucket(keys[i]));
    expect_unreadable(b, (struct object_name){ .bucket = SPAN_LIT("bucket"), .key = SPAN_LIT("there\0x") });
    char longest[1026];
    memset(longest, 'k', sizeof longest);
    expect_unreadable(b, (struct object_name){ .bucket = SPAN_LIT("bucket"), .key = span_of(longest, 1025) });
    expect_unwritable(b, (struct object_name){ .bucket = SPAN_LIT("bucket"), .key = span_of(longest, 1024) });
    assert_int_equal(files_in(at(b, "root")), 1);
    assert_int_equal(files_in(at(b, "root/bucket")), 2);
}

static void links_hold_to_their_bucket(void **state)
{
    struct bench *b = *state;
    put(b, "there", "inside");
    assert_true(object_bucket_make(b->store, SPAN_LIT("other"), &b->err));
    struct object_name elsewhere = { .bucket = SPAN_LIT("other"), .key = SPAN_LIT("file") };
    assert_true(object_put(b->store, elsewhere, SPAN_LIT("x"), &b->err));
    assert_int_equal(symlink("there", at(b, "root/bucket/near")), 0);
    assert_int_equal(symlink("../../outside", at(b, "root/bucket/relative")), 0);
    assert_int_equal(symlink("../other/file", at(b, "root/bucket/sibling")), 0);
    assert_int_equal(symlink("/etc", at(b, "root/bucket/absolute")), 0);
    assert_int_equal(symlink("..", at(b, "root/bucket/up")), 0);
    assert_int_equal(symlink("loop", at(b, "root/bucket/loop")), 0);
    assert_int_equal(symlink("bucket", at(b, "root/alias")), 0);
    expect_content(b, "near", 0, "inside");
    expect_unreadable(b, in_bucket("relative"));
    expect_unreadable(b, in_bucket("sibling"));
    expect_unreadable(b, in_bucket("absolute/hostname"));
    expect_unreadable(b, in_bucket("up/other/file"));
    expect_unreadable(b, in_bucket("loop"));
    expect_unreadable(b, (struct object_name){ .bucket = SPAN_LIT("alias"), .key = SPAN_LIT("there") });
    expect_unwritable(b, in_bucket("up/other/new"));
    expect_unwritable(b, in_bucket("absolute/new"));
    expect_unwritable(b, (struct object_name){ .bucket = SPAN_LIT("alias"), .key = SPAN_LIT("new") });
    /* A put replaces a link and never follows it. */
    put(b, "relative", "ours now");
    expect_content(b, "relative", 0, "ours now");
    struct stat st;
    assert_int_equal(stat(at(b, "outside"), &st), 0);
    assert_int_equal(st.st_size, 8);
}

static void only_files_are_objects(void **state)
{
    struct bench *b = *state;
    assert_int_equal(mkfifo(at(b, "root/bucket/pipe"), 0600), 0);
    expect_unreadable(b, in_bucket("pipe")); /* and does not wait for a writer */
}

static void buckets_and_versions(void **state)
{
    struct bench *b = *state;
    char longest[256];
    memset(longest, 'b', sizeof longest);
    assert_true(object_bucket_is_sound(SPAN_LIT("a_B-9.z")));
    assert_true(object_bucket_is_sound(span_of(longest, 255)));
    assert_false(object_bucket_is_sound(span_of(longest, 256)));
    assert_false(object_bucket_is_sound(SPAN_LIT("ab")));
    assert_false(object_bucket_is_sound(SPAN_LIT("a/b")));
    assert_false(object_bucket_is_sound(SPAN_LIT("buck\0t")));
    assert_true(object_bucket_make(b->store, SPAN_LIT("bucket"), &b->err)); /* there already */
    assert_false(object_bucket_make(b->store, SPAN_LIT(".."), &b->err));
    write_file(at(b, "root/plain-file"), "");
    assert_false(object_bucket_make(b->store, SPAN_LIT("plain-file"), &b->err));
    put(b, "there", "x");
    expect_unreadable(b, (struct object_name){ SPAN_LIT("no-such-bucket"), SPAN_LIT("there"), SPAN_NONE });
    expect_unreadable(b, (struct object_name){ SPAN_LIT(".."), SPAN_LIT("outside"), SPAN_NONE });
    expect_unreadable(b, (struct object_name){ SPAN_LIT("bucket"), SPAN_LIT("there"), SPAN_LIT("3/L4kqtJ") });
    expect_unwritable(b, (struct object_name){ SPAN_LIT("no-such-bucket"), SPAN_LIT("there"), SPAN_NONE });
    expect_unwritable(b, (struct object_name){ SPAN_LIT("bucket"), SPAN_LIT("there"), SPAN_LIT("3/L4kqtJ") });
    assert_int_not_equal(access(at(b, "root/no-such-bucket"), F_OK), 0);
}

static void expect_changed_after(struct bench *b, void (*change)(struct bench *b, const char *path))
{
    char some[4];
    size_t got;
    struct object_reader *reader, *late;
    struct object_info info;
    put(b, "object", "0123456789");
    assert_true(object_stat(b->store, in_bucket("object"), &info, &b->err));
    struct span etag = span_str(info.etag);
    assert_true(object_open(b->store, in_bucket("object"), 0, etag, &reader, &b->err));
    assert_true(object_read(reader, some, sizeof some, &got, &b->err));
    assert_int_equal(got, 4);
    change(b, at(b, "root/bucket/object"));
    got = 99;
    assert_false(object_read(reader, some, sizeof some, &got, &b->err));
    assert_int_equal(b->err.code, E_OBJECT_CHANGED);
    assert_int_equal(got, 99);
    object_close(reader);
    b->err = (struct err){ 0 };
    assert_false(object_open(b->store, in_bucket("object"), 4, etag, &late, &b->err));
    assert_int_equal(b->err.code, E_OBJECT_CHANGED);
}

static void by_growing(struct bench *b, const char *path)
{
    (void)b;
    FILE *file = fopen(path, "ae");
    assert_non_null(file);
    fputs("more", file);
    fclose(file);
}

static void by_shrinking(struct bench *b, const char *path)
{
    (void)b;
    assert_int_equal(truncate(path, 5), 0);
}

static void by_replacing(struct bench *b, const char *path)
{
    (void)path;
    put(b, "object", "9876543210");
}

/* The same length, and the modification time put back as it was: only the change time tells. */
static void by_forging(struct bench *b, const char *path)
{
    (void)b;
    struct stat st;
    /* The kernel stamps in ticks of up to 10 ms; a change within the tick of the last one cannot be told. */
    nanosleep(&(struct timespec){ .tv_nsec = 30 * 1000 * 1000 }, NULL);
    assert_int_equal(stat(path, &st), 0);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "x", 1, 9), 1);
    struct timespec times[2] = { st.st_atim, st.st_mtim };
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static void changes_while_reading_are_seen(void **state)
{
    struct bench *b = *state;
    expect_changed_after(b, by_growing);
    expect_changed_after(b, by_shrinking);
    expect_changed_after(b, by_replacing);
    expect_changed_after(b, by_forging);
}

static void a_change_after_the_last_byte_is_seen(void **state)
{
    struct bench *b = *state;
    char all[16];
    size_t got;
    struct object_reader *reader;
    put(b, "object", "0123456789");
    assert_true(object_open(b->store, in_bucket("object"), 0, SPAN_NONE, &reader, &b->err));
    assert_true(object_read(reader, all, sizeof all, &got, &b->err));
    assert_int_equal(got, 10);
    by_growing(b, at(b, "root/bucket/object"));
    assert_false(object_read(reader, all, sizeof all, &got, &b->err));
    assert_int_equal(b->err.code, E_OBJECT_CHANGED);
    object_close(reader);
}

static void an_offset_past_the_end_is_a_change(void **state)
{
    struct bench *b = *state;
    struct object_reader *reader;
    put(b, "object", "0123456789");
    assert_false(object_open(b->store, in_bucket("object"), 11, SPAN_NONE, &reader, &b->err));
    assert_int_equal(b->err.code, E_OBJECT_CHANGED);
}

/* A failing put leaves neither a half object nor its temporary file. */
static void a_failed_put_leaves_nothing(void **state)
{
    struct bench *b = *state;
    put(b, "folder/inside", "x");
    expect_unwritable(b, in_bucket("folder")); /* the rename fails, after the content was written */
    expect_content(b, "folder/inside", 0, "x");
    assert_int_equal(files_in(at(b, "root/bucket")), 1);
}

struct writer {
    struct bench *b;
    char letter;
};

enum { PUT_BYTES = 200000, PUTS = 20 };

static void *write_often(void *arg)
{
    struct writer *w = arg;
    struct err err;
    char *content = mem_alloc(PUT_BYTES);
    memset(content, w->letter, PUT_BYTES);
    bool good = true;
    for (int i = 0; i < PUTS; i++)
        good = object_put(w->b->store, in_bucket("deep/shared"), span_of(content, PUT_BYTES), &err) && good;
    free(content);
    return good ? w : NULL;
}

static void puts_are_whole_to_readers(void **state)
{
    struct bench *b = *state;
    struct writer writers[2] = { { b, 'a' }, { b, 'b' } };
    pthread_t threads[2];
    char *all = mem_alloc(PUT_BYTES);
    unsigned whole = 0;
    put(b, "deep/shared", "");
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_often, &writers[i]), 0);
    for (int i = 0; i < 400; i++) {
        struct object_reader *reader;
        size_t got;
        assert_true(object_open(b->store, in_bucket("deep/shared"), 0, SPAN_NONE, &reader, &b->err));
        if (object_read(reader, all, PUT_BYTES, &got, &b->err)) {
            for (size_t k = 1; k < got; k++)
                assert_true(all[k] == all[0]);
            assert_true(got == 0 || got == PUT_BYTES);
            whole++;
        } else {
            assert_int_equal(b->err.code, E_OBJECT_CHANGED);
        }
        object_close(reader);
    }
    for (int i = 0; i < 2; i++) {
        void *good;
        assert_int_equal(pthread_join(threads[i], &good), 0);
        assert_non_null(good);
    }
    free(all);
    assert_true(whole > 0);
    assert_int_equal(files_in(at(b, "root/bucket/deep")), 1);
}

static void remove_it(struct bench *b, const char *key)
{
    if (!object_remove(b->store, in_bucket(key), &b->err))
        fail_msg("%s", b->err.text);
}

static void what_is_removed_is_gone_with_its_empty_folders(void **state)
{
    struct bench *b = *state;
    put(b, "a/b/c/first", "1");
    put(b, "a/b/other", "2");
    remove_it(b, "a/b/c/first");
    assert_int_equal(files_in(at(b, "root/bucket/a/b")), 1);
    expect_content(b, "a/b/other", 0, "2");
    remove_it(b, "a/b/c/first");
    remove_it(b, "a/b"); /* a folder is no object */
    remove_it(b, "a/b/other");
    assert_int_equal(files_in(at(b, "root/bucket")), 0);
    struct object_name elsewhere = { .bucket = SPAN_LIT("no-such"), .key = SPAN_LIT("x") };
    assert_true(object_remove(b->store, elsewhere, &b->err));
    assert_false(object_remove(b->store, in_bucket("../outside"), &b->err));
    assert_int_equal(b->err.code, E_OBJECT);
    assert_int_equal(access(at(b, "outside"), F_OK), 0);
}

static void *remove_often(void *arg)
{
    struct writer *w = arg;
    struct err err;
    bool good = true;
    for (int i = 0; i < 50 * PUTS; i++)
        good = object_remove(w->b->store, in_bucket("deep/er/mine"), &err) && good;
    return good ? w : NULL;
}

/* A folder that goes because it is empty takes no other's put with it. */
static void puts_and_removals_beside_each_other(void **state)
{
    struct bench *b = *state;
    struct writer other = { b, 'x' };
    pthread_t thread;
    void *good;
    assert_int_equal(pthread_create(&thread, NULL, remove_often, &other), 0);
    for (int i = 0; i < 10 * PUTS; i++) {
        put(b, "deep/er/mine", "1");
        put(b, "deep/er/yours", "2");
        expect_content(b, "deep/er/yours", 0, "2");
        remove_it(b, "deep/er/yours");
    }
    assert_int_equal(pthread_join(thread, &good), 0);
    assert_non_null(good);
}

static void bad_places_are_configuration_errors(void **state)
{
    static const char *const places[] = { "", "dir:", "file:/tmp", "dir:/dev/null", "dir:/proc/none/such" };
    struct bench *b = *state;
    struct object_store *store = NULL;
    for (unsigned i = 0; i < COUNT_OF(places); i++) {
        b->err = (struct err){ 0 };
        assert_false(object_store_open(span_str(places[i]), &store, &b->err));
        assert_int_equal(b->err.code, E_CONFIG);
        assert_null(store);
    }
}

#define DIR_TEST(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(what_is_put_is_read),
        DIR_TEST(keys_that_lead_out_are_refused),
        DIR_TEST(links_hold_to_their_bucket),
        DIR_TEST(only_files_are_objects),
        DIR_TEST(buckets_and_versions),
        DIR_TEST(changes_while_reading_are_seen),
        DIR_TEST(a_change_after_the_last_byte_is_seen),
        DIR_TEST(an_offset_past_the_end_is_a_change),
        DIR_TEST(a_failed_put_leaves_nothing),
        DIR_TEST(puts_are_whole_to_readers),
        DIR_TEST(what_is_removed_is_gone_with_its_empty_folders),
        DIR_TEST(puts_and_removals_beside_each_other),
        DIR_TEST(bad_places_are_configuration_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
