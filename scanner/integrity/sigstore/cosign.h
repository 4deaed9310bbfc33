/* cosign.h: what cosign wrote before Sigstore bundles: the JSON of `sign-blob --bundle`,
 * and the manifests that hold the signatures and the attestations of a container image.
 *
 * Each signature becomes a struct bundle (integrity/sigstore/bundle.h) of version 0.1:
 * the log's promise instead of a proof.  Reading proves nothing.  Spans live in the
 * arena. Sources: sigstore/cosign, specs/SIGNATURE_SPEC.md, pkg/cosign/rekor_bundle.go.
 */
#ifndef COSIGN_H
#define COSIGN_H

#include "integrity/sigstore/bundle.h"

enum { COSIGN_BYTES_MAX = 4 << 20 };

/* Media types of layers: what a signature is over; a DSSE envelope. */
#define COSIGN_PAYLOAD_TYPE  "application/vnd.dev.cosign.simplesigning.v1+json"
#define COSIGN_ENVELOPE_TYPE "application/vnd.dsse.envelope.v1+json"

/* {"base64Signature", "cert", "rekorBundle"}.  False: SC_BUNDLE_JSON or _FIELD. */
bool cosign_blob_parse(struct arena *arena, struct span bytes, struct bundle *ret_bundle,
                       struct signature_failure *failure);

/* An image manifest whose layers are signed payloads, with the signatures as annotations;
 * or `envelopes`, which have their signatures themselves and the rest as annotations.  A
 * bundle's digest is that of its layer.  At most `most` bundles are written. */
bool cosign_image_parse(struct arena *arena, struct span bytes, bool envelopes,
                        struct bundle *bundles, size_t most, size_t *ret_count,
                        struct signature_failure *failure);

/* The payload: which image manifest it is about, as the 32 raw bytes of its sha256. */
bool cosign_payload_parse(struct arena *arena, struct span bytes, struct span *ret_image,
                          struct signature_failure *failure);

/* A certificate as cosign keeps it beside a signature: PEM, maybe once more in base64;
 * b->material says what it was. */
bool cosign_certificate(struct arena *arena, struct span text, struct bundle *b,
                        struct signature_failure *failure);

/* The first certificate of a file, and nothing else, in b; and the log's entry alone, as
 * `cosign attach signature --rekor-response` takes it. */
bool cosign_certificate_parse(struct arena *arena, struct span bytes, struct bundle *b,
                              struct signature_failure *failure);
bool cosign_entry_parse(struct arena *arena, struct span bytes, struct bundle *b,
                        struct signature_failure *failure);

/* By the first bytes of a file, or all of them. */
bool cosign_blob_claims(struct span head);
bool cosign_image_claims(struct span head);
bool cosign_attestations_claims(struct span head);
bool cosign_payload_claims(struct span head);
bool cosign_certificate_claims(struct span head);
bool cosign_entry_claims(struct span head);

#endif
