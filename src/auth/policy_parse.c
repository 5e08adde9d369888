/* policy_parse: from JSON to the form of policy_form.h; see policy.h for what is taken. */
#include <stdlib.h>

#include "auth/policy_form.h"
#include "base/buf.h"
#include "json/json.h"

enum { TAG_KEY_MAX = 128, PARTS_MAX = 64 * 1024 * 1024 };

/* What has been read so far. Where a sentence needs a place it is the statement's number, from 1. */
struct draft {
    struct buf statements;
    struct buf conditions;
    struct buf patterns;
    struct buf bytes;
    unsigned number;
    bool of_project; /* the policy of a project, not of a user */
};

static void draft_init(struct draft *draft)
{
    buf_init(&draft->statements, PARTS_MAX);
    buf_init(&draft->conditions, PARTS_MAX);
    buf_init(&draft->patterns, PARTS_MAX);
    buf_init(&draft->bytes, PARTS_MAX);
    draft->number = 0;
    draft->of_project = false;
}

static void draft_free(struct draft *draft)
{
    buf_free(&draft->statements);
    buf_free(&draft->conditions);
    buf_free(&draft->patterns);
    buf_free(&draft->bytes);
}

static uint32_t patterns_in(const struct draft *draft)
{
    return (uint32_t)(draft->patterns.len / sizeof(struct policy_pattern));
}

/* Runs of stars are one star: they say the same and cost less to match. */
static void add_pattern(struct draft *draft, struct span text, bool wild)
{
    struct policy_pattern pattern = { .at = (uint32_t)draft->bytes.len };
    for (size_t i = 0; i < text.len; i++)
        if (!wild || text.ptr[i] != '*' || i == 0 || text.ptr[i - 1] != '*')
            buf_add_char(&draft->bytes, text.ptr[i]);
    pattern.len = (uint32_t)(draft->bytes.len - pattern.at);
    buf_add(&draft->patterns, span_of(&pattern, sizeof pattern));
}

/* A rule for one text of a list; NULL: any. */
typedef bool text_rule(const struct draft *draft, struct span text, struct err *err);

static bool action_is_sound(const struct draft *draft, struct span text, struct err *err)
{
    if (draft->of_project)
        return span_eq_nocase(text, SPAN_LIT("rekognition:CopyProjectVersion")) ||
               fail(err, E_INVALID,
                    "statement %u: the only action here is rekognition:CopyProjectVersion, not '" SPAN_FMT "'",
                    draft->number, SPAN_ARG(text));
    if (span_is(text, "*"))
        return true;
    struct span name = text;
    struct span service = span_cut(&name, ':');
    return (service.len > 0 && name.len > 0) ||
           fail(err, E_INVALID, "statement %u: an action is * or SERVICE:NAME, not '" SPAN_FMT "'", draft->number,
                SPAN_ARG(text));
}

/* `arn:…:project/…/version/…`, any part of which may hold wildcards. */
static bool names_version(struct span text)
{
    return span_starts(text, SPAN_LIT("arn:")) && span_contains(text, SPAN_LIT(":rekognition:")) &&
           span_contains(text, SPAN_LIT(":project/")) && span_contains(text, SPAN_LIT("/version/"));
}

static bool resource_is_sound(const struct draft *draft, struct span text, struct err *err)
{
    if (draft->of_project)
        return span_is(text, "*") || names_version(text) ||
               fail(err, E_INVALID, "statement %u: a resource is * or the ARN of a model version, not '" SPAN_FMT "'",
                    draft->number, SPAN_ARG(text));
    return span_is(text, "*") || span_starts(text, SPAN_LIT("arn:")) ||
           fail(err, E_INVALID, "statement %u: a resource is * or an ARN, not '" SPAN_FMT "'", draft->number,
                SPAN_ARG(text));
}

