/*
 * policy: what a user may do, as an IAM policy says it (spec F.2).
 *
 * The document: `Version` (2012-10-17 or 2008-10-17) and `Id`, both optional, and `Statement`, one object or an array
 * of them. A statement has `Effect` (Allow or Deny), `Action` or `NotAction`, `Resource` or `NotResource`, and may have
 * `Sid` and `Condition`. Actions and resources are a text or an array of texts with the wildcards `*` and `?`, which
 * match across colons and slashes; actions are compared without case. Conditions are StringEquals, StringNotEquals,
 * StringLike and StringNotLike on aws:ResourceTag/KEY, aws:RequestTag/KEY and aws:TagKeys, the last also with
 * ForAllValues: or ForAnyValue: before the operator. Keys of conditions, and of the tags that they name, are compared
 * without case. Whatever else stands there is refused when it is parsed, never passed over.
 *
 * A policy is parsed once, into one allocation that never changes: any number of threads may ask it at once, and asking
 * allocates nothing.
 */
#ifndef PLACARD_AUTH_POLICY_H
#define PLACARD_AUTH_POLICY_H

#include "base/err.h"
#include "base/span.h"

enum { POLICY_TEXT_MAX = 128 * 1024, POLICY_PATTERN_MAX = 2048 };

struct policy;

/* E_INVALID with a sentence that names the statement and the fault. */
bool policy_parse(struct span text, struct policy **ret_policy, struct err *err) MUST_CHECK;

/*
 * The policy attached to a project (spec B.7), which lets others copy its model versions: as above, and each statement
 * has a Principal, `{"AWS": …}` with one or more of an account's 12 digits, the ARN of its root, of a user or of a
 * role; the only action is rekognition:CopyProjectVersion; a resource is the ARN of a model version, wildcards allowed,
 * or
 * `*`; NotPrincipal, NotAction and NotResource are refused. E_POLICY with such a sentence.
 */
bool policy_parse_project(struct span text, struct policy **ret_policy, struct err *err) MUST_CHECK;
void policy_free(struct policy *policy);

/* Whether it parses. */
bool policy_check(struct span text, struct err *err) MUST_CHECK;

struct policy_tag {
    struct span key;
    struct span value;
};

struct policy_question {
    struct span action;   /* "rekognition:DescribeDataset" */
    struct span resource; /* its ARN; "*" where the action has none */
    const struct policy_tag *resource_tags;
    size_t resource_tag_count;
    const struct policy_tag *request_tags; /* that the request wants to give; their keys are aws:TagKeys too */
    size_t request_tag_count;
    struct span account;         /* who asks, of the policy of a project: a Principal is one of these */
    struct span principal;       /* its ARN */
    const struct span *tag_keys; /* further aws:TagKeys: those that UntagResource takes away */
    size_t tag_key_count;
};

enum policy_answer {
    POLICY_SILENT,  /* no statement allows it: denied */
    POLICY_ALLOWED, /* one does, and none denies it */
    POLICY_DENIED   /* a statement denies it, whatever others say */
};

/* NULL, no policy at all, is silent. */
enum policy_answer policy_ask(const struct policy *policy, const struct policy_question *question);

/* Whether any condition looks at the resource's tags, so that somebody must fetch them before asking. */
bool policy_reads_resource_tags(const struct policy *policy);

#endif
