/* s3_address: see s3_address.h for the contract. */
#include "object/s3_address.h"

#include "object/driver.h"

enum { ATTEMPTS_DEFAULT = 6, IDLE_S_DEFAULT = 30, PLACE_MAX = 16 * 1024 };

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool unescape(struct span text, char *ret_text, size_t room)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text.ptr[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0' || len + 1 >= room)
            return false;
        ret_text[len++] = c;
    }
    ret_text[len] = '\0';
    return len > 0;
}

static bool number_in(struct span text, unsigned max, unsigned *ret_value)
{
    uint64_t value;
    if (!span_to_u64(text, max, &value) || value == 0)
        return false;
    *ret_value = (unsigned)value;
    return true;
}

static bool parse_parameter(struct span name, struct span value, struct s3_address *address)
{
    if (span_is(name, "region"))
        return endpoint_text_is_plain(value, "-") && endpoint_text_copy(value, address->region, sizeof address->region);
    if (span_is(name, "ca"))
        return unescape(value, address->ca_file, sizeof address->ca_file);
    if (span_is(name, "attempts"))
        return number_in(value, 20, &address->attempts);
    if (span_is(name, "idle_s"))
        return number_in(value, 3600, &address->idle_s);
    if (span_is(name, "style") && (span_is(value, "path") || span_is(value, "virtual"))) {
        address->style = span_is(value, "path") ? S3_STYLE_PATH : S3_STYLE_VIRTUAL;
        return true;
    }
    return false;
}

/* s3.REGION.amazonaws.com names its region, and AWS wants new buckets in the host. */
static void defaults_of_host(struct span region, struct s3_address *address)
{
    struct span host = span_str(address->endpoint.host);
    address->attempts = ATTEMPTS_DEFAULT;
    address->idle_s = IDLE_S_DEFAULT;
    address->style = S3_STYLE_PATH;
    bool aws = span_ends(host, SPAN_LIT(".amazonaws.com")) || span_ends(host, SPAN_LIT(".amazonaws.com.cn"));
    if (aws && span_starts(host, SPAN_LIT("s3."))) {
        address->style = S3_STYLE_VIRTUAL;
        struct span rest = span_from(host, 3);
        struct span named = span_cut(&rest, '.');
        if (!span_is(named, "amazonaws"))
            region = named;
    }
    if (!endpoint_text_is_plain(region, "-") || !endpoint_text_copy(region, address->region, sizeof address->region))
        CHECK(endpoint_text_copy(SPAN_LIT("us-east-1"), address->region, sizeof address->region));
}

bool s3_address_parse(struct span url, struct span region, struct s3_address *ret_address, struct err *err)
{
    struct s3_address address = { 0 };
    struct span query = url;
    if (!endpoint_parse(span_cut(&query, '?'), &address.endpoint, err))
        return false;
    defaults_of_host(region, &address);
    while (query.ptr) {
        struct span value = span_cut(&query, '&');
        struct span name = span_cut(&value, '=');
        if (!parse_parameter(name, value, &address))
            return fail(err, E_CONFIG,
                        "The object store's URL has the parameter `" SPAN_FMT "=" SPAN_FMT "`, which is "
                        "none of region=, style=path|virtual, ca=, attempts=1..20, idle_s=1..3600.",
                        SPAN_ARG(span_first(name, 100)), SPAN_ARG(span_first(value, 100)));
    }
    *ret_address = address;
    return true;
}

void s3_escape(struct buf *out, struct span text, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (is_alnum((char)c) || c == '-' || c == '.' || c == '_' || c == '~' || (c == '/' && keep_slash)) {
            buf_add_char(out, (char)c);
            continue;
        }
        buf_add_char(out, '%');
        buf_add_char(out, digits[c >> 4]);
        buf_add_char(out, digits[c & 15]);
    }
}

void s3_place_init(struct s3_place *place)
{
    buf_init(&place->host, PLACE_MAX);
    buf_init(&place->path, PLACE_MAX);
    buf_init(&place->query, PLACE_MAX);
}

void s3_place_free(struct s3_place *place)
{
    buf_free(&place->host);
    buf_free(&place->path);
    buf_free(&place->query);
}

/* A bucket that is no DNS label cannot stand in a host; with a dot in it, no wildcard certificate fits the host. */
static bool fits_a_host(struct span bucket, bool tls)
{
    for (size_t i = 0; i < bucket.len; i++) {
        char c = bucket.ptr[i];
        if ((c >= 'A' && c <= 'Z') || c == '_' || (c == '.' && tls))
            return false;
    }
    return bucket.len <= 63 && is_alnum(bucket.ptr[0]) && is_alnum(bucket.ptr[bucket.len - 1]);
}

void s3_address_place(const struct s3_address *address, struct object_name name, struct s3_place *ret_place)
{
    CHECK(object_bucket_is_sound(name.bucket) && name.key.len <= OBJECT_KEY_MAX);
    buf_clear(&ret_place->host);
    buf_clear(&ret_place->path);
    buf_clear(&ret_place->query);
    if (address->style == S3_STYLE_VIRTUAL && fits_a_host(name.bucket, address->endpoint.tls)) {
        buf_add(&ret_place->host, name.bucket);
        buf_add_char(&ret_place->host, '.');
    } else {
        buf_add_char(&ret_place->path, '/');
        s3_escape(&ret_place->path, name.bucket, false);
    }
    buf_add_str(&ret_place->host, address->endpoint.host);
    if (name.key.len > 0 || ret_place->path.len == 0)
        buf_add_char(&ret_place->path, '/');
    s3_escape(&ret_place->path, name.key, true);
    if (name.version.len > 0) {
        buf_add_str(&ret_place->query, "versionId=");
        s3_escape(&ret_place->query, name.version, false);
    }
    CHECK(!ret_place->host.overflow && !ret_place->path.overflow && !ret_place->query.overflow);
}
