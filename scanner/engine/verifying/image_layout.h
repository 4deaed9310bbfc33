/* image_layout.h: the images of an OCI layout against the signatures that cosign put
 * beside them: its older ones (tag sha256-HEX.sig) and Sigstore bundles that refer to an
 * image.
 *
 * A signature is over the digest of a manifest, and that names the rest by digests. Every
 * image of the layout must be signed, and everything below it be there and be the same.
 */
#ifndef IMAGE_LAYOUT_H
#define IMAGE_LAYOUT_H

#include "engine/verifying/verifying.h"

bool image_layout_is(const struct source_list *list);

/* Fill the report's signature.  False as verify_target(). */
bool image_layout_verify(const struct verify_request *r, const struct source_list *list,
                         struct verify_report *report, struct error *error);

#endif
