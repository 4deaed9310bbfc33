/* sct.h: the promise of a certificate log, embedded in the certificate (RFC 6962, 3.2).
 *
 * At least one signed certificate timestamp must be by a log of the root, inside its
 * window, over this certificate as its real issuer signed it. */
#ifndef SCT_H
#define SCT_H

#include "integrity/signature_check.h"
#include "integrity/sigstore/trust_root.h"

bool sct_verify(const struct crypto *c, X509 *leaf, X509 *issuer,
                const struct trust_root *root, struct signature_failure *failure);

#endif
