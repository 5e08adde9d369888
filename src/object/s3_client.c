/* s3_client: see s3_client.h for the contract. */
#include "object/s3_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/ident.h"
#include "base/log.h"
#include "object/answer.h"
#include "object/driver.h"

enum { CONNECT_MS = 10000, WAIT_FIRST_MS = 100, WAIT_MAX_MS = 10000, ANSWER_MAX = 64 * 1024, URL_MAX = 32 * 1024 };

static struct transport *take_transport(struct s3_client *client)
{
    struct transport *transport = NULL;
    pthread_mutex_lock(&client->lock);
    if (client->idle_count > 0)
        transport = client->idle[--client->idle_count];
    pthread_mutex_unlock(&client->lock);
    return transport ? transport : transport_new();
}

static void give_transport(struct s3_client *client, struct transport *transport)
{
    transport_end(transport);
    pthread_mutex_lock(&client->lock);
    if (client->idle_count < S3_IDLE_MAX) {
        client->idle[client->idle_count++] = transport;
        transport = NULL;
    }
    pthread_mutex_unlock(&client->lock);
    transport_free(transport);
}

void s3_call_init(struct s3_call *call, struct s3_client *client, const char *method, struct object_name name)
{
    *call = (struct s3_call){ .client = client, .method = method, .name = name };
    call->transport = take_transport(client);
    s3_place_init(&call->place);
    signed_headers_init(&call->headers);
}

void s3_call_free(struct s3_call *call)
{
    give_transport(call->client, call->transport);
    s3_place_free(&call->place);
    signed_headers_free(&call->headers);
}

/* Sends the request once. */
static bool call_send(struct s3_call *call, unsigned *ret_status, struct err *err)
{
    const struct s3_address *address = &call->client->address;
    struct signing_key key = { span_str(call->client->key_id), span_str(call->client->secret),
                               span_str(call->client->token) };
    struct signing_header extra[3];
    size_t count = 0;
    char range[40];
    if (strcmp(call->method, "PUT") == 0)
        extra[count++] = (struct signing_header){ "content-type", SPAN_LIT("application/octet-stream"), true };
    if (call->etag.len > 0)
        extra[count++] = (struct signing_header){ "if-match", call->etag, false };
    if (call->offset > 0) {
        snprintf(range, sizeof range, "bytes=%llu-", (unsigned long long)call->offset);
        extra[count++] = (struct signing_header){ "range", span_str(range), false };
    }
    s3_address_place(address, call->name, &call->place);
    struct signing_request signing = {
        .method = call->method,
        .host = buf_span(&call->place.host),
        .path = buf_span(&call->place.path),
        .query = buf_span(&call->place.query),
        .region = span_str(address->region),
        .service = SPAN_LIT("s3"),
        .body = call->body,
        .headers = extra,
        .header_count = count,
    };
    signing_headers(&key, &signing, true, clock_wall_ms(), &call->headers);
    struct buf url;
    buf_init(&url, URL_MAX);
    buf_add_str(&url, address->endpoint.tls ? "https://" : "http://");
    buf_add(&url, signing.host);
    buf_add(&url, signing.path);
    if (signing.query.len > 0)
        buf_add_char(&url, '?');
    buf_add(&url, signing.query);
    struct transport_request request = {
        .method = call->method,
        .url = buf_cstr(&url),
        .headers = call->headers.lines,
        .header_count = call->headers.count,
        .body = call->body,
        .ca_file = address->ca_file[0] ? address->ca_file : NULL,
        .connect_ms = CONNECT_MS,
        .idle_ms = (int64_t)address->idle_s * 1000,
    };
    bool done = transport_begin(call->transport, &request, ret_status, err);
    buf_free(&url);
    return done;
}

/* The `<Code>` of an error's body, for the log: a client is never told more than AWS would. */
static struct span error_code(struct s3_call *call, struct buf *room)
{
    char some[4096];
    size_t got;
    while (transport_read(call->transport, some, sizeof some, &got, NULL) && got > 0)
        buf_add(room, span_of(some, got));
    return answer_error_code(buf_span(room));
}

static void log_answer(struct s3_call *call, unsigned status)
{
    struct buf room;
    buf_init(&room, ANSWER_MAX);
    struct span code = error_code(call, &room);
    log_line(LOG_WARN, "the object store refuses", LOG_S("method", call->method), LOG_N("status", status),
             LOG_T("code", code), LOG_T("bucket", call->name.bucket), LOG_T("key", call->name.key));
    buf_free(&room);
}

