#include "integrity/verify_private.h"

#include "core/base64.h"
#include "integrity/rfc3339.h"
#include "integrity/sigstore/tsa.h"
#include "integrity/statement/statement.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#define LEGACY_PREDICATE "https://model_signing/Digests/v0.1"

/* ---- the signature and what it is over ---- */

/* "SHA2_256" of a bundle; NULL for a name that is none of ours. */
static const char *digest_named(struct span name)
{
    if (span_is(name, "SHA2_256"))
        return "SHA256";
    if (span_is(name, "SHA2_384"))
        return "SHA384";
    return span_is(name, "SHA2_512") ? "SHA512" : NULL;
}

/* A digest of the artifact: given, or made of its bytes; empty when there is no way. */
static struct span target_digest(struct verifying *v, const char *name)
{
    const struct verify_target *t = v->target;
    uint8_t store[64];
    size_t len = 0;
    struct span given = strcmp(name, "SHA256") == 0   ? t->sha256
                        : strcmp(name, "SHA384") == 0 ? t->sha384
                                                      : t->sha512;
    if (given.len > 0 || !t->bytes.ptr)
        return given;
    if (!crypto_digest(v->crypto, name, t->bytes, store, &len))
        return given;
    return arena_copy(v->arena, span_of(store, len));
}

/* By a digest: RSA may have signed with either padding, and a log says with which. */
static bool digest_signed(struct verifying *v, EVP_PKEY *key, const char *digest,
                          struct span value)
{
    struct span signature = v->bundle->signature;
    if (pubkey_verify_digest(v->crypto, key, digest, value, signature)) {
        v->pss = pubkey_type(key) == PUBKEY_RSA_PSS;
        return true;
    }
    v->pss = pubkey_verify_pss(v->crypto, key, digest, value, signature);
    return v->pss;
}

static bool bytes_signed(struct verifying *v, EVP_PKEY *key, const char *digest,
                         struct span bytes)
{
    uint8_t value[64];
    size_t len = 0;
    if (pubkey_type(key) == PUBKEY_ED25519)
        return pubkey_verify(v->crypto, key, NULL, bytes, v->bundle->signature);
    return bytes.len && crypto_digest(v->crypto, digest, bytes, value, &len) &&
           digest_signed(v, key, digest, span_of(value, len));
}

/* Over an envelope: the encoding; for the statements of model_signing 0.2 also its own.
 */
static bool envelope_signed(struct verifying *v, EVP_PKEY *key)
{
    const struct dsse *e = &v->bundle->envelope;
    struct span pae = dsse_pae(v->arena, e->payload_type, e->payload);
    if (pae.len && bytes_signed(v, key, pubkey_digest(pubkey_type(key)), pae))
        return true;
    if (span_find(e->payload, LEGACY_PREDICATE, 0) == SIZE_MAX ||
        pubkey_type(key) == PUBKEY_ED25519)
        return false;
    pae = dsse_pae_v02(v->arena, e->payload_type, e->payload);
    v->result->legacy = pae.len && bytes_signed(v, key, "SHA256", pae);
    return v->result->legacy;
}

/* The larger curves may sign SHA-256: when the bundle says that this is its digest, and,
 * as cosign did with every key, when it says nothing. */
static bool may_be_sha256(const struct verifying *v, const EVP_PKEY *key)
{
    enum pubkey_type type = pubkey_type(key);
    const char *stated = digest_named(v->bundle->digest_algorithm);
    return (type == PUBKEY_P384 || type == PUBKEY_P521) &&
           (v->bundle->digest_algorithm.len == 0 ||
            (stated && strcmp(stated, "SHA256") == 0));
}

static bool message_signed(struct verifying *v, EVP_PKEY *key)
{
    const char *own = pubkey_digest(pubkey_type(key));
    bool stated = v->bundle->digest_algorithm.len > 0;
    if (!own)
        return v->target->bytes.ptr && bytes_signed(v, key, NULL, v->target->bytes);
    bool small = may_be_sha256(v, key);
    return ((!small || !stated) && digest_signed(v, key, own, target_digest(v, own))) ||
           (small && digest_signed(v, key, "SHA256", target_digest(v, "SHA256")));
}

