/*
 * sigv4_key: the key of a day, and signatures by it.
 *
 * Deriving the key takes four HMACs and is the same for all requests of a key, day, region and service. So each thread
 * keeps the last ones as HMAC contexts that have taken the key already: a signature costs one HMAC of a short text.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "aws/sigv4.h"

/* 16 sets of 4: what two hundred busy keys need costs them a derivation now and then, no more. */
enum { SETS = 16, WAYS = 4, NAME_MAX_BYTES = 384 };

/* A day key is found by all that it is made of, written into `name` one behind the other, each after its length. */
struct day_key {
    EVP_MAC_CTX *ctx; /* NULL: free */
    uint64_t used;    /* the thread's tick at its last use */
    size_t name_len;
    unsigned char name[NAME_MAX_BYTES];
};

struct local {
    EVP_MAC *mac;      /* NULL until the thread's first signature */
    EVP_MAC_CTX *once; /* for keys that are used once */
    uint64_t tick;
    unsigned epoch;
    struct day_key keys[SETS][WAYS];
};

static _Thread_local struct local *local;
static pthread_key_t at_thread_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_uint epoch;

static void wipe(struct day_key *key)
{
    EVP_MAC_CTX_free(key->ctx);
    OPENSSL_cleanse(key, sizeof *key);
}

static void wipe_all(struct local *mine)
{
    for (unsigned set = 0; set < SETS; set++)
        for (unsigned way = 0; way < WAYS; way++)
            if (mine->keys[set][way].ctx)
                wipe(&mine->keys[set][way]);
}

static void free_local(void *ptr)
{
    struct local *mine = ptr;
    wipe_all(mine);
    EVP_MAC_CTX_free(mine->once);
    EVP_MAC_free(mine->mac);
    free(mine);
    local = NULL;
}

static void make_key(void)
{
    CHECK(pthread_key_create(&at_thread_end, free_local) == 0);
}

/* A context that computes HMAC-SHA-256 once it has a key. */
static EVP_MAC_CTX *new_context(struct local *mine)
{
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mine->mac);
    char digest[] = "SHA256";
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_END };
    CHECK(ctx && EVP_MAC_CTX_set_params(ctx, params) == 1);
    return ctx;
}

static struct local *my_local(void)
{
    if (!local) {
        pthread_once(&once, make_key);
        struct local *mine = mem_zero(1, sizeof *mine);
        mine->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
        CHECK(mine->mac);
        mine->once = new_context(mine);
        mine->epoch = atomic_load_explicit(&epoch, memory_order_acquire);
        CHECK(pthread_setspecific(at_thread_end, mine) == 0);
        local = mine;
    }
    unsigned now = atomic_load_explicit(&epoch, memory_order_acquire);
    if (local->epoch != now) {
        wipe_all(local);
        local->epoch = now;
    }
    return local;
}

void sigv4_forget_keys(void)
{
    atomic_fetch_add_explicit(&epoch, 1, memory_order_release);
}

/* With a key begins anew; NULL takes the context's own. */
static void mac(EVP_MAC_CTX *ctx, const unsigned char *key, size_t key_len, struct span text,
                unsigned char ret_mac[SHA256_BYTES])
{
    size_t len = 0;
    CHECK(EVP_MAC_init(ctx, key, key_len, NULL) == 1);
    CHECK(text.len == 0 || EVP_MAC_update(ctx, (const unsigned char *)text.ptr, text.len) == 1);
    CHECK(EVP_MAC_final(ctx, ret_mac, &len, SHA256_BYTES) == 1 && len == SHA256_BYTES);
}

