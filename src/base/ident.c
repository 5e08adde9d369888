/* ident: see ident.h for the contract. */
#include "base/ident.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/check.h"

void ident_random(void *ret_bytes, size_t len)
{
    char *at = ret_bytes;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        CHECK(got > 0);
        at += got;
        len -= (size_t)got;
    }
}

void ident_uuid(char ret_text[37])
{
    static _Thread_local unsigned char pool[16 * 64];
    static _Thread_local size_t left;
    static const char digits[] = "0123456789abcdef";
    if (left == 0) {
        ident_random(pool, sizeof pool);
        left = sizeof pool;
    }
    left -= 16;
    unsigned char bytes[16];
    memcpy(bytes, pool + left, 16);
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    char *at = ret_text;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    *at = '\0';
}

void ident_text(char *ret_text, size_t len, const char *alphabet)
{
    size_t letters = strlen(alphabet);
    CHECK(letters > 0 && letters <= 256);
    unsigned limit = 256 - 256 % (unsigned)letters; /* bytes past it would favour the first letters */
    for (size_t i = 0; i < len;) {
        unsigned char byte;
        ident_random(&byte, 1);
        if (byte < limit)
            ret_text[i++] = alphabet[byte % letters];
    }
    ret_text[len] = '\0';
}
