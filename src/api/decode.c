/*
 * decode: see decode.h for the contract. This file parses, fills the structs and judges types; decode_check.c does the
 * rest.
 *
 * What a body can make us hold is bounded by its length: of equal members only the last is decoded, and of a list or
 * map only so many items as the model allows are kept. The others are judged by type all the same, for types come
 * first, and the list is refused for its length afterwards.
 */
#include "api/decode.h"

#include <pthread.h>

#include "api/base64.h"
#include "api/decode_inside.h"
#include "json/json.h"

enum {
    KEPT_BODY_MAX = 64 * 1024, /* a longer one gets a parser of its own: a parser never shrinks */
    MEMBERS_MAX = 9,           /* of a structure of requests */
    KEY_SLOTS = 1024           /* of a map's set of keys: over twice what any map may hold */
};

struct decoding {
    struct arena *arena;
    struct strange *strange;
    struct span wrong; /* A.7's text, once a type was wrong */
};

static bool fill(struct decoding *d, const struct model_shape *shape, struct json value, void *slot);

/* --- wrong types (spec A.7) --------------------------------------------------------------------------------------- */

static const char *token_name(enum json_kind kind)
{
    switch (kind) {
    case JSON_STRING:
        return "STRING_VALUE";
    case JSON_TRUE:
        return "TRUE_VALUE";
    case JSON_FALSE:
        return "FALSE_VALUE";
    default:
        return "NUMBER_VALUE";
    }
}

static const char *target_name(enum model_kind kind)
{
    switch (kind) {
    case MODEL_INTEGER:
        return "an Integer";
    case MODEL_FLOAT:
        return "a Float";
    case MODEL_BOOLEAN:
        return "a Boolean";
    case MODEL_BLOB:
        return "a Blob";
    default:
        return "a String";
    }
}

static bool wrong_type(struct decoding *d, enum model_kind wanted, enum json_kind got)
{
    if (got == JSON_ARRAY)
        d->wrong = SPAN_LIT("Start of list found where not expected");
    else if (got == JSON_OBJECT)
        d->wrong = SPAN_LIT("Start of structure or map found where not expected.");
    else if (wanted == MODEL_LIST)
        d->wrong = SPAN_LIT("Expected list or null");
    else if (wanted == MODEL_STRUCT || wanted == MODEL_MAP)
        d->wrong = SPAN_LIT("Expected null");
    else
        d->wrong = arena_printf(d->arena, "%s can not be converted to %s", token_name(got), target_name(wanted));
    return false;
}

/* --- scalars; a slot of NULL: judge the type alone ---------------------------------------------------------------- */

static bool fill_text(struct decoding *d, const struct model_shape *shape, struct json value, void *slot)
{
    enum json_kind kind = json_kind(value);
    if (kind != JSON_STRING)
        return wrong_type(d, shape->kind, kind);
    if (slot)
        *(struct span *)slot = arena_copy(d->arena, json_string(value));
    return true;
}

static bool fill_enum(struct decoding *d, const struct model_shape *shape, struct json value, int *slot)
{
    enum json_kind kind = json_kind(value);
    if (kind != JSON_STRING)
        return wrong_type(d, shape->kind, kind);
    if (!slot)
        return true;
    struct span word = json_string(value);
    for (int i = 0; shape->words[i]; i++) {
        if (span_is(word, shape->words[i])) {
            *slot = i;
            return true;
        }
    }
    struct strange *strange = arena_alloc(d->arena, sizeof *strange);
    *strange = (struct strange){ .next = d->strange, .at = slot, .word = word };
    d->strange = strange;
    *slot = ENUM_STRANGE;
    return true;
}

/* Fractions are cut; a number past 64 bits becomes the outermost one, which its bounds refuse. */
static bool fill_integer(struct decoding *d, struct json value, struct model_integer *slot)
{
    enum json_kind kind = json_kind(value);
    struct model_integer integer = { .given = true };
    if (kind != JSON_INTEGER && kind != JSON_DOUBLE)
        return wrong_type(d, MODEL_INTEGER, kind);
    if (kind == JSON_DOUBLE || !json_to_i64(value, &integer.value)) {
        double number = json_to_double(value);
        if (number >= 0x1p63)
            integer.value = INT64_MAX;
        else if (number < -0x1p63)
            integer.value = INT64_MIN;
        else
            integer.value = (int64_t)number;
    }
    if (slot)
        *slot = integer;
    return true;
}

