/* sha256: see sha256.h for the contract. */
#include "aws/sha256.h"

#include <pthread.h>

#include <openssl/evp.h>

#include "base/check.h"

enum { SPARES = 4 };

/* The thread's own: the algorithm, looked up once, and contexts that have been used and are ready for it. */
struct local {
    EVP_MD *md; /* NULL until the thread's first hash */
    EVP_MD_CTX *spares[SPARES];
    unsigned spare_count;
};

static _Thread_local struct local local;
static pthread_key_t at_thread_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void free_local(void *ptr)
{
    struct local *mine = ptr;
    while (mine->spare_count > 0)
        EVP_MD_CTX_free(mine->spares[--mine->spare_count]);
    EVP_MD_free(mine->md);
    mine->md = NULL;
}

static void make_key(void)
{
    CHECK(pthread_key_create(&at_thread_end, free_local) == 0);
}

static struct local *my_local(void)
{
    if (!local.md) {
        pthread_once(&once, make_key);
        local.md = EVP_MD_fetch(NULL, "SHA256", NULL);
        CHECK(local.md && pthread_setspecific(at_thread_end, &local) == 0);
    }
    return &local;
}

void sha256_init(struct sha256 *hash)
{
    struct local *mine = my_local();
    hash->ctx = mine->spare_count > 0 ? mine->spares[--mine->spare_count] : EVP_MD_CTX_new();
    CHECK(hash->ctx && EVP_DigestInit_ex(hash->ctx, mine->md, NULL) == 1);
}

void sha256_update(struct sha256 *hash, struct span bytes)
{
    CHECK(EVP_DigestUpdate(hash->ctx, bytes.ptr, bytes.len) == 1);
}

void sha256_drop(struct sha256 *hash)
{
    struct local *mine = my_local();
    if (!hash->ctx)
        return;
    if (mine->spare_count < SPARES)
        mine->spares[mine->spare_count++] = hash->ctx;
    else
        EVP_MD_CTX_free(hash->ctx);
    hash->ctx = NULL;
}

void sha256_final(struct sha256 *hash, unsigned char ret_digest[SHA256_BYTES])
{
    unsigned len = 0;
    CHECK(EVP_DigestFinal_ex(hash->ctx, ret_digest, &len) == 1 && len == SHA256_BYTES);
    sha256_drop(hash);
}

void sha256_of(struct span bytes, unsigned char ret_digest[SHA256_BYTES])
{
    struct sha256 hash;
    sha256_init(&hash);
    sha256_update(&hash, bytes);
    sha256_final(&hash, ret_digest);
}

void sha256_hex(const unsigned char digest[SHA256_BYTES], char ret_hex[SHA256_HEX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        ret_hex[2 * i] = digits[digest[i] >> 4];
        ret_hex[2 * i + 1] = digits[digest[i] & 15];
    }
}
