/*
 * json: see json.h for the contract. The one C++ file: simdjson's DOM behind it.
 *
 * A `struct json` is the two words of simdjson's tape_ref, a document and an index on its tape, so that passing values
 * costs nothing. simdjson refuses numbers that no 64-bit type holds; since such a number matters only to who
 * evaluates it, a second attempt replaces each of them in our copy of the text by +-1e308, padded to the same length.
 */
#include "json/json.h"

#include <simdjson.h>

namespace
{

using simdjson::internal::tape_ref;
using simdjson::internal::tape_type;

constexpr size_t MAX_DEPTH = 1024;
constexpr size_t MIN_CAPACITY = 4096;
constexpr size_t MAX_CAPACITY = UINT32_C(0xFFFFFFFF); /* simdjson's own limit */

tape_ref ref(struct json value)
{
    return tape_ref(static_cast<const simdjson::dom::document *>(value.doc), value.at);
}

struct span string_at(const tape_ref &at)
{
    return span_of(at.get_c_str(), at.get_string_length());
}

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The length of the JSON number at the head of text, 0 if what stands there is not one. */
size_t number_length(struct span text, bool *ret_integer)
{
    size_t at = 0;
    auto digits = [&] {
        size_t from = at;
        while (at < text.len && is_digit(text.ptr[at]))
            at++;
        return at - from;
    };
    if (at < text.len && text.ptr[at] == '-')
        at++;
    size_t whole = at;
    size_t count = digits();
    if (count == 0 || (count > 1 && text.ptr[whole] == '0'))
        return 0;
    *ret_integer = true;
    if (at < text.len && text.ptr[at] == '.') {
        at++;
        *ret_integer = false;
        if (digits() == 0)
            return 0;
    }
    if (at < text.len && (text.ptr[at] == 'e' || text.ptr[at] == 'E')) {
        at++;
        *ret_integer = false;
        if (at < text.len && (text.ptr[at] == '+' || text.ptr[at] == '-'))
            at++;
        if (digits() == 0)
            return 0;
    }
    return at;
}

} // namespace

struct json_parser {
    simdjson::dom::parser dom{ MAX_CAPACITY };
    simdjson::dom::parser number{ MAX_CAPACITY }; /* asked about single numbers, on the slow path alone */
    char *text = nullptr;
    size_t room = 0;

    ~json_parser()
    {
        free(text);
    }
    bool reserve(size_t len);
    simdjson::error_code parse(size_t len);
    bool number_fits(struct span token);
    bool tame_numbers(size_t len);
};

/* Capacity grows by doubling: lines of slowly growing length must not each cost an allocation. */
bool json_parser::reserve(size_t len)
{
    if (len > MAX_CAPACITY / 2)
        return false;
    if (len <= room && room != 0)
        return true;
    size_t need = room ? room : MIN_CAPACITY;
    while (need < len)
        need *= 2;
    free(text);
    text = static_cast<char *>(mem_alloc(need + simdjson::SIMDJSON_PADDING));
    room = need;
    /* One level more than ours: simdjson refuses at its maximum, not past it. */
    CHECK(dom.allocate(need, MAX_DEPTH + 1) == simdjson::SUCCESS);
    CHECK(dom.doc.allocate(need) == simdjson::SUCCESS);
    return true;
}

simdjson::error_code json_parser::parse(size_t len)
{
    return dom.parse(text, len, false).error();
}

/* Whether simdjson takes a token that is known to be a JSON number. */
bool json_parser::number_fits(struct span token)
{
    std::string wrapped = "[";
    wrapped.append(token.ptr, token.len).append("]");
    return number.parse(wrapped).error() == simdjson::SUCCESS;
}

/* Replaces what no 64-bit type holds; false if some number is not one by JSON's grammar. */
bool json_parser::tame_numbers(size_t len)
{
    bool in_string = false;
    for (size_t at = 0; at < len; at++) {
        char c = text[at];
        if (in_string) {
            if (c == '\\')
                at++;
            else if (c == '"')
                in_string = false;
            continue;
        }
        if (c == '"')
            in_string = true;
        if (c != '-' && !is_digit(c))
            continue;
        bool integer = false;
        size_t count = number_length(span_of(text + at, len - at), &integer);
        if (count == 0)
            return false;
        bool maybe_big = integer ? count >= 19 : count >= 5;
        if (maybe_big && !number_fits(span_of(text + at, count))) {
            const char *tame = c == '-' ? "-1e308" : "1e308";
            size_t taken = strlen(tame);
            CHECK(taken <= count);
            memcpy(text + at, tame, taken);
            memset(text + at + taken, ' ', count - taken);
        }
        at += count - 1;
    }
    return true;
}

struct json_parser *json_parser_new(void)
{
    struct json_parser *parser = new (std::nothrow) json_parser;
    CHECK(parser != nullptr);
    parser->dom.threaded = false;
    return parser;
}

void json_parser_free(struct json_parser *parser)
{
    delete parser;
}

