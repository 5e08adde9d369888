/* base64: see base64.h for the contract. */
#include "api/base64.h"

/* A letter's six bits, and 64 to tell it from what is no letter. */
static const uint8_t letters[256] = {
    ['A'] = 64,  65,  66,  67,  68,  69,  70,  71,  72,  73,  74,          75,          76,
    77,          78,  79,  80,  81,  82,  83,  84,  85,  86,  87,          88,          89,
    ['a'] = 90,  91,  92,  93,  94,  95,  96,  97,  98,  99,  100,         101,         102,
    103,         104, 105, 106, 107, 108, 109, 110, 111, 112, 113,         114,         115,
    ['0'] = 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, ['+'] = 126, ['/'] = 127,
};

enum { LETTER = 64, BITS = 63 };

bool base64_decode(struct span text, struct arena *arena, struct span *ret_bytes)
{
    if (text.len % 4 != 0)
        return false;
    size_t padding = 0;
    while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=')
        padding++;
    size_t whole = text.len / 4 - (padding > 0);
    uint8_t *bytes = arena_alloc(arena, text.len / 4 * 3 + 1);
    const uint8_t *in = (const uint8_t *)text.ptr;
    uint8_t *out = bytes;
    unsigned valid = LETTER; /* looked at once, at the end: five million branches less */
    for (size_t i = 0; i < whole; i++, in += 4, out += 3) {
        unsigned a = letters[in[0]], b = letters[in[1]], c = letters[in[2]], d = letters[in[3]];
        valid &= a & b & c & d;
        unsigned bits = (a & BITS) << 18 | (b & BITS) << 12 | (c & BITS) << 6 | (d & BITS);
        out[0] = (uint8_t)(bits >> 16);
        out[1] = (uint8_t)(bits >> 8);
        out[2] = (uint8_t)bits;
    }
    if (padding > 0) {
        unsigned a = letters[in[0]], b = letters[in[1]], c = padding == 1 ? letters[in[2]] : LETTER;
        valid &= a & b & c;
        unsigned bits = (a & BITS) << 18 | (b & BITS) << 12 | (c & BITS) << 6;
        *out++ = (uint8_t)(bits >> 16);
        if (padding == 1)
            *out++ = (uint8_t)(bits >> 8);
        if (bits & (padding == 1 ? 0xffU : 0xffffU))
            return false;
    }
    if (!valid)
        return false;
    *ret_bytes = span_of(bytes, (size_t)(out - bytes));
    return true;
}
