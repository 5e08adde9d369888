/*
 * Fuzz target for api/cors. The input is lines: the origins that may call, separated by commas as the configuration has
 * them, then an Origin header's value. A page is let in if its origin is one of them to the letter; then, and only
 * then, the answer says so, and it says nothing else that the caller chose.
 */
#include <stdlib.h>

#include "api/visit.h"
#include "base/conf_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool configured(const struct conf_list *origins, struct span origin)
{
    bool found = false;
    for (size_t i = 0; i < origins->count; i++)
        found = found || span_is(origin, origins->items[i]);
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_of(size ? (const char *)data : "", size);
    struct span text = span_cut(&rest, '\n'), value = span_cut(&rest, '\n');
    const struct http_header header = { SPAN_LIT("Origin"), value };
    const struct http_request request = { .headers = &header, .header_count = 1 };
    const struct conf_row row = { .name = "cors-origin", .kind = CONF_LIST };
    struct conf_list origins = { NULL, 0 };
    struct err err;
    if (!conf_value_set((struct conf_values *)(void *)&origins, &row, text, false, &err))
        return 0;
    struct gate gate = { .options = { .cors_origins = &origins } };
    struct visit visit = { .gate = &gate, .origin = cors_origin_of(&gate, &request) };
    CHECK((visit.origin.len > 0) == configured(&origins, value));
    struct http_reply reply = { .status = 200 };
    cors_add_headers(&visit, &reply);
    CHECK(reply.header_count == (origins.count == 0 ? 0u : visit.origin.len > 0 ? 3u : 1u));
    for (unsigned i = 0; i < reply.header_count; i++) {
        for (size_t c = 0; c < reply.headers[i].value.len; c++)
            CHECK((unsigned char)reply.headers[i].value.ptr[c] >= ' ');
        CHECK(span_is(reply.headers[i].name, "Access-Control-Allow-Origin") == (i == 1));
    }
    conf_list_clear(&origins);
    return 0;
}
