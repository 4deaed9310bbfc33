/* Eight bytes at a time: table[k][b] is what a byte b does to the remainder k bytes
 * later. Source: M. Kounavis, F. Berry, "A Systematic Approach to Building High
 * Performance Software-based CRC Generators". */
#include "core/crc32c.h"

static const uint32_t polynomial = 0x82f63b78; /* 0x1edc6f41, lowest bit first */

void crc32c_init(struct crc32c *c)
{
    c->value = UINT32_MAX;
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t rest = b;
        for (int bit = 0; bit < 8; bit++)
            rest = rest >> 1 ^ (rest & 1 ? polynomial : 0);
        c->table[0][b] = rest;
    }
    for (size_t k = 1; k < CRC32C_SLICES; k++)
        for (size_t b = 0; b < 256; b++) {
            uint32_t before = c->table[k - 1][b];
            c->table[k][b] = before >> 8 ^ c->table[0][before & 0xff];
        }
}

static uint32_t load(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

void crc32c_add(struct crc32c *c, struct span bytes)
{
    uint32_t(*const t)[256] = c->table, value = c->value;
    const uint8_t *p = bytes.ptr;
    size_t left = bytes.len;
    for (; left >= CRC32C_SLICES; left -= CRC32C_SLICES, p += CRC32C_SLICES) {
        uint32_t low = value ^ load(p), high = load(p + 4);
        value = t[7][low & 0xff] ^ t[6][low >> 8 & 0xff] ^ t[5][low >> 16 & 0xff] ^
                t[4][low >> 24] ^ t[3][high & 0xff] ^ t[2][high >> 8 & 0xff] ^
                t[1][high >> 16 & 0xff] ^ t[0][high >> 24];
    }
    for (; left > 0; left--)
        value = value >> 8 ^ t[0][(value ^ *p++) & 0xff];
    c->value = value;
}

uint32_t crc32c_finish(const struct crc32c *c)
{
    return ~c->value;
}
