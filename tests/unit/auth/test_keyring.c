/* keyring: what rows become, and a ring replaced under the feet of its readers. */
#include "auth/keyring.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/session.h"
#include "aws/sha256.h"

#include <cmocka.h>

#define S(text)                                                                                                        \
    {                                                                                                                  \
        (text), sizeof(text) - 1                                                                                       \
    }
#define AWS SPAN_LIT("aws")

static const char allow_all[] = "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}}";

static const struct key_row keys[] = {
    { .id = S("AKIAROOT"), .secret = S("root secret"), .account = S("123456789012") },
    { .id = S("AKIAANN"),
      .secret = S("ann's"),
      .account = S("123456789012"),
      .user = S("ann"),
      .policy = S(allow_all) },
    { .id = S("AKIABOB"), .secret = S("bob's"), .account = S("210987654321"), .user = S("bob"), .disabled = true },
    { .id = S("AKIAROOT"), .secret = S("another"), .account = S("210987654321"), .user = S("eve") },
};
static const char token_hash[] = "0123456789abcdef0123456789abcdef";
static const struct session_row sessions[] = {
    { .id = S("ASIA1"), .secret = S("s1"), .parent = S("AKIAANN"), .token_sha256 = S(token_hash), .expires_ms = 5 },
    { .id = S("ASIA2"), .secret = S("s2"), .parent = S("AKIABOB"), .token_sha256 = S(token_hash), .expires_ms = 6 },
    { .id = S("ASIA3"), .secret = S("s3"), .parent = S("AKIAGONE"), .token_sha256 = S(token_hash), .expires_ms = 7 },
    { .id = S("ASIA4"), .secret = S("s4"), .parent = S("ASIA1"), .token_sha256 = S(token_hash), .expires_ms = 7 },
    { .id = S("AKIAANN"), .secret = S("s5"), .parent = S("AKIAROOT"), .token_sha256 = S(token_hash), .expires_ms = 7 },
};

static struct keyring *build(void)
{
    struct keyring *ring = NULL;
    struct err err;
    if (!keyring_build(AWS, keys, COUNT_OF(keys), sessions, COUNT_OF(sessions), &ring, &err))
        fail_msg("%s", err.text);
    return ring;
}

static void rows_become_entries(void **state)
{
    struct keyring *ring = build();
    (void)state;
    const struct keyring_entry *root = keyring_find(ring, SPAN_LIT("AKIAROOT"));
    assert_non_null(root);
    assert_true(root->root && !root->disabled && !root->session && !root->policy);
    assert_true(span_is(root->secret, "root secret") && span_is(root->account, "123456789012"));
    assert_true(span_is(root->arn, "arn:aws:iam::123456789012:root") && root->user.len == 0);
    const struct keyring_entry *ann = keyring_find(ring, SPAN_LIT("AKIAANN"));
    assert_true(!ann->root && !ann->session && ann->policy && span_is(ann->secret, "ann's"));
    assert_true(span_is(ann->user, "ann") && span_is(ann->arn, "arn:aws:iam::123456789012:user/ann"));
    const struct keyring_entry *bob = keyring_find(ring, SPAN_LIT("AKIABOB"));
    assert_true(bob->disabled && !bob->root && !bob->policy);
    assert_null(keyring_find(ring, SPAN_LIT("AKIA")));
    assert_null(keyring_find(ring, SPAN_LIT("akiaann")));
    assert_null(keyring_find(ring, SPAN_NONE));
    keyring_drop(ring);
}

static void sessions_take_after_their_parents(void **state)
{
    struct keyring *ring = build();
    (void)state;
    const struct keyring_entry *ann = keyring_find(ring, SPAN_LIT("AKIAANN"));
    const struct keyring_entry *session = keyring_find(ring, SPAN_LIT("ASIA1"));
    assert_true(session->session && !session->disabled && session->expires_ms == 5);
    assert_true(span_is(session->key_id, "ASIA1") && span_is(session->secret, "s1"));
    assert_ptr_equal(session->policy, ann->policy);
    assert_true(span_eq(session->arn, ann->arn) && span_eq(session->account, ann->account));
    assert_memory_equal(session->token_sha256, token_hash, 32);
    assert_true(keyring_find(ring, SPAN_LIT("ASIA2"))->disabled);
    assert_null(keyring_find(ring, SPAN_LIT("ASIA3")));
    assert_null(keyring_find(ring, SPAN_LIT("ASIA4")));
    keyring_drop(ring);
}

static void an_empty_ring(void **state)
{
    struct keyring *ring = NULL;
    (void)state;
    assert_true(keyring_build(AWS, NULL, 0, NULL, 0, &ring, NULL));
    assert_null(keyring_find(ring, SPAN_LIT("AKIA")));
    keyring_drop(ring);
    keyring_drop(NULL);
    keyring_slot_free(NULL);
}

static void rows_that_make_no_sense(void **state)
{
    static const struct key_row bad[] = {
        { .id = S(""), .secret = S("s"), .account = S("123456789012") },
        { .id = S("AKIABAD"), .secret = S(""), .account = S("123456789012") },
        { .id = S("AKIABAD"), .secret = S("the secret"), .account = S("12345678901") },
        { .id = S("AKIABAD"), .secret = S("the secret"), .account = S("12345678901x") },
        { .id = S("AKIABAD"), .secret = S("the secret"), .account = S("123456789012"), .policy = S("{") },
    };
    static const struct session_row bad_session = { .id = S("ASIABAD"), .secret = S("s"), .parent = S("AKIAROOT") };
    struct keyring *ring = NULL;
    struct err err;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const struct key_row rows[] = { keys[0], keys[1], bad[i] };
        assert_false(keyring_build(AWS, rows, COUNT_OF(rows), NULL, 0, &ring, &err));
        assert_int_equal(err.code, E_CONFIG);
        assert_null(strstr(err.text, "the secret"));
    }
    assert_non_null(strstr(err.text, "the policy of the access key AKIABAD: "));
    assert_false(keyring_build(AWS, keys, 1, &bad_session, 1, &ring, &err));
    assert_int_equal(err.code, E_CONFIG);
    assert_null(ring);
}

