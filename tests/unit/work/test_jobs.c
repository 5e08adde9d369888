/* Jobs against a real store: what a manifest, an update, a copy, a distribution and a deletion leave behind. */
#include "house.h" /* before cmocka.h, which has a macro called fail */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define MANIFEST_MAX (256u << 20)

static void add_image(struct buf *out, int number, const char *label)
{
    buf_addf(
        out,
        "{\"source-ref\":\"s3://images/%d.png\",\"kind\":1,\"kind-metadata\":{\"confidence\":1,\"class-name\":\"%s\","
        "\"human-annotated\":\"yes\",\"creation-date\":\"2026-01-01T00:00:00\","
        "\"type\":\"groundtruth/image-classification\"}}\n",
        number, label);
}

static struct span images(struct buf *out, int from, int to)
{
    buf_clear(out);
    for (int i = from; i < to; i++)
        add_image(out, i, i % 3 == 0 ? "cap" : i % 3 == 1 ? "hat" : "scarf");
    return buf_span(out);
}

static int open_house(void **state)
{
    struct house *house = mem_zero(1, sizeof *house);
    house_open(house);
    *state = house;
    return 0;
}

static int close_house(void **state)
{
    house_close(*state);
    free(*state);
    return 0;
}

static void assert_stats(struct house *house, struct span arn, int64_t total, int64_t labeled, int64_t labels,
                         int64_t errors)
{
    struct dataset_view view = house_describe(house, arn);
    assert_int_equal(view.stats.total, total);
    assert_int_equal(view.stats.labeled, labeled);
    assert_int_equal(view.stats.labels, labels);
    assert_int_equal(view.stats.errors, errors);
    size_t count;
    house_entries(house, arn, &count);
    assert_int_equal(count, total);
    struct label_row *rows;
    size_t label_count;
    bool more;
    assert_true(label_list(house->store, &house->arena, arn, 0, 100, &rows, &label_count, &more, &house->err));
    assert_int_equal(label_count, labels);
}

static void a_manifest_becomes_a_dataset(void **state)
{
    struct house *house = *state;
    struct buf text;
    buf_init(&text, MANIFEST_MAX);
    house_manifest(house, "m", images(&text, 0, 5000));
    struct span arn = house_create(house, DATASET_TRAIN, "m");
    struct dataset_view view = house_wait(house, arn);
    assert_int_equal(view.status, DATASET_CREATE_COMPLETE);
    assert_stats(house, arn, 5000, 5000, 3, 0);
    size_t count;
    struct span *lines = house_entries(house, arn, &count);
    assert_true(span_contains(lines[0], SPAN_LIT("s3://images/0.png")));
    assert_true(span_contains(lines[4999], SPAN_LIT("s3://images/4999.png")));
    assert_true(span_ends(lines[0], SPAN_LIT(",\"cl-metadata\":{\"is_labeled\":true}}")));
    house_restart(house);
    assert_stats(house, arn, 5000, 5000, 3, 0);
    buf_free(&text);
}

static void the_first_of_repeated_lines_stays(void **state)
{
    struct house *house = *state;
    struct buf text;
    buf_init(&text, MANIFEST_MAX);
    images(&text, 0, 1000);
    for (int i = 0; i < 200; i++)
        add_image(&text, i * 5, "late");
    house_manifest(house, "m", buf_span(&text));
    struct span arn = house_create(house, DATASET_TRAIN, "m");
    assert_int_equal(house_wait(house, arn).status, DATASET_CREATE_COMPLETE);
    assert_stats(house, arn, 1000, 1000, 3, 0);
    struct rejected_row *rows;
    size_t count;
    assert_true(rejected_list(house->store, &house->arena, arn, 0, 1000, &rows, &count, &house->err));
    assert_int_equal(count, 200);
    assert_int_equal(rows[0].line, 1001);
    assert_true(span_is(rows[1].value, "s3://images/5.png"));
    buf_free(&text);
}

