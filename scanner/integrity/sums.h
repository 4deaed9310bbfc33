/* sums.h: lists of digests: SHA256SUMS and its kin, GNU and BSD style.
 *
 *   HEX  name    HEX *name    \HEX  na\nme    SHA256 (name) = HEX
 *
 * Which digest it is, the number of digits says, or the word in front.  Paths are
 * relative to the directory of the list; "./" in front is left out. */
#ifndef SUMS_H
#define SUMS_H

#include "integrity/manifest.h"

enum { SUMS_BYTES_MAX = 64 << 20 };

/* At least one line is one, and all are but empty ones and those that begin with '#'.
 * Sorted; entries and texts live in the arena. */
bool sums_parse(struct arena *arena, struct span bytes, struct manifest *ret,
                struct refusal *why);

bool sums_claims(struct span head); /* the first line looks like one */

#endif
