/* intake.h: what comes from the net, into its part on the disk and through the digests.
 *
 * Bytes are gathered in blocks.  A full one is written and then hashed, by a thread of
 * its own when the file is large: it works beside the net and never reads the file again.
 * When it is slower than the net, the net waits.  What the part held before (a download
 * that goes on where it was cut) is hashed first, from the disk. */
#ifndef INTAKE_H
#define INTAKE_H

#include "core/digest.h"
#include "net/cache.h"

struct intake;

/* `part` outlives it; `size` of the whole file when known, for git's digests.  NULL: no
 * memory. */
struct intake *intake_new(struct partial *part, unsigned algorithms, uint64_t size,
                          bool thread);

/* False with an error when the disk refuses. */
bool intake_add(struct intake *in, struct span bytes, struct error *error);

/* Writes what is still gathered; then part->size counts all that came. */
bool intake_flush(struct intake *in, struct error *error);

uint64_t intake_size(const struct intake *in); /* in the part and gathered */

/* Nothing comes any more: the finished digester, now the caller's, or NULL with an error.
 * Then only intake_free() is left. */
struct digester *intake_finish(struct intake *in, struct error *error);
void intake_free(struct intake *in); /* also in the middle; NULL is fine */

/* Bytes `from` … `to` of a file into a digester; false with errno. */
bool intake_hash(int fd, uint64_t from, uint64_t to, struct digester *d);

#endif