static bool add_text(struct draft *draft, const char *what, struct json value, bool wild, text_rule *rule,
                     struct err *err)
{
    if (json_kind(value) != JSON_STRING)
        return fail(err, E_INVALID, "statement %u: %s is a text or an array of texts", draft->number, what);
    struct span text = json_string(value);
    if (text.len > POLICY_PATTERN_MAX)
        return fail(err, E_INVALID, "statement %u: a text in %s is over %d bytes", draft->number, what,
                    POLICY_PATTERN_MAX);
    if (span_contains(text, SPAN_LIT("${")))
        return fail(err, E_INVALID, "statement %u: policy variables (${…}) are not known here", draft->number);
    if (rule && !rule(draft, text, err))
        return false;
    add_pattern(draft, text, wild);
    return true;
}

static bool add_texts(struct draft *draft, const char *what, struct json value, bool wild, text_rule *rule,
                      struct policy_range *ret_range, struct err *err)
{
    struct policy_range range = { .first = patterns_in(draft) };
    if (json_kind(value) != JSON_ARRAY) {
        if (!add_text(draft, what, value, wild, rule, err))
            return false;
    } else {
        struct json_iter iter = json_iter(value);
        while (json_next(&iter))
            if (!add_text(draft, what, iter.value, wild, rule, err))
                return false;
    }
    range.count = patterns_in(draft) - range.first;
    if (range.count == 0)
        return fail(err, E_INVALID, "statement %u: %s is empty", draft->number, what);
    *ret_range = range;
    return true;
}

static bool take_prefix(struct span *text, struct span prefix, bool nocase)
{
    struct span start = span_first(*text, prefix.len);
    if (nocase ? !span_eq_nocase(start, prefix) : !span_eq(start, prefix))
        return false;
    *text = span_from(*text, prefix.len);
    return true;
}

static bool parse_operator(const struct draft *draft, struct span name, struct policy_condition *condition,
                           struct err *err)
{
    struct span rest = name;
    condition->quantifier = take_prefix(&rest, SPAN_LIT("ForAllValues:"), false)  ? POLICY_FOR_ALL
                            : take_prefix(&rest, SPAN_LIT("ForAnyValue:"), false) ? POLICY_FOR_ANY
                                                                                  : POLICY_PLAIN;
    condition->negated = span_is(rest, "StringNotEquals") || span_is(rest, "StringNotLike");
    condition->like = span_is(rest, "StringLike") || span_is(rest, "StringNotLike");
    return condition->negated || condition->like || span_is(rest, "StringEquals") ||
           fail(err, E_INVALID,
                "statement %u: the condition operator '" SPAN_FMT "' is not known here; StringEquals, StringNotEquals, "
                "StringLike and StringNotLike are",
                draft->number, SPAN_ARG(name));
}

static bool parse_subject(struct draft *draft, struct span name, struct policy_condition *condition, struct err *err)
{
    struct span key = name;
    if (span_eq_nocase(name, SPAN_LIT("aws:TagKeys"))) {
        condition->subject = POLICY_TAG_KEYS;
        return true;
    }
    if (take_prefix(&key, SPAN_LIT("aws:ResourceTag/"), true))
        condition->subject = POLICY_RESOURCE_TAG;
    else if (take_prefix(&key, SPAN_LIT("aws:RequestTag/"), true))
        condition->subject = POLICY_REQUEST_TAG;
    else
        return fail(err, E_INVALID,
                    "statement %u: the condition key '" SPAN_FMT "' is not known here; aws:ResourceTag/KEY, "
                    "aws:RequestTag/KEY and aws:TagKeys are",
                    draft->number, SPAN_ARG(name));
    if (key.len == 0 || key.len > (size_t)TAG_KEY_MAX * 4 || span_contains(key, SPAN_LIT("${")))
        return fail(err, E_INVALID, "statement %u: '" SPAN_FMT "' names no tag", draft->number, SPAN_ARG(name));
    if (condition->quantifier != POLICY_PLAIN)
        return fail(err, E_INVALID,
                    "statement %u: ForAllValues and ForAnyValue go with aws:TagKeys, not with '" SPAN_FMT "'",
                    draft->number, SPAN_ARG(name));
    condition->key = (struct policy_range){ patterns_in(draft), 1 };
    add_pattern(draft, key, false);
    return true;
}

