/* policy: what documents say, as tables of questions and answers. */
#include "auth/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

#include <cmocka.h>

#define ARN "arn:aws:rekognition:us-east-1:123456789012:project/"
#define BIRDS ARN "birds/dataset/train/1"

static struct policy *parse(const char *text)
{
    struct policy *policy = NULL;
    struct err err;
    if (!policy_parse(span_str(text), &policy, &err))
        fail_msg("%s: %s", text, err.text);
    return policy;
}

static enum policy_answer ask_text(const char *text, struct policy_question question)
{
    struct policy *policy = parse(text);
    enum policy_answer answer = policy_ask(policy, &question);
    policy_free(policy);
    return answer;
}

static struct policy_question question_of(const char *action, const char *resource)
{
    return (struct policy_question){ .action = span_str(action), .resource = span_str(resource) };
}

/* One statement: `members` beside its Effect. */
static enum policy_answer ask(const char *effect, const char *members, struct policy_question question)
{
    char text[4096];
    snprintf(text, sizeof text, "{\"Statement\":{\"Effect\":\"%s\",%s}}", effect, members);
    return ask_text(text, question);
}

static void actions(void **state)
{
    static const struct {
        const char *action;
        const char *asked;
        bool want;
    } rows[] = {
        { "\"*\"", "rekognition:DescribeDataset", true },
        { "\"rekognition:*\"", "rekognition:DescribeDataset", true },
        { "\"rekognition:*\"", "s3:GetObject", false },
        { "\"s3:*\"", "rekognition:DescribeDataset", false },
        { "\"*:*\"", "rekognition:DescribeDataset", true },
        { "\"rekognition:DescribeDataset\"", "rekognition:DescribeDataset", true },
        { "\"rekognition:DescribeDataset\"", "rekognition:DescribeDatasets", false },
        { "\"rekognition:DescribeDataset\"", "rekognition:DescribeDatase", false },
        { "\"REKOGNITION:describedataset\"", "rekognition:DescribeDataset", true },
        { "\"rekognition:describe*\"", "rekognition:DescribeDataset", true },
        { "\"rekognition:*Dataset\"", "rekognition:DescribeDataset", true },
        { "\"rekognition:*Dataset\"", "rekognition:ListDatasetEntries", false },
        { "\"rekognition:*Dataset*\"", "rekognition:ListDatasetEntries", true },
        { "\"rekognition:L*D*E*s\"", "rekognition:ListDatasetEntries", true },
        { "\"rekognition:L*x*s\"", "rekognition:ListDatasetEntries", false },
        { "\"rekognition:ListDataset????ies\"", "rekognition:ListDatasetEntries", true },
        { "\"rekognition:ListDataset???ies\"", "rekognition:ListDatasetEntries", false },
        { "\"rekognition:DescribeDataset?\"", "rekognition:DescribeDataset", false },
        { "[\"s3:*\",\"rekognition:Describe**Dataset\"]", "rekognition:DescribeDataset", true },
        { "[\"s3:*\",\"ec2:*\"]", "rekognition:DescribeDataset", false },
        { "\"rekognition:[A-Z]*\"", "rekognition:DescribeDataset", false },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[1024];
        for (unsigned inverted = 0; inverted < 2; inverted++) {
            snprintf(text, sizeof text, "\"%s\":%s,\"Resource\":\"*\"", inverted ? "NotAction" : "Action",
                     rows[i].action);
            bool got = ask("Allow", text, question_of(rows[i].asked, BIRDS)) == POLICY_ALLOWED;
            if (got != (rows[i].want != (inverted == 1)))
                fail_msg("%s on %s", text, rows[i].asked);
        }
    }
}

