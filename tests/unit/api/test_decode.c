/* decode: what bodies become, and the texts of what is wrong with them (spec A.7, A.8). */
#include "bodies.h"

#include "api/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ARN_PATTERN "(^arn:[a-z\\d-]+:rekognition:[a-z\\d-]+:\\d{12}:project\\/[a-zA-Z0-9_.\\-]{1,255}\\/"
#define D_PATTERN ARN_PATTERN "dataset\\/(train|test)\\/[0-9]+$)"
#define NAME_LIST                                                                                                      \
    "[Member must have length less than or equal to 255, Member must have length greater than or equal to 1, "         \
    "Member must satisfy regular expression pattern: [a-zA-Z0-9_.\\-]+]"
#define REGEX "Member must satisfy regular expression pattern: "

struct refusal {
    const struct model_shape *shape;
    const char *body;
    const char *message;
};

static void assert_refusals(const struct refusal *rows, size_t count, enum err_code code)
{
    for (size_t i = 0; i < count; i++)
        assert_span(refused(rows[i].shape, span_str(rows[i].body), code), rows[i].message);
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static void test_every_scalar(void **state)
{
    (void)state;
    const struct in_list_dataset_entries *in =
        decoded(&shape_list_dataset_entries_request,
                "{\"DatasetArn\":\"" D_ARN "\",\"ContainsLabels\":[\"a\",\"\\u00e4\\\"\"],\"Labeled\":true,"
                "\"HasErrors\":false,\"SourceRefContains\":\"\\u0000x\",\"NextToken\":\"\",\"MaxResults\":7}");
    const struct span *labels = in->contains_labels.items;
    assert_span(in->dataset_arn, D_ARN);
    assert_true(in->contains_labels.given);
    assert_int_equal(in->contains_labels.count, 2);
    assert_span(labels[0], "a");
    assert_span(labels[1], "\xc3\xa4\"");
    assert_true(in->labeled.given && in->labeled.value);
    assert_true(in->has_errors.given && !in->has_errors.value);
    assert_true(span_eq(in->source_ref_contains, span_of("\0x", 2)));
    assert_span(in->next_token, "");
    assert_non_null(in->next_token.ptr);
    assert_true(in->max_results.given);
    assert_int_equal(in->max_results.value, 7);
}

static void test_structures(void **state)
{
    (void)state;
    const struct in_create_dataset *in =
        decoded(&shape_create_dataset_request,
                "{\"DatasetSource\":{\"GroundTruthManifest\":{\"S3Object\":{\"Bucket\":\"bucket\",\"Name\":\"k\"}}},"
                "\"DatasetType\":\"TEST\",\"ProjectArn\":\"" P_ARN "\",\"Tags\":{}}");
    assert_int_equal(in->dataset_type, MODEL_TYPE_TEST);
    assert_true(in->tags.given);
    assert_int_equal(in->tags.count, 0);
    assert_null(in->dataset_source->dataset_arn.ptr);
    const struct in_s3_object *object = in->dataset_source->ground_truth_manifest->s3_object;
    assert_span(object->bucket, "bucket");
    assert_span(object->name, "k");
    assert_null(object->version.ptr);

    const struct in_distribute_dataset_entries *two = decoded(
        &shape_distribute_dataset_entries_request, "{\"Datasets\":[{\"Arn\":\"" D_ARN "\"},{\"Arn\":\"" D_ARN "0\"}]}");
    struct in_distribute_dataset *const *datasets = two->datasets.items;
    assert_int_equal(two->datasets.count, 2);
    assert_span(datasets[0]->arn, D_ARN);
    assert_span(datasets[1]->arn, D_ARN "0");

    const struct in_update_dataset_entries *update =
        decoded(&shape_update_dataset_entries_request,
                "{\"DatasetArn\":\"" D_ARN "\",\"Changes\":{\"GroundTruth\":\"AP\\/+YQ==\"}}");
    assert_true(span_eq(update->changes->ground_truth, span_of("\x00\xff\xfe\x61", 4)));
}

static void test_maps(void **state)
{
    (void)state;
    const struct in_tag_resource *in =
        decoded(&shape_tag_resource_request, "{\"ResourceArn\":\"" P_ARN "\",\"Tags\":{\"a\":\"1\",\"b\":\"2\","
                                             "\"a\":\"3\",\"\\u0062\":\"\"}}");
    const struct model_pair *tags = in->tags.items;
    assert_int_equal(in->tags.count, 2);
    assert_span(tags[0].key, "a");
    assert_span(tags[0].value, "3");
    assert_span(tags[1].key, "b");
    assert_span(tags[1].value, "");
}

static void test_absent(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{}",
        "",
        "{\"NextToken\":null,\"MaxResults\":null,\"ProjectNames\":null,\"Features\":null}",
        "{\"NextToken\":\"x\",\"NextToken\":null,\"Nothing\":{\"a\":[[[1]]]},\"nextToken\":5}",
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        const struct in_describe_projects *in = decoded(&shape_describe_projects_request, bodies[i]);
        assert_null(in->next_token.ptr);
        assert_false(in->max_results.given || in->project_names.given || in->features.given);
    }
    const struct in_create_project *in = decoded(&shape_create_project_request, "{\"ProjectName\":\"p\"}");
    assert_int_equal(in->feature, MODEL_ABSENT);
    assert_int_equal(in->auto_update, MODEL_ABSENT);
    assert_false(in->tags.given);
}