/* Whether the member that the iterator stands on has come before. */
static bool repeated(struct json object, struct json_iter at)
{
    struct json_iter iter = json_iter(object);
    unsigned times = 0;
    while (json_next(&iter) && iter.next <= at.next)
        times += span_eq(iter.key, at.key);
    return times > 1;
}

static bool parse_conditions(struct draft *draft, struct json block, struct policy_range *ret_range, struct err *err)
{
    struct policy_range range = { .first = (uint32_t)(draft->conditions.len / sizeof(struct policy_condition)) };
    if (json_kind(block) != JSON_OBJECT)
        return fail(err, E_INVALID, "statement %u: Condition is an object", draft->number);
    struct json_iter operators = json_iter(block);
    while (json_next(&operators)) {
        struct policy_condition condition = { .like = false };
        if (repeated(block, operators))
            return fail(err, E_INVALID, "statement %u: '" SPAN_FMT "' stands twice", draft->number,
                        SPAN_ARG(operators.key));
        if (!parse_operator(draft, operators.key, &condition, err))
            return false;
        if (json_kind(operators.value) != JSON_OBJECT)
            return fail(err, E_INVALID, "statement %u: under '" SPAN_FMT "' stands an object of keys and values",
                        draft->number, SPAN_ARG(operators.key));
        struct json_iter keys = json_iter(operators.value);
        while (json_next(&keys)) {
            if (repeated(operators.value, keys))
                return fail(err, E_INVALID, "statement %u: '" SPAN_FMT "' stands twice", draft->number,
                            SPAN_ARG(keys.key));
            if (!parse_subject(draft, keys.key, &condition, err) ||
                !add_texts(draft, "a condition", keys.value, condition.like, NULL, &condition.values, err))
                return false;
            buf_add(&draft->conditions, span_of(&condition, sizeof condition));
            range.count++;
        }
    }
    *ret_range = range;
    return true;
}

static bool parse_effect(const struct draft *draft, struct json value, bool *ret_deny, struct err *err)
{
    struct span text = json_kind(value) == JSON_STRING ? json_string(value) : SPAN_NONE;
    if (!span_is(text, "Allow") && !span_is(text, "Deny"))
        return fail(err, E_INVALID, "statement %u: Effect is Allow or Deny", draft->number);
    *ret_deny = span_is(text, "Deny");
    return true;
}

static bool is_account(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len == 12;
}

/* An account's digits, also for the ARN of its root; the whole ARN of a user or a role. */
static bool principal_of(struct span text, struct span *ret_named)
{
    struct span rest = text;
    if (is_account(text)) {
        *ret_named = text;
        return true;
    }
    bool iam = span_is(span_cut(&rest, ':'), "arn") && span_cut(&rest, ':').len > 0 &&
               span_is(span_cut(&rest, ':'), "iam") && span_cut(&rest, ':').len == 0;
    struct span account = span_cut(&rest, ':');
    if (!iam || !is_account(account))
        return false;
    bool root = span_is(rest, "root");
    *ret_named = root ? account : text;
    return root || (span_starts(rest, SPAN_LIT("user/")) && rest.len > strlen("user/")) ||
           (span_starts(rest, SPAN_LIT("role/")) && rest.len > strlen("role/"));
}

static bool add_principal(struct draft *draft, struct json value, struct err *err)
{
    struct span named, text = json_kind(value) == JSON_STRING ? json_string(value) : SPAN_NONE;
    if (!text.ptr || !principal_of(text, &named))
        return fail(err, E_INVALID,
                    "statement %u: a Principal is an account's 12 digits or the ARN of its root, of a user or a role",
                    draft->number);
    add_pattern(draft, named, false);
    return true;
}

static bool parse_principal(struct draft *draft, struct json value, struct policy_range *ret_range, struct err *err)
{
    struct policy_range range = { .first = patterns_in(draft) };
    struct json named;
    if (json_kind(value) != JSON_OBJECT || json_count(value) != 1 || !json_member(value, SPAN_LIT("AWS"), &named))
        return fail(err, E_INVALID, "statement %u: Principal is an object with the one member AWS", draft->number);
    if (json_kind(named) != JSON_ARRAY) {
        if (!add_principal(draft, named, err))
            return false;
    } else {
        struct json_iter iter = json_iter(named);
        while (json_next(&iter))
            if (!add_principal(draft, iter.value, err))
                return false;
    }
    range.count = patterns_in(draft) - range.first;
    if (range.count == 0)
        return fail(err, E_INVALID, "statement %u: Principal is empty", draft->number);
    *ret_range = range;
    return true;
}

