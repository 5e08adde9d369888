/* The listener over TLS: the handshake, the certificate's replacement under load, and what is not TLS at all. The
   certificates are made here, so that none can expire in a repository. */
#define _GNU_SOURCE
#include "kit.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"

#define HOST "Host: h\r\n"

enum { REQUEST_MS = 1500 };

static struct kit kit;
static char folder[] = "/tmp/placard-tls-XXXXXX";
static char certificate_path[64], key_path[64];

static void write_file(const char *path, const gnutls_datum_t *text)
{
    FILE *file = fopen(path, "w");
    CHECK(file && fwrite(text->data, 1, text->size, file) == text->size);
    CHECK(fclose(file) == 0);
}

static gnutls_x509_privkey_t new_key(void)
{
    gnutls_x509_privkey_t key;
    CHECK(gnutls_x509_privkey_init(&key) == 0);
    CHECK(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) == 0);
    return key;
}

/* A self-signed certificate with that serial number, and its key or another one, in the two files. */
static void write_pair(unsigned char serial, bool other_key)
{
    gnutls_x509_privkey_t key = new_key(), other = new_key();
    gnutls_x509_crt_t certificate;
    gnutls_datum_t text;
    CHECK(gnutls_x509_crt_init(&certificate) == 0);
    gnutls_x509_crt_set_version(certificate, 3);
    gnutls_x509_crt_set_serial(certificate, &serial, 1);
    gnutls_x509_crt_set_activation_time(certificate, time(NULL) - 3600);
    gnutls_x509_crt_set_expiration_time(certificate, time(NULL) + 3600);
    gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, "h", 1);
    gnutls_x509_crt_set_key(certificate, key);
    CHECK(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0) == 0);
    CHECK(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &text) == 0);
    write_file(certificate_path, &text);
    gnutls_free(text.data);
    CHECK(gnutls_x509_privkey_export2(other_key ? other : key, GNUTLS_X509_FMT_PEM, &text) == 0);
    write_file(key_path, &text);
    gnutls_free(text.data);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
    gnutls_x509_privkey_deinit(other);
}

static void with_tls(struct http_options *options)
{
    options->request_ms = REQUEST_MS;
    options->tls_certificate = certificate_path;
    options->tls_key = key_path;
}

static int setup(void **state)
{
    (void)state;
    write_pair(1, false);
    kit_start(&kit, with_tls);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kit_stop(&kit, 1000);
    return 0;
}

/* A client over TLS; `bare` is the connection beneath. */
struct secure {
    struct client *bare;
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
};

static bool secure_open(struct secure *secure, const char *priorities)
{
    secure->bare = client_open(&kit);
    CHECK(gnutls_init(&secure->session, GNUTLS_CLIENT) == 0);
    CHECK(gnutls_certificate_allocate_credentials(&secure->credentials) == 0);
    CHECK(gnutls_credentials_set(secure->session, GNUTLS_CRD_CERTIFICATE, secure->credentials) == 0);
    CHECK(gnutls_priority_set_direct(secure->session, priorities, NULL) == 0);
    gnutls_transport_set_int(secure->session, secure->bare->socket);
    gnutls_handshake_set_timeout(secure->session, 10000);
    int code;
    do
        code = gnutls_handshake(secure->session);
    while (code < 0 && !gnutls_error_is_fatal(code));
    return code == 0;
}

static void secure_close(struct secure *secure)
{
    gnutls_deinit(secure->session);
    gnutls_certificate_free_credentials(secure->credentials);
    client_close(secure->bare);
}

static unsigned secure_serial(const struct secure *secure)
{
    unsigned count;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(secure->session, &count);
    gnutls_x509_crt_t certificate;
    unsigned char serial[20];
    size_t len = sizeof serial;
    CHECK(count == 1 && gnutls_x509_crt_init(&certificate) == 0);
    CHECK(gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER) == 0);
    CHECK(gnutls_x509_crt_get_serial(certificate, serial, &len) == 0 && len == 1);
    gnutls_x509_crt_deinit(certificate);
    return serial[0];
}

/* Sends the request and returns whether its answer ends in `want`. */
static bool secure_ask(struct secure *secure, const char *text, const char *want)
{
    char got[4096];
    size_t len = 0;
    for (size_t sent = 0; sent < strlen(text);) {
        ssize_t n = gnutls_record_send(secure->session, text + sent, strlen(text) - sent);
        if (n < 0)
            return false;
        sent += (size_t)n;
    }
    while (len < sizeof got) {
        ssize_t n = gnutls_record_recv(secure->session, got + len, sizeof got - len);
        if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
            continue;
        if (n <= 0)
            return false;
        len += (size_t)n;
        if (span_contains(span_of(got, len), SPAN_LIT("\r\n\r\n")) && span_ends(span_of(got, len), span_str(want)))
            return span_starts(span_of(got, len), SPAN_LIT("HTTP/1.1 200 "));
    }
    return false;
}

