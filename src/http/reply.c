/* reply: an http_reply in libmicrohttpd's form. See listener.h. */
#include <stdlib.h>

#include "base/log.h"
#include "http/listener.h"

/* libmicrohttpd wants C strings and copies them; nearly all headers fit the stack. */
static bool add_header(struct MHD_Response *response, struct http_header header)
{
    char small[512];
    char *text = small;
    size_t bytes = header.name.len + header.value.len + 2;
    if (memchr(header.name.ptr, 0, header.name.len) ||
        (header.value.len > 0 && memchr(header.value.ptr, 0, header.value.len)))
        return false; /* would be sent cut short */
    if (bytes > sizeof small)
        text = mem_alloc(bytes);
    char *value = text + header.name.len + 1;
    memcpy(text, header.name.ptr, header.name.len);
    text[header.name.len] = '\0';
    if (header.value.len > 0)
        memcpy(value, header.value.ptr, header.value.len);
    value[header.value.len] = '\0';
    bool added = MHD_add_response_header(response, text, value) == MHD_YES;
    if (text != small)
        free(text);
    return added;
}

struct MHD_Response *reply_build(const struct http_reply *reply)
{
    CHECK(reply->status >= 200 && reply->status <= 599);
    CHECK(reply->header_count <= COUNT_OF(reply->headers));
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->body.len, (void *)(uintptr_t)reply->body.ptr, MHD_RESPMEM_MUST_COPY);
    CHECK(response); /* fails for want of memory alone */
    for (unsigned i = 0; i < reply->header_count; i++)
        if (!add_header(response, reply->headers[i]))
            log_line(LOG_WARN, "a header that cannot be sent was left out of an answer",
                     LOG_T("header", reply->headers[i].name));
    return response;
}
