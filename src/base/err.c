/* err: see err.h for the contract. */
#define PLACARD_BASE_ERR_C
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool fail(struct err *err, enum err_code code, const char *format, ...)
{
    CHECK(code != E_OK);
    if (err) {
        va_list args;
        va_start(args, format);
        err->code = code;
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return false;
}

bool fail_sentence(struct err *err, enum err_code code, const struct err *why)
{
    char first = why->text[0];
    size_t len = strlen(why->text);
    if (first >= 'a' && first <= 'z')
        first = (char)(first - 'a' + 'A');
    return fail(err, code, "%c%s%s", first, why->text + (len > 0), len > 0 && why->text[len - 1] == '.' ? "" : ".");
}

const char *err_name(enum err_code code)
{
    static const char *const names[] = {
        [E_OK] = "E_OK",
        [E_INTERNAL] = "E_INTERNAL",
        [E_STORE] = "E_STORE",
        [E_CONFLICT] = "E_CONFLICT",
        [E_NOT_FOUND] = "E_NOT_FOUND",
        [E_EXISTS] = "E_EXISTS",
        [E_IN_USE] = "E_IN_USE",
        [E_NOT_READY] = "E_NOT_READY",
        [E_INVALID] = "E_INVALID",
        [E_VALIDATION] = "E_VALIDATION",
        [E_SERIALIZATION] = "E_SERIALIZATION",
        [E_UNKNOWN_OPERATION] = "E_UNKNOWN_OPERATION",
        [E_DENIED] = "E_DENIED",
        [E_LIMIT] = "E_LIMIT",
        [E_QUOTA] = "E_QUOTA",
        [E_TOKEN] = "E_TOKEN",
        [E_OBJECT] = "E_OBJECT",
        [E_OBJECT_DENIED] = "E_OBJECT_DENIED",
        [E_OBJECT_CHANGED] = "E_OBJECT_CHANGED",
        [E_IMAGE_FORMAT] = "E_IMAGE_FORMAT",
        [E_IMAGE_LARGE] = "E_IMAGE_LARGE",
        [E_POLICY] = "E_POLICY",
        [E_REVISION] = "E_REVISION",
        [E_RATE] = "E_RATE",
        [E_THROTTLED] = "E_THROTTLED",
        [E_AUTH_MISSING] = "E_AUTH_MISSING",
        [E_AUTH_INCOMPLETE] = "E_AUTH_INCOMPLETE",
        [E_AUTH_SIGNATURE] = "E_AUTH_SIGNATURE",
        [E_AUTH_UNKNOWN_KEY] = "E_AUTH_UNKNOWN_KEY",
        [E_AUTH_EXPIRED] = "E_AUTH_EXPIRED",
        [E_TOO_LARGE] = "E_TOO_LARGE",
        [E_LOST_LEASE] = "E_LOST_LEASE",
        [E_CONFIG] = "E_CONFIG",
    };
    CHECK((unsigned)code < COUNT_OF(names));
    return names[code];
}
