/* follow.h: hash a file while it grows, on a thread of its own when it is large.
 *
 * The follower reads the bytes back from the file, so what was there from an earlier run
 * is hashed in the same way as what comes now. */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "core/digest.h"
#include "core/error.h"

struct follow;

/* `algorithms` as bits; `size` when known, for git's digest.  NULL: no memory. */
struct follow *follow_new(int fd, unsigned algorithms, uint64_t size, bool thread);

/* The file now holds so many bytes. */
void follow_advance(struct follow *f, uint64_t bytes);

/* All `bytes` are there: the finished digester, owned by the follower, or NULL with an
 * error when they could not be read. */
const struct digester *follow_finish(struct follow *f, uint64_t bytes,
                                     struct error *error);
void follow_free(struct follow *f); /* also in the middle; NULL is fine */

#endif