/* Whether there is anything to hold a message signature of this key against. */
static bool can_compute(struct verifying *v, EVP_PKEY *key)
{
    const char *own = pubkey_digest(pubkey_type(key));
    if (v->bundle->content == CONTENT_ENVELOPE)
        return true;
    if (!own)
        return v->target->bytes.ptr != NULL;
    bool stated = v->bundle->digest_algorithm.len > 0;
    return target_digest(v, stated && may_be_sha256(v, key) ? "SHA256" : own).len > 0;
}

bool verify_signature(struct verifying *v, EVP_PKEY *const *keys, size_t count,
                      EVP_PKEY **ret_key)
{
    bool known = false, open = false;
    EVP_PKEY *signer = NULL;
    for (size_t i = 0; i < count && !signer; i++) {
        if (pubkey_type(keys[i]) == PUBKEY_UNKNOWN)
            continue;
        bool good = v->bundle->content == CONTENT_ENVELOPE ? envelope_signed(v, keys[i])
                                                           : message_signed(v, keys[i]);
        known = true;
        open |= !good && !can_compute(v, keys[i]);
        if (good)
            signer = keys[i];
    }
    if (!signature_require(v->failure, SC_KEY_ALGORITHM, known,
                           "The key is not ECDSA P-256, P-384, P-521, Ed25519 or RSA of "
                           "2048 to 8192 bits.") ||
        !signature_require(v->failure, SC_DIGEST_KNOWN, signer || !open,
                           "The signature is over a digest of the artifact that was not "
                           "computed, or over the artifact itself (Ed25519), which is "
                           "not here or too large.") ||
        !signature_require(v->failure, SC_SIGNATURE, signer != NULL,
                           "The signature is not that of the key over these bytes."))
        return false;
    *ret_key = signer;
    return true;
}

static bool statement_content(struct verifying *v)
{
    struct statement s = { .root = NULL };
    const struct verify_target *t = v->target;
    const struct dsse *e = &v->bundle->envelope;
    if (!signature_require(v->failure, SC_PAYLOAD_TYPE,
                           span_is(e->payload_type, DSSE_IN_TOTO),
                           "The payload is not an in-toto statement."))
        return false;
    v->result->payload_type = e->payload_type;
    v->result->payload = e->payload;
    if (t->any_subject && !v->result->legacy)
        return true;
    bool ok =
        statement_parse(v->arena, e->payload, &s, v->failure) &&
        signature_require(v->failure, SC_SIGNATURE,
                          !v->result->legacy ||
                              span_is(s.predicate_type, LEGACY_PREDICATE),
                          "The signature is not that of the key over these bytes.") &&
        (t->any_subject ||
         signature_require(v->failure, SC_SUBJECT,
                           statement_covers(&s, target_digest(v, "SHA256"),
                                            target_digest(v, "SHA384"),
                                            target_digest(v, "SHA512")),
                           "No subject of the statement has the artifact's digest."));
    statement_free(&s);
    return ok;
}

/* The digest that a message bundle states is a hint, but a wrong one is a lie. */
static bool stated_digest(struct verifying *v)
{
    const struct bundle *b = v->bundle;
    const char *name = digest_named(b->digest_algorithm);
    if (b->digest.len == 0 && b->digest_algorithm.len == 0)
        return true;
    struct span actual = name ? target_digest(v, name) : span_of(NULL, 0);
    return signature_require(v->failure, SC_MESSAGE_DIGEST,
                             actual.len > 0 && span_equal(actual, b->digest),
                             "The digest that the bundle states is not the artifact's.");
}

bool verify_content(struct verifying *v)
{
    return v->bundle->content == CONTENT_ENVELOPE ? statement_content(v)
                                                  : stated_digest(v);
}

/* ---- key method ---- */

