/* oci.h: artifacts in OCI registries: manifests, blobs, referrers; for drivers.
 *
 * Whatever has a digest is checked against it before anybody reads it.  Source: OCI
 * distribution-spec 1.1 and image-spec 1.1; Docker Registry HTTP API V2. */
#ifndef OCI_H
#define OCI_H

#include "core/json.h"
#include "sources/place.h"

enum {
    OCI_MANIFEST_MAX = 4 << 20, /* what the specification wants registries to take */
    OCI_CONFIG_MAX = 4 << 20,
    OCI_VARIANTS_MAX = 64, /* manifests of one index that are read */
    OCI_DIGEST_MAX = 7 + 128
};

extern const char
    *const oci_media_types[]; /* of manifests and indexes: OCI's, Docker's */

struct oci {
    const struct place *place;
    struct arena *arena;
    bool anchored;             /* what a tag means, nobody but the place says */
    const char *repository;    /* "library/llama3.2" */
    const char *const *accept; /* media types of manifests, NULL-terminated */
    size_t values;             /* JSON values read so far */
};

struct oci_manifest {
    struct span body;
    char digest[OCI_DIGEST_MAX + 1]; /* "sha256:…" of the body */
    json_t *json;                    /* an object; owned */
};

/* `reference`: a tag, or a digest that the body then has. */
bool oci_manifest_get(struct oci *o, const char *reference,
                      struct oci_manifest *ret_manifest, enum rest_refusal *ret_refusal,
                      struct error *error);
void oci_manifest_free(struct oci_manifest *m); /* idempotent */

/* A blob in memory, of the digest that it is asked by. */
bool oci_blob_get(struct oci *o, const char *digest, uint64_t max, struct span *ret_bytes,
                  enum rest_refusal *ret_refusal, struct error *error);

/* Where a blob lies; NULL: no digest, or no memory. */
const char *oci_blob_url(struct oci *o, const char *digest);

/* What refers to the manifest (signatures, attestations), as an index; by the tag
 * "sha256-<hex>" where the registry has no such API.  *ret_next: the URL of the next page
 * of the list; NULL: there is none.  False without an error (code ERROR_NONE): nothing
 * refers to it. */
bool oci_referrers(struct oci *o, const char *digest, struct oci_manifest *ret_index,
                   const char **ret_next, enum rest_refusal *ret_refusal,
                   struct error *error);

/* That page, which must lie at the registry and be a list, too. */
bool oci_referrers_page(struct oci *o, const char *url, struct oci_manifest *ret_index,
                        const char **ret_next, enum rest_refusal *ret_refusal,
                        struct error *error);

/* "sha256:" or "sha512:" and the right number of lower-case digits. */
bool oci_digest_valid(const char *digest);
bool oci_digest_is(const char *digest, struct span bytes);
const char *oci_digest_of(struct oci *o, struct span bytes); /* sha256; NULL: no memory */

/* What a file of an artifact is to be called, in the words of whoever pushed it: the
 * title of ORAS and KitOps, the path of ModelPack; NULL: it has no name. */
const char *oci_layer_name(const json_t *layer);

/* A name made of digest and media type, for a layer that has none: it begins with the
 * digest, so that it is nobody else's. */
const char *oci_layer_fallback(struct arena *arena, const json_t *layer);

#endif