static void answers_over_tls(void **state)
{
    (void)state;
    static const char *const priorities[] = { "NORMAL:-VERS-ALL:+VERS-TLS1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.2" };
    for (size_t i = 0; i < COUNT_OF(priorities); i++) {
        struct secure secure;
        assert_true(secure_open(&secure, priorities[i]));
        assert_int_equal(secure_serial(&secure), 1);
        assert_true(secure_ask(&secure, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", "hello"));
        assert_true(secure_ask(&secure, "POST /later HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nlate", "late"));
        assert_true(secure_ask(&secure, "GET /list HTTP/1.1\r\n" HOST "\r\n", "|11\nHost=h"));
        secure_close(&secure);
    }
    struct secure old;
    assert_false(secure_open(&old, "NORMAL:-VERS-ALL:+VERS-TLS1.1:+VERS-TLS1.0"));
    secure_close(&old);
}

static void cuts_what_is_not_tls(void **state)
{
    (void)state;
    struct client *client = client_open(&kit);
    client_say(client, "GET /echo HTTP/1.1\r\n" HOST "\r\n");
    client_read(client); /* an alert, maybe */
    client_close(client);
    client = client_open(&kit);
    client_send(client, "\x16\x03\x01\x02", 4); /* a handshake that goes no further */
    struct watch watch = watch_begin(&kit);
    assert_true(client_ended(client, 40 * REQUEST_MS));
    watch_check(&kit, watch, REQUEST_MS - 20, 3 * REQUEST_MS, "a handshake that goes no further");
    client_close(client);
    assert_true(kit_has_open(&kit, 0));
    assert_int_equal(atomic_load(&kit.heads), 0);
}

static void takes_a_new_certificate(void **state)
{
    (void)state;
    struct secure before, after;
    struct err err = { 0 };
    assert_true(secure_open(&before, "NORMAL"));
    write_pair(2, false);
    assert_true(http_reload_tls(kit.listener, &err));
    assert_true(secure_open(&after, "NORMAL"));
    assert_int_equal(secure_serial(&before), 1);
    assert_int_equal(secure_serial(&after), 2);
    assert_true(secure_ask(&before, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", "hello"));
    assert_true(secure_ask(&after, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", "hello"));
    secure_close(&before);
    secure_close(&after);
}

static void keeps_the_old_one_when_the_new_is_unusable(void **state)
{
    (void)state;
    struct err err = { 0 };
    struct secure secure;
    write_pair(3, true);
    assert_false(http_reload_tls(kit.listener, &err));
    assert_int_equal(err.code, E_CONFIG);
    assert_true(span_contains(span_str(err.text), SPAN_LIT("not that of the certificate")));
    const gnutls_datum_t junk = { (unsigned char *)(uintptr_t) "junk", 4 };
    write_file(certificate_path, &junk);
    assert_false(http_reload_tls(kit.listener, &err));
    assert_int_equal(unlink(certificate_path), 0);
    assert_false(http_reload_tls(kit.listener, &err));
    assert_true(secure_open(&secure, "NORMAL"));
    assert_int_equal(secure_serial(&secure), 1);
    secure_close(&secure);
    struct http_listener *listener = NULL;
    const struct http_handler handler = { .ctx = NULL };
    assert_false(http_start(&kit.options, &handler, &listener, &err));
    assert_int_equal(err.code, E_CONFIG);
}

static atomic_bool reloading;

static void *reload_always(void *unused)
{
    (void)unused;
    struct err err;
    while (atomic_load(&reloading))
        CHECK(http_reload_tls(kit.listener, &err));
    return NULL;
}

static void *connect_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 40; i++) {
        struct secure secure;
        CHECK(secure_open(&secure, "NORMAL"));
        CHECK(secure_ask(&secure, "POST /later HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nlate", "late"));
        secure_close(&secure);
    }
    return NULL;
}

static void replaces_certificates_under_load(void **state)
{
    (void)state;
    pthread_t reloader, connectors[4];
    atomic_store(&reloading, true);
    assert_int_equal(pthread_create(&reloader, NULL, reload_always, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(connectors); i++)
        assert_int_equal(pthread_create(&connectors[i], NULL, connect_often, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(connectors); i++)
        pthread_join(connectors[i], NULL);
    atomic_store(&reloading, false);
    pthread_join(reloader, NULL);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(certificate_path, sizeof certificate_path, "%s/certificate.pem", folder);
    snprintf(key_path, sizeof key_path, "%s/key.pem", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(certificate_path);
    unlink(key_path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_over_tls, setup, teardown),
        cmocka_unit_test_setup_teardown(cuts_what_is_not_tls, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_a_new_certificate, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_the_old_one_when_the_new_is_unusable, setup, teardown),
        cmocka_unit_test_setup_teardown(replaces_certificates_under_load, setup, teardown),
    };
    return cmocka_run_group_tests_name("http_tls", tests, make_folder, remove_folder);
}
