/* download.h: files from the net into the cache, hashed on the way, several at once.
 *
 * A part that is there is resumed (Range, If-Range) and hashed with the rest.  What does
 * not have the size or a digest that was promised is told, and not tried again.  What was
 * hashed here needs no other pass over it: see download_digests(). */
#ifndef DOWNLOAD_H
#define DOWNLOAD_H

#include "core/digest.h"
#include "net/auth.h"
#include "net/cache.h"

#include <sys/stat.h>

enum { DOWNLOAD_DIGESTS_MAX = 16, DOWNLOAD_THREADS_MAX = 32 };
#define DOWNLOAD_SIZE_UNKNOWN UINT64_MAX

/* What to load.  Texts are the caller's. */
struct download {
    const char *url, *identity; /* identity: of the cache; NULL: the URL */
    const char *const *headers; /* or NULL */
    struct auth *auth;          /* or NULL */
    bool private_ok, plain_ok;
    uint64_t size;  /* promised, or DOWNLOAD_SIZE_UNKNOWN */
    uint64_t limit; /* a larger file is not loaded; 0: no limit */
    struct download_digest {
        enum digest_algorithm algorithm;
        const char *hex; /* lower case; or a beginning of it, 8 digits at least */
    } expected[DOWNLOAD_DIGESTS_MAX];
    size_t expected_count;
    unsigned also; /* DIGEST_BIT()s to compute besides; as are those that the answer's */
    unsigned (*also_named)(void *owner, const struct fields *fields); /* … fields name */
    void *owner; /* the caller's own */
};

enum download_state {
    DOWNLOAD_DONE,     /* all there, and all that was promised holds */
    DOWNLOAD_MISMATCH, /* all there, but its size or a digest differs; nothing is kept */
    DOWNLOAD_STATUS,   /* the server said no: http.status */
    DOWNLOAD_FAILED,   /* http.failure, or the disk */
    DOWNLOAD_LARGE,    /* larger than the limit; nothing is kept */
    DOWNLOAD_OFFLINE   /* not in the cache, and the network is not to be used */
};

struct download_result {
    enum download_state state;
    int fd;               /* read-only, at 0; -1 unless DONE, and when it is in: */
    struct buffer memory; /* a small file that no name is kept of */
    uint64_t size;        /* of the file; of a MISMATCH, what came */
    uint64_t fetched;     /* bytes that came over the network, now */
    char sha256[CACHE_HEX + 1];
    char actual[DIGEST_HEX_MAX + 1]; /* MISMATCH: of expected[mismatch] */
    size_t mismatch;                 /* SIZE_MAX: the size */
    struct digester *digests;  /* finished: sha256, all promised, all `also` of the job */
    struct stat hashed;        /* what was hashed, if it has a descriptor */
    struct http_response http; /* headers and hops, when something was fetched */
    struct error error;        /* unless DONE */
};
void download_result_free(struct download_result *r);

/* A descriptor of its own for what is DONE: read-only, at 0.  -1 with an error. */
int download_open(const struct download_result *r, struct error *error);

/* The digests of what such a descriptor is of, which has the state `now`.  NULL when the
 * file is no longer as it was when it was hashed. */
const struct digester *download_digests(const struct download_result *r,
                                        const struct stat *now);

struct download_counts {
    uint64_t files, bytes; /* over the network and from the cache */
};

struct downloader {
    const struct http_options *http;
    struct cache *cache;
    bool offline;
    bool nameless;    /* nobody else finds what is loaded; it ends with its descriptor */
    unsigned threads; /* 0: 8 */

    /* So much more is there.  Called by any thread, many at a time. */
    void (*progress)(void *self, const struct download_counts *more);
    void *progress_self;
};

/* One file, with a client of the calling thread. */
void download_file(const struct downloader *d, struct http *h, const struct download *job,
                   struct download_result *ret_result);

/* Many: next() gives the next job (false: no more), one call at a time; done() has the
 * result, on the thread that loaded it, many at a time, and frees it.  False from done()
 * ends the run.  False with an error only when no client or thread could be made. */
struct download_run {
    bool (*next)(void *self, struct download *ret_job);
    bool (*done)(void *self, const struct download *job, struct download_result *r);
    void *self;
};
bool download_all(const struct downloader *d, const struct download_run *run,
                  struct error *error);

#endif
