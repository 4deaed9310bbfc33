#include "integrity/sigstore/merkle.h"

bool merkle_leaf(const struct crypto *c, struct span leaf, uint8_t ret_hash[SHA256_LEN])
{
    static const uint8_t prefix = 0;
    return crypto_sha256(c, span_of(&prefix, 1), leaf, span_of(NULL, 0), ret_hash);
}

static bool node(const struct crypto *c, struct span left, struct span right,
                 uint8_t ret_hash[SHA256_LEN])
{
    static const uint8_t prefix = 1;
    return crypto_sha256(c, span_of(&prefix, 1), left, right, ret_hash);
}

/* Levels at which the path to the leaf and the path to the last leaf differ. */
static unsigned inner_levels(uint64_t index, uint64_t size)
{
    unsigned levels = 0;
    for (uint64_t x = index ^ (size - 1); x; x >>= 1)
        levels++;
    return levels;
}

size_t merkle_path_length(uint64_t index, uint64_t size)
{
    unsigned inner = inner_levels(index, size);
    size_t border = 0;
    for (uint64_t x = inner < 64 ? index >> inner : 0; x; x >>= 1)
        border += x & 1;
    return inner + border;
}

bool merkle_root(const struct crypto *c, uint64_t index, uint64_t size,
                 const uint8_t leaf[SHA256_LEN], const struct span *path, size_t count,
                 uint8_t ret_root[SHA256_LEN])
{
    uint8_t hash[SHA256_LEN];
    if (index >= size || count != merkle_path_length(index, size))
        return false;
    unsigned inner = inner_levels(index, size);
    memcpy(hash, leaf, sizeof hash);
    for (size_t i = 0; i < count; i++) {
        struct span so_far = span_of(hash, sizeof hash);
        if (path[i].len != SHA256_LEN)
            return false;
        bool left = i < inner && (index >> i & 1) == 0; /* i < inner <= 64 */
        if (!node(c, left ? so_far : path[i], left ? path[i] : so_far, hash))
            return false;
    }
    memcpy(ret_root, hash, sizeof hash);
    return true;
}
