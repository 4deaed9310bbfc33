#include "core/blake3.h"

enum {
    LANES = 4,
    WORDS = 16, /* of a block */
    BLOCK = 64,
    CHUNK = 1024,
    CHUNKS = BLAKE3_GROUP / CHUNK
};
enum { CHUNK_START = 1, CHUNK_END = 2, PARENT = 4, ROOT = 8 };

/* One word of four compressions. */
typedef uint32_t lanes __attribute__((vector_size(LANES * sizeof(uint32_t))));

static const uint32_t iv[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

/* Which word of the message goes where, in each round: table 2 of the paper, applied
 * again and again. */
static const uint8_t schedule[7][WORDS] = {
    {0,   1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15},
    { 2,  6,  3,  10, 7,  0,  4,  13, 1,  11, 12, 5,  9,  14, 15, 8 },
    { 3,  4,  10, 12, 13, 2,  7,  14, 6,  5,  9,  0,  11, 15, 8,  1 },
    { 10, 7,  12, 9,  14, 3,  13, 15, 4,  0,  11, 2,  5,  8,  1,  6 },
    { 12, 13, 9,  11, 15, 10, 14, 8,  7,  2,  5,  3,  0,  1,  6,  4 },
    { 9,  14, 11, 5,  8,  12, 15, 1,  13, 3,  0,  10, 2,  6,  4,  7 },
    { 11, 15, 5,  0,  1,  9,  8,  6,  14, 10, 2,  12, 3,  4,  7,  13},
};

static inline lanes all(uint32_t word)
{
    return (lanes){ word, word, word, word };
}

static inline lanes rotate(lanes x, unsigned n)
{
    return x >> n | x << (32 - n);
}

__attribute__((always_inline)) static inline void
mix(lanes v[WORDS], unsigned a, unsigned b, unsigned c, unsigned d, lanes x, lanes y)
{
    v[a] += v[b] + x;
    v[d] = rotate(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = rotate(v[b] ^ v[c], 12);
    v[a] += v[b] + y;
    v[d] = rotate(v[d] ^ v[a], 8);
    v[c] += v[d];
    v[b] = rotate(v[b] ^ v[c], 7);
}

/* Inlined with a constant `s`, so that no index is looked up at run time. */
__attribute__((always_inline)) static inline void
mix_all(lanes v[WORDS], const lanes m[WORDS], const uint8_t s[WORDS])
{
    mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
    mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
    mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
    mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
    mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
    mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
    mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
    mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
}

/* Four compressions: `cv` in and out, of blocks of `len` bytes. */
static void compress(lanes cv[8], const lanes m[WORDS], const lanes counter[2],
                     uint32_t len, uint32_t flags)
{
    lanes v[WORDS] = { cv[0],      cv[1],      cv[2],      cv[3],
                       cv[4],      cv[5],      cv[6],      cv[7],
                       all(iv[0]), all(iv[1]), all(iv[2]), all(iv[3]),
                       counter[0], counter[1], all(len),   all(flags) };
    mix_all(v, m, schedule[0]);
    mix_all(v, m, schedule[1]);
    mix_all(v, m, schedule[2]);
    mix_all(v, m, schedule[3]);
    mix_all(v, m, schedule[4]);
    mix_all(v, m, schedule[5]);
    mix_all(v, m, schedule[6]);
    for (size_t i = 0; i < 8; i++)
        cv[i] = v[i] ^ v[i + 8];
}

static uint32_t word_at(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

/* Word i of `len` bytes, as if zeros followed. */
static uint32_t padded_word(const uint8_t *block, size_t len, size_t i)
{
    uint8_t word[4] = { 0 };
    for (size_t k = 0; k < 4 && 4 * i + k < len; k++)
        word[k] = block[4 * i + k];
    return word_at(word);
}

static void start(lanes cv[8])
{
    for (size_t i = 0; i < 8; i++)
        cv[i] = all(iv[i]);
}

static void keep(const lanes cv[8], size_t count, uint32_t (*ret)[8])
{
    for (size_t lane = 0; lane < count; lane++)
        for (size_t i = 0; i < 8; i++)
            ret[lane][i] = cv[i][lane];
}

/* `count` neighbouring chunks, one to four, of `len` bytes each; `index` is that of the
 * first.  Lanes without a chunk of their own do the first one's work again. */
static void hash_chunks(const uint8_t *bytes, size_t count, size_t len, uint64_t index,
                        uint32_t last_flags, uint32_t (*ret)[8])
{
    lanes cv[8], m[WORDS], counter[2];
    size_t of[LANES];
    for (size_t lane = 0; lane < LANES; lane++) {
        of[lane] = lane < count ? lane : 0;
        counter[0][lane] = (uint32_t)(index + of[lane]);
        counter[1][lane] = (uint32_t)((index + of[lane]) >> 32);
    }
    start(cv);
    uint32_t flags = CHUNK_START;
    for (size_t at = 0; at < len || at == 0; at += BLOCK) {
        size_t block = len - at < BLOCK ? len - at : BLOCK;
        const uint8_t *p[LANES];
        for (size_t lane = 0; lane < LANES; lane++)
            p[lane] = bytes + of[lane] * CHUNK + at;
        for (size_t i = 0; i < WORDS; i++)
            if (block == BLOCK)
                m[i] = (lanes){ word_at(p[0] + 4 * i), word_at(p[1] + 4 * i),
                                word_at(p[2] + 4 * i), word_at(p[3] + 4 * i) };
            else
                m[i] = all(padded_word(p[0], block, i)); /* it is the only one */
        if (at + BLOCK >= len)
            flags |= CHUNK_END | last_flags;
        compress(cv, m, counter, (uint32_t)block, flags);
        flags = 0;
    }
    keep(cv, count, ret);
}

/* `count` parents, one to four, of twice as many children that lie in a row. */
static void hash_parents(uint32_t (*children)[8], size_t count, uint32_t flags,
                         uint32_t (*ret)[8])
{
    const lanes counter[2] = { all(0), all(0) };
    lanes cv[8], m[WORDS];
    for (size_t i = 0; i < WORDS; i++)
        for (size_t lane = 0; lane < LANES; lane++) {
            size_t parent = lane < count ? lane : 0;
            m[i][lane] = children[2 * parent + i / 8][i % 8];
        }
    start(cv);
    compress(cv, m, counter, BLOCK, PARENT | flags);
    keep(cv, count, ret);
}

/* A subtree: up to sixteen chunks.  Neighbours are paired level by level, an odd one
 * waits; so every left subtree is the widest whole one, as the paper wants it. */
static void hash_group(const uint8_t *bytes, size_t len, uint64_t index, bool root,
                       uint32_t ret[1][8])
{
    uint32_t nodes[CHUNKS + 2 * LANES][8];
    size_t whole = len / CHUNK, rest = len % CHUNK, count = 0;
    uint32_t flags = root && len <= CHUNK ? ROOT : 0;
    for (; count < whole; count += LANES) {
        size_t n = whole - count < LANES ? whole - count : LANES;
        hash_chunks(bytes + count * CHUNK, n, CHUNK, index + count, flags, nodes + count);
    }
    count = whole;
    if (rest || whole == 0) {
        hash_chunks(bytes + whole * CHUNK, 1, rest, index + whole, flags, nodes + whole);
        count++;
    }
    while (count > 1) {
        size_t pairs = count / 2;
        flags = root && count == 2 ? ROOT : 0;
        for (size_t i = 0; i < pairs; i += LANES)
            hash_parents(nodes + 2 * i, pairs - i < LANES ? pairs - i : LANES, flags,
                         nodes + i);
        if (count % 2)
            memcpy(nodes[pairs], nodes[count - 1], sizeof nodes[0]);
        count = pairs + count % 2;
    }
    memcpy(ret[0], nodes[0], sizeof nodes[0]);
}

static void hash_pair(const uint32_t left[8], uint32_t right[1][8], uint32_t flags)
{
    uint32_t both[2][8];
    memcpy(both[0], left, sizeof both[0]);
    memcpy(both[1], right[0], sizeof both[1]);
    hash_parents(both, 1, flags, right);
}

/* A whole group that has bytes behind it, so that no node in it is the root. */
static void add_group(struct blake3 *b, const uint8_t *bytes)
{
    uint32_t node[1][8];
    hash_group(bytes, BLAKE3_GROUP, b->groups * CHUNKS, false, node);
    b->groups++;
    for (uint64_t n = b->groups; n % 2 == 0; n /= 2)
        hash_pair(b->stack[--b->depth], node, 0);
    memcpy(b->stack[b->depth++], node[0], sizeof node[0]);
}

void blake3_init(struct blake3 *b)
{
    b->groups = 0;
    b->depth = 0;
    b->len = 0;
}

void blake3_add(struct blake3 *b, struct span bytes)
{
    while (bytes.len > 0) {
        if (b->len == BLAKE3_GROUP) {
            add_group(b, b->group);
            b->len = 0;
        }
        if (b->len == 0 && bytes.len > BLAKE3_GROUP) { /* without a copy */
            add_group(b, bytes.ptr);
            bytes = span_slice(bytes, BLAKE3_GROUP, bytes.len);
            continue;
        }
        size_t room = BLAKE3_GROUP - b->len;
        size_t n = bytes.len < room ? bytes.len : room;
        memcpy(b->group + b->len, bytes.ptr, n);
        b->len += n;
        bytes = span_slice(bytes, n, bytes.len);
    }
}

void blake3_finish(const struct blake3 *b, uint8_t ret_digest[BLAKE3_BYTES])
{
    uint32_t node[1][8];
    hash_group(b->group, b->len, b->groups * CHUNKS, b->depth == 0, node);
    for (unsigned d = b->depth; d > 0; d--)
        hash_pair(b->stack[d - 1], node, d == 1 ? ROOT : 0);
    for (size_t i = 0; i < BLAKE3_BYTES; i++)
        ret_digest[i] = (uint8_t)(node[0][i / 4] >> (8 * (i % 4)));
}
