#include "integrity/crypto/x509.h"

#include "integrity/rfc3339.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

enum { SECURITY_LEVEL = 2 }; /* 112 bits: RSA 2048, no SHA-1 */

X509 *x509_read(const struct crypto *c, struct span der)
{
    const uint8_t *at = der.ptr;
    X509 *cert =
        der.len && der.len <= X509_DER_MAX ? X509_new_ex(crypto_library(c), NULL) : NULL;
    if (cert && !d2i_X509(&cert, &at, (long)der.len))
        cert = NULL; /* and freed */
    if (cert && at != der.ptr + der.len) {
        X509_free(cert);
        cert = NULL;
    }
    ERR_clear_error();
    return cert;
}

/* All certificates of a PEM text; false when one is broken. */
static bool read_pem(const struct crypto *c, struct span text, struct x509_list *list)
{
    bool ok = true;
    BIO *in = BIO_new_mem_buf(text.ptr, (int)text.len);
    while (ok && in) {
        X509 *cert = X509_new_ex(crypto_library(c), NULL);
        if (!cert || !PEM_read_bio_X509(in, &cert, NULL, NULL)) {
            unsigned long code = ERR_peek_last_error();
            ok = ERR_GET_LIB(code) == ERR_LIB_PEM &&
                 ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
            X509_free(cert);
            break;
        }
        ok = list->count < X509_LIST_MAX;
        if (ok)
            list->items[list->count++] = cert;
        else
            X509_free(cert);
    }
    BIO_free(in);
    ERR_clear_error();
    return ok && in && list->count > 0;
}

bool x509_list_read(const struct crypto *c, struct span text, const char *name,
                    struct x509_list *ret_list, struct error *error)
{
    struct x509_list list = { .count = 0 };
    bool ok = text.len > 0 && text.len <= INT_MAX;
    if (ok && span_find(text, "-----BEGIN ", 0) != SIZE_MAX) {
        ok = read_pem(c, text, &list);
    } else if (ok) {
        list.items[0] = x509_read(c, text);
        list.count = list.items[0] ? 1 : 0;
        ok = list.count == 1;
    }
    if (!ok) {
        x509_list_free(&list);
        return error_set(error, ERROR_CONFIG,
                         "%s: not one to %d certificates in PEM or one in DER", name,
                         X509_LIST_MAX);
    }
    *ret_list = list;
    return true;
}

void x509_list_free(struct x509_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        X509_free(l->items[i]);
    l->count = 0;
}

static bool seconds_of(const ASN1_TIME *time, int64_t *ret_seconds)
{
    struct tm utc;
    if (!time || ASN1_TIME_to_tm(time, &utc) != 1)
        return false;
    *ret_seconds = rfc3339_seconds(&utc);
    return true;
}

bool x509_validity(const X509 *cert, int64_t *ret_not_before, int64_t *ret_not_after)
{
    int64_t from, to;
    if (!seconds_of(X509_get0_notBefore(cert), &from) ||
        !seconds_of(X509_get0_notAfter(cert), &to))
        return false;
    *ret_not_before = from;
    *ret_not_after = to;
    return true;
}

static enum x509_result result_of(int code)
{
    switch (code) {
    case X509_V_OK:
        return X509_CHAIN_HOLDS;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
        return X509_CHAIN_UNANCHORED;
    default:
        return X509_CHAIN_BROKEN;
    }
}

static bool fill(STACK_OF(X509) * stack, X509_STORE *store,
                 const struct x509_chain *chain)
{
    if (!stack || !store)
        return false;
    for (size_t i = 0; i < chain->untrusted_count; i++)
        if (sk_X509_push(stack, chain->untrusted[i]) <= 0)
            return false;
    for (size_t i = 0; i < chain->anchor_count; i++)
        if (X509_STORE_add_cert(store, chain->anchors[i]) != 1)
            return false;
    return true;
}

static void fingerprint_top(STACK_OF(X509) * chain, uint8_t ret_top[SHA256_LEN])
{
    unsigned len = SHA256_LEN;
    int n = sk_X509_num(chain);
    memset(ret_top, 0, SHA256_LEN);
    if (n > 0)
        (void)X509_digest(sk_X509_value(chain, n - 1), EVP_sha256(), ret_top, &len);
}

enum x509_result x509_chain_check(const struct crypto *c, const struct x509_chain *chain,
                                  X509 **ret_issuer, uint8_t ret_top[SHA256_LEN],
                                  const char **ret_reason)
{
    int code = X509_V_ERR_OUT_OF_MEM;
    X509 *issuer = NULL;
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *untrusted = sk_X509_new_null(); /* borrows */
    X509_STORE_CTX *ctx = X509_STORE_CTX_new_ex(crypto_library(c), NULL);
    if (ctx && fill(untrusted, store, chain) &&
        X509_STORE_CTX_init(ctx, store, chain->leaf, untrusted) == 1) {
        X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
        X509_VERIFY_PARAM_set_time(param, (time_t)chain->t);
        X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
        X509_VERIFY_PARAM_set_flags(param,
                                    X509_V_FLAG_PARTIAL_CHAIN |
                                        (chain->strict ? X509_V_FLAG_X509_STRICT : 0U));
        bool holds = X509_verify_cert(ctx) == 1;
        code = X509_STORE_CTX_get_error(ctx);
        if (!holds && code == X509_V_OK)
            code = X509_V_ERR_UNSPECIFIED;
        issuer = sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) > 1
                     ? sk_X509_value(X509_STORE_CTX_get0_chain(ctx), 1)
                     : NULL;
        if (ret_top)
            fingerprint_top(X509_STORE_CTX_get0_chain(ctx), ret_top);
        if (issuer && (!ret_issuer || X509_up_ref(issuer) != 1))
            issuer = NULL;
    }
    X509_STORE_CTX_free(ctx);
    sk_X509_free(untrusted);
    X509_STORE_free(store);
    ERR_clear_error();
    if (ret_issuer)
        *ret_issuer = issuer;
    *ret_reason = X509_verify_cert_error_string(code);
    return result_of(code);
}

bool x509_may_sign(X509 *leaf, struct signature_failure *failure)
{
    uint32_t flags = X509_get_extension_flags(leaf);
    bool signs = !(flags & EXFLAG_KUSAGE) ||
                 (X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE) != 0;
    bool code = (flags & EXFLAG_XKUSAGE) != 0 &&
                (X509_get_extended_key_usage(leaf) & (XKU_CODE_SIGN | XKU_ANYEKU)) != 0;
    return signature_require(failure, SC_CERTIFICATE_USAGE, signs,
                             "The certificate's key usage forbids digital signatures.") &&
           signature_require(
               failure, SC_CERTIFICATE_PURPOSE, code,
               "The certificate's extended key usage does not name code signing.");
}

bool x509_same_name(const X509 *cert, const X509 *issuer)
{
    return X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(issuer)) == 0;
}

struct span x509_subject(struct arena *arena, const X509 *cert)
{
    struct span out = span_of(NULL, 0);
    BIO *mem = BIO_new(BIO_s_mem());
    if (mem &&
        X509_NAME_print_ex(mem, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) >= 0)
        out = crypto_written(arena, mem);
    BIO_free(mem);
    ERR_clear_error();
    return out;
}

struct span x509_public_key(struct arena *arena, const X509 *cert)
{
    unsigned char *der = NULL;
    struct span out = span_of(NULL, 0);
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    if (len > 0)
        out = arena_copy(arena, span_of(der, (size_t)len));
    OPENSSL_free(der);
    return out;
}
