/* The keyless pipeline: log entries, times, the certificate, its log, the identity.
 * Nothing depends on the clock of this machine. */
#include "integrity/verify_private.h"

#include "core/base64.h"
#include "integrity/crypto/x509.h"
#include "integrity/rfc3339.h"
#include "integrity/sigstore/sct.h"
#include "integrity/sigstore/tsa.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <regex.h>

enum { TIMES_MAX = BUNDLE_ENTRIES_MAX + BUNDLE_TIMESTAMPS_MAX };

struct keyless {
    struct verifying *v;
    X509 *leaf, *issuer; /* issuer: as the chain that holds has it */
    int64_t times[TIMES_MAX];
    size_t time_count;
};

/* ---- the bundle and its certificates ---- */

static bool brings_root(struct verifying *v)
{
    bool root = false;
    for (size_t i = 1; i < v->bundle->certificate_count; i++) {
        X509 *cert = x509_read(v->crypto, v->bundle->certificates[i]);
        root |= cert && x509_same_name(cert, cert);
        X509_free(cert);
    }
    return root;
}

static bool material_fits(struct keyless *k)
{
    struct verifying *v = k->v;
    const struct bundle *b = v->bundle;
    enum bundle_material wanted =
        b->version == BUNDLE_0_3 ? MATERIAL_CERTIFICATE : MATERIAL_CHAIN;
    return signature_require(v->failure, SC_BUNDLE_CHAIN, b->material == wanted,
                             "A keyless bundle of this version has %s.",
                             wanted == MATERIAL_CHAIN ? "a certificate chain"
                                                      : "one certificate, not a chain") &&
           signature_require(v->failure, SC_CERTIFICATE_FORM, k->leaf != NULL,
                             "The certificate of the bundle cannot be read.") &&
           signature_require(v->failure, SC_BUNDLE_ROOT, !brings_root(v),
                             "The bundle brings a root certificate of its own.");
}

/* ---- log entries ---- */

/* The one algorithm that a version 2 entry may name for the key and the padding that its
 * signature has; "" for none. */
static const char *key_details(const EVP_PKEY *key, bool pss)
{
    static const struct {
        enum pubkey_type type;
        int bits; /* of RSA */
        const char *pkcs1, *pss;
    } names[] = {
        {PUBKEY_P256,     0,    "PKIX_ECDSA_P256_SHA_256",       ""                        },
        { PUBKEY_P384,    0,    "PKIX_ECDSA_P384_SHA_384",       ""                        },
        { PUBKEY_P521,    0,    "PKIX_ECDSA_P521_SHA_512",       ""                        },
        { PUBKEY_ED25519, 0,    "PKIX_ED25519",                  ""                        },
        { PUBKEY_RSA,     2048, "PKIX_RSA_PKCS1V15_2048_SHA256", "PKIX_RSA_PSS_2048_SHA256"},
        { PUBKEY_RSA,     3072, "PKIX_RSA_PKCS1V15_3072_SHA256", "PKIX_RSA_PSS_3072_SHA256"},
        { PUBKEY_RSA,     4096, "PKIX_RSA_PKCS1V15_4096_SHA256", "PKIX_RSA_PSS_4096_SHA256"},
    };
    enum pubkey_type type = pubkey_type(key);
    if (type == PUBKEY_RSA_PSS)
        type = PUBKEY_RSA;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].type == type &&
            (names[i].bits == 0 || names[i].bits == EVP_PKEY_get_bits(key)))
            return pss ? names[i].pss : names[i].pkcs1;
    return "";
}

static struct span digest_of_bytes(struct verifying *v, const char *name,
                                   struct span given)
{
    uint8_t store[64];
    size_t len = 0;
    if (given.len > 0 || !v->target->bytes.ptr ||
        !crypto_digest(v->crypto, name, v->target->bytes, store, &len))
        return given;
    return arena_copy(v->arena, span_of(store, len));
}

