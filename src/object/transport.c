/* transport: see transport.h for the contract. One easy handle in a multi handle of its own, driven by who waits. */
#include "object/transport.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "object/answer.h"

enum {
    HELD_BYTES = 256 * 1024,
    HEAD_BYTES = 64 * 1024,
    POLL_MS = 500 /* how often progress is looked at; a byte wakes the wait at once */
};

struct transport {
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    struct buf head;    /* the final answer's header lines */
    bool head_complete; /* of a final answer: 100 Continue and its kin are dropped */
    bool active;        /* between begin and end */
    bool done;          /* the transfer is over, `result` says how */
    bool paused;        /* curl waits for `held` to be drained */
    bool final;         /* the last failure will not pass by itself */
    CURLcode result;
    int64_t idle_us;
    int64_t heard_us; /* when a byte last moved */
    curl_off_t uploaded;
    size_t from, to; /* of `held`: what was received and not read yet */
    char reason[CURL_ERROR_SIZE];
    char held[HELD_BYTES];
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_start(void)
{
    CHECK(curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK);
}

static size_t take_header(char *line, size_t size, size_t count, void *ctx)
{
    struct transport *transport = ctx;
    struct span text = span_of(line, size * count);
    long status = 0;
    transport->heard_us = clock_mono_us();
    if (transport->head_complete)
        return text.len; /* a trailer */
    if (span_starts(text, SPAN_LIT("HTTP/"))) {
        buf_clear(&transport->head);
        return text.len;
    }
    if (!span_is(text, "\r\n") && !span_is(text, "\n")) {
        buf_add(&transport->head, text);
        return transport->head.overflow ? 0 : text.len;
    }
    curl_easy_getinfo(transport->easy, CURLINFO_RESPONSE_CODE, &status);
    transport->head_complete = status >= 200;
    return text.len;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct transport *transport = ctx;
    size_t len = size * count;
    transport->heard_us = clock_mono_us();
    if (transport->from == transport->to)
        transport->from = transport->to = 0;
    if (len > HELD_BYTES - transport->to) {
        transport->paused = true;
        return CURL_WRITEFUNC_PAUSE; /* curl keeps these bytes and offers them again */
    }
    memcpy(transport->held + transport->to, bytes, len);
    transport->to += len;
    return len;
}

struct transport *transport_new(void)
{
    pthread_once(&curl_once, curl_start);
    struct transport *transport = mem_zero(1, sizeof *transport);
    transport->multi = curl_multi_init();
    transport->easy = curl_easy_init();
    CHECK(transport->multi && transport->easy);
    buf_init(&transport->head, HEAD_BYTES);
    return transport;
}

void transport_free(struct transport *transport)
{
    if (!transport)
        return;
    transport_end(transport);
    curl_easy_cleanup(transport->easy);
    curl_multi_cleanup(transport->multi);
    buf_free(&transport->head);
    free(transport);
}

static bool fail_transport(struct transport *transport, const char *why, struct err *err)
{
    transport_end(transport);
    return fail(err, E_INTERNAL, "%s", why);
}

static bool fail_result(struct transport *transport, struct err *err)
{
    switch (transport->result) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        transport->final = true;
        break;
    default:
        break;
    }
    const char *why = transport->reason[0] ? transport->reason : curl_easy_strerror(transport->result);
    return fail_transport(transport, why, err);
}

