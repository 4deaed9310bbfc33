/* blake3.h: BLAKE3 with its default output of 256 bits, no key.
 *
 * OpenSSL 3 has none.  Plain C on vectors of four words: four chunks are hashed side by
 * side on any machine that has 128-bit registers, one after the other elsewhere.
 * Source: "BLAKE3: one function, fast everywhere", version 20211102. */
#ifndef BLAKE3_H
#define BLAKE3_H

#include "core/span.h"

enum {
    BLAKE3_BYTES = 32,
    BLAKE3_GROUP = 16 << 10, /* sixteen chunks, hashed together */
    BLAKE3_DEPTH = 50        /* of the tree above groups, for 2^64 bytes */
};

/* By value, about 18 KiB; nothing in it needs to be freed. */
struct blake3 {
    uint64_t groups;                 /* done, each with more bytes behind it */
    uint32_t stack[BLAKE3_DEPTH][8]; /* roots of whole subtrees, the widest first */
    unsigned depth;
    size_t len;
    uint8_t group[BLAKE3_GROUP];
};

void blake3_init(struct blake3 *b);
void blake3_add(struct blake3 *b, struct span bytes);
void blake3_finish(const struct blake3 *b, uint8_t ret_digest[BLAKE3_BYTES]);

#endif