static void too_many_repeated_lines_fail(void **state)
{
    struct house *house = *state;
    struct buf text;
    buf_init(&text, MANIFEST_MAX);
    images(&text, 0, 100);
    for (int i = 0; i < 26; i++)
        add_image(&text, i, "late");
    house_manifest(house, "m", buf_span(&text));
    struct span arn = house_create(house, DATASET_TRAIN, "m");
    struct dataset_view view = house_wait(house, arn);
    assert_int_equal(view.status, DATASET_CREATE_FAILED);
    assert_int_equal(view.message_code, DATASET_CLIENT_ERROR);
    assert_true(span_is(view.message, "The manifest file has too many terminal errors."));
    assert_int_equal(view.stats.total, 0);
    buf_free(&text);
}

static void an_update_replaces_and_appends(void **state)
{
    struct house *house = *state;
    struct buf text;
    buf_init(&text, MANIFEST_MAX);
    house_manifest(house, "m", images(&text, 0, 700));
    struct span arn = house_create(house, DATASET_TRAIN, "m");
    house_wait(house, arn);
    buf_clear(&text);
    add_image(&text, 5, "first");
    add_image(&text, 5, "beret");
    buf_add_str(&text, "{\"source-ref\":\"s3://images/6.png\"}\n");
    for (int i = 0; i < 300; i++)
        add_image(&text, 1000 + i, "hat");
    assert_true(dataset_update(house->store, arn, buf_span(&text), &house->err));
    assert_int_equal(house_describe(house, arn).status, DATASET_UPDATE_IN_PROGRESS);
    runner_wake(house->runner);
    assert_int_equal(house_wait(house, arn).status, DATASET_UPDATE_COMPLETE);
    assert_stats(house, arn, 1000, 999, 4, 0);
    size_t count;
    struct span *lines = house_entries(house, arn, &count);
    assert_true(span_contains(lines[5], SPAN_LIT("beret")));
    assert_true(span_is(lines[6], "{\"source-ref\":\"s3://images/6.png\",\"cl-metadata\":{\"is_labeled\":false}}"));
    assert_true(span_contains(lines[999], SPAN_LIT("s3://images/1299.png")));
    buf_free(&text);
}

static void a_failed_update_leaves_everything(void **state)
{
    struct house *house = *state;
    struct buf text;
    buf_init(&text, MANIFEST_MAX);
    house_manifest(house, "m", images(&text, 0, 300));
    struct span arn = house_create(house, DATASET_TRAIN, "m");
    house_wait(house, arn);
    buf_clear(&text);
    add_image(&text, 3, "other");
    buf_add_str(&text, "{\"source-ref\":\"s3://elsewhere/1.png\"}");
    assert_true(dataset_update(house->store, arn, buf_span(&text), &house->err));
    runner_wake(house->runner);
    struct dataset_view view = house_wait(house, arn);
    assert_int_equal(view.status, DATASET_UPDATE_FAILED);
    assert_true(span_is(view.message, "The manifest file contains images from multiple S3 buckets."));
    assert_stats(house, arn, 300, 300, 3, 0);
    buf_free(&text);
}

static void a_copy_is_the_same(void **state)
{
    struct house *house = *state;
    struct buf text;
    buf_init(&text, MANIFEST_MAX);
    house_manifest(house, "m", images(&text, 0, 2000));
    struct span arn = house_create(house, DATASET_TRAIN, "m");
    house_wait(house, arn);
    struct dataset_new wish = { .project_arn = house->project, .type = DATASET_TEST, .source_arn = arn };
    struct span copy;
    assert_true(dataset_create(house->store, &house->arena, &wish, &copy, &house->err));
    runner_wake(house->runner);
    assert_int_equal(house_wait(house, copy).status, DATASET_CREATE_COMPLETE);
    assert_stats(house, copy, 2000, 2000, 3, 0);
    buf_clear(&text);
    add_image(&text, 7, "beret");
    assert_true(dataset_update(house->store, copy, buf_span(&text), &house->err));
    runner_wake(house->runner);
    house_wait(house, copy);
    assert_stats(house, copy, 2000, 2000, 4, 0);
    assert_stats(house, arn, 2000, 2000, 3, 0);
    buf_free(&text);
}

