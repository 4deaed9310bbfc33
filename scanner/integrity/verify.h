/* verify.h: whether a bundle's signature is good, and by someone the operator accepts.
 *
 * The one entry point.  Fails closed: every check of checks.def that concerns the kind of
 * signature must hold, and nothing is said to be verified before all do.  Nothing in the
 * bundle or beside the model is ever trusted: no key, no certificate, no name. */
#ifndef VERIFY_H
#define VERIFY_H

#include "integrity/sigstore/bundle.h"
#include "integrity/sigstore/fulcio.h"

/* A keyless signer.  Both must match, byte for byte; as patterns (POSIX extended regular
 * expressions) they must match the whole.  Case counts. */
struct verify_identity {
    const char *subject, *issuer; /* issuer NULL accepts none */
    bool subject_is_pattern, issuer_is_pattern;
};

enum verify_method { VERIFY_ANY, VERIFY_KEY, VERIFY_CERTIFICATE, VERIFY_KEYLESS };

/* Whom the operator accepts.  VERIFY_ANY: what the bundle's material and the rest of this
 * suggest; another method demands bundles of it. */
struct verify_policy {
    enum verify_method method;
    EVP_PKEY *const *keys; /* any of them */
    size_t key_count;
    X509 *const *anchors; /* roots or intermediates of the certificate method */
    size_t anchor_count;
    const struct verify_identity *identities; /* any of them */
    size_t identity_count;
    /* Further identities, if not NULL: is that one accepted? */
    bool (*accepts)(const void *self, struct span subject, struct span issuer);
    const void *accepts_self;
    const struct trust_root
        *root;   /* of keyless signatures and time-stamps; may be NULL */
    int64_t now; /* seconds since 1970; for the certificate method */
};

/* What the signature must be over.  Digests are raw bytes, empty when not known. */
struct verify_target {
    struct span sha256, sha384, sha512;
    struct span bytes; /* of the artifact, when at hand (Ed25519 needs them) */
    bool any_subject;  /* an envelope: the caller looks at the payload itself */
};

struct verification {
    enum signature_state state;
    struct signature_failure failure; /* SC_NONE when verified */
    enum verify_method method;
    /* Who: of a key its fingerprint ("sha256:…" of the DER), of a certificate its subject
     * or its one name.  Given also when untrusted; in the arena, raw and hostile. */
    struct span identity;
    struct span root; /* sha256 of the certificate it chains to, in hex; may be empty */
    struct fulcio_claims claims; /* of keyless signatures; issuer is in it */
    bool has_time;
    int64_t time;            /* the earliest that was verified */
    const char *time_source; /* "transparency log", "time-stamp", "clock" or NULL */
    bool legacy;             /* model_signing 0.2's encoding */
    struct span payload_type,
        payload; /* of an envelope; only when verified or untrusted */
};

/* The result is total: whatever goes wrong is a state, a check and a reason. */
void verify_bundle(const struct crypto *c, struct arena *arena,
                   const struct bundle *bundle, const struct verify_target *target,
                   const struct verify_policy *policy, struct verification *ret_result);

/* The same of a bundle that somebody else has taken apart: the bodies of its log entries
 * are read again, from the bytes that a log signed, before it counts as verified; and its
 * statement only once its signer is accepted. */
void verify_parsed(const struct crypto *c, struct arena *arena,
                   const struct bundle *bundle, const struct verify_target *target,
                   const struct verify_policy *policy, struct verification *ret_result);

/* Has an authority of the root just issued this certificate (DER) for this key?  Its
 * form, its chain and the promise of a certificate log, at the moment its validity
 * begins; not whose it is. */
bool verify_issued(const struct crypto *c, struct arena *arena, struct span certificate,
                   const EVP_PKEY *key, const struct trust_root *root,
                   struct fulcio_claims *ret_claims, struct signature_failure *failure);

/* A time for struct signature; empty when there is none. */
struct span verification_time(const struct verification *v, struct arena *arena);

#endif
