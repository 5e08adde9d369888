/* gate: see gate.h for the contract. The hooks of the listener. */
#include "api/gate.h"

#include <stdlib.h>

#include "api/report.h"
#include "api/visit.h"
#include "base/clock.h"
#include "base/ident.h"

/* A wrong head with a body up to this is answered after the body, and the connection stays. */
enum { REFUSED_BODY_MAX = 64 * 1024 };

/* A body up to this is decoded on the listener's thread. */
enum { AT_ONCE_BODY_MAX = 16 * 1024 };

enum { PAGE_MAX = 16 * 1024 * 1024 };

static const char target_prefix[] = "RekognitionService.";

struct gate *gate_new(const struct gate_options *options)
{
    struct gate *gate = mem_zero(1, sizeof *gate);
    gate->options = *options;
    return gate;
}

void gate_free(struct gate *gate)
{
    free(gate);
}

void gate_listens(struct gate *gate, const struct http_listener *listener)
{
    atomic_store(&gate->listener, listener);
}

/* --- where a request belongs -------------------------------------------------------------------------------------- */

static int place_of(const struct http_request *request)
{
    struct span target;
    if (!http_header_get(request, "X-Amz-Target", &target))
        return -1;
    target = span_trim(target);
    if (!span_starts(target, span_of(target_prefix, sizeof target_prefix - 1)))
        return -1;
    return operation_find(span_from(target, sizeof target_prefix - 1));
}

/* The API's media type, with or without parameters. */
static bool speaks_our_json(const struct http_request *request)
{
    struct span type;
    if (!http_header_get(request, "Content-Type", &type))
        return false;
    return span_eq_nocase(span_trim(span_cut(&type, ';')), SPAN_LIT("application/x-amz-json-1.1"));
}

static enum visit_kind kind_of(const struct gate *gate, const struct http_request *request, struct span origin,
                               const struct gate_page **ret_page)
{
    struct span asked;
    if (span_is(request->method, "GET") || span_is(request->method, "HEAD")) {
        for (size_t i = 0; i < gate->options.page_count; i++)
            if (span_is(request->path, gate->options.pages[i].path)) {
                *ret_page = &gate->options.pages[i];
                return VISIT_PAGE;
            }
        return span_is(request->path, REPORT_PATH) && !gate->options.pages_only ? VISIT_REPORT : VISIT_NOWHERE;
    }
    if (gate->options.pages_only)
        return VISIT_NOWHERE;
    if (span_is(request->method, "OPTIONS") && origin.len > 0 &&
        http_header_get(request, "Access-Control-Request-Method", &asked))
        return VISIT_PREFLIGHT;
    /* without signatures a wrong type is refused in words, by the authentication */
    if (span_is(request->method, "POST") && (speaks_our_json(request) || gate->options.auth->none))
        return VISIT_OPERATION;
    return VISIT_NOWHERE;
}

/* --- the head ----------------------------------------------------------------------------------------------------- */

static struct auth_request letter_of(const struct http_request *request)
{
    struct sigv4_header *headers = arena_alloc(request->arena, (request->header_count + 1) * sizeof *headers);
    for (size_t i = 0; i < request->header_count; i++)
        headers[i] = (struct sigv4_header){ request->headers[i].name, request->headers[i].value };
    return (struct auth_request){ .method = request->method,
                                  .path = request->path,
                                  .query = request->query,
                                  .headers = headers,
                                  .header_count = request->header_count };
}

static bool body_is_small(const struct http_request *request)
{
    struct span text;
    uint64_t length;
    if (!http_header_get(request, "Content-Length", &text))
        return !http_header_get(request, "Transfer-Encoding", &text);
    return span_to_u64(span_trim(text), REFUSED_BODY_MAX, &length);
}

/* Refuses before the body: the answer of visit_fail, which the listener sends and then closes. */
static void refuse(struct visit *visit, struct http_reply *ret_reply)
{
    enum fault fault = fault_of(visit->refusal.code, 0);
    struct buf body;
    buf_init(&body, PAGE_MAX);
    fault_body(fault, span_str(visit->refusal.text), visit->id, &body);
    struct span kept = arena_copy(visit->request->arena, buf_span(&body));
    buf_free(&body);
    visit_fill(visit, fault_status(fault), "application/x-amz-json-1.1", kept, ret_reply);
    visit_record(visit, fault_status(fault), fault, kept.len);
}

/* Whether only a known caller gets an answer. */
static bool is_signed(const struct visit *visit)
{
    return visit->kind == VISIT_OPERATION || visit->kind == VISIT_REPORT;
}

static bool on_head(void *ctx, struct http_request *request, struct http_reply *ret_reply)
{
    struct gate *gate = ctx;
    struct visit *visit = arena_alloc(request->arena, sizeof *visit);
    request->user = visit;
    visit->gate = gate;
    visit->request = request;
    visit->place = -1;
    ident_uuid(visit->id);
    visit->origin = cors_origin_of(gate, request);
    visit->kind = kind_of(gate, request, visit->origin, &visit->page);
    if (!is_signed(visit))
        return true;
    if (visit->kind == VISIT_OPERATION)
        visit->place = place_of(request);
    visit->letter = letter_of(request);
    if (!auth_head(gate->options.auth, gate->options.keys, &visit->letter, clock_wall_ms(), &visit->auth,
                   &visit->refusal)) {
        visit->refused = true;
        if (body_is_small(request))
            return true;
        refuse(visit, ret_reply);
        return false;
    }
    sha256_init(&visit->hash);
    return true;
}