static void many_keys(void **state)
{
    enum { MANY = 5000 };
    struct key_row *rows = calloc(MANY, sizeof *rows);
    char(*ids)[24] = calloc(MANY, sizeof *ids);
    struct keyring *ring = NULL;
    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(ids[i], sizeof ids[i], "AKIA%016u", i);
        rows[i] = (struct key_row){ .id = span_str(ids[i]), .secret = span_str(ids[i]), .account = keys[0].account };
    }
    assert_true(keyring_build(AWS, rows, MANY, NULL, 0, &ring, NULL));
    for (unsigned i = 0; i < MANY; i++)
        assert_true(span_is(keyring_find(ring, span_str(ids[i]))->secret, ids[i]));
    assert_null(keyring_find(ring, SPAN_LIT("AKIA0000000000005000")));
    keyring_drop(ring);
    free(rows);
    free(ids);
}

static void a_session_is_minted(void **state)
{
    struct session session, other;
    unsigned char digest[SHA256_BYTES];
    struct keyring *ring = NULL;
    (void)state;
    session_mint(1000, 5000, &session);
    session_mint(1000, 5000, &other);
    assert_int_equal(session.expires_ms, 6000);
    assert_true(span_starts(span_str(session.id), SPAN_LIT("ASIA")));
    assert_int_equal(strlen(session.id), SESSION_ID_LEN);
    assert_int_equal(strlen(session.secret), SESSION_SECRET_LEN);
    assert_int_equal(strlen(session.token), SESSION_TOKEN_LEN);
    assert_string_not_equal(session.id, other.id);
    assert_string_not_equal(session.secret, other.secret);
    assert_string_not_equal(session.token, other.token);
    sha256_of(span_str(session.token), digest);
    assert_memory_equal(session.token_sha256, digest, sizeof digest);
    struct session_row row = session_to_row(&session, SPAN_LIT("AKIAANN"));
    assert_true(keyring_build(AWS, keys, 2, &row, 1, &ring, NULL));
    assert_true(keyring_find(ring, span_str(session.id))->session);
    keyring_drop(ring);
    session_forget(&session);
    assert_int_equal(session.secret[0], 0);
}

/* A ring whose one secret is its account: a reader that sees two halves of two rings notices. */
static struct keyring *numbered_ring(unsigned number)
{
    char account[16];
    struct keyring *ring = NULL;
    snprintf(account, sizeof account, "%012u", number);
    struct key_row row = { .id = SPAN_LIT("AKIA"), .secret = span_str(account), .account = span_str(account) };
    assert_true(keyring_build(AWS, &row, 1, NULL, 0, &ring, NULL));
    return ring;
}

struct crowd {
    struct keyring_slot *slot;
    atomic_bool stop;
    atomic_uint taken;
    atomic_uint wrong;
};

static void *read_on(void *ctx)
{
    struct crowd *crowd = ctx;
    struct keyring *kept = keyring_take(crowd->slot);
    while (!atomic_load(&crowd->stop)) {
        struct keyring *ring = keyring_take(crowd->slot);
        const struct keyring_entry *entry = keyring_find(ring, SPAN_LIT("AKIA"));
        if (!entry || !span_eq(entry->secret, entry->account))
            atomic_fetch_add(&crowd->wrong, 1);
        if (atomic_fetch_add(&crowd->taken, 1) % 16 == 0) {
            struct keyring *old = kept;
            kept = keyring_hold(ring);
            keyring_drop(old);
        }
        keyring_drop(ring);
    }
    keyring_drop(kept);
    return NULL;
}

static void replaced_while_read(void **state)
{
    struct crowd crowd = { .slot = keyring_slot_new(numbered_ring(0)) };
    pthread_t readers[4];
    (void)state;
    for (unsigned i = 0; i < COUNT_OF(readers); i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_on, &crowd), 0);
    for (unsigned i = 1; i <= 300 || atomic_load(&crowd.taken) < 1000; i++) {
        keyring_put(crowd.slot, numbered_ring(i));
        struct keyring *ring = keyring_take(crowd.slot);
        uint64_t number;
        assert_true(span_to_u64(keyring_find(ring, SPAN_LIT("AKIA"))->account, UINT64_MAX, &number));
        assert_int_equal(number, i);
        keyring_drop(ring);
    }
    atomic_store(&crowd.stop, true);
    for (unsigned i = 0; i < COUNT_OF(readers); i++)
        pthread_join(readers[i], NULL);
    assert_int_equal(atomic_load(&crowd.wrong), 0);
    keyring_slot_free(crowd.slot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_become_entries), cmocka_unit_test(sessions_take_after_their_parents),
        cmocka_unit_test(an_empty_ring),       cmocka_unit_test(rows_that_make_no_sense),
        cmocka_unit_test(many_keys),           cmocka_unit_test(a_session_is_minted),
        cmocka_unit_test(replaced_while_read),
    };
    return cmocka_run_group_tests_name("keyring", tests, NULL, NULL);
}
