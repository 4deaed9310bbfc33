#include "integrity/crypto/pubkey.h"

#include "core/base64.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192 };

static const struct {
    const char *title, *digest, *group;
} types[] = {
    [PUBKEY_UNKNOWN] = {"of an unknown kind", "",       NULL        },
    [PUBKEY_P256] = { "ECDSA P-256",       "SHA256", "prime256v1"},
    [PUBKEY_P384] = { "ECDSA P-384",       "SHA384", "secp384r1" },
    [PUBKEY_P521] = { "ECDSA P-521",       "SHA512", "secp521r1" },
    [PUBKEY_ED25519] = { "Ed25519",           NULL,     NULL        },
    [PUBKEY_RSA] = { "RSA",               "SHA256", NULL        },
    [PUBKEY_RSA_PSS] = { "RSA-PSS",           "SHA256", NULL        },
};

const char *pubkey_type_name(enum pubkey_type t)
{
    return types[t].title;
}

const char *pubkey_digest(enum pubkey_type t)
{
    return types[t].digest;
}

static enum pubkey_type curve_of(const EVP_PKEY *key)
{
    char group[64] = "";
    int explicit_parameters = 1;
    if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                               &explicit_parameters) != 1 ||
        explicit_parameters ||
        EVP_PKEY_get_group_name(key, group, sizeof group, NULL) != 1)
        return PUBKEY_UNKNOWN;
    for (enum pubkey_type t = PUBKEY_P256; t <= PUBKEY_P521; t++)
        if (strcmp(group, types[t].group) == 0)
            return t;
    return PUBKEY_UNKNOWN;
}

enum pubkey_type pubkey_type(const EVP_PKEY *key)
{
    enum pubkey_type type = PUBKEY_UNKNOWN;
    if (key && EVP_PKEY_is_a(key, "EC"))
        type = curve_of(key);
    else if (key && EVP_PKEY_is_a(key, "ED25519"))
        type = PUBKEY_ED25519;
    else if (key && EVP_PKEY_get_bits(key) >= RSA_BITS_MIN &&
             EVP_PKEY_get_bits(key) <= RSA_BITS_MAX)
        type = EVP_PKEY_is_a(key, "RSA")       ? PUBKEY_RSA
               : EVP_PKEY_is_a(key, "RSA-PSS") ? PUBKEY_RSA_PSS
                                               : PUBKEY_UNKNOWN;
    ERR_clear_error();
    return type;
}

/* A key that takes up all of the bytes, or NULL. */
static EVP_PKEY *read_der(const struct crypto *c, struct span der)
{
    const uint8_t *at = der.ptr;
    EVP_PKEY *key = d2i_PUBKEY_ex(NULL, &at, (long)der.len, crypto_library(c), NULL);
    if (!key) {
        at = der.ptr;
        key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, (long)der.len);
    }
    if (key && at != der.ptr + der.len) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

EVP_PKEY *pubkey_read(const struct crypto *c, struct span text)
{
    EVP_PKEY *key = NULL;
    if (text.len == 0 || text.len > INT_MAX)
        return NULL;
    if (span_find(text, "-----BEGIN ", 0) == SIZE_MAX) {
        key = read_der(c, text);
    } else {
        BIO *in = BIO_new_mem_buf(text.ptr, (int)text.len);
        if (in)
            key = PEM_read_bio_PUBKEY_ex(in, NULL, NULL, NULL, crypto_library(c), NULL);
        BIO_free(in);
    }
    ERR_clear_error();
    return key;
}

/* Never asks on the terminal: without a passphrase an encrypted key is refused. */
static int give_passphrase(char *text, int size, int writing, void *passphrase)
{
    (void)writing;
    size_t len = passphrase ? strlen(passphrase) : 0;
    if (!passphrase || size < 0 || len > (size_t)size)
        return -1;
    memcpy(text, passphrase, len);
    return (int)len;
}

EVP_PKEY *pubkey_read_private(const struct crypto *c, struct span pem,
                              const char *passphrase, struct error *error)
{
    EVP_PKEY *key = NULL;
    BIO *in = pem.len <= INT_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
    if (in)
        key = PEM_read_bio_PrivateKey_ex(in, NULL, give_passphrase,
                                         (void *)(uintptr_t)passphrase, crypto_library(c),
                                         NULL);
    BIO_free(in);
    if (!key) {
        error_set(error, ERROR_CONFIG,
                  "not a private key in PEM, or its passphrase is another one");
    } else if (pubkey_type(key) == PUBKEY_UNKNOWN) {
        error_set(error, ERROR_CONFIG,
                  "the private key is neither ECDSA P-256, P-384, P-521, Ed25519 nor RSA "
                  "of %d to %d bits",
                  RSA_BITS_MIN, RSA_BITS_MAX);
        EVP_PKEY_free(key);
        key = NULL;
    }
    ERR_clear_error();
    return key;
}