static bool entries_match(struct keyless *k)
{
    struct verifying *v = k->v;
    const struct bundle *b = v->bundle;
    const struct verify_target *t = v->target;
    const struct rekor_subject subject = {
        .signature = b->signature,
        .verifier = b->certificates[0],
        .envelope = b->content == CONTENT_ENVELOPE,
        .payload = b->envelope.payload,
        .pae = dsse_pae(v->arena, b->envelope.payload_type, b->envelope.payload),
        .sha256 = digest_of_bytes(v, "SHA256", t->sha256),
        .sha384 = digest_of_bytes(v, "SHA384", t->sha384),
        .sha512 = digest_of_bytes(v, "SHA512", t->sha512),
        .key_details = key_details(X509_get0_pubkey(k->leaf), v->pss),
    };
    if (!signature_require(v->failure, SC_ENTRY_PRESENT, b->entry_count > 0,
                           "The bundle has no entry of a transparency log."))
        return false;
    for (size_t i = 0; i < b->entry_count; i++)
        if (!rekor_matches(v->crypto, &b->entries[i], &subject, v->failure))
            return false;
    return true;
}

/* How old the root is at most, for whoever wonders why it does not know a log. */
static void describe_age(const struct trust_root *root, char ret_text[RFC3339_MAX])
{
    rfc3339_format(root->newest, ret_text);
}

static bool promise_holds(struct keyless *k, const struct rekor_entry *entry,
                          const struct trust_log *log)
{
    struct verifying *v = k->v;
    bool needed = v->bundle->version <= BUNDLE_0_1;
    bool present = entry->set.len > 0;
    if (!signature_require(v->failure, SC_SET_PRESENT, present || !needed,
                           "The log entry lacks the signed entry timestamp that a bundle "
                           "of version 0.1 needs."))
        return false;
    if (!present)
        return true;
    if (!rekor_set_verify(v->crypto, v->arena, entry, log, v->failure) ||
        !signature_require(v->failure, SC_BUNDLE_LIMITS, k->time_count < TIMES_MAX,
                           "The bundle has too many log entries."))
        return false;
    k->times[k->time_count++] = entry->integrated_time;
    return true;
}

/* A proof without a checkpoint proves nothing; version 0.1 may have one and not rely on
 * it. */
static bool inclusion_holds(struct keyless *k, const struct rekor_entry *entry,
                            const struct trust_log *log)
{
    struct verifying *v = k->v;
    bool needed = v->bundle->version >= BUNDLE_0_2;
    bool checkpoint = entry->proof.checkpoint.len > 0;
    if (!signature_require(v->failure, SC_INCLUSION_PRESENT, entry->has_proof || !needed,
                           "The log entry has no proof of inclusion.") ||
        !signature_require(v->failure, SC_CHECKPOINT_PRESENT, checkpoint || !needed,
                           "The proof of inclusion has no checkpoint."))
        return false;
    return !checkpoint ||
           rekor_proof_verify(v->crypto, entry, v->policy->root, log, v->failure);
}

static bool entry_logged(struct keyless *k, const struct rekor_entry *entry)
{
    struct verifying *v = k->v;
    char newest[RFC3339_MAX];
    const struct trust_root *root = v->policy->root;
    const struct trust_log *log =
        trust_root_log(root->tlogs, root->tlog_count, entry->log_id);
    describe_age(root, newest);
    if (!signature_require(v->failure, SC_LOG_KNOWN, log != NULL,
                           "The trusted root, whose newest key is of %s, does not know "
                           "the transparency log: it is too old, or of another instance.",
                           newest) ||
        !log)
        return false;
    return signature_require(v->failure, SC_LOG_KEY, log->key != NULL,
                             "The key of the transparency log is of an unknown kind.") &&
           promise_holds(k, entry, log) && inclusion_holds(k, entry, log);
}

/* A promise binds its own time; without one all verified times count. */
static bool entry_in_window(struct keyless *k, const struct rekor_entry *entry)
{
    const struct trust_root *root = k->v->policy->root;
    const struct trust_log *log =
        trust_root_log(root->tlogs, root->tlog_count, entry->log_id);
    bool inside = log != NULL;
    if (log && entry->set.len > 0)
        return trust_window_contains(&log->window, entry->integrated_time);
    for (size_t i = 0; inside && i < k->time_count; i++)
        inside = trust_window_contains(&log->window, k->times[i]);
    return inside;
}

/* ---- times ---- */

