/* policy: asking one; see policy.h for the contract. policy_parse.c makes them. */
#include "auth/policy.h"

#include "auth/policy_form.h"

static char fold(char c, bool nocase)
{
    return nocase && c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* The byte after the UTF-8 character at `at`; of bytes that are none, after one. */
static size_t after_character(struct span text, size_t at)
{
    at++;
    while (at < text.len && ((unsigned char)text.ptr[at] & 0xc0) == 0x80)
        at++;
    return at;
}

/* `*` is any run of characters, `?` any one. When a guess at the last star fails it takes one byte more. */
static bool matches(struct span pattern, struct span text, bool nocase)
{
    size_t p = 0, t = 0, star = SIZE_MAX, star_text = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.len && pattern.ptr[p] == '?') {
            p++;
            t = after_character(text, t);
        } else if (p < pattern.len && fold(pattern.ptr[p], nocase) == fold(text.ptr[t], nocase)) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

static struct span pattern_at(const struct policy *policy, uint32_t at)
{
    return span_of(policy->bytes + policy->patterns[at].at, policy->patterns[at].len);
}

static bool any_matches(const struct policy *policy, struct policy_range range, struct span text, bool nocase)
{
    for (uint32_t i = 0; i < range.count; i++)
        if (matches(pattern_at(policy, range.first + i), text, nocase))
            return true;
    return false;
}

static bool any_value(const struct policy *policy, const struct policy_condition *condition, struct span text)
{
    if (condition->like)
        return any_matches(policy, condition->values, text, false);
    for (uint32_t i = 0; i < condition->values.count; i++)
        if (span_eq(pattern_at(policy, condition->values.first + i), text))
            return true;
    return false;
}

/* The tag of that key: exactly so written if there is one, else in any case. */
static const struct policy_tag *find_tag(const struct policy_tag *tags, size_t count, struct span key)
{
    const struct policy_tag *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (span_eq(tags[i].key, key))
            return &tags[i];
        if (!found && span_eq_nocase(tags[i].key, key))
            found = &tags[i];
    }
    return found;
}

/* A tag that is not there equals nothing, so what is negated holds. */
static bool tag_holds(const struct policy *policy, const struct policy_condition *condition,
                      const struct policy_tag *tags, size_t count)
{
    const struct policy_tag *tag = find_tag(tags, count, pattern_at(policy, condition->key.first));
    bool equal = tag && any_value(policy, condition, tag->value);
    return equal != condition->negated;
}

/*
 * The keys of the request's tags, one after the other. ForAllValues: each passes, which none at all do too;
 * ForAnyValue: at least one does. Without either, one key must be equal, or with a negated operator none may be.
 */
static bool tag_keys_hold(const struct policy *policy, const struct policy_condition *condition,
                          const struct policy_question *question)
{
    size_t count = question->request_tag_count + question->tag_key_count, equal = 0;
    for (size_t i = 0; i < count; i++) {
        struct span key = i < question->request_tag_count ? question->request_tags[i].key
                                                          : question->tag_keys[i - question->request_tag_count];
        equal += any_value(policy, condition, key);
    }
    size_t pass = condition->negated ? count - equal : equal;
    switch (condition->quantifier) {
    case POLICY_FOR_ALL:
        return pass == count;
    case POLICY_FOR_ANY:
        return pass > 0;
    case POLICY_PLAIN:
        break;
    }
    return condition->negated ? equal == 0 : equal > 0;
}

static bool condition_holds(const struct policy *policy, const struct policy_condition *condition,
                            const struct policy_question *question)
{
    switch (condition->subject) {
    case POLICY_RESOURCE_TAG:
        return tag_holds(policy, condition, question->resource_tags, question->resource_tag_count);
    case POLICY_REQUEST_TAG:
        return tag_holds(policy, condition, question->request_tags, question->request_tag_count);
    case POLICY_TAG_KEYS:
        break;
    }
    return tag_keys_hold(policy, condition, question);
}

static bool speaks_of(const struct policy *policy, struct policy_range principals,
                      const struct policy_question *question)
{
    for (uint32_t i = 0; i < principals.count; i++) {
        struct span named = pattern_at(policy, principals.first + i);
        if (span_eq(named, question->account) || span_eq(named, question->principal))
            return true;
    }
    return principals.count == 0;
}

static bool statement_applies(const struct policy *policy, const struct policy_statement *statement,
                              const struct policy_question *question)
{
    if (!speaks_of(policy, statement->principals, question))
        return false;
    if (any_matches(policy, statement->actions, question->action, true) == statement->not_action ||
        any_matches(policy, statement->resources, question->resource, false) == statement->not_resource)
        return false;
    for (uint32_t i = 0; i < statement->conditions.count; i++)
        if (!condition_holds(policy, &policy->conditions[statement->conditions.first + i], question))
            return false;
    return true;
}

enum policy_answer policy_ask(const struct policy *policy, const struct policy_question *question)
{
    enum policy_answer answer = POLICY_SILENT;
    for (uint32_t i = 0; policy && i < policy->statement_count; i++) {
        if (!statement_applies(policy, &policy->statements[i], question))
            continue;
        if (policy->statements[i].deny)
            return POLICY_DENIED;
        answer = POLICY_ALLOWED;
    }
    return answer;
}

bool policy_reads_resource_tags(const struct policy *policy)
{
    for (uint32_t i = 0; policy && i < policy->statement_count; i++) {
        struct policy_range range = policy->statements[i].conditions;
        for (uint32_t j = 0; j < range.count; j++)
            if (policy->conditions[range.first + j].subject == POLICY_RESOURCE_TAG)
                return true;
    }
    return false;
}
