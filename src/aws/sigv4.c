/* sigv4: see sigv4.h for the contract. Keys are sigv4_key.c's, the canonical path and query sigv4_canonical.c's. */
#include "aws/sigv4.h"

#include <openssl/crypto.h>

#include "base/clock.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool same_name(struct span a, struct span b)
{
    return a.len == b.len && span_eq_nocase(a, b);
}

/* As memcmp would order the names in lower case. */
static int compare_names(struct span a, struct span b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < common; i++) {
        int difference = (unsigned char)lower(a.ptr[i]) - (unsigned char)lower(b.ptr[i]);
        if (difference != 0)
            return difference;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

struct names {
    struct span items[SIGV4_HEADERS_MAX]; /* sorted, each once */
    size_t count;
};

static bool insert_name(struct names *names, struct span name)
{
    size_t at = names->count;
    while (at > 0 && compare_names(names->items[at - 1], name) > 0)
        at--;
    if (at > 0 && compare_names(names->items[at - 1], name) == 0)
        return true;
    if (names->count == SIGV4_HEADERS_MAX)
        return false;
    memmove(&names->items[at + 1], &names->items[at], (names->count - at) * sizeof names->items[0]);
    names->items[at] = name;
    names->count++;
    return true;
}

static bool collect_names(const struct sigv4_request *request, struct span signed_headers, struct names *ret_names)
{
    bool fits = true;
    ret_names->count = 0;
    if (!signed_headers.ptr)
        for (size_t i = 0; fits && i < request->header_count; i++)
            fits = insert_name(ret_names, request->headers[i].name);
    while (fits && signed_headers.ptr)
        fits = insert_name(ret_names, span_cut(&signed_headers, ';'));
    return fits;
}

static void add_lower(struct buf *out, struct span name)
{
    if (!buf_reserve(out, name.len))
        return;
    for (size_t i = 0; i < name.len; i++)
        out->ptr[out->len++] = lower(name.ptr[i]);
}

static void add_names(struct buf *out, const struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        if (i > 0)
            buf_add_char(out, ';');
        add_lower(out, names->items[i]);
    }
}

void sigv4_canonical_value(struct span value, struct buf *out)
{
    if (!buf_reserve(out, value.len))
        return;
    size_t start = out->len;
    bool blank = false;
    for (size_t i = 0; i < value.len; i++) {
        if (is_blank(value.ptr[i])) {
            blank = true;
            continue;
        }
        if (blank && out->len > start)
            out->ptr[out->len++] = ' ';
        blank = false;
        out->ptr[out->len++] = value.ptr[i];
    }
}

/* Several headers of one name are one, their values joined by commas in the order sent. */
static void add_header_line(const struct sigv4_request *request, struct span name, struct buf *out)
{
    bool more = false;
    add_lower(out, name);
    buf_add_char(out, ':');
    for (size_t i = 0; i < request->header_count; i++) {
        if (!same_name(request->headers[i].name, name))
            continue;
        if (more)
            buf_add_char(out, ',');
        more = true;
        sigv4_canonical_value(request->headers[i].value, out);
    }
    buf_add_char(out, '\n');
}

static void add_canonical_request(const struct sigv4_request *request, const struct names *names, struct buf *out)
{
    buf_add(out, request->method);
    buf_add_char(out, '\n');
    sigv4_canonical_path(request->path, request->path_rule, out);
    buf_add_char(out, '\n');
    sigv4_canonical_query(request->query, out);
    buf_add_char(out, '\n');
    for (size_t i = 0; i < names->count; i++)
        add_header_line(request, names->items[i], out);
    buf_add_char(out, '\n');
    add_names(out, names);
    buf_add_char(out, '\n');
    buf_add(out, request->payload_hash);
}

bool sigv4_canonical_request(const struct sigv4_request *request, struct span signed_headers, struct buf *out)
{
    struct names names;
    if (!collect_names(request, signed_headers, &names))
        return false;
    add_canonical_request(request, &names, out);
    return !out->overflow;
}

static void add_scope(const struct sigv4_scope *scope, struct buf *out)
{
    buf_add(out, scope->date);
    buf_add_char(out, '/');
    buf_add(out, scope->region);
    buf_add_char(out, '/');
    buf_add(out, scope->service);
    buf_add_char(out, '/');
    buf_add(out, scope->terminator);
}

void sigv4_string_to_sign(struct span date, const struct sigv4_scope *scope, struct span canonical_request,
                          struct buf *out)
{
    unsigned char digest[SHA256_BYTES];
    char hex[SHA256_HEX];
    sha256_of(canonical_request, digest);
    sha256_hex(digest, hex);
    buf_add(out, SPAN_LIT(SIGV4_ALGORITHM "\n"));
    buf_add(out, date);
    buf_add_char(out, '\n');
    add_scope(scope, out);
    buf_add_char(out, '\n');
    buf_add(out, span_of(hex, sizeof hex));
}

