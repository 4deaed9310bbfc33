/* dsse.h: the envelope of signed statements (DSSE v1.0).
 *
 * What is signed is not the JSON but the pre-authentication encoding of the payload's
 * type and of its decoded bytes, so the payload is decoded once and those bytes are both
 * what is verified and what is read afterwards.  Source: secure-systems-lab/dsse,
 * protocol.md. */
#ifndef DSSE_H
#define DSSE_H

#include "integrity/crypto/pubkey.h"
#include "integrity/signature_check.h"

#include <jansson.h>

#define DSSE_IN_TOTO "application/vnd.in-toto+json"

enum { DSSE_SIGNATURES_MAX = 16 };

struct dsse_signature {
    struct span signature; /* raw */
    struct span key_id;    /* unauthenticated; never used to choose a key */
};

struct dsse {
    struct span payload_type, payload; /* payload: decoded */
    struct dsse_signature signatures[DSSE_SIGNATURES_MAX];
    size_t count;
};

/* The object {payload, payloadType, signatures}; all is copied to the arena. */
bool dsse_read(struct arena *arena, const json_t *object, struct dsse *ret_envelope,
               struct signature_failure *failure);

/* An envelope that stands alone (an attestation, one line of a .jsonl).  Its signatures
 * are by keys only: make a struct bundle of it with bundle_of_envelope(). */
bool dsse_parse(struct arena *arena, struct span bytes, struct dsse *ret_envelope,
                struct signature_failure *failure);

/* "DSSEv1 28 application/vnd.in-toto+json 5 hello"; empty when out of memory. */
struct span dsse_pae(struct arena *arena, struct span type, struct span payload);

/* What model_signing 0.2 signed instead: "DSSEV1" and Python's repr() of the payload.
 * Only for statements of its predicate type, always with SHA-256. */
struct span dsse_pae_v02(struct arena *arena, struct span type, struct span payload);

/* The raw signature over the encoding; empty when the key cannot sign. */
struct span dsse_sign(const struct crypto *c, struct arena *arena, EVP_PKEY *key,
                      struct span type, struct span payload);

#endif