static void on_body(void *ctx, struct http_request *request, struct span piece)
{
    (void)ctx;
    struct visit *visit = request->user;
    if (is_signed(visit) && !visit->refused)
        sha256_update(&visit->hash, piece);
}

/* --- the whole request -------------------------------------------------------------------------------------------- */

static void answer_page(struct visit *visit)
{
    const struct gate_page *page = visit->page;
    struct buf out;
    unsigned status = 200;
    const char *type = "text/plain; charset=utf-8";
    buf_init(&out, PAGE_MAX);
    page->answer(page->ctx, &out, &status, &type);
    visit_answer(visit, status, type, buf_span(&out), FAULTS);
    buf_free(&out);
}

static void run_task(struct pool_task *task)
{
    struct visit *visit = (struct visit *)(void *)task;
    if (visit->kind == VISIT_PAGE)
        answer_page(visit);
    else if (visit->kind == VISIT_REPORT)
        visit_report(visit);
    else
        visit_run(visit);
}

static enum http_progress shed(struct visit *visit)
{
    struct err err;
    fail(&err, E_THROTTLED, "overloaded");
    visit_fail(visit, &err, SPAN_NONE);
    return HTTP_ANSWERED;
}

/* Hands it to the pool; says to slow down when that is full. */
static enum http_progress hand_on(struct visit *visit)
{
    visit->task.run = run_task;
    return pool_offer(visit->gate->options.pool, &visit->task) ? HTTP_LATER : shed(visit);
}

static bool is_overloaded(const struct gate *gate)
{
    const struct http_listener *listener = atomic_load(&gate->listener);
    uint32_t bound = gate->options.connections;
    return pool_is_full(gate->options.pool) || (listener && http_open_connections(listener) > bound - bound / 8);
}

static bool fits_the_listener(const struct visit *visit)
{
    const struct principal *caller = &visit->principal;
    return operations[visit->place].speed == OPERATION_AT_ONCE && !store_is_shared(visit->gate->options.api.store) &&
           visit->request->body.len <= AT_ONCE_BODY_MAX &&
           (caller->root || !caller->policy || !policy_reads_resource_tags(caller->policy));
}

static enum http_progress complete_signed(struct visit *visit)
{
    struct gate *gate = visit->gate;
    unsigned char digest[SHA256_BYTES];
    struct err err;
    if (visit->refused) {
        visit_fail(visit, &visit->refusal, span_str(visit->refusal.text));
        return HTTP_ANSWERED;
    }
    sha256_final(&visit->hash, digest);
    if (!auth_complete(&visit->auth, &visit->letter, digest, clock_wall_ms(), &visit->principal, &err)) {
        visit_fail(visit, &err, span_str(err.text));
        return HTTP_ANSWERED;
    }
    if (visit->kind == VISIT_REPORT)
        return is_overloaded(gate) ? shed(visit) : hand_on(visit);
    if (visit->place < 0) {
        fail(&err, E_UNKNOWN_OPERATION, "unknown");
        visit_fail(visit, &err, SPAN_NONE);
        return HTTP_ANSWERED;
    }
    if (is_overloaded(gate))
        return shed(visit);
    if (!rates_take(gate->options.rates, visit->principal.account, (unsigned)visit->place, clock_mono_us(), &err)) {
        visit_fail(visit, &err, span_str(err.text));
        return HTTP_ANSWERED;
    }
    if (!fits_the_listener(visit))
        return hand_on(visit);
    visit_run(visit);
    return HTTP_ANSWERED;
}

static enum http_progress on_complete(void *ctx, struct http_request *request)
{
    (void)ctx;
    struct visit *visit = request->user;
    struct http_reply reply;
    switch (visit->kind) {
    case VISIT_OPERATION:
    case VISIT_REPORT:
        return complete_signed(visit);
    case VISIT_PAGE:
        if (visit->page->slow)
            return hand_on(visit);
        answer_page(visit);
        break;
    case VISIT_PREFLIGHT:
        visit_fill(visit, 204, NULL, SPAN_NONE, &reply);
        cors_preflight(&reply);
        http_reply(request, &reply);
        break;
    case VISIT_NOWHERE: /* as the service's front end says it (spec A.6, row 2) */
        visit_answer(visit, 404, "application/xml", SPAN_LIT("<UnknownOperationException/>\n"),
                     FAULT_UNKNOWN_OPERATION);
        break;
    }
    return HTTP_ANSWERED;
}

static void on_done(void *ctx, struct http_request *request)
{
    (void)ctx;
    struct visit *visit = request->user;
    sha256_drop(&visit->hash);
    auth_end(&visit->auth);
}

struct http_handler gate_handler(struct gate *gate)
{
    return (
        struct http_handler){ .ctx = gate, .head = on_head, .body = on_body, .complete = on_complete, .done = on_done };
}

void gate_metrics(const struct gate *gate, struct buf *out)
{
    const struct http_listener *listener = atomic_load(&gate->listener);
    tally_print(&gate->tally, out);
    buf_addf(out,
             "# HELP placard_pool_waiting Requests that wait for a thread.\n# TYPE placard_pool_waiting gauge\n"
             "placard_pool_waiting %u\n",
             pool_waiting(gate->options.pool));
    buf_addf(out,
             "# HELP placard_connections Open connections.\n# TYPE placard_connections gauge\n"
             "placard_connections %u\n",
             listener ? http_open_connections(listener) : 0);
}
