/* page: see page.h for the contract. A token is base64url(position, 8 bytes big-endian | HMAC-SHA256, 16 bytes). */
#include "api/page.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum {
    POSITION_BYTES = 8,
    SEAL_BYTES = 16,
    TOKEN_BYTES = POSITION_BYTES + SEAL_BYTES,
    TOKEN_LEN = TOKEN_BYTES / 3 * 4
};
enum { BOUND_MAX = 256 * 1024 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void add_bound(struct buf *bound, struct span text)
{
    buf_add_u64(bound, text.len);
    buf_add_char(bound, ':');
    buf_add(bound, text);
}

static void seal(const struct call *call, const struct page_scope *scope, const unsigned char *position,
                 unsigned char ret_seal[SEAL_BYTES])
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    struct span key = store_token_key(call->api->store);
    struct buf bound;
    buf_init(&bound, BOUND_MAX);
    buf_add(&bound, span_of(position, POSITION_BYTES));
    add_bound(&bound, span_str(scope->operation));
    add_bound(&bound, call->principal->account);
    add_bound(&bound, call->principal->region);
    add_bound(&bound, scope->resource);
    for (size_t i = 0; i < scope->filter_count; i++)
        add_bound(&bound, scope->filters[i]);
    CHECK(!bound.overflow); /* the model bounds every part */
    CHECK(HMAC(EVP_sha256(), key.ptr, (int)key.len, (const unsigned char *)bound.ptr, bound.len, mac, &mac_len) &&
          mac_len >= SEAL_BYTES);
    memcpy(ret_seal, mac, SEAL_BYTES);
    buf_free(&bound);
}

struct span page_token(const struct call *call, const struct page_scope *scope, int64_t position)
{
    unsigned char raw[TOKEN_BYTES];
    char *token = arena_alloc(call->arena, TOKEN_LEN);
    CHECK(position > 0);
    for (unsigned i = 0; i < POSITION_BYTES; i++)
        raw[i] = (unsigned char)((uint64_t)position >> (8 * (POSITION_BYTES - 1 - i)));
    seal(call, scope, raw, raw + POSITION_BYTES);
    for (unsigned i = 0; i < TOKEN_BYTES / 3; i++) {
        uint32_t three = (uint32_t)raw[3 * i] << 16 | (uint32_t)raw[3 * i + 1] << 8 | raw[3 * i + 2];
        for (unsigned k = 0; k < 4; k++)
            token[4 * i + k] = alphabet[three >> (18 - 6 * k) & 63];
    }
    return span_of(token, TOKEN_LEN);
}

static bool unwrap(struct span token, unsigned char ret_raw[TOKEN_BYTES])
{
    if (token.len != TOKEN_LEN)
        return false;
    for (unsigned i = 0; i < TOKEN_BYTES / 3; i++) {
        uint32_t three = 0;
        for (unsigned k = 0; k < 4; k++) {
            char c = token.ptr[4 * i + k];
            const char *at = c ? strchr(alphabet, c) : NULL;
            if (!at)
                return false;
            three = three << 6 | (uint32_t)(at - alphabet);
        }
        for (unsigned k = 0; k < 3; k++)
            ret_raw[3 * i + k] = (unsigned char)(three >> (16 - 8 * k));
    }
    return true;
}

bool page_begin(const struct call *call, const struct page_scope *scope, struct span token, int64_t *ret_position,
                struct err *err)
{
    unsigned char raw[TOKEN_BYTES], right[SEAL_BYTES];
    uint64_t position = 0;
    if (token.len == 0) {
        *ret_position = 0;
        return true;
    }
    if (!unwrap(token, raw))
        return fail(err, E_TOKEN, "not a token");
    seal(call, scope, raw, right);
    if (CRYPTO_memcmp(right, raw + POSITION_BYTES, SEAL_BYTES) != 0)
        return fail(err, E_TOKEN, "a token of another listing, or none of ours");
    for (unsigned i = 0; i < POSITION_BYTES; i++)
        position = position << 8 | raw[i];
    *ret_position = (int64_t)position;
    return true;
}

unsigned page_size(struct model_integer max_results)
{
    return max_results.given ? (unsigned)max_results.value : PAGE_DEFAULT;
}

struct span page_filter(const struct call *call, const struct model_list *spans)
{
    const struct span *items = spans->items;
    struct buf text;
    buf_init(&text, BOUND_MAX);
    for (size_t i = 0; i < spans->count; i++)
        add_bound(&text, items[i]);
    struct span copy = arena_copy(call->arena, buf_span(&text));
    buf_free(&text);
    return copy;
}