/* One member of a statement; `seen` has a bit for each of Effect, actions, resources, principals. */
enum { SEEN_EFFECT = 1, SEEN_ACTION = 2, SEEN_RESOURCE = 4, SEEN_PRINCIPAL = 8 };

static bool parse_member(struct draft *draft, struct span name, struct json value, struct policy_statement *statement,
                         unsigned *seen, struct err *err)
{
    bool action = span_is(name, "Action"), not_action = span_is(name, "NotAction");
    bool resource = span_is(name, "Resource"), not_resource = span_is(name, "NotResource");
    unsigned bit = action || not_action ? SEEN_ACTION : resource || not_resource ? SEEN_RESOURCE : 0;
    if (draft->of_project && (not_action || not_resource || span_is(name, "NotPrincipal")))
        return fail(err, E_INVALID, "statement %u: '" SPAN_FMT "' is not allowed in the policy of a project",
                    draft->number, SPAN_ARG(name));
    if (*seen & bit)
        return fail(err, E_INVALID, "statement %u: has %s", draft->number,
                    bit == SEEN_ACTION ? "both Action and NotAction" : "both Resource and NotResource");
    *seen |= bit;
    if (span_is(name, "Effect")) {
        *seen |= SEEN_EFFECT;
        return parse_effect(draft, value, &statement->deny, err);
    }
    if (bit == SEEN_ACTION) {
        statement->not_action = not_action;
        return add_texts(draft, action ? "Action" : "NotAction", value, true, action_is_sound, &statement->actions,
                         err);
    }
    if (bit == SEEN_RESOURCE) {
        statement->not_resource = not_resource;
        return add_texts(draft, resource ? "Resource" : "NotResource", value, true, resource_is_sound,
                         &statement->resources, err);
    }
    if (span_is(name, "Condition"))
        return parse_conditions(draft, value, &statement->conditions, err);
    if (span_is(name, "Sid"))
        return json_kind(value) == JSON_STRING || fail(err, E_INVALID, "statement %u: Sid is a text", draft->number);
    if (draft->of_project && span_is(name, "Principal")) {
        *seen |= SEEN_PRINCIPAL;
        return parse_principal(draft, value, &statement->principals, err);
    }
    if (span_is(name, "Principal") || span_is(name, "NotPrincipal"))
        return fail(err, E_INVALID, "statement %u: the policy of a user names no Principal", draft->number);
    return fail(err, E_INVALID, "statement %u: '" SPAN_FMT "' is not known here", draft->number, SPAN_ARG(name));
}

static bool parse_statement(struct draft *draft, struct json value, struct err *err)
{
    struct policy_statement statement = { .deny = false };
    unsigned seen = 0;
    draft->number++;
    if (json_kind(value) != JSON_OBJECT)
        return fail(err, E_INVALID, "statement %u is not an object", draft->number);
    struct json_iter iter = json_iter(value);
    while (json_next(&iter)) {
        if (repeated(value, iter))
            return fail(err, E_INVALID, "statement %u: '" SPAN_FMT "' stands twice", draft->number, SPAN_ARG(iter.key));
        if (!parse_member(draft, iter.key, iter.value, &statement, &seen, err))
            return false;
    }
    if (!(seen & SEEN_EFFECT))
        return fail(err, E_INVALID, "statement %u: Effect is missing", draft->number);
    if (!(seen & SEEN_ACTION))
        return fail(err, E_INVALID, "statement %u: Action or NotAction is missing", draft->number);
    if (!(seen & SEEN_RESOURCE))
        return fail(err, E_INVALID, "statement %u: Resource or NotResource is missing", draft->number);
    if (draft->of_project && !(seen & SEEN_PRINCIPAL))
        return fail(err, E_INVALID, "statement %u: Principal is missing", draft->number);
    buf_add(&draft->statements, span_of(&statement, sizeof statement));
    return true;
}

