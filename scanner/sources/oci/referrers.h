/* referrers.h: the signatures and attestations of an image, looked up where cosign puts
 * them and loaded: what the registry lists as referrers, and the tags sha256-HEX.sig and
 * sha256-HEX.att.
 *
 * Numbers, sizes and requests are bounded for all images of a reference together.  What
 * is not there is not a signature; what cannot be had, for whatever reason, is told as
 * the image's problem.  Source: OCI distribution-spec 1.1, "Listing Referrers"; cosign,
 * specs/SIGNATURE_SPEC.md, specs/BUNDLE_SPEC.md. */
#ifndef REFERRERS_H
#define REFERRERS_H

#include "registry/image.h"
#include "sources/oci/oci.h"

enum {
    REFERRERS_MAX = 64,        /* of one image … */
    REFERRERS_PAGES_MAX = 16,  /* … and pages of their list */
    REFERRER_LAYERS_MAX = 256, /* of one of them */
    REFERRER_BLOB_MAX = 8 << 20,
    REFERRERS_BYTES_MAX = 64 << 20, /* of all images of a reference */
    REFERRERS_LAYERS_MAX = 4096,
    REFERRERS_REQUESTS_MAX = 512
};

/* What is left of the bounds, and why nobody is asked any more; all zero to begin. */
struct referrers_spent {
    size_t requests, layers;
    uint64_t bytes;
    const char *stopped; /* NULL: it goes on */
};

/* One image, behind the others.  False: out of memory. */
bool referrers_add(struct oci *o, const struct oci_manifest *m,
                   struct referrers_spent *spent, struct image **images,
                   struct error *error);

#endif