/* Waits before the next attempt: half of the step for certain, the other half by chance. */
static void wait_before_retry(unsigned failures)
{
    uint32_t chance;
    int64_t step_ms = WAIT_FIRST_MS;
    for (unsigned i = 1; i < failures && step_ms < WAIT_MAX_MS; i++)
        step_ms *= 2;
    if (step_ms > WAIT_MAX_MS)
        step_ms = WAIT_MAX_MS;
    ident_random(&chance, sizeof chance);
    int64_t wait_ms = step_ms / 2 + (int64_t)(chance % (unsigned)(step_ms / 2 + 1));
    struct timespec left = { .tv_sec = wait_ms / 1000, .tv_nsec = (wait_ms % 1000) * 1000000 };
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

bool s3_call_go_on(struct s3_call *call, const char *reason, struct err *err)
{
    transport_end(call->transport);
    call->failures++;
    bool enough = call->failures >= call->client->address.attempts;
    log_line(enough ? LOG_ERROR : LOG_WARN, "the object store fails", LOG_S("method", call->method),
             LOG_S("reason", reason), LOG_N("failures", call->failures), LOG_T("bucket", call->name.bucket),
             LOG_T("key", call->name.key));
    if (enough)
        return fail(err, E_INTERNAL, "the object store failed %u times; the last time: %s", call->failures, reason);
    wait_before_retry(call->failures);
    return true;
}

static bool status_may_pass(unsigned status)
{
    return status == 408 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

bool s3_call_exchange(struct s3_call *call, unsigned *ret_status, struct err *err)
{
    for (;;) {
        struct err why = { 0 };
        unsigned status;
        if (!call_send(call, &status, &why)) {
            if (!transport_may_retry(call->transport))
                return fail(err, E_INTERNAL, "the object store cannot be asked: %s", why.text);
        } else if (status_may_pass(status)) {
            fail(&why, E_INTERNAL, "status %u", status);
        } else {
            *ret_status = status;
            return true;
        }
        if (!s3_call_go_on(call, why.text, err))
            return false;
    }
}

bool s3_call_fail_status(struct s3_call *call, unsigned status, struct err *err)
{
    if (status == 412)
        return object_fail_changed(err);
    if (status != 404)
        log_answer(call, status);
    if (!call->writes && (status == 401 || status == 403))
        return object_fail_denied(err);
    if (status >= 300 && status < 500)
        return call->writes ? object_fail_unwritable(err) : object_fail_unreadable(err);
    return fail(err, E_INTERNAL, "the object store answered with status %u", status);
}

/* A copy of the variable's value, NULL if it is not set or empty. */
static char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? mem_dup(value, strlen(value)) : NULL;
}

static void read_keys(struct s3_client *client)
{
    client->key_id = variable("PLACARD_S3_ACCESS_KEY_ID");
    client->secret = variable("PLACARD_S3_SECRET_ACCESS_KEY");
    client->token = variable("PLACARD_S3_SESSION_TOKEN");
    if (client->key_id || client->secret)
        return;
    free(client->token);
    client->key_id = variable("AWS_ACCESS_KEY_ID");
    client->secret = variable("AWS_SECRET_ACCESS_KEY");
    client->token = variable("AWS_SESSION_TOKEN");
}

static void wipe(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

bool s3_client_init(struct s3_client *client, struct span url, struct err *err)
{
    const char *region = getenv("AWS_REGION");
    if (!region || !region[0])
        region = getenv("AWS_DEFAULT_REGION");
    *client = (struct s3_client){ 0 };
    CHECK(pthread_mutex_init(&client->lock, NULL) == 0);
    read_keys(client);
    bool done = s3_address_parse(url, span_str(region), &client->address, err);
    if (done && (!client->key_id || !client->secret))
        done = fail(err, E_CONFIG,
                    "The object store s3: needs keys in PLACARD_S3_ACCESS_KEY_ID and "
                    "PLACARD_S3_SECRET_ACCESS_KEY, or in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.");
    if (!done)
        s3_client_free(client);
    return done;
}

void s3_client_free(struct s3_client *client)
{
    while (client->idle_count > 0)
        transport_free(client->idle[--client->idle_count]);
    pthread_mutex_destroy(&client->lock);
    free(client->key_id);
    wipe(client->secret);
    wipe(client->token);
}