static void resources(void **state)
{
    static const struct {
        const char *resource;
        const char *asked;
        bool want;
    } rows[] = {
        { "\"*\"", BIRDS, true },
        { "\"*\"", "*", true },
        { "\"" BIRDS "\"", BIRDS, true },
        { "\"" BIRDS "\"", BIRDS "0", false },
        { "\"" ARN "*\"", BIRDS, true },
        { "\"" ARN "*\"", "*", false },
        { "\"" ARN "b*/dataset/*\"", BIRDS, true },
        { "\"" ARN "c*/dataset/*\"", BIRDS, false },
        { "\"" ARN "BIRDS/dataset/train/1\"", BIRDS, false },
        { "\"" ARN "bird?/dataset/t*/1\"", BIRDS, true },
        { "\"arn:aws:rekognition:*:123456789012:project/birds/*\"", BIRDS, true },
        { "\"arn:*:rekognition:*\"", BIRDS, true },
        { "\"arn:aws:rekognition:eu-*\"", BIRDS, false },
        { "\"arn:aws:s3:::bucket/*\"", "arn:aws:s3:::bucket/a/b", true },
        { "\"arn:aws:s3:::bucket/*\"", "arn:aws:s3:::bucket", false },
        { "\"arn:aws:s3:::bucket/?.png\"", "arn:aws:s3:::bucket/\xc3\xa9.png", true },
        { "\"arn:aws:s3:::bucket/??.png\"", "arn:aws:s3:::bucket/\xc3\xa9.png", false },
        { "\"arn:aws:s3:::bucket/*?x\"", "arn:aws:s3:::bucket/\xc3\xa9\xe4\xb8\xadx", true },
        { "[\"arn:aws:s3:::*\",\"" ARN "birds/*\"]", BIRDS, true },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[1024];
        for (unsigned inverted = 0; inverted < 2; inverted++) {
            snprintf(text, sizeof text, "\"Action\":\"*\",\"%s\":%s", inverted ? "NotResource" : "Resource",
                     rows[i].resource);
            bool got = ask("Allow", text, question_of("x:y", rows[i].asked)) == POLICY_ALLOWED;
            if (got != (rows[i].want != (inverted == 1)))
                fail_msg("%s on %s", text, rows[i].asked);
        }
    }
}

#define ALLOW_ALL "{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}"
#define DENY_DELETE "{\"Effect\":\"Deny\",\"Action\":\"rekognition:Delete*\",\"Resource\":\"" ARN "birds/*\"}"

static void deny_wins_and_silence_denies(void **state)
{
    struct policy_question delete_birds = question_of("rekognition:DeleteDataset", BIRDS);
    struct policy_question delete_cats = question_of("rekognition:DeleteDataset", ARN "cats/dataset/train/1");
    (void)state;
    assert_int_equal(ask_text("{\"Statement\":[" ALLOW_ALL "," DENY_DELETE "]}", delete_birds), POLICY_DENIED);
    assert_int_equal(ask_text("{\"Statement\":[" DENY_DELETE "," ALLOW_ALL "]}", delete_birds), POLICY_DENIED);
    assert_int_equal(ask_text("{\"Statement\":[" DENY_DELETE "," ALLOW_ALL "]}", delete_cats), POLICY_ALLOWED);
    assert_int_equal(ask_text("{\"Statement\":[" DENY_DELETE "]}", delete_birds), POLICY_DENIED);
    assert_int_equal(ask_text("{\"Statement\":[" DENY_DELETE "]}", delete_cats), POLICY_SILENT);
    assert_int_equal(policy_ask(NULL, &delete_birds), POLICY_SILENT);
    assert_false(policy_reads_resource_tags(NULL));
    policy_free(NULL);
}

static const struct policy_tag resource_tags[] = {
    { { "team", 4 }, { "north", 5 } },
    { { "Stage", 5 }, { "prod", 4 } },
    { { "stage", 5 }, { "test", 4 } },
    { { "Owner", 5 }, { "", 0 } },
};
static const struct policy_tag request_tags[] = {
    { { "team", 4 }, { "south", 5 } },
    { { "cost", 4 }, { "7", 1 } },
};

/* A question with the tags above, asked of a policy of one statement with this condition. */
static bool allowed_if(const char *condition)
{
    char text[2048];
    struct policy_question question = question_of("x:y", "*");
    question.resource_tags = resource_tags;
    question.resource_tag_count = COUNT_OF(resource_tags);
    question.request_tags = request_tags;
    question.request_tag_count = COUNT_OF(request_tags);
    snprintf(text, sizeof text, "\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{%s}", condition);
    return ask("Allow", text, question) == POLICY_ALLOWED;
}

