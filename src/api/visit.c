/* visit: see visit.h for the contract. From a caller who is known to the answer. */
#include "api/visit.h"

#include <time.h>

#include "api/decode.h"
#include "api/report.h"
#include "base/clock.h"
#include "base/ident.h"
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

/*
 * Whether a client's waiter sent it: SDKs since 2024 list the features they use in their User-Agent, `B` is a waiter;
 * the AWS CLI names its command, such as rekognition.wait.project-version-running.
 */
static bool is_from_waiter(const struct http_request *request)
{
    struct span agent, word;
    if (!http_header_get(request, "User-Agent", &agent))
        return false;
    while (agent.ptr) {
        word = span_cut(&agent, ' ');
        if (span_starts(word, SPAN_LIT("command/")) || span_starts(word, SPAN_LIT("md/command#"))) {
            if (span_contains(word, SPAN_LIT("rekognition.wait.")))
                return true;
        } else if (span_starts(word, SPAN_LIT("m/"))) {
            struct span features = span_from(word, strlen("m/"));
            while (features.ptr)
                if (span_is(span_cut(&features, ','), "B"))
                    return true;
        }
    }
    return false;
}

static struct visit *visit_of(struct call *call)
{
    return (struct visit *)(void *)((char *)call - offsetof(struct visit, call));
}

void call_answer(struct call *call, struct span body)
{
    visit_answer(visit_of(call), 200, json_type, body, FAULTS);
}

void call_fail(struct call *call, const struct err *err)
{
    visit_fail(visit_of(call), err, span_str(err->text));
}

/* Runs it with the answer in the body. *ret_later: nothing of the visit is ours any more. */
static bool operate(struct visit *visit, struct buf *body, bool *ret_later, struct err *err)
{
    const struct operation *operation = &operations[visit->place];
    struct call *call = &visit->call;
    struct json_writer w = json_writer_on(body);
    *ret_later = false;
    if (!authorise(call, operation, err))
        return false;
    bool done = operation->begin ? operation->begin(call, &w, ret_later, err) : operation->run(call, &w, err);
    if (!done || *ret_later)
        return done;
    if (body->overflow)
        return fail(err, E_INTERNAL, "the answer is over %d bytes", ANSWER_MAX);
    json_writer_end(&w);
    return true;
}

/*
 * Whether to make a call again that has come to nothing only because of others who share the store (db.h): twice as
 * late each time, and not all at the same moment. About two seconds in all, which a restart of the database may take;
 * and not where a try has taken long, as where the network is cut: whoever asked shall hear of that.
 */
static bool is_to_be_made_again(const struct err *err, unsigned tries, int64_t begun_us)
{
    enum { TRIES = 10, FIRST_US = 2000, LAST_US = 4000000 };
    uint32_t chance;
    if (err->code != E_CONFLICT || tries >= TRIES || clock_mono_us() - begun_us > LAST_US)
        return false;
    ident_random(&chance, sizeof chance);
    int64_t wait_us = (int64_t)FIRST_US << tries;
    wait_us = wait_us / 2 + chance % wait_us;
    const struct timespec wait = { .tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000 };
    nanosleep(&wait, NULL);
    return true;
}

void visit_run(struct visit *visit)
{
    const struct operation *operation = &operations[visit->place];
    struct http_request *request = visit->request;
    struct buf body;
    struct err err;
    struct span message = SPAN_NONE;
    void *input;
    bool later;
    if (!decode_request(operation->input, request->body, request->arena, &input, &message, &err)) {
        visit_fail(visit, &err, message);
        return;
    }
    visit->call = (struct call){ .api = &visit->gate->options.api,
                                 .principal = &visit->principal,
                                 .arena = request->arena,
                                 .input = input,
                                 .waits = operation->begin && is_from_waiter(request) };
    buf_init(&body, ANSWER_MAX);
    int64_t begun_us = clock_mono_us();
    bool done = operate(visit, &body, &later, &err);
    for (unsigned tries = 0; !done && is_to_be_made_again(&err, tries, begun_us); tries++) {
        buf_clear(&body);
        done = operate(visit, &body, &later, &err);
    }
    if (!done) {
        visit_fail(visit, &err, span_str(err.text));
    } else if (!later) {
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
    int64_t begun_us = clock_mono_us();
    bool done = report_answer(&call, request->query, &body, &err);
    for (unsigned tries = 0; !done && is_to_be_made_again(&err, tries, begun_us); tries++) {
        buf_clear(&body);
        done = report_answer(&call, request->query, &body, &err);
    }
    if (done && body.overflow)
        done = fail(&err, E_INTERNAL, "the report is over %d bytes", ANSWER_MAX);
    if (done)
        visit_answer(visit, 200, "application/jsonl", buf_span(&body), FAULTS);
    else
        visit_fail(visit, &err, span_str(err.text));
    buf_free(&body);
}
