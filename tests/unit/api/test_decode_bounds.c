/* decode: lengths at their bounds, large bodies, and the parsers of threads. */
#include "bodies.h"

#include "base/buf.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char *put(char *at, const char *text)
{
    size_t len = strlen(text);
    memcpy(at, text, len);
    return at + len;
}

/* A body of `head`, `count` times `item` with commas between, and `tail`. */
static struct span repeated(const char *head, const char *item, size_t count, const char *tail)
{
    char *text = arena_alloc(&arena, strlen(head) + count * (strlen(item) + 1) + strlen(tail) + 1);
    char *at = put(text, head);
    for (size_t i = 0; i < count; i++)
        at = put(put(at, i ? "," : ""), item);
    return span_of(text, (size_t)(put(at, tail) - text));
}

static void test_lengths(void **state)
{
    (void)state;
    struct err err;
    struct span message;
    void *input;
    for (size_t extra = 0; extra < 2; extra++) { /* letters of four bytes are one each */
        char label[4 * 256 + 1] = "";
        for (size_t i = 0; i < 255 + extra; i++)
            memcpy(label + 4 * i, "\xf0\x9f\x98\x80", 5);
        struct span body = repeated("{\"DatasetArn\":\"" D_ARN "\",\"ContainsLabels\":[\"", label, 1, "\"]}");
        assert_int_equal(decode_request(&shape_list_dataset_entries_request, body, &arena, &input, &message, &err),
                         !extra);
    }
    /* an ARN too long is not malformed */
    char digits[2049];
    memset(digits, '1', sizeof digits - 1);
    digits[sizeof digits - 1] = '\0';
    message =
        refused(&shape_delete_project_request, repeated("{\"ProjectArn\":\"" P_ARN, digits, 1, "\"}"), E_VALIDATION);
    assert_true(span_starts(message, SPAN_LIT(ONE "'" P_ARN)));
    assert_true(span_ends(message, SPAN_LIT("Member must have length less than or equal to 2048")));
}

static void test_blobs_at_their_bound(void **state)
{
    (void)state;
    const char *head = "{\"DatasetArn\":\"" D_ARN "\",\"Changes\":{\"GroundTruth\":\"";
    size_t whole = 5242880 / 3; /* and two bytes */
    char *text = arena_alloc(&arena, strlen(head) + 5242880 / 3 * 4 + 16);
    size_t len = strlen(head);
    memcpy(text, head, len);
    memset(text + len, 'A', whole * 4);
    len += whole * 4;
    memcpy(text + len, "AAA=\"}}", 8);
    const struct in_update_dataset_entries *in = decoded(&shape_update_dataset_entries_request, text);
    assert_int_equal(in->changes->ground_truth.len, 5242880);
    memcpy(text + len, "AAAA\"}}", 8);
    assert_span(refused(&shape_update_dataset_entries_request, span_str(text), E_VALIDATION),
                ONE "'java.nio.HeapByteBuffer[pos=0 lim=5242881 cap=5242881]' at 'changes.groundTruth" FAILED
                    "Member must have length less than or equal to 5242880");
}

static void test_large_bodies_are_bounded(void **state)
{
    (void)state;
    static const struct {
        const struct model_shape *shape;
        const char *head, *item, *tail;
        enum err_code code;
    } rows[] = {
        { &shape_distribute_dataset_entries_request, "{\"Datasets\":[", "{}", "]}", E_VALIDATION },
        { &shape_describe_projects_request, "{\"ProjectNames\":[", "\"\"", "]}", E_VALIDATION },
        { &shape_describe_projects_request, "{\"Features\":[", "\"\"", "]}", E_VALIDATION },
        { &shape_describe_projects_request, "{", "\"Features\":[\"\",\"\"]", "}", E_VALIDATION },
        { &shape_create_dataset_request, "{", "\"DatasetSource\":{}", "}", E_VALIDATION },
        { &shape_tag_resource_request, "{\"Tags\":{", "\"\":\"\"", "}}", E_VALIDATION },
        { &shape_create_project_request, "{\"ProjectName\":\"", "aaaaaaaaa", "\"}", E_VALIDATION },
        { &shape_create_project_request, "{\"ProjectName\":\"", "\xf0\x9f\x98\x80", "\"}", E_VALIDATION },
        { &shape_untag_resource_request, "{\"TagKeys\":[\"", "\xe2\x80\xa8", "\"]}", E_VALIDATION },
        { &shape_list_dataset_entries_request, "{\"SourceRefContains\":\"", "         ", "\"}", E_SERIALIZATION },
        { &shape_list_dataset_entries_request, "{\"SourceRefContains\":\"", "         ", "\"}", E_VALIDATION },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct span body = repeated(rows[i].head, rows[i].item, 300000, rows[i].tail);
        bool cut = rows[i].code == E_SERIALIZATION;
        size_t before = arena_used(&arena);
        struct span message = refused(rows[i].shape, span_first(body, body.len - cut), rows[i].code);
        assert_true(message.len < 40000);
        assert_true(arena_used(&arena) - before < body.len + 80000);
    }
}

static void test_many_tags(void **state)
{
    (void)state;
    struct err err;
    struct span message;
    void *input;
    for (size_t count = 200; count <= 3000; count += 200) {
        struct buf body;
        buf_init(&body, 1 << 20);
        buf_add_str(&body, "{\"ResourceArn\":\"" P_ARN "\",\"Tags\":{\"k0\":\"old\"");
        for (size_t i = 0; i < count; i++)
            buf_addf(&body, ",\"k%zu\":\"%zu\"", i % 200, i);
        buf_add_str(&body, "}}");
        assert_true(decode_request(&shape_tag_resource_request, buf_span(&body), &arena, &input, &message, &err));
        const struct in_tag_resource *in = input;
        const struct model_pair *tags = in->tags.items;
        assert_int_equal(in->tags.count, 200);
        for (size_t i = 0; i < 200; i++) {
            assert_span(tags[i].key, (const char *)arena_printf(&arena, "k%zu", i).ptr);
            assert_span(tags[i].value, (const char *)arena_printf(&arena, "%zu", count - 200 + i).ptr);
        }
        body.len -= 2;
        buf_add_str(&body, ",\"more\":\"\"}}");
        message = refused(&shape_tag_resource_request, buf_span(&body), E_VALIDATION);
        assert_true(span_ends(message, SPAN_LIT("Member must have length less than or equal to 200")));
        buf_free(&body);
    }
}

static void *decode_in_a_thread(void *unused)
{
    struct arena own;
    struct err err;
    struct span message;
    void *input;
    arena_init(&own);
    bool done = decode_request(&shape_describe_dataset_request, SPAN_LIT("{\"DatasetArn\":\"" D_ARN "\"}"), &own,
                               &input, &message, &err);
    bool right = done && span_is(((struct in_dataset *)input)->dataset_arn, D_ARN);
    arena_free(&own);
    return right ? unused : NULL;
}

/* The leak check of the build sees whether their parsers die with them. */
static void test_threads_end(void **state)
{
    for (unsigned i = 0; i < 8; i++) {
        pthread_t thread;
        void *result = NULL;
        assert_int_equal(pthread_create(&thread, NULL, decode_in_a_thread, state), 0);
        assert_int_equal(pthread_join(thread, &result), 0);
        assert_ptr_equal(result, state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lengths),   TEST(test_blobs_at_their_bound), TEST(test_large_bodies_are_bounded),
        TEST(test_many_tags), TEST(test_threads_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