static void conditions_on_tags(void **state)
{
    static const struct {
        const char *condition;
        bool want;
    } rows[] = {
        { "", true },
        { "\"StringEquals\":{}", true },
        { "\"StringEquals\":{\"aws:ResourceTag/team\":\"north\"}", true },
        { "\"StringEquals\":{\"aws:ResourceTag/team\":\"North\"}", false },
        { "\"StringEquals\":{\"aws:ResourceTag/team\":\"n*\"}", false },
        { "\"StringEquals\":{\"aws:ResourceTag/team\":[\"south\",\"north\"]}", true },
        { "\"StringEquals\":{\"AWS:resourcetag/TEAM\":\"north\"}", true },
        { "\"StringEquals\":{\"aws:ResourceTag/Stage\":\"prod\"}", true },
        { "\"StringEquals\":{\"aws:ResourceTag/stage\":\"prod\"}", false },
        { "\"StringEquals\":{\"aws:ResourceTag/stage\":\"test\"}", true },
        { "\"StringEquals\":{\"aws:ResourceTag/STAGE\":\"prod\"}", true },
        { "\"StringEquals\":{\"aws:ResourceTag/Owner\":\"\"}", true },
        { "\"StringEquals\":{\"aws:ResourceTag/none\":\"\"}", false },
        { "\"StringNotEquals\":{\"aws:ResourceTag/team\":\"north\"}", false },
        { "\"StringNotEquals\":{\"aws:ResourceTag/team\":[\"south\",\"north\"]}", false },
        { "\"StringNotEquals\":{\"aws:ResourceTag/team\":[\"south\",\"east\"]}", true },
        { "\"StringNotEquals\":{\"aws:ResourceTag/none\":\"north\"}", true },
        { "\"StringLike\":{\"aws:ResourceTag/team\":\"n?r*\"}", true },
        { "\"StringLike\":{\"aws:ResourceTag/team\":[\"s*\",\"x\"]}", false },
        { "\"StringLike\":{\"aws:ResourceTag/none\":\"*\"}", false },
        { "\"StringNotLike\":{\"aws:ResourceTag/team\":\"s*\"}", true },
        { "\"StringNotLike\":{\"aws:ResourceTag/team\":\"n*\"}", false },
        { "\"StringEquals\":{\"aws:RequestTag/team\":\"south\"}", true },
        { "\"StringEquals\":{\"aws:RequestTag/team\":\"north\"}", false },
        { "\"StringEquals\":{\"aws:RequestTag/Stage\":\"prod\"}", false },
        { "\"StringEquals\":{\"aws:ResourceTag/team\":\"north\",\"aws:RequestTag/team\":\"south\"}", true },
        { "\"StringEquals\":{\"aws:ResourceTag/team\":\"north\",\"aws:RequestTag/team\":\"north\"}", false },
        { "\"StringEquals\":{\"aws:ResourceTag/team\":\"north\"},\"StringLike\":{\"aws:RequestTag/cost\":\"?\"}",
          true },
        { "\"StringEquals\":{\"aws:ResourceTag/team\":\"north\"},\"StringLike\":{\"aws:RequestTag/cost\":\"??\"}",
          false },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (allowed_if(rows[i].condition) != rows[i].want)
            fail_msg("%s", rows[i].condition);
}

static void conditions_on_tag_keys(void **state)
{
    static const struct {
        const char *condition;
        bool want;
        bool want_without; /* of a request that has no tags */
    } rows[] = {
        { "\"StringEquals\":{\"aws:TagKeys\":\"team\"}", true, false },
        { "\"StringEquals\":{\"aws:TagKeys\":\"none\"}", false, false },
        { "\"StringNotEquals\":{\"aws:TagKeys\":\"team\"}", false, true },
        { "\"StringNotLike\":{\"aws:tagkeys\":\"x*\"}", true, true },
        { "\"ForAllValues:StringEquals\":{\"aws:TagKeys\":\"team\"}", false, true },
        { "\"ForAllValues:StringEquals\":{\"aws:TagKeys\":[\"team\",\"cost\",\"more\"]}", true, true },
        { "\"ForAllValues:StringEquals\":{\"aws:TagKeys\":[\"Team\",\"cost\"]}", false, true },
        { "\"ForAllValues:StringLike\":{\"aws:TagKeys\":\"*t*\"}", true, true },
        { "\"ForAllValues:StringNotEquals\":{\"aws:TagKeys\":\"team\"}", false, true },
        { "\"ForAllValues:StringNotEquals\":{\"aws:TagKeys\":\"none\"}", true, true },
        { "\"ForAnyValue:StringEquals\":{\"aws:TagKeys\":[\"team\",\"none\"]}", true, false },
        { "\"ForAnyValue:StringEquals\":{\"aws:TagKeys\":\"none\"}", false, false },
        { "\"ForAnyValue:StringNotEquals\":{\"aws:TagKeys\":\"team\"}", true, false },
        { "\"ForAnyValue:StringNotLike\":{\"aws:TagKeys\":\"*\"}", false, false },
    };
    const struct span keys[] = { SPAN_LIT("team"), SPAN_LIT("cost") };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[1024];
        struct policy_question question = question_of("x:y", "*");
        snprintf(text, sizeof text, "\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{%s}", rows[i].condition);
        if (allowed_if(rows[i].condition) != rows[i].want)
            fail_msg("%s", rows[i].condition);
        if ((ask("Allow", text, question) == POLICY_ALLOWED) != rows[i].want_without)
            fail_msg("without tags: %s", rows[i].condition);
        question.tag_keys = keys;
        question.tag_key_count = COUNT_OF(keys);
        if ((ask("Allow", text, question) == POLICY_ALLOWED) != rows[i].want)
            fail_msg("with keys to take away: %s", rows[i].condition);
    }
}