static bool fill_float(struct decoding *d, struct json value, struct model_float *slot)
{
    enum json_kind kind = json_kind(value);
    if (kind != JSON_INTEGER && kind != JSON_DOUBLE)
        return wrong_type(d, MODEL_FLOAT, kind);
    if (slot)
        *slot = (struct model_float){ .given = true, .value = json_to_double(value) };
    return true;
}

static bool fill_boolean(struct decoding *d, struct json value, struct model_boolean *slot)
{
    enum json_kind kind = json_kind(value);
    if (kind != JSON_TRUE && kind != JSON_FALSE)
        return wrong_type(d, MODEL_BOOLEAN, kind);
    if (slot)
        *slot = (struct model_boolean){ .given = true, .value = kind == JSON_TRUE };
    return true;
}

static bool fill_blob(struct decoding *d, struct json value, struct span *slot)
{
    enum json_kind kind = json_kind(value);
    struct span bytes;
    if (kind != JSON_STRING)
        return wrong_type(d, MODEL_BLOB, kind);
    if (!base64_decode(json_string(value), d->arena, &bytes)) {
        d->wrong = SPAN_LIT("The value of a blob is not valid base64");
        return false;
    }
    if (slot)
        *slot = bytes;
    return true;
}

/* --- collections -------------------------------------------------------------------------------------------------- */

/* Makes a slot say "absent". The arena's memory is zeroed, which says so for everything but enums. */
static void leave_out(const struct model_shape *shape, void *slot)
{
    if (shape->kind == MODEL_ENUM)
        *(int *)slot = MODEL_ABSENT;
}

static bool fill_list(struct decoding *d, const struct model_shape *shape, struct json value, struct model_list *slot)
{
    if (json_kind(value) != JSON_ARRAY)
        return wrong_type(d, MODEL_LIST, json_kind(value));
    struct model_list list = { .given = true, .count = json_count(value) };
    size_t kept = slot ? kept_items(shape, list.count) : 0, bytes = slot_bytes(shape->item), at = 0;
    list.items = slot ? arena_alloc(d->arena, kept * bytes) : NULL;
    for (struct json_iter it = json_iter(value); json_next(&it); at++) {
        void *item = at < kept ? (char *)list.items + at * bytes : NULL;
        if (item)
            leave_out(shape->item, item);
        if (!fill(d, shape->item, it.value, item))
            return false;
    }
    if (slot)
        *slot = list;
    return true;
}

/* The place of a key in the set of a map's keys: where it stands, or would. FNV-1a. */
static size_t key_slot(const uint16_t *set, const struct model_pair *pairs, struct span key)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (uint8_t)key.ptr[i]) * 16777619U;
    size_t at = hash % KEY_SLOTS;
    while (set[at] && !span_eq(pairs[set[at] - 1].key, key))
        at = (at + 1) % KEY_SLOTS;
    return at;
}

static bool fill_map(struct decoding *d, const struct model_shape *shape, struct json value, struct model_list *slot)
{
    if (json_kind(value) != JSON_OBJECT)
        return wrong_type(d, MODEL_MAP, json_kind(value));
    CHECK(shape->max != MODEL_NO_BOUND && shape->max < KEY_SLOTS / 2);
    uint16_t set[KEY_SLOTS] = { 0 }; /* 1 + the place of a pair */
    struct model_list map = { .given = true };
    size_t kept = kept_items(shape, json_count(value));
    struct model_pair *pairs = arena_alloc(d->arena, kept * sizeof *pairs);
    struct json *last = arena_alloc(d->arena, kept * sizeof *last);
    for (struct json_iter it = json_iter(value); json_next(&it);) {
        size_t at = key_slot(set, pairs, it.key);
        if (!set[at] && map.count < kept) {
            pairs[map.count++].key = arena_copy(d->arena, it.key);
            set[at] = (uint16_t)map.count;
        }
        if (set[at]) {
            last[set[at] - 1] = it.value;
        } else {
            map.count = kept + 1; /* one too many: it is refused, however many more there are */
            if (!fill(d, shape->item, it.value, NULL))
                return false;
        }
    }
    for (size_t i = 0; i < map.count && i < kept; i++)
        if (!fill(d, shape->item, last[i], &pairs[i].value))
            return false;
    map.items = pairs;
    if (slot)
        *slot = map;
    return true;
}

