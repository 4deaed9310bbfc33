/* deliver.h: loaded files of a remote, put into a directory of the operator's.
 *
 * The path comes from a registry: directories are made one by one and never left, links
 * that lie there are not followed, and a file appears whole or not at all. */
#ifndef DELIVER_H
#define DELIVER_H

#include "sources/remote.h"

/* Make `path`, but not what is above it, and open it.  -1 with the reason. */
int deliver_directory(const char *path, struct error *error);

/* Write file `i`, which remote_load() has loaded, below the directory; what lies there
 * under its name is replaced. */
bool deliver_file(struct remote *r, size_t i, int directory_fd, struct error *error);

/* Is it there already, with the size and every digest that the registry promises?  False
 * when nothing but a size is promised.  *ret_sha256 of what is there. */
bool deliver_has(const struct remote *r, size_t i, int directory_fd,
                 char ret_sha256[DIGEST_HEX_MAX + 1]);

#endif
