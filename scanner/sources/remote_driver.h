/* remote_driver.h: how one kind of registry, or of storage, is asked.
 *
 * A driver finds out what there is: answers, files, their digests, and from where each
 * can be loaded.  Loading, verifying, caching, redirects, credentials of the endpoint and
 * the level of trust are not its business.  Whatever it is told is hostile.
 *
 * One driver a file, one row in drivers.def.  To add one touches nothing else. */
#ifndef REMOTE_DRIVER_H
#define REMOTE_DRIVER_H

#include "net/download.h"
#include "registry/driver.h"
#include "registry/rest.h"
#include "sources/remote.h"

/* What a driver works with.  All of it lives as long as the remote. */
struct driver_call {
    const struct remote_options *options;
    const struct reference *reference; /* registry NULL: none claims the address, which
                                          then is the reference's name */
    struct rest_session session;       /* of the registry: endpoint, transport; for
                                          rest_resolve() and rest_describe() */
    struct arena *arena;               /* for everything handed out */
    struct http *http;                 /* of the thread that opens the remote */
    struct auth *auth;                 /* of the endpoint; NULL: requests are anonymous */
    struct cache *cache;
    const char
        *answered_by; /* a server that the endpoint sent questions on to; or NULL */
    void *state;      /* the driver's own; end() frees it */
};

struct driver {
    const char *name;           /* "driver" of a registry's entry; NULL: only a storage */
    const char *const *schemes; /* of addresses that list() reads: "s3", "https";
                                   NULL-terminated, or NULL */
    bool elsewhere; /* files lie where the model itself says, so no host is foreign */

    /* What the reference means.  Paths, sizes and digests as rest.h has them; files that
     * are elsewhere may be given as `storage`, and list() of another driver is asked.
     * NULL: the driver is only a storage.  False: *ret_refusal says which kind, the
     * error is ERROR_NETWORK, ERROR_NOT_FOUND, ERROR_USAGE or ERROR_MEMORY. */
    bool (*ask)(struct driver_call *c, struct rest_result *ret_result,
                enum rest_refusal *ret_refusal, struct error *error);

    /* The files at an address of one of the schemes, which a registry's answer (`ask`) or
     * the operator (a target that no registry claims) named: ret_result->files with paths
     * below the address, listed or why_unlisted, perhaps metadata.  NULL: it reads no
     * addresses.  The remote checks the paths and puts the files into order. */
    bool (*list)(struct driver_call *c, const char *address,
                 struct rest_result *ret_result, enum rest_refusal *ret_refusal,
                 struct error *error);

    /* Just before a file with a URL is loaded: complete `job`, which has its address,
     * size and digests already (SigV4 and other headers that age, `auth`, private_ok).
     * One call at a time, so the arena may be used.  NULL: nothing to add. */
    bool (*sign)(struct driver_call *c, const struct rest_file *file,
                 struct download *job, struct error *error);

    /* A file without a URL and without storage, which only this driver can produce (an
     * object of a repository): a read-only descriptor, or -1.  One call at a time. */
    int (*open)(struct driver_call *c, const struct rest_file *file, struct error *error);

    void (*end)(struct driver_call *c); /* NULL: there is no state */
};

#define DRIVER(symbol) extern const struct driver symbol;
#include "sources/drivers.def"
#undef DRIVER

/* Carries requests over net/, with the credentials of the endpoint where they may go; for
 * struct rest_session, and for drivers themselves: self is the call. */
rest_transport driver_transport;

/* Does the URL lie at the endpoint in force?  Only there may credentials go. */
bool driver_at_endpoint(const struct driver_call *c, const char *url);

#endif
