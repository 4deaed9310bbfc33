/* image_referrers.h: the signatures that a registry keeps beside an image, verified.
 *
 * Of two kinds: cosign's older ones, over a payload that names the digest of the image's
 * manifest, and statements that do: in Sigstore bundles, or in DSSE envelopes whose
 * certificates are annotations beside them.  A worker takes them apart, and verifies them
 * first. */
#ifndef IMAGE_REFERRERS_H
#define IMAGE_REFERRERS_H

#include "engine/verifying/verifying.h"
#include "registry/image.h"

/* Is the manifest with this sha256 (raw) what a bundle is over, itself or by a statement;
 * or the payload, when `bytes` are those?  Fills *ret_signature, all but its path. */
void image_bundle_verify(const struct verify_context *c, const struct bundle *b,
                         struct span sha256, struct span bytes, const char *kind,
                         struct signature *ret_signature);

/* What a manifest of attestations says of a layer, with the envelope that the layer is.
 * False: it is none, or several. */
bool image_attestation(const struct bundle *b, const struct signature_file *layer,
                       struct bundle *ret_bundle);

/* All that there are of an image, each with its state and its name as path, and what
 * could not be had as `unsupported`; NULL: nothing.  Total, but for c->arena's end. */
struct signature *image_referrers_verify(const struct verify_context *c,
                                         const struct image *image);

/* The one that counts: verified, else the worst.  NULL: there is none. */
const struct signature *image_signature(const struct signature *first);

/* What a manifest names, whose bytes have been checked; false: that cannot be told. */
bool image_names(const struct verify_context *c, const struct image *image,
                 struct signature_file *ret_manifest);
bool image_names_digest(const struct signature_file *manifest, struct span hex);

/* A registry's image as the target of assay verify: its manifest, or the index and every
 * manifest of it.  Fills the report's signature. */
void image_reference_verify(const struct verify_context *c, const struct image *images,
                            struct verify_report *report);

#endif