static void who_reads_resource_tags(void **state)
{
    static const struct {
        const char *condition;
        bool want;
    } rows[] = {
        { "{}", false },
        { "{\"StringEquals\":{\"aws:RequestTag/a\":\"b\",\"aws:TagKeys\":\"a\"}}", false },
        { "{\"StringEquals\":{\"aws:RequestTag/a\":\"b\"},\"StringNotLike\":{\"aws:ResourceTag/a\":\"b\"}}", true },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "{\"Statement\":[" ALLOW_ALL ",{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\","
                 "\"Condition\":%s}]}",
                 rows[i].condition);
        struct policy *policy = parse(text);
        assert_int_equal(policy_reads_resource_tags(policy), rows[i].want);
        policy_free(policy);
    }
}

#define ONE(members) "{\"Statement\":[{" members "}]}"
#define FULL "\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\""
#define IF(condition) ONE(FULL ",\"Condition\":" condition)

/* A document, and how the sentence that refuses it begins. */
static const char *const refused[][2] = {
    { "", "the policy: " },
    { "{", "the policy: " },
    { "[]", "a policy is a JSON object" },
    { "null", "a policy is a JSON object" },
    { "{}", "Statement is missing" },
    { "{\"Statement\":[]}", "the policy has no statement" },
    { "{\"Statement\":7}", "statement 1 is not an object" },
    { "{\"Statement\":[{" FULL "},[]]}", "statement 2 is not an object" },
    { "{\"Version\":\"2020-01-01\",\"Statement\":{" FULL "}}", "Version is" },
    { "{\"Version\":2012,\"Statement\":{" FULL "}}", "Version is" },
    { "{\"Id\":1,\"Statement\":{" FULL "}}", "'Id' is not known here" },
    { "{\"statement\":{" FULL "}}", "'statement' is not known here" },
    { "{\"Statement\":{" FULL "},\"Statement\":{" FULL "}}", "'Statement' stands twice" },
    { ONE("\"Action\":\"*\",\"Resource\":\"*\""), "statement 1: Effect is missing" },
    { ONE("\"Effect\":\"allow\",\"Action\":\"*\",\"Resource\":\"*\""), "statement 1: Effect is Allow or Deny" },
    { ONE("\"Effect\":true,\"Action\":\"*\",\"Resource\":\"*\""), "statement 1: Effect is Allow or Deny" },
    { ONE("\"Effect\":\"Allow\",\"Resource\":\"*\""), "statement 1: Action or NotAction is missing" },
    { ONE("\"Effect\":\"Allow\",\"Action\":\"*\""), "statement 1: Resource or NotResource is missing" },
    { ONE(FULL ",\"NotAction\":\"s3:*\""), "statement 1: has both Action and NotAction" },
    { ONE(FULL ",\"NotResource\":\"*\""), "statement 1: has both Resource and NotResource" },
    { ONE(FULL ",\"Effect\":\"Deny\""), "statement 1: 'Effect' stands twice" },
    { ONE(FULL ",\"Action\":\"s3:*\""), "statement 1: 'Action' stands twice" },
    { ONE(FULL ",\"Principal\":\"*\""), "statement 1: the policy of a user names no Principal" },
    { ONE(FULL ",\"Sid\":1"), "statement 1: Sid is a text" },
    { ONE(FULL ",\"sid\":\"a\""), "statement 1: 'sid' is not known here" },
    { ONE("\"Effect\":\"Allow\",\"Action\":[],\"Resource\":\"*\""), "statement 1: Action is empty" },
    { ONE("\"Effect\":\"Allow\",\"Action\":[1],\"Resource\":\"*\""), "statement 1: Action is a text or" },
    { ONE("\"Effect\":\"Allow\",\"Action\":{},\"Resource\":\"*\""), "statement 1: Action is a text or" },
    { ONE("\"Effect\":\"Allow\",\"Action\":\"DescribeDataset\",\"Resource\":\"*\""),
      "statement 1: an action is * or SERVICE:NAME, not 'DescribeDataset'" },
    { ONE("\"Effect\":\"Allow\",\"Action\":\":x\",\"Resource\":\"*\""), "statement 1: an action is" },
    { ONE("\"Effect\":\"Allow\",\"Action\":\"x:\",\"Resource\":\"*\""), "statement 1: an action is" },
    { ONE("\"Effect\":\"Allow\",\"Action\":\"\",\"Resource\":\"*\""), "statement 1: an action is" },
    { ONE("\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"birds\""),
      "statement 1: a resource is * or an ARN, not 'birds'" },
    { ONE("\"Effect\":\"Allow\",\"Action\":\"*\",\"NotResource\":[\"*\",\"\"]"), "statement 1: a resource is" },
    { ONE("\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"arn:aws:s3:::${aws:username}\""),
      "statement 1: policy variables (${…}) are not known here" },
    { IF("[]"), "statement 1: Condition is an object" },
    { IF("{\"StringEquals\":\"a\"}"), "statement 1: under 'StringEquals' stands an object" },
    { IF("{\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}}"),
      "statement 1: the condition operator 'IpAddress' is not known here" },
    { IF("{\"StringEqualsIfExists\":{\"aws:ResourceTag/a\":\"b\"}}"),
      "statement 1: the condition operator 'StringEqualsIfExists' is not known here" },
    { IF("{\"ForSomeValues:StringEquals\":{\"aws:TagKeys\":\"b\"}}"), "statement 1: the condition operator" },
    { IF("{\"StringEquals\":{\"aws:username\":\"b\"}}"), "statement 1: the condition key 'aws:username' is not" },
    { IF("{\"StringEquals\":{\"aws:ResourceTag\":\"b\"}}"), "statement 1: the condition key 'aws:ResourceTag'" },
    { IF("{\"StringEquals\":{\"aws:ResourceTag/\":\"b\"}}"), "statement 1: 'aws:ResourceTag/' names no tag" },
    { IF("{\"ForAllValues:StringEquals\":{\"aws:ResourceTag/a\":\"b\"}}"),
      "statement 1: ForAllValues and ForAnyValue go with aws:TagKeys" },
    { IF("{\"StringEquals\":{\"aws:TagKeys\":[]}}"), "statement 1: a condition is empty" },
    { IF("{\"StringEquals\":{\"aws:TagKeys\":[\"a\",true]}}"), "statement 1: a condition is a text or" },
    { IF("{\"StringEquals\":{\"aws:TagKeys\":\"a\",\"aws:TagKeys\":\"b\"}}"),
      "statement 1: 'aws:TagKeys' stands twice" },
    { IF("{\"StringEquals\":{\"aws:TagKeys\":\"a\"},\"StringEquals\":{\"aws:TagKeys\":\"b\"}}"),
      "statement 1: 'StringEquals' stands twice" },
};

