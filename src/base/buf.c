/* buf: see buf.h for the contract. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *buf, size_t max_bytes)
{
    *buf = (struct buf){ .max = max_bytes };
}

void buf_free(struct buf *buf)
{
    free(buf->ptr);
    *buf = (struct buf){ .max = buf->max };
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->overflow = false;
}

bool buf_reserve(struct buf *buf, size_t more)
{
    if (more > buf->max || buf->len > buf->max - more) {
        buf->overflow = true;
        return false;
    }
    size_t need = buf->len + more;
    if (need <= buf->room)
        return true;
    size_t room = buf->room ? buf->room : 256;
    while (room < need)
        room *= 2;
    buf->ptr = mem_grow(buf->ptr, room);
    buf->room = room;
    return true;
}

void buf_add(struct buf *buf, struct span bytes)
{
    if (bytes.len == 0 || !buf_reserve(buf, bytes.len))
        return;
    memcpy(buf->ptr + buf->len, bytes.ptr, bytes.len);
    buf->len += bytes.len;
}

void buf_add_str(struct buf *buf, const char *text)
{
    buf_add(buf, span_str(text));
}

void buf_add_char(struct buf *buf, char c)
{
    if (buf_reserve(buf, 1))
        buf->ptr[buf->len++] = c;
}

void buf_add_u64(struct buf *buf, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    buf_add(buf, span_of(digits + at, sizeof digits - at));
}

void buf_addf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int need = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(need >= 0);
    if (buf_reserve(buf, (size_t)need + 1)) {
        vsnprintf(buf->ptr + buf->len, (size_t)need + 1, format, again);
        buf->len += (size_t)need;
    }
    va_end(again);
}

void buf_add_hex(struct buf *buf, const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = bytes;
    if (!buf_reserve(buf, len * 2))
        return;
    for (size_t i = 0; i < len; i++) {
        buf->ptr[buf->len++] = digits[from[i] >> 4];
        buf->ptr[buf->len++] = digits[from[i] & 15];
    }
}

const char *buf_cstr(struct buf *buf)
{
    if (buf->len == buf->room) {
        buf->room = buf->room ? buf->room * 2 : 64;
        buf->ptr = mem_grow(buf->ptr, buf->room);
    }
    buf->ptr[buf->len] = '\0';
    return buf->ptr;
}
