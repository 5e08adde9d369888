/*
 * Fuzz target for auth/policy. The input is parts with NULs between: a document, an action, a resource, a text. The
 * document is parsed and, if it is one, asked. Then the text is made a pattern for the resource in a document of ours,
 * and the answer compared with that of a slow matcher which tries everything.
 */
#include <stdlib.h>

#include "auth/policy.h"
#include "base/check.h"
#include "json/json.h"
#include "json/json_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MATCH_MAX = 200 };

static size_t character(struct span text, size_t at)
{
    size_t len = 1;
    while (at + len < text.len && ((unsigned char)text.ptr[at + len] & 0xc0) == 0x80)
        len++;
    return len;
}

/* reach[t]: the pattern so far can end at t. */
static bool slow_match(struct span pattern, struct span text)
{
    bool reach[MATCH_MAX + 1] = { true };
    for (size_t p = 0; p < pattern.len; p += character(pattern, p)) {
        bool next[MATCH_MAX + 1] = { false };
        struct span want = span_of(pattern.ptr + p, character(pattern, p));
        bool star = span_is(want, "*"), any = false;
        for (size_t t = 0; t <= text.len; t += t < text.len ? character(text, t) : 1) {
            any |= reach[t];
            if (star)
                next[t] = any;
            if (star || t == text.len || !reach[t])
                continue;
            size_t len = character(text, t);
            if (span_is(want, "?") || span_eq(want, span_of(text.ptr + t, len)))
                next[t + len] = true;
        }
        memcpy(reach, next, sizeof reach);
    }
    return reach[text.len];
}

/* Whether the writer could write it as it is: UTF-8. */
static bool is_text(struct json_parser *parser, struct span text)
{
    struct buf out;
    struct json root;
    buf_init(&out, 65536);
    struct json_writer w = json_writer_on(&out);
    json_add_string(&w, text);
    json_writer_end(&w);
    CHECK(json_parse(parser, buf_span(&out), &root, NULL));
    bool same = span_eq(json_string(root), text);
    buf_free(&out);
    return same;
}

static void check_matching(struct span pattern, struct span value)
{
    struct json_parser *parser = json_parser_new();
    struct policy *policy = NULL;
    struct buf out;
    buf_init(&out, 65536);
    if (pattern.len <= MATCH_MAX && value.len <= MATCH_MAX && !span_contains(pattern, SPAN_LIT("${")) &&
        is_text(parser, pattern) && is_text(parser, value)) {
        const struct policy_tag tag = { SPAN_LIT("a"), value };
        struct policy_question question = { .action = SPAN_LIT("a:b"), .resource = SPAN_LIT("*") };
        question.request_tags = &tag;
        question.request_tag_count = 1;
        struct json_writer w = json_writer_on(&out);
        buf_add_str(&out, "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":"
                          "{\"StringLike\":{\"aws:RequestTag/a\":");
        json_add_string(&w, pattern);
        buf_add_str(&out, "}}}}");
        CHECK(policy_parse(buf_span(&out), &policy, NULL));
        CHECK((policy_ask(policy, &question) == POLICY_ALLOWED) == slow_match(pattern, value));
    }
    policy_free(policy);
    buf_free(&out);
    json_parser_free(parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_of(size ? (const char *)data : "", size);
    struct span document = span_cut(&rest, '\0');
    struct span action = span_cut(&rest, '\0');
    struct span resource = span_cut(&rest, '\0');
    struct span text = rest.ptr ? rest : SPAN_NONE;
    const struct policy_tag tags[] = { { SPAN_LIT("team"), text }, { text, resource } };
    struct policy_question question = { .action = action,
                                        .resource = resource,
                                        .resource_tags = tags,
                                        .resource_tag_count = COUNT_OF(tags),
                                        .request_tags = tags,
                                        .request_tag_count = text.len % 3,
                                        .tag_keys = &text,
                                        .tag_key_count = 1 };
    struct policy *policy = NULL;
    struct err err = { .code = E_OK };
    if (policy_parse(document, &policy, &err)) {
        enum policy_answer answer = policy_ask(policy, &question);
        CHECK(answer == policy_ask(policy, &question));
        if (!policy_reads_resource_tags(policy)) {
            question.resource_tag_count = 0;
            CHECK(answer == policy_ask(policy, &question));
        }
        policy_free(policy);
    } else {
        CHECK(err.code == E_INVALID && !policy);
    }
    if (policy_parse_project(document, &policy, &err)) {
        question.account = SPAN_LIT("210987654321");
        (void)policy_ask(policy, &question);
        policy_free(policy);
    } else {
        CHECK(err.code == E_POLICY);
    }
    check_matching(text, resource);
    return 0;
}
