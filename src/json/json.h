/*
 * json: strict JSON in, by simdjson's DOM behind a C face.
 *
 * A parser belongs to one thread and holds one document at a time: every `struct json` and every span cut from it dies
 * with the next json_parse or json_parser_free on the same parser. Strict means: UTF-8 only, no lone surrogates, no
 * control characters in strings, no trailing commas, depth at most 1,024 (an innermost empty array or object is not
 * counted). A number beyond a double's range or an integer beyond 64 bits parses (as +-1e308): it matters only to who
 * evaluates it. Duplicate keys are kept in order by iteration and the last one wins in json_member.
 */
#ifndef PLACARD_JSON_JSON_H
#define PLACARD_JSON_JSON_H

#include "base/err.h"
#include "base/span.h"

#ifdef __cplusplus
extern "C" {
#endif

struct json_parser;

/* A value inside the parser's current document; passed by value. */
struct json {
    const void *doc;
    size_t at;
};

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_INTEGER, JSON_DOUBLE, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_parser *json_parser_new(void);
void json_parser_free(struct json_parser *parser);

/* E_SERIALIZATION with a sentence that says what is wrong (no byte of the input in it). The text is copied. */
bool json_parse(struct json_parser *parser, struct span text, struct json *ret_root, struct err *err) MUST_CHECK;

enum json_kind json_kind(struct json value);

/* The unescaped text of a string value; may hold NUL bytes. CHECKs the kind. */
struct span json_string(struct json value);

/* A JSON_INTEGER that fits (false for an unsigned one past INT64_MAX). CHECKs that it is a number. */
bool json_to_i64(struct json value, int64_t *ret_value);

/* Any number as a double. CHECKs that it is one. */
double json_to_double(struct json value);

/* Iteration, in document order: `struct json_iter it = json_iter(v); while (json_next(&it)) … it.key … it.value`. */
struct json_iter {
    struct json value;
    struct span key; /* of an object's member; empty for an array's element */
    const void *doc;
    size_t next;
    size_t end;
    bool object;
};
struct json_iter json_iter(struct json array_or_object);
bool json_next(struct json_iter *iter);

/* The number of elements or members (duplicates counted). */
size_t json_count(struct json array_or_object);

/* The last member of that name. */
bool json_member(struct json object, struct span key, struct json *ret_value);

#ifdef __cplusplus
}
#endif

#endif
