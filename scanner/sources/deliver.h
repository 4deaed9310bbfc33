/* deliver.h: loaded files of a remote, put into a directory of the operator's.
 *
 * The path comes from a registry: directories are made one by one and never left, links
 * that lie there are not followed, and a file appears whole or not at all. */
#ifndef DELIVER_H
#define DELIVER_H

#include "sources/remote.h"

/* Make `path` and what is above it, and open it.  -1 with the reason. */
int deliver_directory(const char *path, struct error *error);

/* Write file `i`, which remote_load() has loaded, below the directory. */
bool deliver_file(struct remote *r, size_t i, int directory_fd, struct error *error);

#endif
