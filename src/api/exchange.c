/* exchange: see exchange.h for the contract. From a caller who is known to the answer. */
#include "api/exchange.h"

#include "api/decode.h"
#include "base/clock.h"
#include "base/log.h"

/* A page of entries: 100 of 100,000 characters each, escaped, and more where the limits are lifted. */
enum { ANSWER_MAX = 1 << 30 };

static const char json_type[] = "application/x-amz-json-1.1";

void exchange_record(struct exchange *exchange, unsigned status, unsigned fault, size_t bytes)
{
    const struct http_request *request = exchange->request;
    int64_t took_us = clock_mono_us() - request->begun_us;
    if (exchange->kind != EXCHANGE_OPERATION && exchange->kind != EXCHANGE_NOWHERE)
        return;
    tally_add(&exchange->gate->tally, exchange->place, fault, took_us);
    if (!log_wants(LOG_INFO))
        return;
    log_line(LOG_INFO, "request", LOG_S("id", exchange->id),
             LOG_S("operation", exchange->place < 0 ? "Unknown" : operations[exchange->place].name),
             LOG_S("code", fault < FAULTS ? fault_name((enum fault)fault) : "OK"), LOG_N("status", status),
             LOG_T("account", exchange->principal.account), LOG_T("peer", request->peer),
             LOG_N("in", request->body.len), LOG_N("out", bytes), LOG_N("us", took_us));
}

void exchange_fill(struct exchange *exchange, unsigned status, const char *type, struct span body,
                   struct http_reply *ret_reply)
{
    *ret_reply = (struct http_reply){ .status = status, .body = body };
    ret_reply->headers[ret_reply->header_count++] =
        (struct http_header){ SPAN_LIT("x-amzn-RequestId"), span_of(exchange->id, sizeof exchange->id - 1) };
    if (type)
        ret_reply->headers[ret_reply->header_count++] =
            (struct http_header){ SPAN_LIT("Content-Type"), span_str(type) };
    cors_add_headers(exchange, ret_reply);
}

void exchange_answer(struct exchange *exchange, unsigned status, const char *type, struct span body, unsigned fault)
{
    struct http_reply reply;
    exchange_fill(exchange, status, type, body, &reply);
    exchange_record(exchange, status, fault, body.len);
    http_reply(exchange->request, &reply);
}

void exchange_fail(struct exchange *exchange, const struct err *err, struct span message)
{
    uint32_t listed = exchange->place < 0 ? 0 : operations[exchange->place].faults;
    enum fault fault = fault_of(err->code, listed);
    struct buf body;
    buf_init(&body, ANSWER_MAX);
    if (fault == FAULT_INTERNAL_SERVER_ERROR)
        log_line(LOG_ERROR, "request failed", LOG_S("id", exchange->id),
                 LOG_S("operation", exchange->place < 0 ? "Unknown" : operations[exchange->place].name),
                 LOG_S("error", err_name(err->code)), LOG_S("cause", err->text));
    fault_body(fault, message, exchange->id, &body);
    exchange_answer(exchange, fault_status(fault), json_type, buf_span(&body), fault);
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

void exchange_run(struct exchange *exchange)
{
    const struct operation *operation = &operations[exchange->place];
    struct http_request *request = exchange->request;
    struct call call = { .api = &exchange->gate->options.api,
                         .principal = &exchange->principal,
                         .arena = request->arena };
    struct buf body;
    struct err err;
    struct span message = SPAN_NONE;
    void *input;
    if (!decode_request(operation->input, request->body, request->arena, &input, &message, &err)) {
        exchange_fail(exchange, &err, message);
        return;
    }
    call.input = input;
    buf_init(&body, ANSWER_MAX);
    struct json_writer w = json_writer_on(&body);
    if (!authorise(&call, operation, &err) || !operation->run(&call, &w, &err)) {
        exchange_fail(exchange, &err, span_str(err.text));
    } else if (body.overflow) {
        fail(&err, E_INTERNAL, "the answer is over %d bytes", ANSWER_MAX);
        exchange_fail(exchange, &err, SPAN_NONE);
    } else {
        json_writer_end(&w);
        if (operation->promises && exchange->gate->options.wake)
            exchange->gate->options.wake(exchange->gate->options.wake_ctx);
        exchange_answer(exchange, 200, json_type, buf_span(&body), FAULTS);
    }
    buf_free(&body);
}
