/* letter: see letter.h. */
#include "letter.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const char * or (const char *text, const char *fallback)
{
    return text ? text : fallback;
}

void letter_add(struct letter *letter, const char *name, const char *value)
{
    CHECK(letter->count < LETTER_HEADERS);
    letter->headers[letter->count++] = (struct sigv4_header){ span_str(name), span_str(value) };
    letter->request.header_count = letter->count;
}

void letter_set(struct letter *letter, const char *name, const char *value)
{
    for (size_t i = 0; i < letter->count; i++) {
        if (span_eq_nocase(letter->headers[i].name, span_str(name))) {
            letter->headers[i].value = span_str(value);
            return;
        }
    }
    CHECK(false);
}

void letter_remove(struct letter *letter, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < letter->count; i++)
        if (!span_eq_nocase(letter->headers[i].name, span_str(name)))
            letter->headers[kept++] = letter->headers[i];
    CHECK(kept < letter->count);
    letter->count = letter->request.header_count = kept;
}

const char *letter_authorization(const struct letter *letter)
{
    return letter->changed[0] ? letter->changed : letter->authorization;
}

void letter_replace(struct letter *letter, const char *from, const char *to)
{
    char text[LETTER_TEXT];
    memcpy(text, letter_authorization(letter), sizeof text);
    char *at = strstr(text, from);
    CHECK(at);
    snprintf(letter->changed, sizeof letter->changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    letter_set(letter, "Authorization", letter->changed);
}

static const char *hash_of(const char *body)
{
    static char hex[SHA256_HEX + 1];
    unsigned char digest[SHA256_BYTES];
    sha256_of(span_str(body), digest);
    sha256_hex(digest, hex);
    return hex;
}

void letter_sign(struct letter *letter, const struct letter_wish *wish)
{
    static const struct letter_wish usual;
    struct buf out;
    wish = wish ? wish : &usual;
    memset(letter, 0, sizeof *letter);
    letter->body = LETTER_BODY;
    letter->request = (struct auth_request){ .method = SPAN_LIT("POST"),
                                             .path = span_str(or (wish->path, "/")),
                                             .query = span_str(wish->query),
                                             .headers = letter->headers };
    letter_add(letter, "Host", "127.0.0.1:8080");
    letter_add(letter, "Content-Type", "application/x-amz-json-1.1");
    letter_add(letter, "X-Amz-Target", "RekognitionService.DescribeDataset");
    if (wish->http_date)
        letter_add(letter, "Date", wish->http_date);
    else
        letter_add(letter, "X-Amz-Date", or (wish->date, LETTER_DATE));
    if (wish->token)
        letter_add(letter, "X-Amz-Security-Token", wish->token);
    const char *hash = hash_of(letter->body);
    if (wish->content_sha256 && strcmp(wish->content_sha256, "real") != 0)
        hash = wish->content_sha256;
    if (wish->content_sha256)
        letter_add(letter, "X-Amz-Content-Sha256", hash);
    const struct sigv4_request request = { .method = letter->request.method,
                                           .path = letter->request.path,
                                           .query = letter->request.query,
                                           .headers = letter->headers,
                                           .header_count = letter->count,
                                           .payload_hash = span_str(hash) };
    buf_init(&out, LETTER_TEXT - 1);
    CHECK(sigv4_sign(
        &request,
        (struct sigv4_credentials){ span_str(or (wish->key_id, "AKIAANN")), span_str(or (wish->secret, "ann's")) },
        span_str(or (wish->region, "us-east-1")), span_str(or (wish->service, "rekognition")),
        span_str(or (wish->date, LETTER_DATE)), &out));
    memcpy(letter->authorization, out.ptr, out.len);
    buf_free(&out);
    letter_add(letter, "Authorization", letter->authorization);
    letter_add(letter, "amz-sdk-request", "attempt=1");
    letter_add(letter, "User-Agent", "test");
}

void letter_server_start(struct letter_server *server)
{
    static const char policy[] = "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"rekognition:Describe*\","
                                 "\"Resource\":\"*\"}}";
    unsigned char hash[SHA256_BYTES];
    struct keyring *ring = NULL;
    struct err err;
    sha256_of(SPAN_LIT(LETTER_SESSION_TOKEN), hash);
    const struct key_row keys[] = {
        { .id = SPAN_LIT("AKIAROOT"), .secret = SPAN_LIT("root's"), .account = SPAN_LIT("123456789012") },
        { .id = SPAN_LIT("AKIAANN"),
          .secret = SPAN_LIT("ann's"),
          .account = SPAN_LIT("123456789012"),
          .user = SPAN_LIT("ann"),
          .policy = SPAN_LIT(policy) },
        { .id = SPAN_LIT("AKIAOFF"),
          .secret = SPAN_LIT("off's"),
          .account = SPAN_LIT("123456789012"),
          .user = SPAN_LIT("off"),
          .disabled = true },
    };
    const struct session_row sessions[] = {
        { .id = SPAN_LIT("ASIAANN"),
          .secret = SPAN_LIT("session's"),
          .parent = SPAN_LIT("AKIAANN"),
          .token_sha256 = span_of(hash, sizeof hash),
          .expires_ms = LETTER_SESSION_EXPIRES_MS },
        { .id = SPAN_LIT("ASIAOFF"),
          .secret = SPAN_LIT("session's"),
          .parent = SPAN_LIT("AKIAOFF"),
          .token_sha256 = span_of(hash, sizeof hash),
          .expires_ms = LETTER_SESSION_EXPIRES_MS },
    };
    CHECK(keyring_build(SPAN_LIT("aws"), keys, COUNT_OF(keys), sessions, COUNT_OF(sessions), &ring, &err));
    *server = (struct letter_server){ .keys = keyring_slot_new(ring),
                                      .options = { .service = SPAN_LIT("rekognition"),
                                                   .skew_ms = 15 * 60000,
                                                   .partition = SPAN_LIT("aws"),
                                                   .account = SPAN_LIT("123456789012"),
                                                   .region = SPAN_LIT("eu-west-9") },
                                      .now_ms = LETTER_MOMENT_MS };
}

void letter_server_end(struct letter_server *server)
{
    keyring_slot_free(server->keys);
}

static void copy(struct span text, char *ret_text, size_t room)
{
    CHECK(text.len < room);
    snprintf(ret_text, room, SPAN_FMT, SPAN_ARG(text));
}

struct letter_answer letter_send(const struct letter *letter, const struct letter_server *server)
{
    struct letter_answer answer = { .passed = false };
    struct auth_request request = letter->request;
    unsigned char digest[SHA256_BYTES];
    struct principal who;
    struct auth auth;
    request.headers = letter->headers;
    memset(&auth, 0x5a, sizeof auth);
    if (!auth_head(&server->options, server->keys, &request, server->now_ms, &auth, &answer.err)) {
        answer.refused_at_head = true;
        return answer;
    }
    sha256_of(span_str(letter->body), digest);
    answer.passed = auth_complete(&auth, &request, digest, server->now_ms, &who, &answer.err);
    if (answer.passed) {
        copy(who.account, answer.account, sizeof answer.account);
        copy(who.region, answer.region, sizeof answer.region);
        copy(who.user, answer.user, sizeof answer.user);
        copy(who.arn, answer.arn, sizeof answer.arn);
        answer.root = who.root;
        answer.has_policy = who.policy != NULL;
    }
    auth_end(&auth);
    return answer;
}
