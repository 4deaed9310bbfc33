#include "integrity/statement/oms_sign.h"

#include "integrity/crypto/pubkey.h"
#include "integrity/sigstore/bundle_write.h"
#include "integrity/verify.h"

#include <openssl/x509.h>

enum { ARENA_MAX = 512 << 20 };

/* How many certificates at its beginning may not be trusted already: the leaf, unless it
 * stands alone.  Whoever trusts any of the others must be able to follow it. */
static size_t below_anchors(const struct x509_list *chain)
{
    return chain->count > 1 ? 1 : 0;
}

static bool check_chain(const struct crypto *c, const struct x509_list *chain,
                        int64_t now, struct error *error)
{
    const size_t above = below_anchors(chain);
    const struct x509_chain x = { .leaf = chain->items[0],
                                  .untrusted = chain->items + 1,
                                  .untrusted_count = chain->count - 1,
                                  .anchors = chain->items + above,
                                  .anchor_count = chain->count - above,
                                  .t = now };
    const char *reason = "";
    return x509_chain_check(c, &x, NULL, NULL, &reason) == X509_CHAIN_HOLDS ||
           error_set(error, ERROR_CONFIG,
                     "the signing certificate: nobody could verify what it signs: %s",
                     reason);
}

bool oms_can_sign(const struct crypto *c, const EVP_PKEY *key,
                  const struct x509_list *chain, int64_t now, struct error *error)
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
    if (!x509_may_sign(chain->items[0], &failure))
        return error_set(error, ERROR_CONFIG, "the signing certificate: %s",
                         failure.reason);
    return check_chain(c, chain, now, error);
}

/* The DER of the whole chain; false when it is longer than a bundle may be. */
static bool add_certificates(struct arena *arena, const struct x509_list *chain,
                             struct bundle *b, struct error *error)
{
    if (chain->count > BUNDLE_CERTIFICATES_MAX)
        return error_set(error, ERROR_CONFIG, "more than %d certificates",
                         BUNDLE_CERTIFICATES_MAX);
    b->material = MATERIAL_CHAIN;
    for (; b->certificate_count < chain->count; b->certificate_count++) {
        unsigned char *der = NULL;
        int n = i2d_X509(chain->items[b->certificate_count], &der);
        b->certificates[b->certificate_count] =
            arena_copy(arena, span_of(der, n > 0 ? (size_t)n : 0));
        OPENSSL_free(der);
    }
    return true;
}

static bool sign_payload(const struct crypto *c, struct arena *arena,
                         struct signing_key *key, const struct x509_list *chain,
                         struct span payload, struct buffer *out, struct error *error)
{
    const struct span type = span_of_text(DSSE_IN_TOTO);
    struct bundle b = { .material = MATERIAL_KEY, .content = CONTENT_ENVELOPE };
    struct span pae = dsse_pae(arena, type, payload);
    if (pae.len && !key->sign(key, c, arena, pae, &b.signature, error))
        return false;
    b.envelope = (struct dsse){ .payload_type = type, .payload = payload, .count = 1 };
    b.envelope.signatures[0].signature = b.signature;
    if (chain && !add_certificates(arena, chain, &b, error))
        return false;
    if (!chain)
        b.key_hint = pubkey_hint(c, arena, key->verifies);
    bundle_write(arena, &b, out);
    return (b.signature.len && !out->truncated && !arena_exhausted(arena)) ||
           error_set(error, ERROR_MEMORY, "the statement is too large for a bundle");
}

/* From its text, by the key or whoever is above the leaf. */
static bool verify_text(const struct crypto *c, struct arena *arena, EVP_PKEY *key,
                        const struct x509_list *chain, struct span text, int64_t now,
                        struct error *error)
{
    struct bundle b;
    struct verification v = { .state = SIGNATURE_INVALID };
    const struct verify_target target = { .any_subject = true };
    struct verify_policy policy = {
        .method = VERIFY_KEY, .keys = &key, .key_count = 1, .now = now
    };
    if (chain) {
        const size_t above = below_anchors(chain);
        policy = (struct verify_policy){ .method = VERIFY_CERTIFICATE,
                                         .anchors = chain->items + above,
                                         .anchor_count = chain->count - above,
                                         .now = now };
    }
    if (bundle_parse(arena, text, &b, &v.failure))
        verify_bundle(c, arena, &b, &target, &policy, &v);
    return v.state == SIGNATURE_VERIFIED ||
           error_set(error, ERROR_CONFIG,
                     "what the key signed does not verify, and nothing is written: %s",
                     v.failure.reason);
}

bool oms_sign(const struct crypto *c, struct signing_key *key,
              const struct x509_list *chain, struct span payload, int64_t now,
              struct buffer *out, struct error *error)
{
    struct buffer text;
    struct arena *arena = arena_new(ARENA_MAX);
    bool ok = arena || error_set(error, ERROR_MEMORY, "out of memory");
    buffer_init(&text, OMS_BUNDLE_MAX);
    ok = ok && sign_payload(c, arena, key, chain, payload, &text, error) &&
         verify_text(c, arena, key->verifies, chain, buffer_span(&text), now, error);
    if (ok)
        buffer_add(out, buffer_span(&text));
    buffer_free(&text);
    arena_free(arena);
    return ok;
}