/* The hint selects nothing: it only tells another signer's bundle from a broken one. */
static bool verify_key(struct verifying *v)
{
    EVP_PKEY *key = NULL;
    bool named = false;
    const struct verify_policy *p = v->policy;
    v->result->identity = v->bundle->key_hint;
    for (size_t i = 0; i < p->key_count; i++)
        named |= pubkey_hint_names(v->crypto, v->arena, p->keys[i], v->bundle->key_hint);
    if (!signature_require(v->failure, SC_KEY_GIVEN, p->key_count > 0,
                           "Signed by a key; none was given to check it with.") ||
        !signature_require(v->failure, SC_KEY_HINT, named,
                           "The bundle names another key than the one that was given.") ||
        !verify_signature(v, p->keys, p->key_count, &key) || !verify_content(v))
        return false;
    v->result->identity = pubkey_fingerprint(v->crypto, v->arena, key);
    return true;
}

/* ---- certificate method ---- */

bool verify_timestamps(struct verifying *v, int64_t *ret_times, size_t *ret_count)
{
    size_t count = 0;
    for (size_t i = 0; i < v->bundle->timestamp_count; i++, count++)
        if (!tsa_verify(v->policy->root, v->bundle->timestamps[i], v->bundle->signature,
                        &ret_times[count], v->failure))
            return false;
    *ret_count = count;
    return true;
}

static int64_t earliest(const int64_t *times, size_t count)
{
    int64_t t = times[0];
    for (size_t i = 1; i < count; i++)
        t = times[i] < t ? times[i] : t;
    return t;
}

/* A verified time-stamp says when; without a trusted root to verify it by, the clock. */
static bool signing_time(struct verifying *v)
{
    int64_t times[BUNDLE_TIMESTAMPS_MAX] = { 0 };
    size_t count = 0;
    struct verification *r = v->result;
    r->time = v->policy->now;
    r->time_source = "clock";
    if (!v->policy->root || v->bundle->timestamp_count == 0)
        return true;
    if (!verify_timestamps(v, times, &count) || count == 0)
        return false;
    r->has_time = true;
    r->time = earliest(times, count);
    r->time_source = "time-stamp";
    return true;
}

static bool chain_holds(struct verifying *v, X509 *const *certificates)
{
    const char *reason = "";
    uint8_t top[SHA256_LEN] = { 0 };
    const struct verify_policy *p = v->policy;
    const struct x509_chain chain = { .leaf = certificates[0],
                                      .untrusted = certificates + 1,
                                      .untrusted_count = v->bundle->certificate_count - 1,
                                      .anchors = p->anchors,
                                      .anchor_count = p->anchor_count,
                                      .t = v->result->time };
    if (!signature_require(v->failure, SC_ANCHOR_GIVEN, p->anchor_count > 0,
                           "Signed with a certificate; none was given to trust."))
        return false;
    enum x509_result result = x509_chain_check(v->crypto, &chain, NULL, top, &reason);
    if (result == X509_CHAIN_HOLDS)
        v->result->root = hex_encode(v->arena, span_of(top, sizeof top));
    return signature_require(v->failure, SC_CERTIFICATE_CHAIN,
                             result != X509_CHAIN_BROKEN,
                             "The certificate chain does not hold: %s.", reason) &&
           signature_require(v->failure, SC_CERTIFICATE_ANCHOR,
                             result != X509_CHAIN_UNANCHORED,
                             "The certificate chain does not lead to one that was given: "
                             "%s.",
                             reason);
}

static bool verify_certificates(struct verifying *v, X509 *const *certificates)
{
    X509 *leaf = certificates[0];
    EVP_PKEY *key = X509_get0_pubkey(leaf), *signer = NULL;
    v->result->identity = x509_subject(v->arena, leaf);
    return verify_signature(v, &key, 1, &signer) && verify_content(v) &&
           x509_may_sign(leaf, v->failure) && signing_time(v) &&
           chain_holds(v, certificates);
}

