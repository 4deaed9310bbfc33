/* lockfile.h: what the operator recorded of a target, to be held to it
 * (docs/lockfile.md).
 *
 * Strict JSON, the operator's own file; it is never read because it lies in a target.  A
 * struct lockfile owns all that it hands out and is read-only. */
#ifndef LOCKFILE_H
#define LOCKFILE_H

#include "registry/registry.h"

#define LOCKFILE_SCHEMA "assay-lockfile/1"

enum { LOCKED_SIGNERS_MAX = 16 };

struct locked_file {
    struct span path;   /* raw bytes, relative to the target */
    struct span sha256; /* lower-case hex */
    uint64_t size;
};

/* Who had signed the target when it was recorded.  Texts live in the lockfile. */
struct locked_signer {
    const char *identity; /* a fingerprint, a name: as reports show it */
    const char *issuer;   /* the provider of a keyless identity; or NULL */
    const char *key;      /* base64 of the public key that it is; or NULL */
};

struct locked_target {
    struct span target;         /* as it was named, without "./" and a '/' at the end */
    const char *text;           /* of the reference; NULL: none was stated */
    struct reference reference; /* resolved, when text is not NULL */
    struct span revision;       /* what it named then; empty: not told */
    struct locked_file *files;  /* ordered by path, each once */
    size_t count;
    struct locked_signer *signers; /* each must have signed what is there */
    size_t signer_count;
};

struct lockfile;

/* NULL with ERROR_CONFIG, "FILE:LINE: text", when it is not one, cannot be read, or a
 * reference of it has no meaning. */
struct lockfile *lockfile_read(const char *path, const struct registries *registries,
                               struct error *error);
void lockfile_free(struct lockfile *l); /* NULL is fine */
const char *lockfile_path(const struct lockfile *l);

/* The entry for `target`; or the only one when `alone` (the only target of the scan).
 * NULL: it has none. */
const struct locked_target *lockfile_find(const struct lockfile *l, struct span target,
                                          bool alone);

/* "./models/bert/" → "models/bert" */
struct span lockfile_target_name(struct span target);

#endif
