/*
 * json_writer: compact JSON out, streamed into a buf.
 *
 * `struct json_writer w = json_writer_on(&buf);` then calls in document order; commas and colons are the writer's.
 * Nesting mistakes are ours and CHECKed; json_writer_end CHECKs that everything opened is closed. Strings are escaped
 * minimally (quote, backslash, control characters); input that is not UTF-8 is replaced by U+FFFD, so the output always
 * parses. Numbers print in the shortest form that reads back the same; no NaN or infinity (CHECKed).
 */
#ifndef PLACARD_JSON_JSON_WRITER_H
#define PLACARD_JSON_JSON_WRITER_H

#include "base/buf.h"

#define JSON_WRITER_DEPTH 32

struct json_writer {
    struct buf *out;
    unsigned depth;
    bool comma;                      /* the next value is preceded by one */
    bool keyed;                      /* a key waits for its value */
    char closing[JSON_WRITER_DEPTH]; /* '}' or ']' of each open level */
};

struct json_writer json_writer_on(struct buf *out);
void json_open_object(struct json_writer *w);
void json_close_object(struct json_writer *w);
void json_open_array(struct json_writer *w);
void json_close_array(struct json_writer *w);
void json_key(struct json_writer *w, const char *key); /* a plain ASCII key that needs no escape */
void json_key_span(struct json_writer *w, struct span key);
void json_add_string(struct json_writer *w, struct span text);
void json_add_int(struct json_writer *w, int64_t value);
void json_add_bool(struct json_writer *w, bool value);
void json_add_null(struct json_writer *w);
void json_add_double(struct json_writer *w, double value);
void json_add_float(struct json_writer *w, float value); /* as (double)value, spec A.4 */
void json_add_raw(struct json_writer *w, struct span json);

/* Epoch seconds with exactly three decimals from milliseconds (spec A.4): 1690476084.738 */
void json_add_time_ms(struct json_writer *w, int64_t wall_ms);

void json_writer_end(const struct json_writer *w);

#endif