static void test_the_last_of_equal_members(void **state)
{
    (void)state;
    const struct in_create_project *in =
        decoded(&shape_create_project_request,
                "{\"ProjectName\":5,\"Feature\":\"nonsense\",\"ProjectName\":\"a b\",\"ProjectName\":\"fine\","
                "\"Feature\":\"CUSTOM_LABELS\"}");
    assert_span(in->project_name, "fine");
    assert_int_equal(in->feature, MODEL_CUSTOM_LABELS);
}

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int64_t value;
    } good[] = { { "{\"MaxResults\":1.9}", 1 }, { "{\"MaxResults\":100.9}", 100 }, { "{\"MaxResults\":1e1}", 10 } };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        const struct in_describe_projects *in = decoded(&shape_describe_projects_request, good[i].body);
        assert_int_equal(in->max_results.value, good[i].value);
    }
#define MANY "' at 'maxResults" FAILED "Member must have value less than or equal to 100"
#define FEW "' at 'maxResults" FAILED "Member must have value greater than or equal to 1"
    static const struct refusal bad[] = {
        { &shape_describe_projects_request, "{\"MaxResults\":0}", ONE "'0" FEW },
        { &shape_describe_projects_request, "{\"MaxResults\":-0.5}", ONE "'0" FEW },
        { &shape_describe_projects_request, "{\"MaxResults\":-1}", ONE "'-1" FEW },
        { &shape_describe_projects_request, "{\"MaxResults\":101}", ONE "'101" MANY },
        { &shape_describe_projects_request, "{\"MaxResults\":2147483648}", ONE "'2147483648" MANY },
        { &shape_describe_projects_request, "{\"MaxResults\":1e10}", ONE "'10000000000" MANY },
        { &shape_describe_projects_request, "{\"MaxResults\":9223372036854775808}", ONE "'9223372036854775807" MANY },
        { &shape_describe_projects_request, "{\"MaxResults\":99999999999999999999}", ONE "'9223372036854775807" MANY },
        { &shape_describe_projects_request, "{\"MaxResults\":-1e999}", ONE "'-9223372036854775808" FEW },
    };
    assert_refusals(bad, COUNT_OF(bad), E_VALIDATION);
}

