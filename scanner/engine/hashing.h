/* hashing.h: digests of many files, by threads that do nothing else.
 *
 * For sign, verify and digest, which inspect nothing and need no worker to hash.  A scan
 * hashes in its jobs (jobs.h).  Each file is opened beneath its target, read once from
 * start to end, and compared with itself before and after. */
#ifndef HASHING_H
#define HASHING_H

#include "core/digest.h"
#include "sources/source.h"

/* A file, or a range of one. */
struct hash_item {
    const struct source_file *file;
    uint64_t start, end; /* end UINT64_MAX: to the end of the file */
    unsigned algorithms; /* bits */
    /* results */
    uint64_t size;        /* of the file, when it was opened */
    char *hex;            /* of the only algorithm; free() it.  NULL: see problem */
    struct digester *all; /* of several: digester_hex(); digester_free() it */
    char problem[160];    /* why there is no digest: unreadable, changed, too short */
};

/* The biggest first.  False when no thread can be had; what goes wrong with one item is
 * that item's problem. */
bool hash_items(const struct source_list *list, struct hash_item *items, size_t count,
                unsigned threads, struct error *error);
void hash_items_free(struct hash_item *items, size_t count); /* the results */

#endif
