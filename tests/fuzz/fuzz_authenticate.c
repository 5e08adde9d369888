/*
 * Fuzz target for auth/authenticate: a whole request from its head to the principal. Lines: method, path, query, the
 * Authorization header's value, then headers as NAME:VALUE; behind an empty line the body.
 *
 * As it came nobody may pass: the signature would have to be guessed. Then the same request is signed as its sender
 * would, with one of the keys there are; whoever passes then is who has that key, and fails with another body, another
 * signature, or a key that is disabled.
 */
#include <stdlib.h>

#include "auth/authenticate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADERS_MOST = 70, SKEW_MS = 15 * 60 * 1000 };

#define MOMENT_MS INT64_C(1767323045000) /* 20260102T030405Z */
#define TOKEN "a token"

struct asked {
    struct auth_request request;
    struct sigv4_header headers[HEADERS_MOST + 3];
    struct span authorization, body;
};

struct answer {
    bool passed;
    enum err_code code;
    bool root, whole; /* of who passed; that all its parts are there */
};

static const struct key_row keys[] = {
    { .id = SPAN_LIT("AKIAROOT"), .secret = SPAN_LIT("root's"), .account = SPAN_LIT("123456789012") },
    { .id = SPAN_LIT("AKIAANN"),
      .secret = SPAN_LIT("ann's"),
      .account = SPAN_LIT("123456789012"),
      .user = SPAN_LIT("ann") },
    { .id = SPAN_LIT("AKIAOFF"),
      .secret = SPAN_LIT("off's"),
      .account = SPAN_LIT("123456789012"),
      .user = SPAN_LIT("off"),
      .disabled = true },
};

static struct keyring_slot *slot(void)
{
    static struct keyring_slot *made;
    struct keyring *ring;
    struct err err;
    unsigned char hash[SHA256_BYTES];
    if (made)
        return made;
    sha256_of(SPAN_LIT(TOKEN), hash);
    const struct session_row session = { .id = SPAN_LIT("ASIAANN"),
                                         .secret = SPAN_LIT("session's"),
                                         .parent = SPAN_LIT("AKIAANN"),
                                         .token_sha256 = span_of(hash, sizeof hash),
                                         .expires_ms = MOMENT_MS + 1000 };
    CHECK(keyring_build(SPAN_LIT("aws"), keys, COUNT_OF(keys), &session, 1, &ring, &err));
    made = keyring_slot_new(ring);
    return made;
}

static void parse(struct span text, struct asked *ret_asked)
{
    *ret_asked = (struct asked){ 0 };
    struct auth_request *request = &ret_asked->request;
    request->method = span_cut(&text, '\n');
    request->path = span_cut(&text, '\n');
    request->query = span_cut(&text, '\n');
    ret_asked->authorization = span_cut(&text, '\n');
    request->headers = ret_asked->headers;
    while (text.ptr && request->header_count < HEADERS_MOST) {
        struct span value = span_cut(&text, '\n');
        if (value.len == 0)
            break;
        struct span name = span_cut(&value, ':');
        ret_asked->headers[request->header_count++] = (struct sigv4_header){ name, value };
    }
    ret_asked->body = text;
}

static struct answer ask(const struct asked *asked)
{
    const struct auth_options options = { .service = SPAN_LIT("rekognition"),
                                          .skew_ms = SKEW_MS,
                                          .partition = SPAN_LIT("aws"),
                                          .account = SPAN_LIT("123456789012"),
                                          .region = SPAN_LIT("us-east-1") };
    struct answer answer = { .passed = false };
    struct principal who;
    struct auth auth = { 0 };
    struct err err = { E_OK, "" };
    unsigned char sum[SHA256_BYTES];
    sha256_of(asked->body, sum);
    if (!auth_head(&options, slot(), &asked->request, MOMENT_MS, &auth, &err)) {
        CHECK(err.text[0] != '\0');
        answer.code = err.code;
        return answer;
    }
    answer.passed = auth_complete(&auth, &asked->request, sum, MOMENT_MS, &who, &err);
    answer.code = err.code;
    if (answer.passed) {
        answer.root = who.root;
        answer.whole = span_is(who.account, "123456789012") && who.region.len > 0 && who.arn.len > 0 &&
                       (who.root ? who.user.len == 0 : span_is(who.user, "ann"));
    } else {
        CHECK(err.text[0] != '\0');
    }
    auth_end(&auth);
    return answer;
}

static struct answer ask_with(struct asked asked, struct span authorization)
{
    asked.request.headers = asked.headers;
    asked.headers[asked.request.header_count++] = (struct sigv4_header){ SPAN_LIT("Authorization"), authorization };
    return ask(&asked);
}

static bool has(const struct asked *asked, const char *name)
{
    for (size_t i = 0; i < asked->request.header_count; i++)
        if (span_eq_nocase(asked->headers[i].name, span_str(name)))
            return true;
    return false;
}

static void give(struct asked *asked, const char *name, const char *value)
{
    if (!has(asked, name))
        asked->headers[asked->request.header_count++] = (struct sigv4_header){ span_str(name), span_str(value) };
}

/* What its sender would send: false where there is nothing that can be signed. */
static bool sign(const struct asked *asked, struct sigv4_credentials credentials, struct buf *out)
{
    char hex[SHA256_HEX];
    unsigned char sum[SHA256_BYTES];
    sha256_of(asked->body, sum);
    sha256_hex(sum, hex);
    const struct sigv4_request request = { .method = asked->request.method,
                                           .path = asked->request.path,
                                           .query = asked->request.query,
                                           .headers = asked->headers,
                                           .header_count = asked->request.header_count,
                                           .payload_hash = span_of(hex, SHA256_HEX) };
    return sigv4_sign(&request, credentials, SPAN_LIT("us-east-1"), SPAN_LIT("rekognition"),
                      SPAN_LIT("20260102T030405Z"), out);
}

/* The signature with its last digit changed. */
static struct answer ask_forged(const struct asked *asked, struct buf *authorization)
{
    char *last = authorization->ptr + authorization->len - 1;
    char was = *last;
    *last = was == '0' ? '1' : '0';
    struct answer answer = ask_with(*asked, buf_span(authorization));
    *last = was;
    return answer;
}

static void try_signed(struct asked asked, struct sigv4_credentials credentials, bool enabled)
{
    struct buf authorization;
    asked.request.headers = asked.headers;
    give(&asked, "Host", "h");
    give(&asked, "X-Amz-Date", "20260102T030405Z");
    buf_init(&authorization, SIGV4_CANONICAL_MAX);
    if (!has(&asked, "Authorization") && sign(&asked, credentials, &authorization)) {
        struct answer answer = ask_with(asked, buf_span(&authorization));
        CHECK(!answer.passed || (enabled && answer.whole && answer.root == span_is(credentials.key_id, "AKIAROOT")));
        if (answer.passed) {
            CHECK(!ask_forged(&asked, &authorization).passed);
            asked.body = SPAN_LIT("another body");
            CHECK(!ask_with(asked, buf_span(&authorization)).passed);
        }
    }
    buf_free(&authorization);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct asked asked;
    parse(span_of(data, size), &asked);
    if (span_is(asked.body, "another body"))
        return 0;
    CHECK(!ask_with(asked, asked.authorization).passed && !ask(&asked).passed);
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        try_signed(asked, (struct sigv4_credentials){ keys[i].id, keys[i].secret }, !keys[i].disabled);
    try_signed(asked, (struct sigv4_credentials){ SPAN_LIT("ASIAANN"), SPAN_LIT("session's") }, true);
    return 0;
}
