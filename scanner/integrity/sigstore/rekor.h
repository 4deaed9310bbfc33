/* rekor.h: an entry of a transparency log, and the proofs that the log took it in.
 *
 * Version 1 logs promise with a signed entry timestamp (SET) and prove with a tree hash;
 * version 2 logs only prove, and know no time.  The body of an entry says what was
 * signed, by which key, over which digest; unless all three agree with the bundle, a
 * proof proves nothing (CVE-2022-36056).  Source: sigstore/rekor types; C2SP tlog-tiles;
 * RFC 6962. */
#ifndef REKOR_H
#define REKOR_H

#include "integrity/signature_check.h"
#include "integrity/sigstore/trust_root.h"

#include <jansson.h>

enum { REKOR_HASHES_MAX = 64, REKOR_BODY_MAX = 1 << 20 };

enum rekor_kind { REKOR_UNKNOWN, REKOR_HASHEDREKORD, REKOR_DSSE, REKOR_INTOTO };

/* canonicalizedBody, read.  All versions come down to this. */
struct rekor_body {
    const char *problem;       /* why it could not be read, or NULL */
    enum rekor_kind kind;      /* REKOR_UNKNOWN: a kind or version we do not know */
    struct span name, version; /* "hashedrekord", "0.0.1": what the body says it is */
    bool v2;                   /* of a version 2 log */
    const char *digest_name;   /* "SHA256", …; NULL: another one */
    struct span digest;        /* raw: of the artifact, the payload or its encoding */
    struct span signature;     /* raw */
    bool verifier_is_key;      /* else a certificate */
    struct span verifier;      /* DER */
    struct span key_details;   /* v2: "PKIX_ECDSA_P256_SHA_256" */
};

struct rekor_proof {
    int64_t index, tree_size; /* index in this shard's tree */
    struct span root_hash;
    struct span hashes[REKOR_HASHES_MAX];
    size_t hash_count;
    struct span checkpoint; /* a signed note; empty: absent */
};

struct rekor_entry {
    int64_t log_index; /* over all shards of the log */
    struct span log_id;
    struct span kind, version; /* what the bundle says it is */
    int64_t integrated_time;   /* worth nothing unless the SET is verified; 0: absent */
    struct span set;           /* empty: absent */
    bool has_proof;
    struct rekor_proof proof;
    struct span raw_body; /* the leaf of the tree */
    struct rekor_body body;
};

/* Text in, data out: no key is involved. */
bool rekor_entry_read(struct arena *arena, const json_t *object,
                      struct rekor_entry *ret_entry, struct signature_failure *failure);
void rekor_body_read(struct arena *arena, struct span raw, struct rekor_body *ret_body);

/* What an entry must be about. */
struct rekor_subject {
    struct span signature, verifier; /* raw; DER of the leaf, or of the key */
    bool verifier_is_key,
        envelope;             /* envelope: a DSSE bundle, else a message signature */
    struct span payload, pae; /* of an envelope */
    struct span sha256, sha384, sha512; /* of a message */
    const char *key_details;            /* that a v2 entry must name */
};
bool rekor_matches(const struct crypto *c, const struct rekor_entry *entry,
                   const struct rekor_subject *subject,
                   struct signature_failure *failure);

bool rekor_set_verify(const struct crypto *c, struct arena *arena,
                      const struct rekor_entry *entry, const struct trust_log *log,
                      struct signature_failure *failure);
bool rekor_proof_verify(const struct crypto *c, const struct rekor_entry *entry,
                        const struct trust_root *root, const struct trust_log *log,
                        struct signature_failure *failure);

#endif