static void test_floats(void **state)
{
    (void)state;
#define DETECT(value) "{\"ProjectVersionArn\":\"" V_ARN "\",\"Image\":{},\"MinConfidence\":" value "}"
    static const struct {
        const char *body;
        double value;
    } good[] = { { DETECT("0"), 0 }, { DETECT("50.5"), 50.5 }, { DETECT("1e2"), 100 }, { DETECT("-0.0"), 0 } };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        const struct in_detect_custom_labels *in = decoded(&shape_detect_custom_labels_request, good[i].body);
        assert_true(in->min_confidence.given && in->min_confidence.value == good[i].value);
    }
    const struct in_detect_custom_labels *in =
        decoded(&shape_detect_custom_labels_request, "{\"ProjectVersionArn\":\"" V_ARN "\",\"Image\":{}}");
    assert_false(in->min_confidence.given);
#define PERCENT "' at 'minConfidence" FAILED "Member must have value "
    static const struct refusal bad[] = {
        { &shape_detect_custom_labels_request, DETECT("100.01"), ONE "'100.01" PERCENT "less than or equal to 100" },
        { &shape_detect_custom_labels_request, DETECT("-1"), ONE "'-1" PERCENT "greater than or equal to 0" },
        { &shape_detect_custom_labels_request, DETECT("1e999"), ONE "'1e+308" PERCENT "less than or equal to 100" },
    };
    assert_refusals(bad, COUNT_OF(bad), E_VALIDATION);
    static const struct refusal wrong[] = {
        { &shape_detect_custom_labels_request, DETECT("\"5\""), "STRING_VALUE can not be converted to a Float" },
        { &shape_detect_custom_labels_request, DETECT("true"), "TRUE_VALUE can not be converted to a Float" },
        { &shape_detect_custom_labels_request, DETECT("[]"), "Start of list found where not expected" },
    };
    assert_refusals(wrong, COUNT_OF(wrong), E_SERIALIZATION);
}

/* Items past MODEL_ITEMS_KEPT of a list without a bound are judged and counted. */
static void test_lists_without_a_bound(void **state)
{
    (void)state;
#define ASSETS(items)                                                                                                  \
    "{\"ProjectArn\":\"" P_ARN "\",\"VersionName\":\"v\",\"OutputConfig\":{},\"TrainingData\":{\"Assets\":[" items "]" \
                                                                                                                   "}" \
                                                                                                                   "}"
#define FOUR "{},{},{},{},"
    const struct in_create_project_version *in =
        decoded(&shape_create_project_version_request, ASSETS(FOUR FOUR FOUR FOUR "{}"));
    assert_int_equal(in->training_data->assets.count, 17);
    assert_span(
        refused(&shape_create_project_version_request, SPAN_LIT(ASSETS(FOUR FOUR FOUR FOUR "1")), E_SERIALIZATION),
        "Expected null");
}

/* --- wrong types -------------------------------------------------------------------------------------------------- */

static void test_no_json_object(void **state)
{
    (void)state;
    static const char *const bodies[] = { "{",
                                          "null",
                                          "\"x\"",
                                          "1",
                                          "true",
                                          "{\"a\":1,}",
                                          "{'a':1}",
                                          "{}x",
                                          " ",
                                          "{\"a\":\"\xff\"}",
                                          "{\"a\":\"\\ud800\"}",
                                          "{\"a\":01}" };
    for (size_t i = 0; i < COUNT_OF(bodies); i++)
        assert_span(refused(&shape_describe_projects_request, span_str(bodies[i]), E_SERIALIZATION), "");
    assert_span(refused(&shape_describe_projects_request, span_of("\0", 1), E_SERIALIZATION), "");
    assert_span(refused(&shape_describe_projects_request, SPAN_LIT("[]"), E_SERIALIZATION),
                "Start of list found where not expected");
    char deep[20001];
    memset(deep, '[', 10000);
    memset(deep + 10000, ']', 10000);
    assert_span(refused(&shape_describe_projects_request, span_of(deep, 20000), E_SERIALIZATION), "");
}

