/*
 * operation: THE table. One row an operation says all there is to say of it; the gate does authentication, decoding,
 * authorisation, rates, the error body, the metrics and the log line for every row alike, and no handler repeats them.
 */
#ifndef PLACARD_API_OPERATION_H
#define PLACARD_API_OPERATION_H

#include "api/fault.h"
#include "api/model.h"
#include "api/call.h"

enum operation_speed {
    OPERATION_AT_ONCE, /* from memory: answered on the listener's thread */
    OPERATION_POOLED   /* may wait or scan: handed to the pool */
};

struct operation {
    const char *name;
    const char *action; /* as policies name it */
    const struct model_shape *input, *output;
    uint32_t faults; /* the modelled errors: a bit of 1 << enum fault each */
    enum operation_speed speed;
    bool promises; /* it may commit a job: the runner is woken */

    /* The ARN in the input on which the action must be allowed, by its offset; or, where more is needed or something
       else, `needs` says it all: *ret_needs has room for CALL_NEEDS_MAX. */
    size_t resource_at;
    unsigned (*needs)(const struct call *call, struct call_need *ret_needs);

    /* Writes the answer's JSON. On failure what it wrote is dropped. */
    bool (*run)(struct call *call, struct json_writer *w, struct err *err) MUST_CHECK;

    /* Or, where the answer may come later: true with *ret_later set when call_answer or call_fail has been called or
       will be, by anybody; then nothing of the call may be touched any more. */
    bool (*begin)(struct call *call, struct json_writer *w, bool *ret_later, struct err *err) MUST_CHECK;
};

#define OPERATIONS 23
extern const struct operation operations[OPERATIONS];

/* The names alone, for the rates. */
extern const char *const operation_names[OPERATIONS];

/* The place of the operation of that exact name; -1: there is none. */
int operation_find(struct span name);

#endif