struct span pubkey_der(struct arena *arena, const EVP_PKEY *key)
{
    unsigned char *der = NULL;
    struct span out = span_of(NULL, 0);
    int len = i2d_PUBKEY(key, &der);
    if (len > 0)
        out = arena_copy(arena, span_of(der, (size_t)len));
    OPENSSL_free(der);
    ERR_clear_error();
    return out;
}

static struct span pem_of(struct arena *arena, const EVP_PKEY *key)
{
    struct span out = span_of(NULL, 0);
    BIO *mem = BIO_new(BIO_s_mem());
    if (mem && PEM_write_bio_PUBKEY(mem, key) == 1)
        out = crypto_written(arena, mem);
    BIO_free(mem);
    ERR_clear_error();
    return out;
}

struct span pubkey_hint(const struct crypto *c, struct arena *arena, const EVP_PKEY *key)
{
    uint8_t hash[SHA256_LEN];
    struct span pem = pem_of(arena, key), none = span_of(NULL, 0);
    if (pem.len == 0 || !crypto_sha256(c, pem, none, none, hash))
        return none;
    return hex_encode(arena, span_of(hash, sizeof hash));
}

struct span pubkey_fingerprint(const struct crypto *c, struct arena *arena,
                               const EVP_PKEY *key)
{
    uint8_t hash[SHA256_LEN];
    struct span der = pubkey_der(arena, key), none = { NULL, 0 };
    if (der.len == 0 || !crypto_sha256(c, der, none, none, hash))
        return none;
    struct span hex = hex_encode(arena, span_of(hash, sizeof hash));
    return arena_printf(arena, "sha256:%.*s", (int)hex.len, (const char *)hex.ptr);
}

bool pubkey_hint_names(const struct crypto *c, struct arena *arena, const EVP_PKEY *key,
                       struct span hint)
{
    uint8_t hash[SHA256_LEN];
    struct span named, none = span_of(NULL, 0);
    bool hex = hint.len == 64 && hex_decode(arena, hint, &named);
    if (!hex && !(base64_decode(arena, hint, &named) && named.len == SHA256_LEN))
        return true;
    struct span signed_form = hex ? pem_of(arena, key) : pubkey_der(arena, key);
    return signed_form.len > 0 && crypto_sha256(c, signed_form, none, none, hash) &&
           span_equal(named, span_of(hash, sizeof hash));
}

bool pubkey_verify(const struct crypto *c, EVP_PKEY *key, const char *digest,
                   struct span bytes, struct span signature)
{
    enum pubkey_type type = pubkey_type(key);
    if (type == PUBKEY_UNKNOWN || (type == PUBKEY_ED25519 && digest))
        return false;
    if (!digest)
        digest = pubkey_digest(type);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good =
        ctx &&
        EVP_DigestVerifyInit_ex(ctx, NULL, digest, crypto_library(c), NULL, key, NULL) ==
            1 &&
        EVP_DigestVerify(ctx, signature.ptr, signature.len, bytes.ptr, bytes.len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

static bool verify_value(const struct crypto *c, EVP_PKEY *key, const char *digest,
                         bool pss, struct span value, struct span signature)
{
    EVP_MD *md = EVP_MD_fetch(crypto_library(c), digest, NULL);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(crypto_library(c), key, NULL);
    bool good =
        md && ctx && value.len == (size_t)EVP_MD_get_size(md) &&
        EVP_PKEY_verify_init(ctx) == 1 &&
        (!pss || (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
                  EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_AUTO) == 1)) &&
        EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
        EVP_PKEY_verify(ctx, signature.ptr, signature.len, value.ptr, value.len) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_MD_free(md);
    ERR_clear_error();
    return good;
}

bool pubkey_verify_digest(const struct crypto *c, EVP_PKEY *key, const char *digest,
                          struct span value, struct span signature)
{
    enum pubkey_type type = pubkey_type(key);
    return type != PUBKEY_UNKNOWN && type != PUBKEY_ED25519 &&
           verify_value(c, key, digest, type == PUBKEY_RSA_PSS, value, signature);
}

bool pubkey_verify_pss(const struct crypto *c, EVP_PKEY *key, const char *digest,
                       struct span value, struct span signature)
{
    enum pubkey_type type = pubkey_type(key);
    return (type == PUBKEY_RSA || type == PUBKEY_RSA_PSS) &&
           verify_value(c, key, digest, true, value, signature);
}

struct span pubkey_sign(const struct crypto *c, struct arena *arena, EVP_PKEY *key,
                        struct span bytes)
{
    size_t len = 0;
    uint8_t *out = NULL;
    enum pubkey_type type = pubkey_type(key);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && type != PUBKEY_UNKNOWN &&
              EVP_DigestSignInit_ex(ctx, NULL, pubkey_digest(type), crypto_library(c),
                                    NULL, key, NULL) == 1 &&
              EVP_DigestSign(ctx, NULL, &len, bytes.ptr, bytes.len) == 1 &&
              (out = arena_alloc(arena, len)) != NULL &&
              EVP_DigestSign(ctx, out, &len, bytes.ptr, bytes.len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok ? span_of(out, len) : span_of(NULL, 0);
}
