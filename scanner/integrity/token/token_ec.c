#include "integrity/token/token_ec.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

static const struct curve {
    const char *group;
    size_t bytes; /* of a coordinate, and of r and s */
    uint8_t oid[12];
    size_t oid_len;
} curves[] = {
    [PUBKEY_P256] = {"prime256v1",
                     32,               { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 },
                     10                                                                                 },
    [PUBKEY_P384] = { "secp384r1", 48, { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22 },                   7},
    [PUBKEY_P521] = { "secp521r1", 66, { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23 },                   7},
};

static const struct curve *curve_of(enum pubkey_type t)
{
    return t == PUBKEY_P256 || t == PUBKEY_P384 || t == PUBKEY_P521 ? &curves[t] : NULL;
}

enum pubkey_type token_ec_curve(struct span params)
{
    for (enum pubkey_type t = PUBKEY_P256; t <= PUBKEY_P521; t++)
        if (span_equal(params, span_of(curves[t].oid, curves[t].oid_len)))
            return t;
    return PUBKEY_UNKNOWN;
}

static bool is_point(const struct curve *curve, struct span s)
{
    return s.len > 0 &&
           ((s.ptr[0] == 0x04 && s.len == 1 + 2 * curve->bytes) ||
            ((s.ptr[0] == 0x02 || s.ptr[0] == 0x03) && s.len == 1 + curve->bytes));
}

/* No point is as long as one inside of an OCTET STRING, so they cannot be mixed up; the
 * length has its short form up to P-384, and one byte of the long form for P-521. */
static struct span unwrapped(const struct curve *curve, struct span s)
{
    size_t header = s.len > 2 && s.ptr[1] == 0x81 ? 3 : 2;
    if (is_point(curve, s) || s.len <= header || s.ptr[0] != 0x04)
        return s;
    size_t said = s.ptr[header - 1];
    bool canonical = header == 3 ? said >= 0x80 : said < 0x80;
    return canonical && said == s.len - header ? span_slice(s, header, s.len) : s;
}

static EVP_PKEY *make_key(const struct crypto *c, const char *group, struct span point)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *parameters = NULL;
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(crypto_library(c), "EC", NULL);
    if (b && ctx &&
        OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point.ptr,
                                         point.len) == 1 &&
        (parameters = OSSL_PARAM_BLD_to_param(b)) != NULL &&
        EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(b);
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return key;
}

EVP_PKEY *token_ec_key(const struct crypto *c, enum pubkey_type curve, struct span point)
{
    const struct curve *of = curve_of(curve);
    if (!of)
        return NULL;
    point = unwrapped(of, point);
    return is_point(of, point) ? make_key(c, of->group, point) : NULL;
}

size_t token_ec_signature_size(enum pubkey_type curve)
{
    const struct curve *of = curve_of(curve);
    return of ? 2 * of->bytes : 0;
}

bool token_ec_signature(struct arena *arena, enum pubkey_type curve, struct span raw,
                        struct span *ret_der)
{
    const struct curve *of = curve_of(curve);
    if (!of || raw.len != 2 * of->bytes)
        return false;
    unsigned char *der = NULL;
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw.ptr, (int)of->bytes, NULL);
    BIGNUM *s = BN_bin2bn(raw.ptr + of->bytes, (int)of->bytes, NULL);
    int n = 0;
    if (signature && r && s && ECDSA_SIG_set0(signature, r, s) == 1) {
        r = s = NULL; /* now the signature's */
        n = i2d_ECDSA_SIG(signature, &der);
    }
    struct span out = arena_copy(arena, span_of(der, n > 0 ? (size_t)n : 0));
    OPENSSL_free(der);
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(signature);
    ERR_clear_error();
    if (out.len == 0)
        return false;
    *ret_der = out;
    return true;
}
