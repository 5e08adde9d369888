/*
 * policy_form: how a policy lies in memory. The inner side of policy: policy_parse.c writes it, policy.c reads it.
 *
 * Everything is in one allocation behind `struct policy`: the statements, the conditions, the patterns, and the bytes
 * that the patterns are made of. Ranges are first and count.
 */
#ifndef PLACARD_AUTH_POLICY_FORM_H
#define PLACARD_AUTH_POLICY_FORM_H

#include "auth/policy.h"

struct policy_range {
    uint32_t first;
    uint32_t count;
};

enum policy_subject { POLICY_RESOURCE_TAG, POLICY_REQUEST_TAG, POLICY_TAG_KEYS };
enum policy_quantifier { POLICY_PLAIN, POLICY_FOR_ALL, POLICY_FOR_ANY };

struct policy_condition {
    enum policy_subject subject;
    enum policy_quantifier quantifier; /* of POLICY_TAG_KEYS */
    bool like;                         /* values are patterns */
    bool negated;
    struct policy_range key; /* one text, the tag's key; none for POLICY_TAG_KEYS */
    struct policy_range values;
};

struct policy_statement {
    bool deny;
    bool not_action;
    bool not_resource;
    struct policy_range principals; /* accounts, or ARNs of users and roles; none in the policy of a user */
    struct policy_range actions;
    struct policy_range resources;
    struct policy_range conditions;
};

struct policy_pattern {
    uint32_t at; /* in bytes */
    uint32_t len;
};

struct policy {
    const struct policy_statement *statements;
    uint32_t statement_count;
    const struct policy_condition *conditions;
    const struct policy_pattern *patterns;
    const char *bytes;
};

#endif