static bool refuse(simdjson::error_code code, struct err *err)
{
    switch (code) {
    case simdjson::EMPTY:
        return fail(err, E_SERIALIZATION, "The JSON text is empty.");
    case simdjson::UTF8_ERROR:
        return fail(err, E_SERIALIZATION, "The JSON text is not valid UTF-8.");
    case simdjson::UNCLOSED_STRING:
        return fail(err, E_SERIALIZATION, "A string of the JSON text is not closed.");
    case simdjson::STRING_ERROR:
    case simdjson::UNESCAPED_CHARS:
        return fail(err, E_SERIALIZATION, "A string of the JSON text is malformed.");
    case simdjson::NUMBER_ERROR:
        return fail(err, E_SERIALIZATION, "A number of the JSON text is malformed.");
    case simdjson::T_ATOM_ERROR:
    case simdjson::F_ATOM_ERROR:
    case simdjson::N_ATOM_ERROR:
        return fail(err, E_SERIALIZATION, "A literal of the JSON text is malformed.");
    case simdjson::DEPTH_ERROR:
        return fail(err, E_SERIALIZATION, "The JSON text is nested too deeply.");
    case simdjson::CAPACITY:
        return fail(err, E_SERIALIZATION, "The JSON text is too long.");
    default:
        return fail(err, E_SERIALIZATION, "The text is not valid JSON.");
    }
}

bool json_parse(struct json_parser *parser, struct span text, struct json *ret_root, struct err *err)
{
    if (!parser->reserve(text.len))
        return refuse(simdjson::CAPACITY, err);
    if (text.len)
        memcpy(parser->text, text.ptr, text.len);
    memset(parser->text + text.len, ' ', simdjson::SIMDJSON_PADDING);
    simdjson::error_code code = parser->parse(text.len);
    if (code == simdjson::NUMBER_ERROR && parser->tame_numbers(text.len))
        code = parser->parse(text.len);
    if (code != simdjson::SUCCESS)
        return refuse(code, err);
    *ret_root = { &parser->dom.doc, 1 };
    return true;
}

enum json_kind json_kind(struct json value)
{
    switch (ref(value).tape_ref_type()) {
    case tape_type::START_OBJECT:
        return JSON_OBJECT;
    case tape_type::START_ARRAY:
        return JSON_ARRAY;
    case tape_type::STRING:
        return JSON_STRING;
    case tape_type::INT64:
    case tape_type::UINT64:
        return JSON_INTEGER;
    case tape_type::DOUBLE:
        return JSON_DOUBLE;
    case tape_type::TRUE_VALUE:
        return JSON_TRUE;
    case tape_type::FALSE_VALUE:
        return JSON_FALSE;
    default:
        return JSON_NULL;
    }
}

struct span json_string(struct json value)
{
    tape_ref at = ref(value);
    CHECK(at.tape_ref_type() == tape_type::STRING);
    return string_at(at);
}

bool json_to_i64(struct json value, int64_t *ret_value)
{
    tape_ref at = ref(value);
    if (at.is_int64()) {
        *ret_value = at.next_tape_value<int64_t>();
        return true;
    }
    CHECK(at.is_uint64() || at.is_double());
    return false;
}

double json_to_double(struct json value)
{
    tape_ref at = ref(value);
    if (at.is_double())
        return at.next_tape_value<double>();
    if (at.is_int64())
        return static_cast<double>(at.next_tape_value<int64_t>());
    CHECK(at.is_uint64());
    return static_cast<double>(at.next_tape_value<uint64_t>());
}

struct json_iter json_iter(struct json array_or_object)
{
    tape_ref at = ref(array_or_object);
    bool object = at.tape_ref_type() == tape_type::START_OBJECT;
    CHECK(object || at.tape_ref_type() == tape_type::START_ARRAY);
    struct json_iter iter = {};
    iter.doc = array_or_object.doc;
    iter.next = array_or_object.at + 1;
    iter.end = at.matching_brace_index() - 1; /* the tape points past the closing bracket */
    iter.object = object;
    return iter;
}

bool json_next(struct json_iter *iter)
{
    if (iter->next >= iter->end)
        return false;
    size_t at = iter->next;
    if (iter->object)
        iter->key = string_at(ref({ iter->doc, at++ }));
    iter->value = { iter->doc, at };
    iter->next = ref(iter->value).after_element();
    return true;
}

size_t json_count(struct json array_or_object)
{
    tape_ref at = ref(array_or_object);
    CHECK(at.tape_ref_type() == tape_type::START_OBJECT || at.tape_ref_type() == tape_type::START_ARRAY);
    size_t count = at.scope_count();
    if (count < simdjson::internal::JSON_COUNT_MASK)
        return count;
    count = 0; /* the tape's counter is saturated */
    for (struct json_iter iter = json_iter(array_or_object); json_next(&iter);)
        count++;
    return count;
}

bool json_member(struct json object, struct span key, struct json *ret_value)
{
    CHECK(json_kind(object) == JSON_OBJECT);
    bool found = false;
    for (struct json_iter iter = json_iter(object); json_next(&iter);) {
        if (span_eq(iter.key, key)) {
            *ret_value = iter.value;
            found = true;
        }
    }
    return found;
}