static bool parse_statements(struct draft *draft, struct json value, struct err *err)
{
    if (json_kind(value) != JSON_ARRAY)
        return parse_statement(draft, value, err);
    struct json_iter iter = json_iter(value);
    while (json_next(&iter))
        if (!parse_statement(draft, iter.value, err))
            return false;
    return draft->number > 0 || fail(err, E_INVALID, "the policy has no statement");
}

static bool parse_document(struct draft *draft, struct json root, struct err *err)
{
    bool stated = false;
    if (json_kind(root) != JSON_OBJECT)
        return fail(err, E_INVALID, "a policy is a JSON object");
    struct json_iter iter = json_iter(root);
    while (json_next(&iter)) {
        struct span text = json_kind(iter.value) == JSON_STRING ? json_string(iter.value) : SPAN_NONE;
        if (repeated(root, iter))
            return fail(err, E_INVALID, "'" SPAN_FMT "' stands twice", SPAN_ARG(iter.key));
        if (span_is(iter.key, "Statement")) {
            stated = true;
            if (!parse_statements(draft, iter.value, err))
                return false;
        } else if (span_is(iter.key, "Version")) {
            if (!span_is(text, "2012-10-17") && !span_is(text, "2008-10-17"))
                return fail(err, E_INVALID, "Version is 2012-10-17 or 2008-10-17");
        } else if (!span_is(iter.key, "Id") || !text.ptr) {
            return fail(err, E_INVALID, "'" SPAN_FMT "' is not known here", SPAN_ARG(iter.key));
        }
    }
    return stated || fail(err, E_INVALID, "Statement is missing");
}

static void *copy_to(char **at, const struct buf *part)
{
    char *copy = *at;
    if (part->len > 0)
        memcpy(copy, part->ptr, part->len);
    *at += part->len;
    return copy;
}

/* The parts one behind the other, those of 4-byte members first. */
static struct policy *finish(const struct draft *draft)
{
    char *at = mem_alloc(sizeof(struct policy) + draft->statements.len + draft->conditions.len + draft->patterns.len +
                         draft->bytes.len);
    struct policy *policy = (struct policy *)(void *)at;
    at += sizeof *policy;
    policy->statement_count = (uint32_t)(draft->statements.len / sizeof(struct policy_statement));
    policy->statements = copy_to(&at, &draft->statements);
    policy->conditions = copy_to(&at, &draft->conditions);
    policy->patterns = copy_to(&at, &draft->patterns);
    policy->bytes = copy_to(&at, &draft->bytes);
    return policy;
}

static bool parse(struct span text, bool of_project, struct policy **ret_policy, struct err *err)
{
    struct err bad;
    struct json root;
    struct draft draft;
    if (text.len > POLICY_TEXT_MAX)
        return fail(err, E_INVALID, "the policy is over %d bytes", POLICY_TEXT_MAX);
    struct json_parser *parser = json_parser_new();
    draft_init(&draft);
    draft.of_project = of_project;
    bool done = json_parse(parser, text, &root, &bad) || fail(err, E_INVALID, "the policy: %s", bad.text);
    if (done)
        done = parse_document(&draft, root, err);
    CHECK(!draft.statements.overflow && !draft.conditions.overflow && !draft.patterns.overflow &&
          !draft.bytes.overflow);
    if (done)
        *ret_policy = finish(&draft);
    draft_free(&draft);
    json_parser_free(parser);
    return done;
}

bool policy_parse(struct span text, struct policy **ret_policy, struct err *err)
{
    return parse(text, false, ret_policy, err);
}

bool policy_parse_project(struct span text, struct policy **ret_policy, struct err *err)
{
    struct err why;
    return parse(text, true, ret_policy, &why) || fail(err, E_POLICY, "%s", why.text);
}

void policy_free(struct policy *policy)
{
    free(policy);
}

bool policy_check(struct span text, struct err *err)
{
    struct policy *policy;
    if (!policy_parse(text, &policy, err))
        return false;
    policy_free(policy);
    return true;
}
