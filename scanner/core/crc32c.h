/* crc32c.h: the checksum of iSCSI, which cloud storage keeps of its objects.
 *
 * zlib has another polynomial.  Source: RFC 3720, section 12.1 and appendix B.4. */
#ifndef CRC32C_H
#define CRC32C_H

#include "core/span.h"

enum { CRC32C_SLICES = 8 };

/* By value, about 8 KiB; nothing in it needs to be freed. */
struct crc32c {
    uint32_t value; /* of crc32c_finish() after as many bytes, inverted */
    uint32_t table[CRC32C_SLICES][256];
};

void crc32c_init(struct crc32c *c);
void crc32c_add(struct crc32c *c, struct span bytes);
uint32_t crc32c_finish(const struct crc32c *c);

#endif