/* Lets curl work until something happened or the line was idle for too long. */
static bool advance(struct transport *transport, struct err *err)
{
    int running = 0, left;
    curl_off_t uploaded = 0;
    if (curl_multi_perform(transport->multi, &running) != CURLM_OK)
        return fail_transport(transport, "libcurl refuses to go on", err);
    for (CURLMsg *message; (message = curl_multi_info_read(transport->multi, &left));) {
        if (message->msg != CURLMSG_DONE)
            continue;
        transport->done = true;
        transport->result = message->data.result;
    }
    if (transport->done || transport->to > transport->from)
        return true;
    curl_easy_getinfo(transport->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
    int64_t now_us = clock_mono_us();
    if (uploaded != transport->uploaded)
        transport->heard_us = now_us;
    transport->uploaded = uploaded;
    int64_t left_ms = (transport->heard_us + transport->idle_us - now_us) / 1000;
    if (left_ms <= 0)
        return fail_transport(transport, "the server fell silent", err);
    if (curl_multi_poll(transport->multi, NULL, 0, left_ms < POLL_MS ? (int)left_ms : POLL_MS, NULL) != CURLM_OK)
        return fail_transport(transport, "libcurl cannot wait", err);
    return true;
}

/* Whether the URL's host is this machine: such a host is never asked by way of a proxy. */
static bool is_loopback(const char *url)
{
    struct span rest = span_str(url);
    while (rest.len > 0 && !span_starts(rest, SPAN_LIT("://")))
        rest = span_from(rest, 1);
    rest = span_from(rest, 3);
    struct span host = rest;
    host.len = 0;
    while (host.len < rest.len && rest.ptr[host.len] != '/' && rest.ptr[host.len] != '?')
        host.len++;
    if (span_starts(host, SPAN_LIT("[::1]")))
        return true;
    host = span_cut(&host, ':');
    return span_starts(host, SPAN_LIT("127.")) || span_is(host, "localhost") || span_ends(host, SPAN_LIT(".localhost"));
}

static void set_method(CURL *easy, const struct transport_request *request)
{
    if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (strcmp(request->method, "GET") == 0) {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    } else if (strcmp(request->method, "DELETE") == 0) {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    } else {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.len > 0 ? request->body.ptr : "");
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    }
}

static void set_request(struct transport *transport, const struct transport_request *request)
{
    CURL *easy = transport->easy;
    curl_easy_reset(easy);
    set_method(easy, request);
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    /* HTTP/2 would let the sender run megabytes ahead of a paused reader. */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "placard/" PLACARD_VERSION);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_ms);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transport->reason);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transport);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transport);
    if (request->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
    if (is_loopback(request->url))
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
    /* Without this a larger body waits for a 100 Continue that many servers never send. */
    transport->headers = curl_slist_append(NULL, "Expect:");
    for (size_t i = 0; i < request->header_count; i++)
        transport->headers = curl_slist_append(transport->headers, request->headers[i]);
    CHECK(transport->headers);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transport->headers);
}

bool transport_begin(struct transport *transport, const struct transport_request *request, unsigned *ret_status,
                     struct err *err)
{
    long status = 0;
    CHECK(!transport->active);
    transport->head_complete = transport->done = transport->paused = transport->final = false;
    transport->from = transport->to = 0;
    transport->uploaded = 0;
    transport->reason[0] = '\0';
    transport->idle_us = request->idle_ms * 1000;
    transport->heard_us = clock_mono_us();
    buf_clear(&transport->head);
    set_request(transport, request);
    if (curl_multi_add_handle(transport->multi, transport->easy) != CURLM_OK)
        return fail_transport(transport, "libcurl does not take the request", err);
    transport->active = true;
    while (!transport->head_complete && !transport->done)
        if (!advance(transport, err))
            return false;
    if (!transport->head_complete)
        return fail_result(transport, err);
    curl_easy_getinfo(transport->easy, CURLINFO_RESPONSE_CODE, &status);
    *ret_status = (unsigned)status;
    return true;
}

bool transport_header(const struct transport *transport, const char *name, struct span *ret_value)
{
    return answer_header(buf_span(&transport->head), name, ret_value);
}

bool transport_read(struct transport *transport, void *into, size_t room, size_t *ret_got, struct err *err)
{
    CHECK(transport->active && room > 0);
    transport->heard_us = clock_mono_us(); /* the caller's own pause is nobody's silence */
    while (transport->from == transport->to) {
        if (transport->done) {
            if (transport->result != CURLE_OK)
                return fail_result(transport, err);
            *ret_got = 0;
            return true;
        }
        if (transport->paused) {
            transport->paused = false;
            curl_easy_pause(transport->easy, CURLPAUSE_CONT); /* may call take_body at once */
        }
        if (transport->from == transport->to && !advance(transport, err))
            return false;
    }
    size_t got = transport->to - transport->from;
    if (got > room)
        got = room;
    memcpy(into, transport->held + transport->from, got);
    transport->from += got;
    *ret_got = got;
    return true;
}

void transport_end(struct transport *transport)
{
    if (transport->active)
        curl_multi_remove_handle(transport->multi, transport->easy);
    transport->active = false;
    curl_slist_free_all(transport->headers);
    transport->headers = NULL;
}

bool transport_may_retry(const struct transport *transport)
{
    return !transport->final;
}
