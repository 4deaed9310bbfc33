/* git_index.h: which blob git has checked out under which name.
 *
 * The index, versions 2, 3 and 4, of repositories with sha1 or sha256.
 * Source: gitformat-index(5). */
#ifndef GIT_INDEX_H
#define GIT_INDEX_H

#include "core/reader.h"

enum { GIT_PATH_MAX = 4096, GIT_SHA1_SIZE = 20, GIT_SHA256_SIZE = 32 };

enum git_index_outcome {
    GIT_INDEX_READ,
    GIT_INDEX_MALFORMED,
    GIT_INDEX_SPLIT /* most of its entries lie in another file */
};

/* An ordinary file that is checked out: no link, no submodule, no conflict, none that
 * git was told to leave alone.  Valid during the call. */
struct git_index_entry {
    struct span path; /* as written; may be anything but NUL */
    struct span oid;  /* raw bytes */
};
typedef void git_index_sink(void *self, const struct git_index_entry *e);

/* Reads all of it before it says anything.  *ret_why is a static text, set when the
 * index is malformed. */
enum git_index_outcome git_index_read(struct span bytes, size_t oid_size,
                                      git_index_sink *say, void *self,
                                      const char **ret_why);

#endif
