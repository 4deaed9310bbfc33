/* image_manifest.h: what an OCI image manifest, or an index of such, names.
 *
 * Everything below it, by digest, as paths of an OCI image layout.  A signature over the
 * digest of a manifest is thereby one over all of that.  Reading proves nothing.
 * Source: OCI image-spec 1.1, manifest.md, image-index.md, image-layout.md. */
#ifndef IMAGE_MANIFEST_H
#define IMAGE_MANIFEST_H

#include "integrity/manifest.h"
#include "integrity/signature_check.h"

enum { IMAGE_MANIFEST_MAX = 4 << 20, IMAGE_DESCRIPTORS_MAX = 4096 };

struct image_manifest {
    bool index;            /* what it names are manifests, else config and layers */
    struct manifest below; /* "blobs/sha256/HEX", each once, sorted; with the config */
    struct span config;    /* hex; empty: it has none */
    struct span subject;   /* of one that holds Sigstore bundles, the raw sha256 of the
                              manifest that they are about; else empty */
};

/* Other digests than sha256 are refused, and one that is both an index and an image. */
bool image_manifest_parse(struct arena *arena, struct span bytes,
                          struct image_manifest *ret_image,
                          struct signature_failure *failure);

bool image_manifest_claims(struct span bytes);

#endif