/* Into the struct itself; `into` NULL: judge the types alone. */
static bool fill_members(struct decoding *d, const struct model_shape *shape, struct json value, char *into)
{
    struct json last[MEMBERS_MAX];
    bool given[MEMBERS_MAX] = { false };
    CHECK(shape->member_count <= MEMBERS_MAX);
    for (struct json_iter it = json_iter(value); json_next(&it);) {
        for (size_t i = 0; i < shape->member_count; i++) {
            if (span_is(it.key, shape->members[i].name)) {
                last[i] = it.value;
                given[i] = true;
                break;
            }
        }
    }
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct model_member *member = &shape->members[i];
        char *slot = into ? into + member->at : NULL;
        if (slot)
            leave_out(member->shape, slot);
        if (given[i] && !fill(d, member->shape, last[i], slot))
            return false;
    }
    return true;
}

static bool fill_struct(struct decoding *d, const struct model_shape *shape, struct json value, void **slot)
{
    if (json_kind(value) != JSON_OBJECT)
        return wrong_type(d, MODEL_STRUCT, json_kind(value));
    void *into = slot ? arena_alloc(d->arena, shape->size) : NULL;
    if (!fill_members(d, shape, value, into))
        return false;
    if (slot)
        *slot = into;
    return true;
}

static bool fill(struct decoding *d, const struct model_shape *shape, struct json value, void *slot)
{
    if (json_kind(value) == JSON_NULL)
        return true;
    switch (shape->kind) {
    case MODEL_STRING:
        return fill_text(d, shape, value, slot);
    case MODEL_ENUM:
        return fill_enum(d, shape, value, slot);
    case MODEL_INTEGER:
        return fill_integer(d, value, slot);
    case MODEL_FLOAT:
        return fill_float(d, value, slot);
    case MODEL_BOOLEAN:
        return fill_boolean(d, value, slot);
    case MODEL_BLOB:
        return fill_blob(d, value, slot);
    case MODEL_LIST:
        return fill_list(d, shape, value, slot);
    case MODEL_MAP:
        return fill_map(d, shape, value, slot);
    case MODEL_STRUCT:
        return fill_struct(d, shape, value, slot);
    case MODEL_LONG:
    case MODEL_TIME:
        break;
    }
    CHECK(!"a kind of answers alone");
    return false;
}

/* --- the parser of the thread ------------------------------------------------------------------------------------- */

static _Thread_local struct json_parser *own_parser;
static pthread_key_t parser_key; /* for its destructor, which runs when the thread ends */
static pthread_once_t parser_once = PTHREAD_ONCE_INIT;

static void free_parser(void *parser)
{
    json_parser_free(parser);
}

static void make_key(void)
{
    CHECK(pthread_key_create(&parser_key, free_parser) == 0);
}

static struct json_parser *thread_parser(void)
{
    if (!own_parser) {
        CHECK(pthread_once(&parser_once, make_key) == 0);
        own_parser = json_parser_new();
        CHECK(pthread_setspecific(parser_key, own_parser) == 0);
    }
    return own_parser;
}

static bool decode_by(struct json_parser *parser, const struct model_shape *shape, struct span body,
                      struct arena *arena, void **ret_input, struct span *ret_message, struct err *err)
{
    struct json root;
    struct decoding d = { .arena = arena };
    *ret_message = SPAN_NONE;
    if (!json_parse(parser, body, &root, err))
        return false;
    enum json_kind kind = json_kind(root);
    if (kind != JSON_OBJECT) {
        if (kind == JSON_ARRAY && !wrong_type(&d, MODEL_STRUCT, kind))
            *ret_message = d.wrong;
        return fail(err, E_SERIALIZATION, "The body is not a JSON object.");
    }
    void *input = arena_alloc(arena, shape->size);
    if (!fill_members(&d, shape, root, input)) {
        *ret_message = d.wrong;
        return fail(err, E_SERIALIZATION, SPAN_FMT, SPAN_ARG(d.wrong));
    }
    if (!decode_check(shape, input, d.strange, arena, ret_message, err))
        return false;
    *ret_input = input;
    return true;
}

bool decode_request(const struct model_shape *shape, struct span body, struct arena *arena, void **ret_input,
                    struct span *ret_message, struct err *err)
{
    if (body.len == 0)
        body = SPAN_LIT("{}");
    bool keep = body.len <= KEPT_BODY_MAX;
    struct json_parser *parser = keep ? thread_parser() : json_parser_new();
    bool done = decode_by(parser, shape, body, arena, ret_input, ret_message, err);
    if (!keep)
        json_parser_free(parser);
    return done;
}