static void a_distribution_moves_a_fifth(void **state)
{
    struct house *house = *state;
    struct buf text;
    buf_init(&text, MANIFEST_MAX);
    images(&text, 0, 3000);
    add_image(&text, 9001, "rare");
    add_image(&text, 9002, "rare");
    house_manifest(house, "m", buf_span(&text));
    struct span train = house_create(house, DATASET_TRAIN, "m");
    house_wait(house, train);
    struct dataset_new wish = { .project_arn = house->project, .type = DATASET_TEST };
    struct span test;
    assert_true(dataset_create(house->store, &house->arena, &wish, &test, &house->err));
    runner_wake(house->runner);
    assert_int_equal(house_wait(house, test).status, DATASET_CREATE_COMPLETE);
    assert_true(dataset_distribute(house->store, test, train, &house->err));
    runner_wake(house->runner);
    assert_int_equal(house_wait(house, train).status, DATASET_UPDATE_COMPLETE);
    assert_int_equal(house_wait(house, test).status, DATASET_UPDATE_COMPLETE);
    assert_stats(house, train, 2402, 2402, 4, 0);
    assert_stats(house, test, 600, 600, 4, 0);
    buf_free(&text);
}

static void a_deletion_ends_in_not_found(void **state)
{
    struct house *house = *state;
    struct buf text;
    buf_init(&text, MANIFEST_MAX);
    house_manifest(house, "m", images(&text, 0, 20000));
    struct span arn = house_create(house, DATASET_TRAIN, "m");
    house_wait(house, arn);
    assert_true(dataset_delete(house->store, arn, &house->err));
    assert_int_equal(house_describe(house, arn).status, DATASET_DELETE_IN_PROGRESS);
    assert_false(dataset_delete(house->store, arn, &house->err));
    assert_int_equal(house->err.code, E_IN_USE);
    runner_wake(house->runner);
    struct dataset_view view;
    int tries = 0;
    while (dataset_describe(house->store, &house->arena, arn, &view, &house->err) && tries++ < 1000)
        usleep(10000);
    assert_int_equal(house->err.code, E_NOT_FOUND);
    assert_true(project_delete(house->store, house->project, &house->err));
    buf_free(&text);
}

static void odd_manifests(void **state)
{
    struct house *house = *state;
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        { "", "The manifest file is empty." },
        { "\n \n\t\n", "The manifest file is empty." },
        { "\x1f\x8b\x08 not json\nat all", "The manifest file extension or contents are invalid." },
        { "{\"source-ref\":\"s3://one/1\"}\n{\"source-ref\":\"s3://two/2\"}",
          "The manifest file contains images from multiple S3 buckets." },
    };
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        house_manifest(house, "m", span_str(cases[i].text));
        struct span arn = house_create(house, DATASET_TRAIN, "m");
        struct dataset_view view = house_wait(house, arn);
        assert_int_equal(view.status, DATASET_CREATE_FAILED);
        assert_true(span_is(view.message, cases[i].message));
        assert_true(dataset_delete(house->store, arn, &house->err));
        runner_wake(house->runner);
        while (dataset_describe(house->store, &house->arena, arn, &view, &house->err))
            usleep(1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_manifest_becomes_a_dataset, open_house, close_house),
        cmocka_unit_test_setup_teardown(the_first_of_repeated_lines_stays, open_house, close_house),
        cmocka_unit_test_setup_teardown(too_many_repeated_lines_fail, open_house, close_house),
        cmocka_unit_test_setup_teardown(an_update_replaces_and_appends, open_house, close_house),
        cmocka_unit_test_setup_teardown(a_failed_update_leaves_everything, open_house, close_house),
        cmocka_unit_test_setup_teardown(a_copy_is_the_same, open_house, close_house),
        cmocka_unit_test_setup_teardown(a_distribution_moves_a_fifth, open_house, close_house),
        cmocka_unit_test_setup_teardown(a_deletion_ends_in_not_found, open_house, close_house),
        cmocka_unit_test_setup_teardown(odd_manifests, open_house, close_house),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