static void test_wrong_types(void **state)
{
    (void)state;
#define LIST_HERE "Start of list found where not expected"
#define MAP_HERE "Start of structure or map found where not expected."
    static const struct refusal rows[] = {
        { &shape_describe_projects_request, "{\"MaxResults\":\"5\"}",
          "STRING_VALUE can not be converted to an Integer" },
        { &shape_describe_projects_request, "{\"MaxResults\":true}", "TRUE_VALUE can not be converted to an Integer" },
        { &shape_describe_projects_request, "{\"MaxResults\":false}",
          "FALSE_VALUE can not be converted to an Integer" },
        { &shape_describe_projects_request, "{\"MaxResults\":[]}", LIST_HERE },
        { &shape_describe_projects_request, "{\"MaxResults\":{}}", MAP_HERE },
        { &shape_describe_projects_request, "{\"ProjectNames\":\"p\"}", "Expected list or null" },
        { &shape_describe_projects_request, "{\"ProjectNames\":{}}", MAP_HERE },
        { &shape_describe_projects_request, "{\"ProjectNames\":[\"a\",1]}",
          "NUMBER_VALUE can not be converted to a String" },
        { &shape_describe_projects_request, "{\"Features\":[true]}", "TRUE_VALUE can not be converted to a String" },
        { &shape_describe_dataset_request, "{\"DatasetArn\":5}", "NUMBER_VALUE can not be converted to a String" },
        { &shape_describe_dataset_request, "{\"DatasetArn\":1.5}", "NUMBER_VALUE can not be converted to a String" },
        { &shape_describe_dataset_request, "{\"DatasetArn\":false}", "FALSE_VALUE can not be converted to a String" },
        { &shape_describe_dataset_request, "{\"DatasetArn\":[\"a\"]}", LIST_HERE },
        { &shape_describe_dataset_request, "{\"DatasetArn\":{}}", MAP_HERE },
        { &shape_create_dataset_request, "{\"DatasetSource\":\"s\"}", "Expected null" },
        { &shape_create_dataset_request, "{\"DatasetSource\":[]}", LIST_HERE },
        { &shape_create_dataset_request, "{\"DatasetType\":1}", "NUMBER_VALUE can not be converted to a String" },
        { &shape_list_dataset_entries_request, "{\"Labeled\":\"yes\"}",
          "STRING_VALUE can not be converted to a Boolean" },
        { &shape_list_dataset_entries_request, "{\"Labeled\":1}", "NUMBER_VALUE can not be converted to a Boolean" },
        { &shape_distribute_dataset_entries_request, "{\"Datasets\":[\"a\",\"b\"]}", "Expected null" },
        { &shape_distribute_dataset_entries_request, "{\"Datasets\":[{},{},{},{},{\"Arn\":1}]}",
          "NUMBER_VALUE can not be converted to a String" },
        { &shape_tag_resource_request, "{\"Tags\":\"a\"}", "Expected null" },
        { &shape_tag_resource_request, "{\"Tags\":[]}", LIST_HERE },
        { &shape_tag_resource_request, "{\"Tags\":{\"a\":1}}", "NUMBER_VALUE can not be converted to a String" },
        { &shape_update_dataset_entries_request, "{\"Changes\":\"YQ==\"}", "Expected null" },
        { &shape_update_dataset_entries_request, "{\"Changes\":{\"GroundTruth\":1}}",
          "NUMBER_VALUE can not be converted to a Blob" },
        { &shape_update_dataset_entries_request, "{\"Changes\":{\"GroundTruth\":\"YQ\"}}",
          "The value of a blob is not valid base64" },
        /* before constraints, wherever in the body */
        { &shape_create_project_request, "{\"ProjectName\":\"a b\",\"Tags\":5}", "Expected null" },
    };
    assert_refusals(rows, COUNT_OF(rows), E_SERIALIZATION);
}

