/* bare_signature.h: what cosign wrote before bundles: a signature in base64 and nothing
 * else, with its certificate and its log entry, if there are any, in files of their own.
 *
 * A key may have signed at any time.  A keyless certificate is valid for minutes, so a
 * signature by it counts only with an entry that says when it was made. */
#ifndef BARE_SIGNATURE_H
#define BARE_SIGNATURE_H

#include "engine/verifying/verifier.h"
#include "integrity/signature_file.h"

struct bare_signature {
    struct span signature;                            /* raw */
    const struct signature_file *certificate, *entry; /* or NULL */
};

/* Fill kind, state, identity and the rest of *ret_signature.  `list` may be NULL. */
void verify_bare(const struct verify_context *c, const struct bare_signature *bare,
                 const struct verify_target *target, const struct source_list *list,
                 const struct source_file *file, struct signature *ret_signature);

#endif