void sigv4_key(struct span secret, const struct sigv4_scope *scope, unsigned char ret_key[SHA256_BYTES])
{
    static const char before[4] = { 'A', 'W', 'S', '4' };
    EVP_MAC_CTX *ctx = my_local()->once;
    CHECK(secret.len < SIZE_MAX / 2);
    unsigned char *first = mem_alloc(sizeof before + secret.len);
    memcpy(first, before, sizeof before);
    if (secret.len > 0)
        memcpy(first + sizeof before, secret.ptr, secret.len);
    mac(ctx, first, sizeof before + secret.len, scope->date, ret_key);
    mac(ctx, ret_key, SHA256_BYTES, scope->region, ret_key);
    mac(ctx, ret_key, SHA256_BYTES, scope->service, ret_key);
    mac(ctx, ret_key, SHA256_BYTES, scope->terminator, ret_key);
    OPENSSL_cleanse(first, sizeof before + secret.len);
    free(first);
}

static bool add_to_name(struct span part, unsigned char name[NAME_MAX_BYTES], size_t *len)
{
    if (part.len > 255 || *len + 1 + part.len > NAME_MAX_BYTES)
        return false;
    name[(*len)++] = (unsigned char)part.len;
    if (part.len > 0)
        memcpy(name + *len, part.ptr, part.len);
    *len += part.len;
    return true;
}

/* 0: too long to be kept. */
static size_t write_name(struct span secret, const struct sigv4_scope *scope, unsigned char name[NAME_MAX_BYTES])
{
    size_t len = 0;
    bool fits = add_to_name(scope->date, name, &len) && add_to_name(scope->region, name, &len) &&
                add_to_name(scope->service, name, &len) && add_to_name(scope->terminator, name, &len) &&
                add_to_name(secret, name, &len);
    return fits ? len : 0;
}

/* Spreads over the sets; nothing else depends on it. */
static unsigned set_of(const unsigned char *name, size_t len)
{
    uint64_t hash = len, word;
    for (size_t at = 0; at < len; at += 8) {
        size_t left = len - at < 8 ? len - at : 8;
        word = 0;
        memcpy(&word, name + at, left);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    return (unsigned)(hash % SETS);
}

/* The context that holds the key of that name, made if need be in place of the one longest unused. */
static EVP_MAC_CTX *keyed_context(struct local *mine, const unsigned char *name, size_t len, struct span secret,
                                  const struct sigv4_scope *scope)
{
    struct day_key *set = mine->keys[set_of(name, len)];
    struct day_key *victim = &set[0];
    for (unsigned way = 0; way < WAYS; way++) {
        struct day_key *key = &set[way];
        if (key->ctx && key->name_len == len && CRYPTO_memcmp(key->name, name, len) == 0) {
            key->used = ++mine->tick;
            return key->ctx;
        }
        if (victim->ctx && (!key->ctx || key->used < victim->used))
            victim = key;
    }
    unsigned char derived[SHA256_BYTES];
    sigv4_key(secret, scope, derived);
    wipe(victim);
    victim->ctx = new_context(mine);
    CHECK(EVP_MAC_init(victim->ctx, derived, sizeof derived, NULL) == 1);
    OPENSSL_cleanse(derived, sizeof derived);
    memcpy(victim->name, name, len);
    victim->name_len = len;
    victim->used = ++mine->tick;
    return victim->ctx;
}

void sigv4_signature(struct span secret, const struct sigv4_scope *scope, struct span string_to_sign,
                     char ret_hex[SHA256_HEX])
{
    struct local *mine = my_local();
    unsigned char digest[SHA256_BYTES], name[NAME_MAX_BYTES];
    size_t len = write_name(secret, scope, name);
    if (len > 0) {
        mac(keyed_context(mine, name, len, secret, scope), NULL, 0, string_to_sign, digest);
    } else {
        unsigned char derived[SHA256_BYTES];
        sigv4_key(secret, scope, derived);
        mac(mine->once, derived, sizeof derived, string_to_sign, digest);
        OPENSSL_cleanse(derived, sizeof derived);
    }
    OPENSSL_cleanse(name, sizeof name);
    sha256_hex(digest, ret_hex);
}
