/* remote.h: a reference as a target: what its registry says, and its files on demand.
 *
 * Opening asks the registry and loads no file.  Files are loaded ahead of whoever opens
 * them, by threads of their own, into the download cache, and are gone from the disk when
 * they are released, unless `keep`.  Everything handed out lives as long as the remote.
 */
#ifndef REMOTE_H
#define REMOTE_H

#include "net/download.h"
#include "registry/rest.h"

struct remote_options { /* outlives every remote */
    const struct registries *registries;
    environment_lookup *environment;
    const char *home;         /* what "~" is in registry files; NULL: none are read */
    struct http_options http; /* no redirects, retries or secrets beyond net/'s own rules */
    const char *cache;        /* directory of downloads; made when it is missing */
    uint64_t cache_budget;    /* bytes; 0: no limit */
    uint64_t file_max;        /* bytes of one file; 0: no limit */
    bool offline;             /* no network: registry answers and files, if cached */
    bool keep;                /* files stay in the cache */
    unsigned threads;         /* downloads at once; 0: 8 */
    void (*progress)(void *self, const struct download_counts *done); /* or NULL */
    void *progress_self;
};

struct remote;

/* Is it a reference ("hf:org/model", a URL) and not a path?  A scheme decides, so that a
 * file of that name in the working directory cannot stand in for a registry. */
bool remote_is_reference(const struct registries *registries, const char *target);

/* Resolve, ask, list.  NULL with ERROR_USAGE (no such reference, no endpoint), ERROR_CONFIG
 * (a credential that cannot be used), ERROR_NOT_FOUND (the registry knows no such model),
 * ERROR_NETWORK; *ret_retryable: trying again later may help. */
struct remote *remote_open(const char *text, const struct remote_options *o,
                           bool *ret_retryable, struct error *error);
void remote_close(struct remote *r); /* stops its threads; NULL is fine */

const struct reference *remote_reference(const struct remote *r);
const struct rest_result *remote_answers(const struct remote *r);
const char *remote_endpoint(const struct remote *r);
bool remote_anonymous(const struct remote *r); /* no credential was found */

/* The files that the reference asks for: all, or those at or below its "file". */
size_t remote_count(const struct remote *r);
const struct rest_file *remote_file(const struct remote *r, size_t i);

/* What came of loading file `i`: waits for it, loading ahead the files behind it.  Never
 * NULL; valid until it is released. */
const struct download_result *remote_load(struct remote *r, size_t i);
void remote_release(struct remote *r, size_t i); /* nobody opens it again */

/* Of a file that is loaded: a host that the registry's entry does not expect its files
 * at, or NULL. */
const char *remote_foreign_host(const struct remote *r, size_t i);

#endif
