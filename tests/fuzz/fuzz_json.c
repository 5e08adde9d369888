/* fuzz_json: what json reads, json_writer writes and json reads the same; and any bytes make a string. */
#include <stdint.h>

#include "json/json.h"
#include "json/json_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* False if the value is nested deeper than the writer goes. */
static bool copy_value(struct json_writer *w, struct json value)
{
    bool object = json_kind(value) == JSON_OBJECT;
    if (!object && json_kind(value) != JSON_ARRAY) {
        int64_t number;
        switch (json_kind(value)) {
        case JSON_STRING:
            json_add_string(w, json_string(value));
            break;
        case JSON_INTEGER:
            if (json_to_i64(value, &number)) {
                json_add_int(w, number);
                break;
            }
            json_add_double(w, json_to_double(value));
            break;
        case JSON_DOUBLE:
            json_add_double(w, json_to_double(value));
            break;
        case JSON_NULL:
            json_add_null(w);
            break;
        default:
            json_add_bool(w, json_kind(value) == JSON_TRUE);
        }
        return true;
    }
    if (w->depth == JSON_WRITER_DEPTH)
        return false;
    if (object)
        json_open_object(w);
    else
        json_open_array(w);
    bool whole = true;
    size_t count = 0;
    for (struct json_iter it = json_iter(value); json_next(&it); count++) {
        if (object)
            json_key_span(w, it.key);
        if (!copy_value(w, it.value)) {
            json_add_null(w);
            whole = false;
        }
    }
    CHECK(count == json_count(value));
    if (object)
        json_close_object(w);
    else
        json_close_array(w);
    return whole;
}

static void check_same(struct json a, struct json b)
{
    enum json_kind kind = json_kind(a);
    if (kind == JSON_INTEGER || kind == JSON_DOUBLE) {
        CHECK(json_to_double(a) == json_to_double(b));
        return;
    }
    CHECK(kind == json_kind(b));
    if (kind == JSON_STRING)
        CHECK(span_eq(json_string(a), json_string(b)));
    if (kind != JSON_ARRAY && kind != JSON_OBJECT)
        return;
    struct json_iter left = json_iter(a), right = json_iter(b);
    while (json_next(&left)) {
        CHECK(json_next(&right));
        CHECK(span_eq(left.key, right.key));
        check_same(left.value, right.value);
    }
    CHECK(!json_next(&right));
}

static void check_string(struct json_parser *parser, struct span text)
{
    struct buf out;
    struct json root;
    buf_init(&out, SIZE_MAX / 4);
    struct json_writer w = json_writer_on(&out);
    json_add_string(&w, text);
    json_writer_end(&w);
    CHECK(json_parse(parser, buf_span(&out), &root, NULL));
    buf_clear(&out);
    struct span once = json_string(root);
    buf_add(&out, once);
    w = json_writer_on(&out);
    size_t from = out.len;
    json_add_string(&w, once); /* valid by now: it changes no more */
    CHECK(json_parse(parser, span_from(buf_span(&out), from), &root, NULL));
    CHECK(span_eq(json_string(root), span_first(buf_span(&out), from)));
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_of(data, size);
    struct json_parser *parser = json_parser_new(), *second = json_parser_new();
    struct json root, again;
    struct err err = { 0 };
    struct buf out;
    buf_init(&out, SIZE_MAX / 4);
    if (json_parse(parser, text, &root, &err)) {
        struct json_writer w = json_writer_on(&out);
        bool whole = copy_value(&w, root);
        json_writer_end(&w);
        CHECK(json_parse(second, buf_span(&out), &again, NULL));
        if (whole)
            check_same(root, again);
    } else {
        CHECK(err.code == E_SERIALIZATION && err.text[0] != '\0');
    }
    check_string(second, text);
    buf_free(&out);
    json_parser_free(parser);
    json_parser_free(second);
    return 0;
}