static bool verify_certificate(struct verifying *v)
{
    X509 *certificates[BUNDLE_CERTIFICATES_MAX] = { NULL };
    const struct bundle *b = v->bundle;
    bool read = b->certificate_count > 0;
    for (size_t i = 0; i < b->certificate_count; i++) {
        certificates[i] = x509_read(v->crypto, b->certificates[i]);
        read &= certificates[i] != NULL;
    }
    bool ok = signature_require(v->failure, SC_CERTIFICATE_FORM, read,
                                "A certificate of the bundle cannot be read.") &&
              read && verify_certificates(v, certificates);
    for (size_t i = 0; i < b->certificate_count; i++)
        X509_free(certificates[i]);
    return ok;
}

/* ---- the entry point ---- */

static enum verify_method method_of(const struct bundle *b)
{
    if (b->material == MATERIAL_KEY)
        return VERIFY_KEY;
    if (b->material == MATERIAL_CERTIFICATE || b->entry_count > 0)
        return VERIFY_KEYLESS;
    return VERIFY_CERTIFICATE;
}

static bool has_material(const struct bundle *b, enum verify_method method)
{
    return method == VERIFY_KEY
               ? b->material == MATERIAL_KEY
               : b->material == MATERIAL_CHAIN || b->material == MATERIAL_CERTIFICATE;
}

static bool run(struct verifying *v)
{
    enum verify_method method = v->policy->method;
    if (method == VERIFY_ANY)
        method = method_of(v->bundle);
    v->result->method = method;
    if (!signature_require(v->failure, SC_METHOD, has_material(v->bundle, method),
                           "The bundle's material is not of the method asked for."))
        return false;
    switch (method) {
    case VERIFY_KEY:
        return verify_key(v);
    case VERIFY_CERTIFICATE:
        return verify_certificate(v);
    default:
        return verify_keyless(v);
    }
}

void verify_bundle(const struct crypto *c, struct arena *arena,
                   const struct bundle *bundle, const struct verify_target *target,
                   const struct verify_policy *policy, struct verification *ret_result)
{
    struct verification result = { .state = SIGNATURE_INVALID };
    struct verifying v = { .crypto = c,
                           .arena = arena,
                           .bundle = bundle,
                           .target = target,
                           .policy = policy,
                           .result = &result,
                           .failure = &result.failure };
    bool good = run(&v) && signature_require(v.failure, SC_RESOURCES,
                                             !arena_exhausted(arena), "Memory ran out.");
    if (good && result.failure.check == SC_NONE)
        result.state = SIGNATURE_VERIFIED;
    else if (result.failure.check != SC_NONE)
        result.state = signature_check_state(result.failure.check);
    if (result.state != SIGNATURE_VERIFIED && result.state != SIGNATURE_UNTRUSTED)
        result.payload_type = result.payload = span_of(NULL, 0);
    *ret_result = result;
}

/* Once a log that is trusted has signed these bytes. */
static bool read_again(struct arena *arena, const struct bundle *b, struct bundle *ret)
{
    *ret = *b;
    ret->entries = arena_array(arena, b->entry_count, sizeof *ret->entries);
    for (size_t i = 0; ret->entries && i < b->entry_count; i++) {
        ret->entries[i] = b->entries[i];
        rekor_body_read(arena, b->entries[i].raw_body, &ret->entries[i].body);
    }
    return ret->entries != NULL || b->entry_count == 0;
}

void verify_parsed(const struct crypto *c, struct arena *arena,
                   const struct bundle *bundle, const struct verify_target *target,
                   const struct verify_policy *policy, struct verification *ret_result)
{
    struct bundle again;
    struct verify_target first = *target;
    bool statement = bundle->content == CONTENT_ENVELOPE && !target->any_subject;
    first.any_subject |= statement;
    verify_bundle(c, arena, bundle, &first, policy, ret_result);
    if (ret_result->state != SIGNATURE_VERIFIED ||
        (bundle->entry_count == 0 && !statement))
        return;
    if (!read_again(arena, bundle, &again))
        again.entry_count = 0; /* then it has no entry, and cannot be verified */
    verify_bundle(c, arena, &again, target, policy, ret_result);
}

struct span verification_time(const struct verification *v, struct arena *arena)
{
    char text[RFC3339_MAX] = "";
    if (v->has_time)
        rfc3339_format(v->time, text);
    return arena_copy(arena, span_of_text(text));
}
