/* remote.h: a reference as a target: what its registry says, and its files on demand.
 *
 * Opening asks the registry and loads no file.  Files are loaded ahead of whoever opens
 * them, by threads of their own, and verified; a loaded file has no name on the disk
 * unless the cache stays, so nothing is left of it once it is released, or we are killed.
 * Everything handed out lives as long as the remote. */
#ifndef REMOTE_H
#define REMOTE_H

#include "net/download.h"
#include "registry/rest.h"

struct remote_options { /* outlives every remote */
    const struct registries *registries;
    environment_lookup *environment;
    const char *home; /* what "~" is in registry files; NULL: none are read */
    struct http_options
        http;          /* no redirects, retries or secrets beyond net/'s own rules */
    const char *cache; /* directory of downloads; made when it is missing */
    bool cache_stays;  /* answers and files stay in it; else only what was interrupted */
    bool offline;      /* no network: registry answers and files from the cache */
    uint64_t file_max; /* bytes; a larger file is not loaded; 0: no limit */
    unsigned threads;  /* downloads at once; 0: 8 */
    void (*progress)(void *self, const struct download_counts *more); /* or NULL */
    void *progress_self;
};

struct remote;

/* Is it a reference ("hf:org/model", a URL) and not a path?  A scheme decides, so that a
 * file of that name in the working directory cannot stand in for a registry. */
bool remote_is_reference(const struct registries *registries, const char *target);

/* Resolve, ask, list; where the registry says that the model lies elsewhere now, the same
 * there, and the lower level counts.  NULL with ERROR_USAGE (no such reference, no
 * endpoint), ERROR_CONFIG (a credential that cannot be used), ERROR_NOT_FOUND (the
 * registry knows no such model), ERROR_NETWORK. */
struct remote *remote_open(const char *text, const struct remote_options *o,
                           struct error *error);
void remote_close(struct remote *r); /* stops its threads; NULL is fine */

/* Of what was asked in the end; registry NULL: none claims the address. */
const struct reference *remote_reference(const struct remote *r);
const struct rest_result *remote_answers(const struct remote *r);
const char *remote_endpoint(const struct remote *r);    /* "" without a registry */
const char *remote_credential(const struct remote *r);  /* "HF_TOKEN"; NULL: anonymous */
const char *remote_answered_by(const struct remote *r); /* to which the endpoint sent
                                                            questions on; NULL: itself */
const char *remote_moved_from(const struct remote *r);  /* what led here; NULL: nothing */
const char *
remote_why_lower(const struct remote *r); /* than the table; NULL: it is not */

/* The files that the reference asks for: all, or those at or below its "file". */
size_t remote_count(const struct remote *r);
const struct rest_file *remote_file(const struct remote *r, size_t i);
const char *remote_file_problem(const struct remote *r, size_t i); /* NULL: it can load */

/* DIGEST_BIT()s to compute of file `i` while it is loaded, besides sha256 and what its
 * registry promises.  Of a file that is loading already it comes too late. */
void remote_want(struct remote *r, size_t i, unsigned algorithms);

/* What came of loading file `i`: waits for it, loading ahead the files behind it.  Never
 * NULL; valid until it is released. */
const struct download_result *remote_load(struct remote *r, size_t i);
void remote_release(struct remote *r, size_t i); /* nobody opens it again */

/* The algorithm of ours that a registry's digest is of; false: none, it goes unchecked.
 */
bool remote_digest(const struct rest_hash *hash, enum digest_algorithm *ret_algorithm);

/* Of a file that is loaded: a host that the registry's entry does not expect its files
 * at, or that the place where they lie redirected to; or NULL. */
const char *remote_foreign_host(const struct remote *r, size_t i);

/* Lowers the level to unknown when a redirect led to such a host, and no strong digest
 * says that what came from there is the registry's.  May be called by any thread. */
void remote_distrust_strayed(struct remote *r, size_t i);

/* … and what the headers of its download say its digests are; how many. */
enum { HEADER_DIGESTS_MAX = 4 };
struct header_digest {
    enum digest_algorithm algorithm;
    char hex[DIGEST_HEX_MAX + 1];
};
size_t remote_header_digests(const struct remote *r, size_t i,
                             struct header_digest ret_digests[HEADER_DIGESTS_MAX]);

#endif
