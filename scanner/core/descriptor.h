/* descriptor.h: bytes in memory, into a file descriptor. */
#ifndef DESCRIPTOR_H
#define DESCRIPTOR_H

#include "core/span.h"

/* All of them.  False with errno; what was written stays written. */
bool descriptor_write(int fd, struct span bytes);

/* A file without a name that holds them, at 0: sealed, so that nobody can write to it,
 * and never executed where the kernel can promise that (Linux 6.3).  -1 with errno. */
int descriptor_of(struct span bytes);

#endif
