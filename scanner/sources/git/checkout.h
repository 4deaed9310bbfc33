/* checkout.h: the files of one commit of a git server, as files of a remote.
 *
 * Small files come with the commit; a larger one is asked for when it is opened.  What is
 * a pointer of Git LFS stands for the file it points to.  Links and submodules are not
 * followed, and told. */
#ifndef GIT_CHECKOUT_H
#define GIT_CHECKOUT_H

#include "net/download.h"
#include "sources/git/lfs.h"
#include "sources/git/remote.h"
#include "sources/listing.h"

enum { CHECKOUT_BLOB_MAX = 1 << 20, CHECKOUT_FILES_MAX = 200000 };

struct checkout_file {
    const char *path;
    uint32_t mode;
    uint8_t oid[GIT_OID_SIZE];
};

struct checkout {
    struct place place; /* of the repository */
    struct arena *arena;
    struct git_remote git;
    struct git_pack pack;
    uint8_t commit[GIT_OID_SIZE];
    const char *revision; /* 40 digits */
    const char *ref;      /* "refs/tags/v1" */
    struct span header;   /* of the commit, and its message */
    struct checkout_file *files;
    size_t count, capacity;
    struct lfs_object **lfs; /* of the files that were listed */
    size_t lfs_count;
    const char *unread; /* why not all of it was listed; NULL: it was */
};

/* Fill `place` and `arena`; `url` is that of the repository. */
bool checkout_open(struct checkout *c, const char *url, const char *revision,
                   enum rest_refusal *ret_refusal, struct error *error);
void checkout_close(struct checkout *c);

/* The bytes of a file; asks for those that did not come with the commit. */
bool checkout_read(struct checkout *c, const uint8_t oid[GIT_OID_SIZE],
                   struct span *ret_bytes, enum rest_refusal *ret_refusal,
                   struct error *error);

/* The files at or below `path` ("": all), by their names in the repository. */
bool checkout_list(struct checkout *c, const char *path, struct listing *list,
                   enum rest_refusal *ret_refusal, struct error *error);

/* For a driver's sign() and open(). */
bool checkout_sign(const struct checkout *c,
                   struct download *job); /* false: not its own */
int checkout_file_open(struct checkout *c, const struct rest_file *file,
                       struct error *error);

/* Is `path` the same as `above`, or below it?  "" is above all. */
bool checkout_below(const char *path, const char *above);

#endif
