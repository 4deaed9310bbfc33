/* crc.h: checksums that cloud storage keeps of its objects, and zlib has not.
 *
 * CRC-32C of iSCSI: RFC 3720, section 12.1 and appendix B.4.  CRC-64/NVME, which Amazon
 * S3 gives an object when nobody asks for another: NVM Express NVM Command Set
 * Specification 1.0d, section 5.2.1.3.4 (64b CRC). */
#ifndef CRC_H
#define CRC_H

#include "core/span.h"

enum { CRC_SLICES = 8 };

/* Lowest bit first. */
#define CRC32C_POLYNOMIAL    UINT64_C(0x82f63b78)
#define CRC64NVME_POLYNOMIAL UINT64_C(0x9a6c9329ac4bc9b5)

/* By value, about 16 KiB; nothing in it needs to be freed. */
struct crc {
    uint64_t value, ones; /* of crc_finish() after as many bytes, inverted; all bits */
    uint64_t table[CRC_SLICES][256];
};

void crc_init(struct crc *c, uint64_t polynomial);
void crc_add(struct crc *c, struct span bytes);
uint64_t crc_finish(const struct crc *c);

#endif
