/*
 * call: one request in the hands of its operation.
 */
#ifndef PLACARD_API_CALL_H
#define PLACARD_API_CALL_H

#include "auth/authenticate.h"
#include "base/arena.h"
#include "json/json_writer.h"
#include "object/object.h"
#include "store/store.h"
#include "work/limits.h"
#include "work/models.h"

struct hold;

/* What all operations work on; lives as long as the server. */
struct api {
    struct store *store;
    struct object_store *objects;
    struct span partition;
    struct span default_account; /* of buckets that nobody else owns */
    struct span models_bucket;   /* where models are kept, which no caller may name: keys that begin with */
    struct span models_prefix;   /* this; no bucket: none */
    struct limits_box *limits;   /* those in force */
    const struct models *models;
    struct hold *hold;
};

struct call {
    const struct api *api;
    const struct principal *principal;
    struct arena *arena;
    const void *input; /* the struct of the operation's input shape */
    bool waits;        /* it comes from a client's waiter, which asks again only after a long while */
};

/* The end of a call that its operation's `begin` has put off; once, from any thread. The call is gone afterwards. */
void call_answer(struct call *call, struct span body);
void call_fail(struct call *call, const struct err *err);

/* One action on one resource that the caller must be allowed. */
struct call_need {
    const char *action;
    struct span resource; /* an ARN, or "*" */
    bool named;           /* the request names it, so it must be the caller's; else it is yet to be made, or "*" */
    const struct policy_tag *request_tags;
    size_t request_tag_count;
    const struct span *tag_keys;
    size_t tag_key_count;
};

enum { CALL_NEEDS_MAX = 4 };

/*
 * Whether the caller may name this ARN at all: E_INVALID for another partition than the server's, E_NOT_FOUND for
 * another account or region than the caller's.
 */
bool call_owns(const struct call *call, struct span arn, struct err *err) MUST_CHECK;

/* Whether the caller may do it: E_DENIED; E_STORE when the resource's tags, which a condition asks for, cannot be read.
 */
bool call_may(const struct call *call, const struct call_need *need, struct err *err) MUST_CHECK;

#endif
