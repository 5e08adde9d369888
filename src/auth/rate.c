/* rate: see rate.h for the contract. */
#include "auth/rate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/nearest.h"

enum { ACCOUNT_LEN = 12, STRIPES = 16, BUCKETS_FIRST = 16, SECOND_US = 1000000 };

struct rule {
    char account[ACCOUNT_LEN + 1]; /* empty: for all that have none of their own */
    unsigned operation;
    uint32_t per_second;
    uint32_t burst;
};

/* Tokens are counted in millionths, so that a microsecond adds per_second of them. */
struct bucket {
    char account[ACCOUNT_LEN + 1];
    unsigned operation;
    int64_t tokens;
    int64_t filled_us; /* when tokens was reckoned */
};

/* Buckets are dealt to stripes by account and operation; the rules are read under any stripe, changed under all. */
struct stripe {
    pthread_mutex_t lock;
    struct bucket *buckets; /* open addressing; an empty account is a free place */
    size_t room;            /* a power of two, or 0 */
    size_t count;
};

struct rates {
    const char *const *operations;
    unsigned operation_count;
    struct rule *rules;
    size_t rule_count;
    atomic_bool any; /* whether there are rules at all, read without a lock */
    struct stripe stripes[STRIPES];
};

struct rates *rates_new(const char *const *operations, unsigned operation_count)
{
    struct rates *rates = mem_zero(1, sizeof *rates);
    rates->operations = operations;
    rates->operation_count = operation_count;
    for (unsigned i = 0; i < STRIPES; i++)
        CHECK(pthread_mutex_init(&rates->stripes[i].lock, NULL) == 0);
    return rates;
}

void rates_free(struct rates *rates)
{
    if (!rates)
        return;
    for (unsigned i = 0; i < STRIPES; i++) {
        pthread_mutex_destroy(&rates->stripes[i].lock);
        free(rates->stripes[i].buckets);
    }
    free(rates->rules);
    free(rates);
}

/* --- rules ---------------------------------------------------------------------------------------------------------
 */

static bool find_operation(const struct rates *rates, struct span name, unsigned *ret_operation, struct err *err)
{
    struct nearest nearest = nearest_to(name);
    for (unsigned i = 0; i < rates->operation_count; i++) {
        if (span_is(name, rates->operations[i])) {
            *ret_operation = i;
            return true;
        }
        nearest_offer(&nearest, rates->operations[i]);
    }
    const char *best = nearest.best;
    return fail(err, E_CONFIG, "rate: there is no operation '" SPAN_FMT "'%s%s%s", SPAN_ARG(name),
                best ? "; did you mean " : "", best ? best : "", best ? "?" : "");
}

static bool parse_number(struct span text, uint32_t *ret_number)
{
    uint64_t number;
    if (!span_to_u64(text, RATE_MAX, &number) || number == 0)
        return false;
    *ret_number = (uint32_t)number;
    return true;
}

static bool parse_rule(const struct rates *rates, const char *text, struct rule *ret_rule, struct err *err)
{
    struct rule rule = { .operation = 0 };
    struct span rest = span_str(text);
    struct span name = span_trim(span_cut(&rest, '='));
    struct span operation = name;
    struct span account = span_cut(&operation, ':');
    uint64_t digits;
    if (!operation.ptr) {
        operation = name;
    } else if (account.len != ACCOUNT_LEN || !span_to_u64(account, UINT64_MAX, &digits)) {
        return fail(err, E_CONFIG, "rate: '" SPAN_FMT "' is not an account of 12 digits", SPAN_ARG(account));
    } else {
        memcpy(rule.account, account.ptr, ACCOUNT_LEN);
    }
    if (!find_operation(rates, operation, &rule.operation, err))
        return false;
    struct span burst = rest;
    struct span per_second = span_trim(span_cut(&burst, '/'));
    if (!parse_number(per_second, &rule.per_second) ||
        !parse_number(burst.ptr ? span_trim(burst) : per_second, &rule.burst))
        return fail(err, E_CONFIG, "rate: '%s' is not [ACCOUNT:]OPERATION=N[/BURST] with numbers from 1 to %d", text,
                    RATE_MAX);
    *ret_rule = rule;
    return true;
}

static void lock_all(struct rates *rates)
{
    for (unsigned i = 0; i < STRIPES; i++)
        pthread_mutex_lock(&rates->stripes[i].lock);
}

static void unlock_all(struct rates *rates)
{
    for (unsigned i = STRIPES; i-- > 0;)
        pthread_mutex_unlock(&rates->stripes[i].lock);
}

