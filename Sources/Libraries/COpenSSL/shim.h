#ifndef APUS_COPENSSL_H
#define APUS_COPENSSL_H
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* Swift does not import OpenSSL's function-like macros and bit constants: name here those that are used. */
static inline int apus_ctx_set_min_version(SSL_CTX *ctx, int version) { return (int)SSL_CTX_set_min_proto_version(ctx, version); }
static inline int apus_ctx_set_max_version(SSL_CTX *ctx, int version) { return (int)SSL_CTX_set_max_proto_version(ctx, version); }
static inline long apus_ctx_set_mode(SSL_CTX *ctx, long mode) { return SSL_CTX_set_mode(ctx, mode); }
static inline long apus_ctx_set_cache_mode(SSL_CTX *ctx, long mode) { return SSL_CTX_set_session_cache_mode(ctx, mode); }
static inline long apus_ctx_set_cache_size(SSL_CTX *ctx, long size) { return SSL_CTX_sess_set_cache_size(ctx, size); }
static inline int apus_ctx_set_groups(SSL_CTX *ctx, const char *list) { return (int)SSL_CTX_set1_groups_list(ctx, list); }
static inline long apus_ctx_set_dh_auto(SSL_CTX *ctx, int on) { return SSL_CTX_set_dh_auto(ctx, on); }
static inline long apus_ctx_set_sni_callback(SSL_CTX *ctx, int (*callback)(SSL *, int *, void *)) {
    return SSL_CTX_set_tlsext_servername_callback(ctx, callback);
}
static inline long apus_ctx_set_sni_argument(SSL_CTX *ctx, void *argument) {
    return SSL_CTX_set_tlsext_servername_arg(ctx, argument);
}
/* A ticket's key: HMAC-SHA256. */
static inline int apus_set_ticket_mac(EVP_MAC_CTX *mac, unsigned char *key, size_t count) {
    OSSL_PARAM parameters[3];
    parameters[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key, count);
    parameters[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"sha256", 0);
    parameters[2] = OSSL_PARAM_construct_end();
    return EVP_MAC_CTX_set_params(mac, parameters);
}
static inline STACK_OF(X509) *apus_certificates_new(void) { return sk_X509_new_null(); }
static inline int apus_certificates_push(STACK_OF(X509) *list, X509 *certificate) { return sk_X509_push(list, certificate); }
static inline void apus_certificates_free(STACK_OF(X509) *list) { sk_X509_pop_free(list, X509_free); }
static inline int apus_set_host_name(SSL *ssl, const char *name) { return (int)SSL_set_tlsext_host_name(ssl, name); }
static inline int apus_get_signature_nid(SSL *ssl, int *nid) { return (int)SSL_get_signature_nid(ssl, nid); }
static inline int apus_get_peer_signature_nid(SSL *ssl, int *nid) { return (int)SSL_get_peer_signature_nid(ssl, nid); }
static inline int apus_get_peer_tmp_key(SSL *ssl, EVP_PKEY **key) { return (int)SSL_get_peer_tmp_key(ssl, key); }
static inline int apus_get_negotiated_group(SSL *ssl) { return (int)SSL_get_negotiated_group(ssl); }
static inline X509 *apus_get_peer_certificate(SSL *ssl) { return SSL_get1_peer_certificate(ssl); }
static inline void apus_bio_retry_read(BIO *bio) { BIO_set_retry_read(bio); }
static inline void apus_bio_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }
static inline uint64_t apus_op_all(void) { return SSL_OP_ALL; }
static inline uint64_t apus_op_no_ticket(void) { return SSL_OP_NO_TICKET; }
static inline uint64_t apus_op_no_compression(void) { return SSL_OP_NO_COMPRESSION; }
static inline uint64_t apus_op_no_renegotiation(void) { return SSL_OP_NO_RENEGOTIATION; }
static inline uint64_t apus_op_server_preference(void) { return SSL_OP_CIPHER_SERVER_PREFERENCE; }
static inline uint64_t apus_op_no_sslv3(void) { return SSL_OP_NO_SSLv3; }
static inline uint64_t apus_op_no_tlsv1(void) { return SSL_OP_NO_TLSv1; }
static inline uint64_t apus_op_no_tlsv1_1(void) { return SSL_OP_NO_TLSv1_1; }
static inline uint64_t apus_op_no_tlsv1_2(void) { return SSL_OP_NO_TLSv1_2; }
static inline uint64_t apus_op_no_tlsv1_3(void) { return SSL_OP_NO_TLSv1_3; }
static inline int apus_x509_count(const STACK_OF(X509) *chain) { return sk_X509_num(chain); }
static inline X509 *apus_x509_at(const STACK_OF(X509) *chain, int index) { return sk_X509_value(chain, index); }
static inline void apus_free_extensions(STACK_OF(X509_EXTENSION) *list) { sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free); }
#endif
