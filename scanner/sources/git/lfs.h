/* lfs.h: files that a repository keeps in Git LFS.
 *
 * Source: git-lfs, docs/spec.md and docs/api/batch.md. */
#ifndef GIT_LFS_H
#define GIT_LFS_H

#include "sources/place.h"

enum { LFS_POINTER_MAX = 1024, LFS_BATCH_MAX = 100, LFS_HEADERS_MAX = 8 };

struct lfs_object {
    char oid[65]; /* SHA-256 */
    uint64_t size;
    const char *url;            /* where to load it, once asked for */
    const char *const *headers; /* … and with what, for that server only; or NULL */
};

/* Is this blob a pointer, and to what? */
bool lfs_pointer_read(struct span blob, struct lfs_object *ret_object);

/* Ask the server of the repository at `url` where the objects are; one that it does not
 * have keeps a NULL url.  False: it was not answered. */
bool lfs_locate(const struct place *place, const char *url, struct lfs_object **objects,
                size_t count, struct arena *arena, enum rest_refusal *ret_refusal,
                struct error *error);

#endif