bool rates_configure(struct rates *rates, const struct conf_list *texts, struct err *err)
{
    struct rule *rules = mem_zero(texts->count + 1, sizeof *rules);
    for (size_t i = 0; i < texts->count; i++) {
        if (!parse_rule(rates, texts->items[i], &rules[i], err)) {
            free(rules);
            return false;
        }
    }
    lock_all(rates);
    struct rule *old = rates->rules;
    rates->rules = rules;
    rates->rule_count = texts->count;
    atomic_store_explicit(&rates->any, texts->count > 0, memory_order_relaxed);
    unlock_all(rates);
    free(old);
    return true;
}

/* The account's own, else the general one; the last that was given of each. */
static const struct rule *find_rule(const struct rates *rates, struct span account, unsigned operation)
{
    const struct rule *general = NULL;
    for (size_t i = rates->rule_count; i-- > 0;) {
        const struct rule *rule = &rates->rules[i];
        if (rule->operation != operation)
            continue;
        if (span_is(account, rule->account))
            return rule;
        if (!general && !rule->account[0])
            general = rule;
    }
    return general;
}

/* --- buckets -------------------------------------------------------------------------------------------------------
 */

static uint64_t hash_of(struct span account, unsigned operation)
{
    uint64_t hash = 0xcbf29ce484222325u ^ operation;
    for (size_t i = 0; i < account.len; i++)
        hash = (hash ^ (unsigned char)account.ptr[i]) * 0x100000001b3u;
    return hash ^ (hash >> 32);
}

/* The account's bucket, or the free place where it belongs. The stripe's own number is the low bits of the hash. */
static struct bucket *place_of(const struct stripe *stripe, struct span account, unsigned operation)
{
    size_t at = (size_t)(hash_of(account, operation) / STRIPES) & (stripe->room - 1);
    for (;; at = (at + 1) & (stripe->room - 1)) {
        struct bucket *bucket = &stripe->buckets[at];
        if (!bucket->account[0] || (bucket->operation == operation && span_is(account, bucket->account)))
            return bucket;
    }
}

static void grow(struct stripe *stripe)
{
    struct stripe larger = { .room = stripe->room ? stripe->room * 2 : BUCKETS_FIRST };
    larger.buckets = mem_zero(larger.room, sizeof *larger.buckets);
    for (size_t i = 0; i < stripe->room; i++) {
        const struct bucket *bucket = &stripe->buckets[i];
        if (bucket->account[0])
            *place_of(&larger, span_str(bucket->account), bucket->operation) = *bucket;
    }
    free(stripe->buckets);
    stripe->buckets = larger.buckets;
    stripe->room = larger.room;
}

/* A new bucket is full. */
static struct bucket *find_bucket(struct stripe *stripe, struct span account, const struct rule *rule, int64_t now_us)
{
    if (stripe->count * 2 >= stripe->room)
        grow(stripe);
    struct bucket *bucket = place_of(stripe, account, rule->operation);
    if (!bucket->account[0]) {
        memcpy(bucket->account, account.ptr, account.len);
        bucket->operation = rule->operation;
        bucket->tokens = (int64_t)rule->burst * SECOND_US;
        bucket->filled_us = now_us;
        stripe->count++;
    }
    return bucket;
}

static bool take_token(struct bucket *bucket, const struct rule *rule, int64_t now_us)
{
    int64_t full = (int64_t)rule->burst * SECOND_US;
    int64_t passed = now_us - bucket->filled_us;
    if (passed > 0) {
        bool fills = passed >= full / rule->per_second + 1;
        bucket->tokens = fills ? full : bucket->tokens + passed * rule->per_second;
        bucket->filled_us = now_us;
    }
    if (bucket->tokens > full)
        bucket->tokens = full;
    if (bucket->tokens < SECOND_US)
        return false;
    bucket->tokens -= SECOND_US;
    return true;
}

bool rates_take(struct rates *rates, struct span account, unsigned operation, int64_t now_us, struct err *err)
{
    if (!atomic_load_explicit(&rates->any, memory_order_relaxed))
        return true;
    CHECK(account.len > 0 && account.len <= ACCOUNT_LEN && operation < rates->operation_count);
    struct stripe *stripe = &rates->stripes[hash_of(account, operation) % STRIPES];
    pthread_mutex_lock(&stripe->lock);
    const struct rule *rule = find_rule(rates, account, operation);
    bool has = !rule || take_token(find_bucket(stripe, account, rule, now_us), rule, now_us);
    pthread_mutex_unlock(&stripe->lock);
    return has || fail(err, E_RATE, "Provisioned Rate exceeded.");
}
