/* beneath.h: opening paths that cannot leave a directory (openat2, Linux 5.6).
 *
 * The kernel resolves every component, so neither "..", nor an absolute path, nor a
 * link, nor a rename while we look can lead outside. */
#ifndef BENEATH_H
#define BENEATH_H

#include <stdbool.h>

/* As openat(2); with follow, links are followed as long as they stay beneath.
 * -1 with errno: EXDEV when the path would leave the directory. */
int open_beneath(int directory_fd, const char *path, int flags, bool follow);

#endif