static void test_base64(void **state)
{
    (void)state;
    static const char *const good[][2] = { { "", "" },        { "YQ==", "a" },        { "YWI=", "ab" },
                                           { "YWJj", "abc" }, { "YWJjZA==", "abcd" }, { "++//", "\xfb\xef\xff" } };
    static const char *const bad[] = { "Y",      "YQ",   "YQ=",  "YQ===", "=",         "==",       "===",
                                       "====",   "Y===", "YR==", "YWJ=",  "Y=Q=",      "YQ==YQ==", "YWJj\n",
                                       "YQ=\n=", "YW-_", "YWJ ", " YWJ",  "YW\xc3\xa4" };
    struct span bytes;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(base64_decode(span_str(good[i][0]), &arena, &bytes));
        assert_span(bytes, good[i][1]);
        assert_non_null(bytes.ptr);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (base64_decode(span_str(bad[i]), &arena, &bytes))
            fail_msg("%s", bad[i]);
    assert_false(base64_decode(span_of("YW\0j", 4), &arena, &bytes));
}

/* --- violations --------------------------------------------------------------------------------------------------- */

static void test_violations(void **state)
{
    (void)state;
    static const struct refusal rows[] = {
        { &shape_create_project_request, "", ONE "null at 'projectName" FAILED "Member must not be null" },
        { &shape_create_project_request, "{\"ProjectName\":\"gr\\u00f6\"}",
          ONE "'gr\xc3\xb6' at 'projectName" FAILED REGEX "[a-zA-Z0-9_.\\-]+" },
        { &shape_create_project_request, "{\"ProjectName\":\"a\\n\"}",
          ONE "'a\n' at 'projectName" FAILED REGEX "[a-zA-Z0-9_.\\-]+" },
        { &shape_create_project_request, "{\"ProjectName\":\"p\",\"Feature\":\"LABELS\"}",
          ONE "'LABELS' at 'feature" FAILED "Member must satisfy enum value set: [CONTENT_MODERATION, CUSTOM_LABELS]" },
        { &shape_create_dataset_request,
          "{\"DatasetType\":\"TRAIN\",\"ProjectArn\":\"" P_ARN "\",\"DatasetSource\":{\"GroundTruthManifest\":"
          "{\"S3Object\":{\"Bucket\":\"ab\"}}}}",
          ONE "'ab' at 'datasetSource.groundTruthManifest.s3Object.bucket" FAILED
              "Member must have length greater than or equal to 3" },
        { &shape_describe_dataset_request, "{\"DatasetArn\":\"" P_ARN "\"}",
          ONE "'" P_ARN "' at 'datasetArn" FAILED REGEX D_PATTERN },
        { &shape_describe_dataset_request, "{\"DatasetArn\":\"" D_ARN "\\n\"}",
          ONE "'" D_ARN "\n' at 'datasetArn" FAILED REGEX D_PATTERN },
        { &shape_distribute_dataset_entries_request, "{\"Datasets\":[{},{\"Arn\":\"" D_ARN "\"}]}",
          ONE "null at 'datasets.1.member.arn" FAILED "Member must not be null" },
        { &shape_distribute_dataset_entries_request, "{\"Datasets\":[{\"Arn\":\"" D_ARN "\"},null]}",
          ONE "null at 'datasets.2.member" FAILED "Member must not be null" },
        { &shape_distribute_dataset_entries_request, "{\"Datasets\":[{\"Arn\":\"" D_ARN "\"}]}",
          ONE "'[{arn=" D_ARN "}]' at 'datasets" FAILED "Member must have length greater than or equal to 2" },
        { &shape_update_dataset_entries_request, "{\"DatasetArn\":\"" D_ARN "\",\"Changes\":{}}",
          ONE "null at 'changes.groundTruth" FAILED "Member must not be null" },
        { &shape_update_dataset_entries_request, "{\"DatasetArn\":\"" D_ARN "\",\"Changes\":{\"GroundTruth\":\"\"}}",
          ONE "'java.nio.HeapByteBuffer[pos=0 lim=0 cap=0]' at 'changes.groundTruth" FAILED
              "Member must have length greater than or equal to 1" },
        { &shape_list_dataset_entries_request, "{\"DatasetArn\":\"" D_ARN "\",\"SourceRefContains\":\"  \"}",
          ONE "'  ' at 'sourceRefContains" FAILED REGEX ".*\\S.*" },
    };
    assert_refusals(rows, COUNT_OF(rows), E_VALIDATION);
}

