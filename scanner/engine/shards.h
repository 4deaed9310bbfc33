/* shards.h: a file against the digests of its ranges, while it is hashed as a whole. */
#ifndef SHARDS_H
#define SHARDS_H

#include "integrity/manifest.h"

/* One list of ranges that was signed of one file: neighbours of a sorted manifest, from 0
 * without gaps.  The caller fills in the entries; they are not owned. */
struct shards {
    const struct manifest_entry *entries;
    size_t count;
    size_t at;       /* which range the next byte belongs to */
    uint64_t offset; /* of the next byte */
    struct digester *digester;
    bool differ; /* a digest, or the file's length, is not the signed one */
    bool ended;
    struct shards *next; /* another list of the same file */
};

/* All bytes of the file in their order, then the end; of every list of the chain. */
void shards_add(struct shards *first, struct span bytes);
void shards_end(struct shards *first);

/* Every range was there with its digest, and nothing else. */
bool shards_hold(const struct shards *s);

#endif
