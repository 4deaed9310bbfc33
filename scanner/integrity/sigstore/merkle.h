/* merkle.h: inclusion proofs in a Merkle tree (RFC 6962 section 2.1). */
#ifndef MERKLE_H
#define MERKLE_H

#include "integrity/crypto/crypto.h"

bool merkle_leaf(const struct crypto *c, struct span leaf, uint8_t ret_hash[SHA256_LEN]);

/* How many hashes a proof for that leaf of a tree of `size` has; index < size. */
size_t merkle_path_length(uint64_t index, uint64_t size);

/* The root that the path leads to.  False when index >= size, when the path has another
 * length, when one of its hashes is not 32 bytes long, or without memory. */
bool merkle_root(const struct crypto *c, uint64_t index, uint64_t size,
                 const uint8_t leaf[SHA256_LEN], const struct span *path, size_t count,
                 uint8_t ret_root[SHA256_LEN]);

#endif
