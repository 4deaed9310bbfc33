#include "integrity/oms_sign.h"

#include "integrity/base64.h"
#include "integrity/dsse.h"

#include <openssl/x509.h>

enum { ARENA_MAX = 512 << 20 };

static bool check_key(EVP_PKEY *key, const struct x509_list *chain, struct error *error)
{
    enum pubkey_type type = pubkey_type(key);
    if (type != PUBKEY_P256 && type != PUBKEY_P384 && type != PUBKEY_P521)
        return error_set(error, ERROR_CONFIG,
                         "models are signed with ECDSA P-256, P-384 or P-521, not %s",
                         pubkey_type_name(type));
    if (!chain)
        return true;
    EVP_PKEY *leaf = X509_get0_pubkey(chain->items[0]);
    struct signature_failure failure = { 0 };
    if (!leaf || EVP_PKEY_eq(leaf, key) != 1)
        return error_set(error, ERROR_CONFIG,
                         "the signing certificate is not that of the private key");
    return x509_may_sign(chain->items[0], &failure) ||
           error_set(error, ERROR_CONFIG, "the signing certificate: %s", failure.reason);
}

static void add_certificates(struct arena *arena, const struct x509_list *chain,
                             struct buffer *out)
{
    buffer_add_text(out, "\"x509CertificateChain\":{\"certificates\":[");
    for (size_t i = 0; i < chain->count; i++) {
        unsigned char *der = NULL;
        int n = i2d_X509(chain->items[i], &der);
        buffer_add_text(out, i ? ",{\"rawBytes\":\"" : "{\"rawBytes\":\"");
        buffer_add(out, base64_encode(arena, span_of(der, n > 0 ? (size_t)n : 0)));
        buffer_add_text(out, "\"}");
        OPENSSL_free(der);
    }
    buffer_add_text(out, "]}");
}

bool oms_sign(const struct crypto *c, EVP_PKEY *key, const struct x509_list *chain,
              const struct oms_manifest *m, struct buffer *out, struct error *error)
{
    const struct span type = span_of_text(DSSE_IN_TOTO);
    struct arena *arena = arena_new(ARENA_MAX);
    struct buffer payload;
    buffer_init(&payload, OMS_PAYLOAD_MAX);
    bool ok = arena != NULL;
    if (!ok)
        (void)error_set(error, ERROR_MEMORY, "out of memory");
    ok = ok && check_key(key, chain, error);
    if (ok) {
        oms_write(&payload, m);
        struct span body = buffer_span(&payload);
        struct span signature = dsse_sign(c, arena, key, type, body);
        buffer_add_text(out, "{\"mediaType\":\"" BUNDLE_MEDIA_TYPE
                             "\",\"verificationMaterial\":{");
        if (chain) {
            add_certificates(arena, chain, out);
        } else {
            buffer_add_text(out, "\"publicKey\":{\"hint\":\"");
            buffer_add(out, pubkey_hint(c, arena, key));
            buffer_add_text(out, "\"}");
        }
        buffer_add_text(out, ",\"tlogEntries\":[],\"timestampVerificationData\":{}},"
                             "\"dsseEnvelope\":{\"payload\":\"");
        buffer_add(out, base64_encode(arena, body));
        buffer_add_text(out, "\",\"payloadType\":\"" DSSE_IN_TOTO
                             "\",\"signatures\":[{\"sig\":\"");
        buffer_add(out, base64_encode(arena, signature));
        buffer_add_text(out, "\",\"keyid\":\"\"}]}}");
        if (!signature.len || payload.truncated || out->truncated ||
            arena_exhausted(arena))
            ok = error_set(error, ERROR_MEMORY,
                           "the statement cannot be signed: it is "
                           "too large, or the key fails");
    }
    buffer_free(&payload);
    arena_free(arena);
    return ok;
}
