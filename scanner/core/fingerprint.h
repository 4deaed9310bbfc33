/* fingerprint.h: a name for a finding that stays the same from scan to scan.
 *
 * SHA-256 over the rule, the path with its members, and the evidence (or, without any,
 * the message).  No offset, no severity, no time: a file that grows in front of the
 * evidence, or a rule that is rated anew, does not make old findings new.  A baseline
 * and SARIF know findings by it; "1" in front of what is hashed is its version. */
#ifndef FINGERPRINT_H
#define FINGERPRINT_H

#include "core/artifact.h"

enum { FINGERPRINT_HEX = 64 };

/* `a` is NULL for a finding of a model as a whole; then `identity` is hashed, the
 * model's, else it is not looked at.  False when OpenSSL failed. */
bool finding_fingerprint(const struct finding *f, const struct artifact *a,
                         struct span identity, char ret_hex[FINGERPRINT_HEX + 1]);

#endif
