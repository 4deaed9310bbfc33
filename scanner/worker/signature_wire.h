/* signature_wire.h: a signature file, taken apart, on its way out of a confined child.
 *
 * {length u64} and then the fields of struct signature_file in the order of
 * signature_wire.c, little endian; a span is {length u64, bytes}.  One function writes
 * and reads, so the two cannot differ.  The reading side trusts none of it: counts, kinds
 * and lengths are checked, names must be canonical and digests digits.  What it says is
 * still only a claim: integrity/verify.h decides. */
#ifndef SIGNATURE_WIRE_H
#define SIGNATURE_WIRE_H

#include "integrity/signature_file.h"
#include "worker/codec.h"

enum { SIGNATURE_WIRE_HEAD = 8, SIGNATURE_WIRE_MAX = 256 << 20 };

/* One bundle, for verify_wire.c as well. */
void code_bundle(struct codec *c, struct bundle *b);

/* Appends to `out`, which was made with SIGNATURE_WIRE_MAX. */
bool signature_wire_encode(struct buffer *out, const struct signature_file *f);

/* Are the bytes a whole answer? */
bool signature_wire_whole(struct span bytes);

/* Spans point into `bytes`, which outlives them, or live in the arena. */
bool signature_wire_decode(struct arena *arena, struct span bytes,
                           struct signature_file *ret_file);

#endif
