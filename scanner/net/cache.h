/* cache.h: downloads on disk, named by their content.
 *
 *   objects/ab/cdef…   whole files, by SHA-256; read-only
 *   names/…            identity → SHA-256, size and validator of what it was last
 *   partial/…          a download under way, and the state it can be resumed from
 *
 * An identity is any text of the caller's, "hf:org/model@commit/file"; only its SHA-256
 * becomes a file name, so no name ever comes from the net.  Every step is atomic: a kill
 * at any point leaves a part to resume, or an object, never a wrong one.  Several
 * processes may share a directory.  Directories are 0700, files 0600 (models may be
 * gated).  The caller verifies: whoever reads an object hashes it anyway, and calls
 * cache_remove() when it is not what its name says. */
#ifndef CACHE_H
#define CACHE_H

#include "core/error.h"
#include "core/span.h"

enum { CACHE_HEX = 64, CACHE_VALIDATOR_MAX = 255 };

struct cache;

/* Makes the directory.  `budget` in bytes, 0: no limit.  May be shared by threads. */
struct cache *cache_open(const char *directory, uint64_t budget, struct error *error);
void cache_close(struct cache *c); /* NULL is fine */

/* A read-only descriptor of an object, or -1 without an error: it is not there. */
int cache_find(struct cache *c, const char *sha256);
void cache_remove(struct cache *c, const char *sha256);

struct cache_entry {
    char sha256[CACHE_HEX + 1];
    uint64_t size;
    char validator[CACHE_VALIDATOR_MAX + 1]; /* ETag or date; "": none */
};
bool cache_recall(struct cache *c, const char *identity, struct cache_entry *ret_entry);

/* Keep a whole file that is in memory; as partial_commit().  `validator` may be NULL. */
bool cache_store(struct cache *c, const char *identity, const char *sha256,
                 struct span bytes, const char *validator, int *ret_fd,
                 struct error *error);

/* Is a part of it there, to be resumed? */
bool partial_exists(const struct cache *c, const char *identity);

/* A download under way.  Its descriptor is readable and writable, and at its end. */
struct partial {
    struct cache *cache;
    int fd;
    uint64_t size;                           /* bytes that are there */
    char validator[CACHE_VALIDATOR_MAX + 1]; /* what they are a part of; "": unknown */
    char name[CACHE_HEX + 1];
};

/* PARTIAL_BUSY: another thread or process loads the same; it may soon be an object. */
enum partial_outcome { PARTIAL_OPEN, PARTIAL_BUSY, PARTIAL_ERROR };
enum partial_outcome partial_open(struct cache *c, const char *identity,
                                  struct partial *ret_partial, struct error *error);

/* Begin anew: nothing is there, and what comes is a part of `validator` (NULL: unknown).
 */
bool partial_restart(struct partial *p, const char *validator, struct error *error);

bool partial_write(struct partial *p, struct span bytes, struct error *error);

/* Becomes an object under `sha256`, which the caller computed over all of it, and is
 * known by its identity; then old objects go until the budget holds.  Ends the partial;
 * *ret_fd is read-only. */
bool partial_commit(struct partial *p, const char *sha256, int *ret_fd,
                    struct error *error);

/* Ends it without a name: nothing but *ret_fd, which is read-only, reaches its bytes. */
bool partial_take(struct partial *p, int *ret_fd, struct error *error);

/* Ends it: kept for resumption, or forgotten because its bytes are wrong. */
void partial_close(struct partial *p, bool keep);

/* Remove the least recently used objects until `bytes` are left in all; parts older than
 * a week go too.  What a process has open stays readable to it. */
void cache_trim(struct cache *c, uint64_t bytes);

#endif