static void documents_that_are_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct policy *policy = NULL;
        struct err err;
        if (policy_parse(span_str(refused[i][0]), &policy, &err))
            fail_msg("taken: %s", refused[i][0]);
        assert_int_equal(err.code, E_INVALID);
        assert_null(policy);
        if (!span_starts(span_str(err.text), span_str(refused[i][1])))
            fail_msg("%s: %s", refused[i][0], err.text);
        assert_false(policy_check(span_str(refused[i][0]), NULL));
    }
}

static void documents_with_all_their_members(void **state)
{
    (void)state;
    assert_true(policy_check(
        SPAN_LIT("{\"Version\":\"2012-10-17\",\"Id\":\"x\",\"Statement\":[{\"Sid\":\"a\"," FULL ",\"Condition\":{}}]}"),
        NULL));
    assert_true(policy_check(SPAN_LIT(" {\"Statement\":{" FULL "},\"Version\":\"2008-10-17\"}\n"), NULL));
}

static void sizes_are_bounded(void **state)
{
    struct buf text;
    struct err err;
    (void)state;
    buf_init(&text, POLICY_TEXT_MAX + 10);
    for (unsigned over = 0; over < 2; over++) {
        buf_clear(&text);
        buf_add_str(&text, "{\"Statement\":{" FULL ",\"Condition\":{\"StringEquals\":{\"aws:TagKeys\":\"");
        for (unsigned i = 0; i < POLICY_PATTERN_MAX + over; i++)
            buf_add_char(&text, 'x');
        buf_add_str(&text, "\"}}}}");
        assert_int_equal(policy_check(buf_span(&text), &err), !over);
    }
    buf_clear(&text);
    buf_add_str(&text, "{\"Statement\":{" FULL "}}");
    while (text.len < POLICY_TEXT_MAX)
        buf_add_char(&text, ' ');
    assert_true(policy_check(buf_span(&text), &err));
    buf_add_char(&text, ' ');
    assert_false(policy_check(buf_span(&text), &err));
    buf_free(&text);
}

