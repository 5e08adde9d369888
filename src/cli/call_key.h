/*
 * call_key: whose signature `placard call` makes, and in which region: from the environment, or from a file in the
 * format of AWS's shared credentials.
 */
#ifndef PLACARD_CLI_CALL_KEY_H
#define PLACARD_CLI_CALL_KEY_H

#include "base/buf.h"
#include "base/err.h"

/* What the user said; members are NULL where nothing was. */
struct call_key_wish {
    const char *profile;
    const char *file;
    const char *region;
    bool aws; /* the endpoint is AWS: our own server's keys are not for it */
    bool unsigned_call;
};

struct call_key {
    struct buf id; /* empty: the request goes unsigned */
    struct buf secret;
    struct buf token;
    struct buf region;
};

void call_key_init(struct call_key *key);
void call_key_free(struct call_key *key); /* wipes */

/*
 * With a profile or a file named, from there. Else PLACARD_ACCESS_KEY_ID with PLACARD_SECRET_ACCESS_KEY and
 * PLACARD_SESSION_TOKEN, else the AWS_ variables of those names, else the file that AWS_SHARED_CREDENTIALS_FILE names,
 * else ./placard-data/credentials, else ~/.aws/credentials. E_CONFIG says what was looked for.
 */
bool call_key_find(const struct call_key_wish *wish, struct call_key *ret_key, struct err *err) MUST_CHECK;

#endif
