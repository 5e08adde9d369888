/* Fuzz target for api/base64: it takes exactly what OpenSSL's encoder writes, and gives back what that was made of. */
#include <openssl/evp.h>
#include <stdlib.h>

#include "api/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned char *encoded(struct span bytes, size_t *ret_len)
{
    unsigned char *text = mem_alloc(bytes.len / 3 * 4 + 8);
    *ret_len = (size_t)EVP_EncodeBlock(text, (const unsigned char *)bytes.ptr, (int)bytes.len);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct span text = span_of(data, size), bytes;
    size_t len;
    arena_init(&arena);
    if (base64_decode(text, &arena, &bytes)) {
        unsigned char *again = encoded(bytes, &len);
        CHECK(bytes.ptr && span_eq(text, span_of(again, len)));
        free(again);
    }
    unsigned char *made = encoded(text, &len);
    CHECK(base64_decode(span_of(made, len), &arena, &bytes) && span_eq(bytes, text));
    free(made);
    arena_free(&arena);
    return 0;
}
