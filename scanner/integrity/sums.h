/* sums.h: lists of digests: SHA256SUMS and its kin.
 *
 *   HEX  name    HEX *name    HEX name    \HEX  na\\me    SHA256 (name) = HEX    HEX
 *
 * As GNU coreutils, BSD and OpenSSL write them.  Which digest it is, the number of digits
 * says, or the word in front.  Paths are relative to the directory of the list, of any
 * bytes; "./" in front is left out.  A lone HEX has the path ".": it is of the file whose
 * name, with an ending, the list has. */
#ifndef SUMS_H
#define SUMS_H

#include "integrity/manifest.h"

enum { SUMS_BYTES_MAX = 64 << 20 };

/* At least one line is one, and all are but empty ones and those that begin with '#'.
 * Sorted; entries and texts live in the arena. */
bool sums_parse(struct arena *arena, struct span bytes, struct manifest *ret,
                struct refusal *why);

bool sums_claims(struct span head); /* the first line looks like one */

/* SHA-512 and BLAKE2b have as many digits, as have SHA-256 and BLAKE3: the list's name
 * ("B2SUMS", "x.b3sum") says which was meant. */
void sums_told(struct manifest *m, struct span path);

#endif