static bool entries_logged(struct keyless *k)
{
    struct verifying *v = k->v;
    const struct bundle *b = v->bundle;
    if (!signature_require(v->failure, SC_ROOT_GIVEN, v->policy->root != NULL,
                           "There is no trusted root to check a keyless signature by.") ||
        !v->policy->root || !verify_timestamps(v, k->times, &k->time_count))
        return false;
    size_t stamps = k->time_count;
    for (size_t i = 0; i < b->entry_count; i++)
        if (!entry_logged(k, &b->entries[i]))
            return false;
    if (!signature_require(v->failure, SC_TIME_PRESENT, k->time_count > 0,
                           "Neither the log nor a time-stamp says when the signature was "
                           "made."))
        return false;
    for (size_t i = 0; i < b->entry_count; i++)
        if (!signature_require(
                v->failure, SC_LOG_WINDOW, entry_in_window(k, &b->entries[i]),
                "The trusted root does not trust the log at the time of its entry."))
            return false;
    v->result->time_source = stamps < k->time_count ? "transparency log" : "time-stamp";
    return true;
}

/* ---- the certificate at each of these times ---- */

struct standing {
    bool known, in_window, holds;
    const char *reason;
    X509 *issuer; /* owned */
    uint8_t top[SHA256_LEN];
};

static int rank(const struct standing *s)
{
    return s->known ? 1 + 2 * s->in_window + s->holds : 0;
}

static struct standing try_authority(struct keyless *k, const struct trust_authority *a,
                                     int64_t t)
{
    struct standing s = { .reason = "" };
    const struct x509_chain chain = { .leaf = k->leaf,
                                      .untrusted = a->chain,
                                      .untrusted_count = a->count - 1,
                                      .anchors = &a->chain[a->count - 1],
                                      .anchor_count = 1,
                                      .t = t,
                                      .strict = true };
    enum x509_result result =
        x509_chain_check(k->v->crypto, &chain, &s.issuer, s.top, &s.reason);
    s.known = result != X509_CHAIN_UNANCHORED;
    s.in_window = trust_window_contains(&a->window, t);
    s.holds = result == X509_CHAIN_HOLDS && s.issuer;
    return s;
}

static bool authority_holds(struct keyless *k, int64_t t)
{
    char newest[RFC3339_MAX];
    struct verifying *v = k->v;
    const struct trust_root *root = v->policy->root;
    struct standing best = { .reason = "" };
    for (size_t i = 0; i < root->ca_count; i++) {
        struct standing s = try_authority(k, &root->cas[i], t);
        if (rank(&s) > rank(&best)) {
            X509_free(best.issuer);
            best = s;
        } else {
            X509_free(s.issuer);
        }
    }
    X509_free(k->issuer);
    k->issuer = best.issuer;
    if (best.holds)
        v->result->root = hex_encode(v->arena, span_of(best.top, sizeof best.top));
    describe_age(root, newest);
    return signature_require(v->failure, SC_AUTHORITY_KNOWN, best.known,
                             "The certificate is not of an authority of the trusted "
                             "root, whose newest key is of %s.",
                             newest) &&
           signature_require(v->failure, SC_AUTHORITY_WINDOW, best.in_window,
                             "The trusted root does not trust the certificate authority "
                             "at the time of the signature.") &&
           signature_require(v->failure, SC_AUTHORITY_CHAIN, best.holds,
                             "The certificate chain does not hold at the time of the "
                             "signature: %s.",
                             best.reason);
}

static bool certificate_holds(struct keyless *k)
{
    struct verifying *v = k->v;
    int64_t from = 0, to = 0;
    bool dated = x509_validity(k->leaf, &from, &to);
    for (size_t i = 0; i < k->time_count; i++) {
        int64_t t = k->times[i];
        if (!signature_require(v->failure, SC_CERTIFICATE_TIME,
                               dated && t >= from && t <= to,
                               "The signature was not made while the certificate was "
                               "valid.") ||
            !authority_holds(k, t))
            return false;
        v->result->time = i == 0 || t < v->result->time ? t : v->result->time;
    }
    v->result->has_time = true;
    return sct_verify(v->crypto, k->leaf, k->issuer, v->policy->root, v->failure);
}

/* ---- the identity ---- */

