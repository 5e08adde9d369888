/*
 * tls: the certificate and its key, by GnuTLS, replaceable while connections stand. See listener.h.
 *
 * A pair is read whole, checked and then put in the place of the old one under tls_lock; every handshake takes the pair
 * of that moment and its connection keeps it, since GnuTLS borrows it for the rest of the handshake. The old pair goes
 * with the last connection that took it.
 */
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdlib.h>

#include "http/listener.h"

enum { CHAIN_MOST = 16 };

struct tls_pair {
    unsigned users; /* under tls_lock; being the listener's current one counts */
    unsigned count;
    gnutls_pcert_st chain[CHAIN_MOST];
    gnutls_privkey_t key;
};

static void pair_free(struct tls_pair *pair)
{
    for (unsigned i = 0; i < pair->count; i++)
        gnutls_pcert_deinit(&pair->chain[i]);
    if (pair->key)
        gnutls_privkey_deinit(pair->key);
    free(pair);
}

void tls_pair_drop(struct http_listener *listener, struct tls_pair *pair)
{
    if (!pair)
        return;
    pthread_mutex_lock(&listener->tls_lock);
    bool last = --pair->users == 0;
    pthread_mutex_unlock(&listener->tls_lock);
    if (last)
        pair_free(pair);
}

static void file_free(gnutls_datum_t *file)
{
    if (file->data) {
        gnutls_memset(file->data, 0, file->size);
        gnutls_free(file->data);
    }
}

static bool key_fits(gnutls_privkey_t key, gnutls_pubkey_t certified)
{
    unsigned char ours[64], theirs[64];
    size_t ours_len = sizeof ours, theirs_len = sizeof theirs;
    gnutls_pubkey_t public = NULL;
    bool fits = gnutls_pubkey_init(&public) == 0 && gnutls_pubkey_import_privkey(public, key, 0, 0) == 0 &&
                gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, ours, &ours_len) == 0 &&
                gnutls_pubkey_get_key_id(certified, GNUTLS_KEYID_USE_SHA256, theirs, &theirs_len) == 0 &&
                ours_len == theirs_len && memcmp(ours, theirs, ours_len) == 0;
    if (public)
        gnutls_pubkey_deinit(public);
    return fits;
}

bool tls_pair_load(const char *certificate, const char *key, struct tls_pair **ret_pair, struct err *err)
{
    bool done = false;
    gnutls_datum_t certificate_file = { 0 }, key_file = { 0 };
    struct tls_pair *pair = mem_zero(1, sizeof *pair);
    pair->users = 1;
    int code = gnutls_load_file(certificate, &certificate_file);
    if (code < 0) {
        fail(err, E_CONFIG, "the certificate file %s cannot be read: %s", certificate, gnutls_strerror(code));
        goto out;
    }
    unsigned count = CHAIN_MOST;
    code = gnutls_pcert_list_import_x509_raw(pair->chain, &count, &certificate_file, GNUTLS_X509_FMT_PEM, 0);
    if (code < 0 || count == 0) {
        fail(err, E_CONFIG, "the certificate file %s is unusable: %s", certificate, gnutls_strerror(code));
        goto out;
    }
    pair->count = count;
    code = gnutls_load_file(key, &key_file);
    if (code < 0) {
        fail(err, E_CONFIG, "the key file %s cannot be read: %s", key, gnutls_strerror(code));
        goto out;
    }
    code = gnutls_privkey_init(&pair->key);
    if (code == 0)
        code = gnutls_privkey_import_x509_raw(pair->key, &key_file, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (code < 0) {
        fail(err, E_CONFIG, "the key file %s is unusable: %s", key, gnutls_strerror(code));
        goto out;
    }
    if (!key_fits(pair->key, pair->chain[0].pubkey)) {
        fail(err, E_CONFIG, "the key in %s is not that of the certificate in %s", key, certificate);
        goto out;
    }
    *ret_pair = pair;
    done = true;
out:
    file_free(&certificate_file);
    file_free(&key_file);
    if (!done)
        pair_free(pair);
    return done;
}

bool http_reload_tls(struct http_listener *listener, struct err *err)
{
    struct tls_pair *pair;
    if (!listener->tls)
        return fail(err, E_CONFIG, "this listener has no certificate to reload");
    if (!tls_pair_load(listener->options.tls_certificate, listener->options.tls_key, &pair, err))
        return false;
    pthread_mutex_lock(&listener->tls_lock);
    struct tls_pair *old = listener->tls_pair;
    listener->tls_pair = pair;
    pthread_mutex_unlock(&listener->tls_lock);
    tls_pair_drop(listener, old);
    return true;
}

/* The session's pointer is libmicrohttpd's, which needs it for pre-shared keys alone; those we never offer. */
void tls_connection_begin(struct connection *connection, struct MHD_Connection *mhd)
{
    gnutls_session_t session = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
    gnutls_session_set_ptr(session, connection);
}

int tls_retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info, gnutls_pcert_st **ret_chain,
                 unsigned *ret_count, gnutls_ocsp_data_st **ret_ocsp, unsigned *ret_ocsp_count,
                 gnutls_privkey_t *ret_key, unsigned *ret_flags)
{
    (void)info;
    struct connection *connection = gnutls_session_get_ptr(session);
    struct http_listener *listener = connection->listener;
    if (!connection->tls_pair) {
        pthread_mutex_lock(&listener->tls_lock);
        connection->tls_pair = listener->tls_pair;
        connection->tls_pair->users++;
        pthread_mutex_unlock(&listener->tls_lock);
    }
    *ret_chain = connection->tls_pair->chain;
    *ret_count = connection->tls_pair->count;
    *ret_key = connection->tls_pair->key;
    *ret_ocsp = NULL;
    *ret_ocsp_count = 0;
    *ret_flags = 0; /* all of it stays ours */
    return 0;
}
