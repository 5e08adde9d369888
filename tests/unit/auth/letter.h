/*
 * letter: a request for tests, signed as an SDK signs, then changed in one place and sent through authenticate.
 *
 * `struct letter l; letter_sign(&l, …);` change it, `letter_send(&l, …)`. Every letter is dated MOMENT unless it says
 * otherwise, and the server's clock stands at MOMENT.
 */
#ifndef PLACARD_TESTS_AUTH_LETTER_H
#define PLACARD_TESTS_AUTH_LETTER_H

#include "auth/authenticate.h"

#define LETTER_DATE "20260102T030405Z"
#define LETTER_MOMENT_MS INT64_C(1767323045000)
#define LETTER_BODY "{\"DatasetArn\": \"arn:aws:rekognition:us-east-1:123456789012:project/p/dataset/train/1\"}"

enum { LETTER_HEADERS = 16, LETTER_TEXT = 8192 };

struct letter {
    struct auth_request request;
    struct sigv4_header headers[LETTER_HEADERS];
    size_t count;
    const char *body;
    char authorization[LETTER_TEXT];
    char changed[LETTER_TEXT];
};

/* Whose key, and what for; zero members are the usual ones. */
struct letter_wish {
    const char *key_id;    /* AKIAANN */
    const char *secret;    /* ann's */
    const char *token;     /* none */
    const char *region;    /* us-east-1 */
    const char *service;   /* rekognition */
    const char *date;      /* LETTER_DATE; in the scope and in X-Amz-Date */
    const char *http_date; /* sent as Date in place of X-Amz-Date */
    const char *path;
    const char *query;
    const char *content_sha256; /* sent, signed and used as the body's hash; "real": the true one */
};

void letter_sign(struct letter *letter, const struct letter_wish *wish);

/* One header more (not signed), another value for the one of that name, or none. */
void letter_add(struct letter *letter, const char *name, const char *value);
void letter_set(struct letter *letter, const char *name, const char *value);
void letter_remove(struct letter *letter, const char *name);

/* Changes the Authorization header: the first `from` becomes `to`. */
void letter_replace(struct letter *letter, const char *from, const char *to);
const char *letter_authorization(const struct letter *letter);

/* The server's keys and options; letter_server_end frees them. */
struct letter_server {
    struct keyring_slot *keys;
    struct auth_options options;
    int64_t now_ms;
};
void letter_server_start(struct letter_server *server);
void letter_server_end(struct letter_server *server);

/* Both stages. On success copies what the principal points to. */
struct letter_answer {
    bool passed;
    bool refused_at_head;
    struct err err;
    char account[32], region[80], user[80], arn[160];
    bool root, has_policy;
};
struct letter_answer letter_send(const struct letter *letter, const struct letter_server *server);

#define LETTER_SESSION_TOKEN "a token of sixty letters or so, of which only the hash is kept"
#define LETTER_SESSION_EXPIRES_MS (LETTER_MOMENT_MS + 1000)

#endif
