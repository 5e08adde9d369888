/*
 * buf: bytes that grow, up to a maximum stated when it is made.
 *
 * `struct buf b; buf_init(&b, MAX);` … `buf_free(&b);`. Writing past the maximum sets `overflow`, drops the write and
 * keeps what was there: the caller checks `overflow` once at the end instead of at every append. Memory is process
 * memory; a buf is owned by who called buf_init. One thread at a time.
 */
#ifndef PLACARD_BASE_BUF_H
#define PLACARD_BASE_BUF_H

#include "base/check.h"
#include "base/span.h"

struct buf {
    char *ptr;
    size_t len;
    size_t room;
    size_t max;
    bool overflow;
};

void buf_init(struct buf *buf, size_t max_bytes);
void buf_free(struct buf *buf);

/* Empty again, room kept, overflow cleared. */
void buf_clear(struct buf *buf);

/* Makes room for `more` bytes beyond len; false (and overflow) if that is past the maximum. */
bool buf_reserve(struct buf *buf, size_t more);

void buf_add(struct buf *buf, struct span bytes);
void buf_add_str(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_add_u64(struct buf *buf, uint64_t value); /* decimal */
void buf_addf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_add_hex(struct buf *buf, const void *bytes, size_t len); /* lower case */

static inline struct span buf_span(const struct buf *buf)
{
    return span_of(buf->ptr, buf->len);
}

/* The content as a C string; the NUL is not part of len. */
const char *buf_cstr(struct buf *buf);

#endif
