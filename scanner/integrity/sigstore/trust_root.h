/* trust_root.h: whom a keyless signature is checked against: certificate authorities,
 * logs and time-stamp authorities of a Sigstore instance.
 *
 * Read from trusted_root.json (media types 0.1 and 0.2) or from a client trust
 * configuration that holds one; the operator's file or the shipped one, never the
 * target's. Fields nobody knows yet are tolerated, and a key of an unknown type makes
 * only its own log useless.  Immutable once read; owns all it hands out. */
#ifndef TRUST_ROOT_H
#define TRUST_ROOT_H

#include "integrity/crypto/crypto.h"

#include <jansson.h>

enum {
    TRUST_ROOT_BYTES_MAX = 4 << 20,
    TRUST_ROOT_ROWS_MAX = 64,
    TRUST_ROOT_CHAIN_MAX = 8
};

/* Closed: both ends belong to it.  Without a start it contains nothing. */
struct trust_window {
    bool has_start, has_end;
    int64_t start, end; /* seconds since 1970 */
};
bool trust_window_contains(const struct trust_window *w, int64_t t);
/* {"start", "end"} of an object's "validFor"; absent ones are not there.  False: a field
 * of another type, or no time. */
bool trust_window_read(const json_t *owner, struct trust_window *ret_window);

struct trust_log {
    struct span url, name; /* name: host and path of the URL, as v2 checkpoints say it */
    struct span id;        /* logId.keyId, 32 bytes */
    struct span checkpoint_id; /* the first 4 bytes of what signs its checkpoints */
    EVP_PKEY *key;             /* NULL: a key of a type that we do not know */
    struct trust_window window;
};

struct trust_authority {
    struct span uri;
    X509 *chain[TRUST_ROOT_CHAIN_MAX]; /* the anchor comes last */
    size_t count;
    struct trust_window window;
};

struct trust_root {
    struct arena *arena;
    struct trust_log *tlogs, *ctlogs;
    size_t tlog_count, ctlog_count;
    struct trust_authority *cas, *tsas;
    size_t ca_count, tsa_count;
    int64_t newest; /* the latest start of any window: how old the root must be at most */
};

/* NULL with ERROR_CONFIG or ERROR_IO, "NAME: …". */
struct trust_root *trust_root_read(const struct crypto *c, struct span json,
                                   const char *name, struct error *error);
struct trust_root *trust_root_load(const struct crypto *c, const char *path,
                                   struct error *error);
void trust_root_free(struct trust_root *r); /* NULL is fine */

/* The log with that id, or NULL. */
const struct trust_log *trust_root_log(const struct trust_log *logs, size_t count,
                                       struct span id);

#endif