/* As many statements, values and conditions as fit: each is found again. */
static void large_documents(void **state)
{
    struct buf text;
    char action[32];
    (void)state;
    buf_init(&text, POLICY_TEXT_MAX);
    buf_add_str(&text, "{\"Statement\":[");
    for (unsigned i = 0; i < 1000; i++)
        buf_addf(&text,
                 "%s{\"Effect\":\"Allow\",\"Action\":\"s:a%u\",\"Resource\":\"arn:%u\",\"Condition\":"
                 "{\"StringNotEquals\":{\"aws:TagKeys\":\"k%u\"}}}",
                 i ? "," : "", i, i, i);
    buf_add_str(&text, "]}");
    struct policy *policy = parse(buf_cstr(&text));
    for (unsigned i = 0; i < 1000; i += 37) {
        char resource[32];
        snprintf(action, sizeof action, "s:A%u", i);
        snprintf(resource, sizeof resource, "arn:%u", i);
        struct policy_question question = question_of(action, resource);
        assert_int_equal(policy_ask(policy, &question), POLICY_ALLOWED);
        question.resource = SPAN_LIT("arn:1000");
        assert_int_equal(policy_ask(policy, &question), POLICY_SILENT);
    }
    policy_free(policy);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions),
        cmocka_unit_test(resources),
        cmocka_unit_test(deny_wins_and_silence_denies),
        cmocka_unit_test(conditions_on_tags),
        cmocka_unit_test(conditions_on_tag_keys),
        cmocka_unit_test(who_reads_resource_tags),
        cmocka_unit_test(documents_that_are_none),
        cmocka_unit_test(documents_with_all_their_members),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(large_documents),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
