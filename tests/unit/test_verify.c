/* Keys, signing, the shipped trusted roots, and verifying with too little memory. */
#include "unit.h"

#include "integrity/verify.h"

#include <openssl/evp.h>

static struct crypto *crypto;

static int setup(void **state)
{
    struct error error;
    (void)state;
    crypto = crypto_new(&error);
    return crypto ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    crypto_free(crypto);
    return 0;
}

static EVP_PKEY *new_key(const char *curve)
{
    EVP_PKEY *key = strcmp(curve, "ED25519") == 0
                        ? EVP_PKEY_Q_keygen(crypto_library(crypto), NULL, "ED25519")
                        : EVP_PKEY_Q_keygen(crypto_library(crypto), NULL, "EC", curve);
    assert_non_null(key);
    return key;
}

static struct bundle sign(struct arena *arena, EVP_PKEY *key, const char *payload)
{
    struct signature_failure failure;
    struct bundle bundle;
    struct dsse e = { .payload_type = span_of_text(DSSE_IN_TOTO),
                      .payload = span_of_text(payload),
                      .count = 1 };
    e.signatures[0].signature = dsse_sign(crypto, arena, key, e.payload_type, e.payload);
    assert_true(e.signatures[0].signature.len > 0);
    assert_true(bundle_of_envelope(&e, &bundle, &failure));
    return bundle;
}

static const struct verify_target any = { .any_subject = true };

static void test_signing_round_trip(void **state)
{
    static const char *const curves[] = { "P-256", "P-384", "P-521", "ED25519" };
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct verification v;
        struct arena *arena = arena_new(1 << 20);
        EVP_PKEY *key = new_key(curves[i]);
        const struct verify_policy policy = { .keys = &key, .key_count = 1 };
        struct bundle bundle = sign(arena, key, "{}");
        bundle.key_hint = pubkey_hint(crypto, arena, key);
        verify_bundle(crypto, arena, &bundle, &any, &policy, &v);
        assert_int_equal(v.state, SIGNATURE_VERIFIED);
        assert_true(span_starts(v.identity, "sha256:"));
        assert_true(span_is(v.payload, "{}"));
        bundle.envelope.payload = span_of_text("{ }");
        verify_bundle(crypto, arena, &bundle, &any, &policy, &v);
        assert_int_equal(v.state, SIGNATURE_INVALID);
        assert_int_equal(v.failure.check, SC_SIGNATURE);
        assert_int_equal(v.payload.len, 0); /* nothing that is not signed gets out */
        EVP_PKEY_free(key);
        arena_free(arena);
    }
}

/* However early memory runs out, the answer is never "verified" by mistake, and with
 * enough of it, it is. */
static void test_without_memory(void **state)
{
    (void)state;
    EVP_PKEY *key = new_key("P-256");
    const struct verify_policy policy = { .keys = &key, .key_count = 1 };
    bool verified = false;
    for (size_t n = 0; n < 64 && !verified; n++) {
        struct verification v;
        struct arena *arena = arena_new(1 << 20), *small = arena_new(1 << 20);
        struct bundle bundle = sign(arena, key, "{}");
        arena_fail_after(small, n);
        verify_bundle(crypto, small, &bundle, &any, &policy, &v);
        verified = v.state == SIGNATURE_VERIFIED;
        assert_true(verified == !arena_exhausted(small));
        assert_true(verified || v.failure.reason[0]);
        arena_free(small);
        arena_free(arena);
    }
    assert_true(verified);
    EVP_PKEY_free(key);
}

static struct trust_root *load(const char *path)
{
    struct error error = { .message = "" };
    struct trust_root *root = trust_root_load(crypto, path, &error);
    assert_string_equal(error.message, "");
    assert_non_null(root);
    return root;
}

static void test_shipped_roots(void **state)
{
    (void)state;
    struct trust_root *root = load("rules/sigstore/trusted_root.json");
    assert_int_equal(root->tlog_count, 2);
    assert_int_equal(root->ctlog_count, 2);
    assert_int_equal(root->ca_count, 2);
    assert_int_equal(root->tsa_count, 1);
    assert_int_equal(root->newest,
                     1758585600); /* 2025-09-23, the first log of version 2 */
    for (size_t i = 0; i < root->tlog_count; i++)
        assert_true(pubkey_type(root->tlogs[i].key) != PUBKEY_UNKNOWN);
    assert_true(span_is(root->tlogs[1].name, "log2025-1.rekor.sigstore.dev"));
    trust_root_free(root);
    root = load("rules/sigstore/trusted_root.staging.json");
    assert_non_null(root->ctlogs[0].key); /* PKCS#1, not SubjectPublicKeyInfo */
    assert_int_equal(pubkey_type(root->ctlogs[0].key), PUBKEY_RSA);
    trust_root_free(root);
}

static void test_roots_refused(void **state)
{
    static const char *const bad[] = {
        "{}",
        "[]",
        "{\"mediaType\": \"application/vnd.dev.sigstore.trustedroot+json;version=9\"}",
        "{\"mediaType\": \"application/vnd.dev.sigstore.trustedroot+json;version=0.1\","
        " \"tlogs\": [{}]}",
        "{\"mediaType\": \"application/vnd.dev.sigstore.trustedroot+json;version=0.1\","
        " \"certificateAuthorities\": [{\"certChain\": {\"certificates\": [{}]}}]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error error = { .code = ERROR_NONE };
        assert_null(trust_root_read(crypto, span_of_text(bad[i]), "root", &error));
        assert_int_equal(error.code, ERROR_CONFIG);
    }
}

static void test_detection(void **state)
{
    (void)state;
    assert_true(bundle_claims(
        span_of_text(" {\"mediaType\":\"" BUNDLE_MEDIA_PREFIX ".v0.3+json\"")));
    assert_false(bundle_claims(span_of_text("[\"" BUNDLE_MEDIA_PREFIX "\"]")));
    assert_false(bundle_claims(span_of_text("{}")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signing_round_trip), cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_shipped_roots),      cmocka_unit_test(test_roots_refused),
        cmocka_unit_test(test_detection),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
