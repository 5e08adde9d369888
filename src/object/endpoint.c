/* endpoint: see endpoint.h for the contract. */
#include "object/endpoint.h"

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool endpoint_text_is_plain(struct span text, const char *punctuation)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_alnum(text.ptr[i]) && (text.ptr[i] == '\0' || !strchr(punctuation, text.ptr[i])))
            return false;
    return text.len > 0;
}

bool endpoint_text_copy(struct span text, char *ret_text, size_t room)
{
    if (text.len >= room)
        return false;
    memcpy(ret_text, text.ptr, text.len);
    ret_text[text.len] = '\0';
    return true;
}

static bool parse_host(struct span host_port, struct endpoint *endpoint)
{
    struct span host, port = SPAN_NONE;
    uint64_t number = 0;
    if (span_starts(host_port, SPAN_LIT("["))) {
        size_t end = 0;
        while (end < host_port.len && host_port.ptr[end] != ']')
            end++;
        host = span_first(host_port, end + 1);
        if (host.len < 4 || !span_ends(host, SPAN_LIT("]")) ||
            !endpoint_text_is_plain(span_of(host.ptr + 1, host.len - 2), ":."))
            return false;
        if (host.len < host_port.len && host_port.ptr[host.len] != ':')
            return false;
        port = host.len < host_port.len ? span_from(host_port, host.len + 1) : SPAN_NONE;
    } else {
        port = host_port;
        host = span_cut(&port, ':');
        if (!endpoint_text_is_plain(host, ".-_"))
            return false;
    }
    if (port.ptr && (!span_to_u64(port, 65535, &number) || number == 0))
        return false;
    bool usual = !port.ptr || number == (endpoint->tls ? 443 : 80);
    return endpoint_text_copy(usual ? host : host_port, endpoint->host, sizeof endpoint->host);
}

bool endpoint_parse(struct span url, struct endpoint *ret_endpoint, struct err *err)
{
    struct endpoint endpoint = { .tls = span_starts(url, SPAN_LIT("https://")) };
    if (!endpoint.tls && !span_starts(url, SPAN_LIT("http://")))
        return fail(err, E_CONFIG, "`" SPAN_FMT "` does not begin with http:// or https://.",
                    SPAN_ARG(span_first(url, 200)));
    struct span host = span_from(url, endpoint.tls ? 8 : 7);
    if (span_ends(host, SPAN_LIT("/")))
        host.len--;
    if (!parse_host(host, &endpoint))
        return fail(err, E_CONFIG, "`" SPAN_FMT "` is not a host with an optional port.",
                    SPAN_ARG(span_first(host, 200)));
    *ret_endpoint = endpoint;
    return true;
}
