/* SPDX-License-Identifier: Apache-2.0
 *
 * See mqtt_tls.h.
 */
#include "mqtt/mqtt_tls.h"

#include "base/memory.h"
#include "mqtt/mqtt_settings.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct mqtt_tls {
    SSL_CTX *context;
    char *server_name;
    char refusal[300];
};

/* The newest OpenSSL error in words; empties the queue. */
static const char *openssl_reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    return reason ? reason : "no reason given";
}

static enum status load_authorities(SSL_CTX *context, const char *ca, struct error *err)
{
    if (!ca) {
        if (SSL_CTX_set_default_verify_paths(context) != 1)
            return error_set(err, STATUS_IO, "tls.ca: cannot load the system's authorities: %s",
                             openssl_reason());
        return STATUS_OK;
    }
    struct stat st;
    if (stat(ca, &st) != 0)
        return error_set(err, STATUS_NOT_FOUND, "tls.ca: cannot find %s", ca);
    int ok =
        S_ISDIR(st.st_mode) ? SSL_CTX_load_verify_dir(context, ca) : SSL_CTX_load_verify_file(context, ca);
    if (ok != 1)
        return error_set(err, STATUS_INVALID, "tls.ca: cannot load authorities from %s: %s", ca,
                         openssl_reason());
    return STATUS_OK;
}

static enum status load_identity(SSL_CTX *context, const struct mqtt_tls_settings *s, struct error *err)
{
    if (!s->certificate)
        return STATUS_OK;
    if (SSL_CTX_use_certificate_chain_file(context, s->certificate) != 1)
        return error_set(err, STATUS_INVALID, "tls.certificate: cannot load %s: %s", s->certificate,
                         openssl_reason());
    if (SSL_CTX_use_PrivateKey_file(context, s->key, SSL_FILETYPE_PEM) != 1)
        return error_set(err, STATUS_INVALID, "tls.key: cannot load %s: %s", s->key, openssl_reason());
    if (SSL_CTX_check_private_key(context) != 1)
        return error_set(err, STATUS_INVALID, "tls.key: %s does not belong to the certificate %s", s->key,
                         s->certificate);
    return STATUS_OK;
}

static const char *advice(int error)
{
    switch (error) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        return "; check tls.ca";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "; check the host in the URL, or tls.server_name";
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "; check this machine's clock, or have it renewed";
    default:
        return "";
    }
}

/* Keep the reason: libmosquitto would only say that the handshake failed. */
static int handle_verification(int ok, X509_STORE_CTX *store)
{
    if (ok)
        return 1;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct mqtt_tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    char subject[150] = "?";
    X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    if (certificate)
        X509_NAME_oneline(X509_get_subject_name(certificate), subject, sizeof subject);
    int error = X509_STORE_CTX_get_error(store);
    snprintf(t->refusal, sizeof t->refusal, "the broker's certificate is not accepted: %s (%s)%s",
             X509_verify_cert_error_string(error), subject, advice(error));
    return 0;
}

/* libmosquitto puts the URL's host into the ClientHello; `server_name` replaces it as the handshake starts.
 */
static void handle_handshake(const SSL *ssl, int where, int ret)
{
    (void)ret;
    struct mqtt_tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    if (where & SSL_CB_HANDSHAKE_START)
        SSL_set_tlsext_host_name((SSL *)(uintptr_t)ssl, t->server_name);
}

static bool is_address(const char *host)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static enum status set_verification(struct mqtt_tls *t, const struct mqtt_settings *s, struct error *err)
{
    SSL_CTX_set_verify(t->context, SSL_VERIFY_PEER, handle_verification);
    if (s->tls.server_name)
        SSL_CTX_set_info_callback(t->context, handle_handshake);
    if (s->tls.insecure)
        return STATUS_OK;
    X509_VERIFY_PARAM *parameters = SSL_CTX_get0_param(t->context);
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    int ok = is_address(t->server_name) ? X509_VERIFY_PARAM_set1_ip_asc(parameters, t->server_name)
                                        : X509_VERIFY_PARAM_set1_host(parameters, t->server_name, 0);
    if (ok != 1)
        return error_set(err, STATUS_INVALID, "tls.server_name: %s is not a host name: %s", t->server_name,
                         openssl_reason());
    return STATUS_OK;
}

struct mqtt_tls *mqtt_tls_create(const struct mqtt_settings *s, struct error *err)
{
    ERR_clear_error();
    struct mqtt_tls *t = xcalloc(1, sizeof *t);
    t->server_name = xstrdup(s->tls.server_name ? s->tls.server_name : s->host);
    t->context = SSL_CTX_new(TLS_client_method());
    if (!t->context) {
        error_set(err, STATUS_NO_MEMORY, "cannot make a TLS context: %s", openssl_reason());
        goto fail;
    }
    SSL_CTX_set_app_data(t->context, t);
    SSL_CTX_set_min_proto_version(t->context, TLS1_2_VERSION);
    SSL_CTX_set_options(t->context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(t->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* The socket buffer below reads ahead too; this spares OpenSSL a call for each record's header. */
    SSL_CTX_set_read_ahead(t->context, 1);
    if (load_authorities(t->context, s->tls.ca, err) != STATUS_OK ||
        load_identity(t->context, &s->tls, err) != STATUS_OK || set_verification(t, s, err) != STATUS_OK)
        goto fail;
    return t;
fail:
    mqtt_tls_destroy(t);
    return NULL;
}

void mqtt_tls_destroy(struct mqtt_tls *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->context);
    free(t->server_name);
    free(t);
}

struct ssl_ctx_st *mqtt_tls_context(const struct mqtt_tls *t)
{
    return t->context;
}

const char *mqtt_tls_refusal(const struct mqtt_tls *t)
{
    return t->refusal;
}
