/* Eight bytes at a time: table[k][b] is what a byte b does to the remainder k bytes
 * later. Source: M. Kounavis, F. Berry, "A Systematic Approach to Building High
 * Performance Software-based CRC Generators". */
#include "core/crc.h"

void crc_init(struct crc *c, uint64_t polynomial)
{
    /* lowest bit first, a remainder of 32 bits leaves the upper half at zero */
    c->ones = polynomial >> 32 ? UINT64_MAX : UINT32_MAX;
    c->value = c->ones;
    for (uint64_t b = 0; b < 256; b++) {
        uint64_t rest = b;
        for (int bit = 0; bit < 8; bit++)
            rest = rest >> 1 ^ (rest & 1 ? polynomial : 0);
        c->table[0][b] = rest;
    }
    for (size_t k = 1; k < CRC_SLICES; k++)
        for (size_t b = 0; b < 256; b++) {
            uint64_t before = c->table[k - 1][b];
            c->table[k][b] = before >> 8 ^ c->table[0][before & 0xff];
        }
}

static uint64_t load(const uint8_t *p)
{
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof value; i++)
        value |= (uint64_t)p[i] << 8 * i;
    return value;
}

void crc_add(struct crc *c, struct span bytes)
{
    uint64_t(*const t)[256] = c->table, value = c->value;
    const uint8_t *p = bytes.ptr;
    size_t left = bytes.len;
    for (; left >= CRC_SLICES; left -= CRC_SLICES, p += CRC_SLICES) {
        value ^= load(p);
        value = t[7][value & 0xff] ^ t[6][value >> 8 & 0xff] ^ t[5][value >> 16 & 0xff] ^
                t[4][value >> 24 & 0xff] ^ t[3][value >> 32 & 0xff] ^
                t[2][value >> 40 & 0xff] ^ t[1][value >> 48 & 0xff] ^ t[0][value >> 56];
    }
    for (; left > 0; left--)
        value = value >> 8 ^ t[0][(value ^ *p++) & 0xff];
    c->value = value;
}

uint64_t crc_finish(const struct crc *c)
{
    return c->value ^ c->ones;
}