static bool pattern_matches(struct arena *arena, const char *pattern, struct span name)
{
    regex_t compiled;
    char *text = arena_text(arena, name);
    struct span whole = arena_printf(arena, "^(%s)$", pattern);
    if (!text || !whole.ptr || memchr(text, '\n', name.len) ||
        regcomp(&compiled, (const char *)whole.ptr, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    bool matches = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    return matches;
}

static bool name_matches(struct arena *arena, const char *wanted, bool pattern,
                         struct span name)
{
    if (!wanted)
        return false;
    return pattern ? pattern_matches(arena, wanted, name) : span_is(name, wanted);
}

static bool identity_accepted(struct verifying *v)
{
    const struct verify_policy *p = v->policy;
    const struct fulcio_claims *c = &v->result->claims;
    bool subject = false, both = false;
    for (size_t i = 0; i < p->identity_count; i++) {
        const struct verify_identity *id = &p->identities[i];
        bool s = name_matches(v->arena, id->subject, id->subject_is_pattern, c->subject);
        bool o = name_matches(v->arena, id->issuer, id->issuer_is_pattern, c->issuer);
        subject |= s;
        both |= s && o;
    }
    bool also = p->accepts && p->accepts(p->accepts_self, c->subject, c->issuer);
    subject |= also;
    both |= also;
    int len = c->subject.len < 120 ? (int)c->subject.len : 120;
    return signature_require(v->failure, SC_IDENTITY_GIVEN,
                             p->identity_count > 0 || p->accepts,
                             "Signed by %.*s; no identity was given to accept.", len,
                             (const char *)c->subject.ptr) &&
           signature_require(v->failure, SC_IDENTITY, subject,
                             "Signed by %.*s, whom the operator did not name.", len,
                             (const char *)c->subject.ptr) &&
           signature_require(v->failure, SC_ISSUER, both,
                             "Signed by %.*s, but another provider vouches for that name "
                             "than the operator accepts.",
                             len, (const char *)c->subject.ptr);
}

static bool keyless_holds(struct keyless *k)
{
    struct verifying *v = k->v;
    EVP_PKEY *key = X509_get0_pubkey(k->leaf), *signer = NULL;
    struct signature_failure claims = { .check = SC_NONE };
    bool claimed = fulcio_read(v->arena, k->leaf, &v->result->claims, &claims);
    v->result->identity = v->result->claims.subject;
    if (!verify_signature(v, &key, 1, &signer) || !verify_content(v))
        return false;
    if (!claimed) {
        *v->failure = claims;
        return false;
    }
    return fulcio_form(k->leaf, v->failure) && entries_match(k) && entries_logged(k) &&
           certificate_holds(k) && identity_accepted(v);
}

bool verify_keyless(struct verifying *v)
{
    struct keyless k = { .v = v };
    if (v->bundle->certificate_count > 0)
        k.leaf = x509_read(v->crypto, v->bundle->certificates[0]);
    bool ok = material_fits(&k) && k.leaf && keyless_holds(&k);
    X509_free(k.leaf);
    X509_free(k.issuer);
    return ok;
}

static bool issued_for(struct keyless *k, const EVP_PKEY *key, int64_t t)
{
    struct verifying *v = k->v;
    k->times[0] = t;
    k->time_count = 1;
    return signature_require(v->failure, SC_SIGNATURE,
                             EVP_PKEY_eq(X509_get0_pubkey(k->leaf), key) == 1,
                             "The certificate is for another key than the one that "
                             "asked for it.") &&
           fulcio_read(v->arena, k->leaf, &v->result->claims, v->failure) &&
           fulcio_form(k->leaf, v->failure) && certificate_holds(k);
}

bool verify_issued(const struct crypto *c, struct arena *arena, struct span certificate,
                   const EVP_PKEY *key, const struct trust_root *root,
                   struct fulcio_claims *ret_claims, struct signature_failure *failure)
{
    int64_t from = 0, to;
    struct verification result = { .state = SIGNATURE_INVALID };
    const struct verify_policy policy = { .root = root };
    struct verifying v = { .crypto = c,
                           .arena = arena,
                           .policy = &policy,
                           .result = &result,
                           .failure = failure };
    struct keyless k = { .v = &v, .leaf = x509_read(c, certificate) };
    bool ok = signature_require(failure, SC_CERTIFICATE_FORM,
                                k.leaf && x509_validity(k.leaf, &from, &to),
                                "The certificate cannot be read.") &&
              issued_for(&k, key, from);
    X509_free(k.leaf);
    X509_free(k.issuer);
    if (ok)
        *ret_claims = result.claims;
    return ok;
}
