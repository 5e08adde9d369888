/*
 * err: the one error type.
 *
 * A function that can fail from causes outside the program returns bool (true: done) and takes `struct err *err` last.
 * On failure it says `return fail(err, E_…, "a sentence with %s", …);` and leaves its `ret_` outputs untouched. The
 * code says what kind of thing went wrong, never which exception it becomes: that is api/fault's knowledge alone. The
 * sentence is for a person: for most codes it reaches the client, so it holds no path, secret or SQL; E_INTERNAL's,
 * E_STORE's and E_CONFLICT's sentence is only logged.
 */
#ifndef PLACARD_BASE_ERR_H
#define PLACARD_BASE_ERR_H

#include <stdbool.h>

#include "base/check.h"

enum err_code {
    E_OK = 0,
    E_INTERNAL,      /* our fault, or the machine's */
    E_STORE,         /* the database failed (disk full, I/O, busy past hope) */
    E_CONFLICT,      /* another writer came first, or the database was lost before the commit: nothing has happened,
                        and the same again may well be done */
    E_NOT_FOUND,     /* no such resource in the caller's account and region */
    E_EXISTS,        /* the name or place is taken */
    E_IN_USE,        /* the resource's state forbids it */
    E_NOT_READY,     /* the resource cannot be read or used yet */
    E_INVALID,       /* contradictory or meaningless parameters beyond the model's constraints */
    E_VALIDATION,    /* a constraint of the model is violated */
    E_SERIALIZATION, /* the body is not JSON or of the wrong types */
    E_UNKNOWN_OPERATION,
    E_DENIED,           /* the policy says no */
    E_LIMIT,            /* an account or dataset quota */
    E_QUOTA,            /* tags or policies per resource */
    E_TOKEN,            /* bad NextToken */
    E_OBJECT,           /* an object of the object store cannot be read or written */
    E_OBJECT_DENIED,    /* the object store refuses to have it read */
    E_OBJECT_CHANGED,   /* its etag is another than the one expected */
    E_IMAGE_FORMAT,     /* neither PNG nor JPEG, or damaged */
    E_IMAGE_LARGE,      /* more bytes or pixels than an image may have */
    E_POLICY,           /* a project policy's document breaks a rule */
    E_REVISION,         /* the policy has another revision by now */
    E_RATE,             /* the account's configured rate is spent */
    E_THROTTLED,        /* the server as a whole sheds load */
    E_AUTH_MISSING,     /* no Authorization */
    E_AUTH_INCOMPLETE,  /* parts of it missing or malformed */
    E_AUTH_SIGNATURE,   /* signature, scope or time wrong */
    E_AUTH_UNKNOWN_KEY, /* key or session token unknown */
    E_AUTH_EXPIRED,     /* temporary credentials past their time */
    E_TOO_LARGE,        /* the request's body is over its limit */
    E_LOST_LEASE,       /* this job is somebody else's now */
    E_CONFIG            /* a flag, variable or file key is wrong */
};

struct err {
    enum err_code code;
    char text[1024];
};

#ifdef __cplusplus
extern "C" {
#endif

/* Fills *err (which may be NULL) and returns false. A text longer than the room is cut. */
#if defined(__clang_analyzer__) && !defined(__cplusplus) && !defined(PLACARD_BASE_ERR_C)
/* The analyzer looks into one file at a time and no variadic function: it is told the answer, and that texts count. */
extern bool analyzed;
static inline void set_code(struct err *err, enum err_code code)
{
    if (err)
        err->code = code;
}
#define fail(err, code, ...) (analyzed ? (void)__builtin_printf(__VA_ARGS__) : (void)0, set_code((err), (code)), false)
#else
bool fail(struct err *err, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);
#endif

/* The same with the text of `why` as a sentence for users: with a capital at its beginning and a stop at its end. */
bool fail_sentence(struct err *err, enum err_code code, const struct err *why);

/* For asserts and logs: "E_NOT_FOUND" and so on. */
const char *err_name(enum err_code code);

#ifdef __cplusplus
}
#endif

#endif