static void test_violations_in_collections(void **state)
{
    (void)state;
#define KEY_LIST                                                                                                       \
    "[Member must have length less than or equal to 128, Member must have length greater than or equal to 1, " REGEX   \
    "^(?!aws:)[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*$"
#define VALUE_LIST                                                                                                     \
    "[Member must have length less than or equal to 256, Member must have length greater than or equal to 0, " REGEX   \
    "^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$"
    static const struct refusal rows[] = {
        { &shape_describe_projects_request, "{\"ProjectNames\":[\"a\",\"a b\",\"\"]}",
          ONE "'[a, a b, ]' at 'projectNames" FAILED "Member must satisfy constraint: " NAME_LIST },
        { &shape_describe_projects_request, "{\"ProjectNames\":[]}",
          ONE "'[]' at 'projectNames" FAILED "Member must have length greater than or equal to 1" },
        { &shape_describe_projects_request, "{\"Features\":[\"CUSTOM_LABELS\",\"CUSTOM_LABELS\",\"X\"]}",
          ONE "'[CUSTOM_LABELS, CUSTOM_LABELS, ...]' at 'features" FAILED
              "Member must have length less than or equal to 2" },
        { &shape_describe_projects_request, "{\"Features\":[\"CUSTOM_LABELS\",\"X\"]}",
          ONE "'[CUSTOM_LABELS, X]' at 'features" FAILED "Member must satisfy constraint: [Member must satisfy enum "
              "value set: [CONTENT_MODERATION, CUSTOM_LABELS]]" },
        { &shape_describe_projects_request, "{\"Features\":[null]}",
          ONE "'[null]' at 'features" FAILED "Member must satisfy constraint: [Member must satisfy enum value set: "
              "[CONTENT_MODERATION, CUSTOM_LABELS], Member must not be null]" },
        { &shape_tag_resource_request, "{\"ResourceArn\":\"" P_ARN "\",\"Tags\":{\"a\":\"b\",\"aws:k\":\"v\"}}",
          ONE "'{a=b, aws:k=v}' at 'tags" FAILED "Map keys must satisfy constraint: " KEY_LIST "]" },
        { &shape_tag_resource_request, "{\"ResourceArn\":\"" P_ARN "\",\"Tags\":{\"a\":null}}",
          ONE "'{a=null}' at 'tags" FAILED "Map value must satisfy constraint: " VALUE_LIST
              ", Member must not be null]" },
        { &shape_untag_resource_request, "{\"ResourceArn\":\"" P_ARN "\",\"TagKeys\":[\"\"]}",
          ONE "'[]' at 'tagKeys" FAILED "Member must satisfy constraint: " KEY_LIST "]" },
        { &shape_create_dataset_request, "{\"ProjectArn\":\"x\",\"DatasetType\":\"ALL\"}",
          "3 validation errors detected: Value 'ALL' at 'datasetType" FAILED
          "Member must satisfy enum value set: [TRAIN, TEST]; Value 'x' at 'projectArn" FAILED REGEX ARN_PATTERN
          "[0-9]+$); Value 'x' at 'projectArn" FAILED "Member must have length greater than or equal to 20" },
    };
    assert_refusals(rows, COUNT_OF(rows), E_VALIDATION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_scalar),
        TEST(test_structures),
        TEST(test_maps),
        TEST(test_absent),
        TEST(test_the_last_of_equal_members),
        TEST(test_integers),
        TEST(test_floats),
        TEST(test_lists_without_a_bound),
        TEST(test_no_json_object),
        TEST(test_wrong_types),
        TEST(test_base64),
        TEST(test_violations),
        TEST(test_violations_in_collections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
