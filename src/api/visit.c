/* visit: see visit.h for the contract. From a caller who is known to the answer. */
#include "api/visit.h"

#include "api/decode.h"
#include "api/report.h"
#include "base/clock.h"
#include "base/log.h"

/* A page of entries: 100 of 100,000 characters each, escaped, and more where the limits are lifted. */
enum { ANSWER_MAX = 1 << 30 };

static const char json_type[] = "application/x-amz-json-1.1";

void visit_record(struct visit *visit, unsigned status, unsigned fault, size_t bytes)
{
    const struct http_request *request = visit->request;
    int64_t took_us = clock_mono_us() - request->begun_us;
    if (visit->kind == VISIT_PAGE || visit->kind == VISIT_PREFLIGHT)
        return;
    tally_add(&visit->gate->tally, visit->place, fault, took_us);
    if (!log_wants(LOG_INFO))
        return;
    log_line(LOG_INFO, "request", LOG_S("id", visit->id),
             LOG_S("operation", visit->place < 0 ? "Unknown" : operations[visit->place].name),
             LOG_S("code", fault < FAULTS ? fault_name((enum fault)fault) : "OK"), LOG_N("status", status),
             LOG_T("account", visit->principal.account), LOG_T("peer", request->peer), LOG_N("in", request->body.len),
             LOG_N("out", bytes), LOG_N("us", took_us));
}

void visit_fill(struct visit *visit, unsigned status, const char *type, struct span body, struct http_reply *ret_reply)
{
    *ret_reply = (struct http_reply){ .status = status, .body = body };
    ret_reply->headers[ret_reply->header_count++] =
        (struct http_header){ SPAN_LIT("x-amzn-RequestId"), span_of(visit->id, sizeof visit->id - 1) };
    if (type)
        ret_reply->headers[ret_reply->header_count++] =
            (struct http_header){ SPAN_LIT("Content-Type"), span_str(type) };
    cors_add_headers(visit, ret_reply);
}

void visit_answer(struct visit *visit, unsigned status, const char *type, struct span body, unsigned fault)
{
    struct http_reply reply;
    visit_fill(visit, status, type, body, &reply);
    visit_record(visit, status, fault, body.len);
    http_reply(visit->request, &reply);
}

void visit_fail(struct visit *visit, const struct err *err, struct span message)
{
    uint32_t listed = visit->place < 0 ? 0 : operations[visit->place].faults;
    enum fault fault = fault_of(err->code, listed);
    struct buf body;
    buf_init(&body, ANSWER_MAX);
    if (fault == FAULT_INTERNAL_SERVER_ERROR)
        log_line(LOG_ERROR, "request failed", LOG_S("id", visit->id),
                 LOG_S("operation", visit->place < 0 ? "Unknown" : operations[visit->place].name),
                 LOG_S("error", err_name(err->code)), LOG_S("cause", err->text));
    fault_body(fault, message, visit->id, &body);
    visit_answer(visit, fault_status(fault), json_type, buf_span(&body), fault);
    buf_free(&body);
}

/* Every need is asked of the policy before anything is said of what is there (spec A.6, row 14). */
static bool authorise(const struct call *call, const struct operation *operation, struct err *err)
{
    struct call_need needs[CALL_NEEDS_MAX];
    unsigned count = 1;
    if (operation->needs) {
        count = operation->needs(call, needs);
        CHECK(count <= CALL_NEEDS_MAX);
    } else {
        const struct span *arn =
            (const struct span *)(const void *)((const char *)call->input + operation->resource_at);
        needs[0] = (struct call_need){ .action = operation->action, .resource = *arn, .named = true };
    }
    for (unsigned i = 0; i < count; i++)
        if (!call_may(call, &needs[i], err))
            return false;
    for (unsigned i = 0; i < count; i++)
        if (needs[i].named && !call_owns(call, needs[i].resource, err))
            return false;
    return true;
}

void visit_run(struct visit *visit)
{
    const struct operation *operation = &operations[visit->place];
    struct http_request *request = visit->request;
    struct call call = { .api = &visit->gate->options.api, .principal = &visit->principal, .arena = request->arena };
    struct buf body;
    struct err err;
    struct span message = SPAN_NONE;
    void *input;
    if (!decode_request(operation->input, request->body, request->arena, &input, &message, &err)) {
        visit_fail(visit, &err, message);
        return;
    }
    call.input = input;
    buf_init(&body, ANSWER_MAX);
    struct json_writer w = json_writer_on(&body);
    if (!authorise(&call, operation, &err) || !operation->run(&call, &w, &err)) {
        visit_fail(visit, &err, span_str(err.text));
    } else if (body.overflow) {
        fail(&err, E_INTERNAL, "the answer is over %d bytes", ANSWER_MAX);
        visit_fail(visit, &err, SPAN_NONE);
    } else {
        json_writer_end(&w);
        if (operation->promises && visit->gate->options.wake)
            visit->gate->options.wake(visit->gate->options.wake_ctx);
        visit_answer(visit, 200, json_type, buf_span(&body), FAULTS);
    }
    buf_free(&body);
}

void visit_report(struct visit *visit)
{
    struct http_request *request = visit->request;
    const struct call call = { .api = &visit->gate->options.api,
                               .principal = &visit->principal,
                               .arena = request->arena };
    struct buf body;
    struct err err;
    buf_init(&body, ANSWER_MAX);
    bool done = report_answer(&call, request->query, &body, &err);
    if (done && body.overflow)
        done = fail(&err, E_INTERNAL, "the report is over %d bytes", ANSWER_MAX);
    if (done)
        visit_answer(visit, 200, "application/jsonl", buf_span(&body), FAULTS);
    else
        visit_fail(visit, &err, span_str(err.text));
    buf_free(&body);
}