/* Both sides: from the request to the hex signature. */
static bool compute(const struct sigv4_request *request, const struct names *names, const struct sigv4_scope *scope,
                    struct span date, struct span secret, char ret_hex[SHA256_HEX])
{
    struct buf canonical, to_sign;
    buf_init(&canonical, SIGV4_CANONICAL_MAX);
    buf_init(&to_sign, SIGV4_CANONICAL_MAX);
    buf_reserve(&canonical, 1024); /* enough for most, in one allocation */
    buf_reserve(&to_sign, 256);
    add_canonical_request(request, names, &canonical);
    sigv4_string_to_sign(date, scope, buf_span(&canonical), &to_sign);
    bool fits = !canonical.overflow && !to_sign.overflow;
    if (fits)
        sigv4_signature(secret, scope, buf_span(&to_sign), ret_hex);
    buf_free(&canonical);
    buf_free(&to_sign);
    return fits;
}

bool sigv4_sign(const struct sigv4_request *request, struct sigv4_credentials credentials, struct span region,
                struct span service, struct span date, struct buf *out)
{
    const struct sigv4_scope scope = { span_first(date, 8), region, service, SPAN_LIT(SIGV4_TERMINATOR) };
    struct names names;
    char hex[SHA256_HEX];
    if (!collect_names(request, SPAN_NONE, &names) || !compute(request, &names, &scope, date, credentials.secret, hex))
        return false;
    buf_add(out, SPAN_LIT(SIGV4_ALGORITHM " Credential="));
    buf_add(out, credentials.key_id);
    buf_add_char(out, '/');
    add_scope(&scope, out);
    buf_add(out, SPAN_LIT(", SignedHeaders="));
    add_names(out, &names);
    buf_add(out, SPAN_LIT(", Signature="));
    buf_add(out, span_of(hex, sizeof hex));
    return !out->overflow;
}

void sigv4_split_authorization(struct span value, struct sigv4_authorization *ret_parts)
{
    struct sigv4_authorization parts = { .algorithm = SPAN_NONE };
    struct span rest = span_trim(value);
    parts.algorithm = span_cut(&rest, ' ');
    while (rest.ptr) {
        struct span text = span_trim(span_cut(&rest, ','));
        struct span name = span_cut(&text, '=');
        struct span *part = span_is(name, "Credential")      ? &parts.credential
                            : span_is(name, "SignedHeaders") ? &parts.signed_headers
                            : span_is(name, "Signature")     ? &parts.signature
                                                             : NULL;
        if (part && part->ptr)
            parts.repeated = true;
        else if (part)
            *part = text;
    }
    *ret_parts = parts;
}

bool sigv4_split_credential(struct span credential, struct span *ret_key_id, struct sigv4_scope *ret_scope)
{
    struct span parts[5];
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (!credential.ptr)
            return false;
        parts[i] = span_cut(&credential, '/');
    }
    if (credential.ptr)
        return false;
    *ret_key_id = parts[0];
    *ret_scope = (struct sigv4_scope){ parts[1], parts[2], parts[3], parts[4] };
    return true;
}

bool sigv4_is_signed(struct span signed_headers, struct span name)
{
    while (signed_headers.ptr)
        if (same_name(span_cut(&signed_headers, ';'), name))
            return true;
    return false;
}

static bool digits(struct span text, size_t at, size_t count, int *ret_number)
{
    uint64_t number;
    if (!span_to_u64(span_of(text.ptr + at, count), 9999, &number))
        return false;
    *ret_number = (int)number;
    return true;
}

bool sigv4_date_seconds(struct span date, int64_t *ret_seconds)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int year, month, day, hour, minute, second;
    if (date.len != SIGV4_DATE_LEN || date.ptr[8] != 'T' || date.ptr[15] != 'Z')
        return false;
    if (!digits(date, 0, 4, &year) || !digits(date, 4, 2, &month) || !digits(date, 6, 2, &day) ||
        !digits(date, 9, 2, &hour) || !digits(date, 11, 2, &minute) || !digits(date, 13, 2, &second))
        return false;
    if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > days[month - 1] + (month == 2 && leap))
        return false;
    *ret_seconds = clock_utc_seconds(year, month, day, hour, minute, second);
    return true;
}

bool sigv4_verify(const struct sigv4_request *request, const struct sigv4_authorization *parts,
                  const struct sigv4_scope *scope, struct span date, struct span secret)
{
    struct names names;
    char hex[SHA256_HEX];
    return parts->signed_headers.ptr && collect_names(request, parts->signed_headers, &names) &&
           compute(request, &names, scope, date, secret, hex) && parts->signature.len == sizeof hex &&
           CRYPTO_memcmp(parts->signature.ptr, hex, sizeof hex) == 0;
}
