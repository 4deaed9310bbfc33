/* crc64nvme.h: the checksum that Amazon S3 gives an object when nobody asks for another.
 *
 * Source: NVM Express NVM Command Set Specification 1.0d, section 5.2.1.3.4 (64b CRC);
 * Amazon S3 user guide, "Checking object integrity". */
#ifndef CRC64NVME_H
#define CRC64NVME_H

#include "core/span.h"

enum { CRC64NVME_SLICES = 8 };

/* By value, about 16 KiB; nothing in it needs to be freed. */
struct crc64nvme {
    uint64_t value; /* of crc64nvme_finish() after as many bytes, inverted */
    uint64_t table[CRC64NVME_SLICES][256];
};

void crc64nvme_init(struct crc64nvme *c);
void crc64nvme_add(struct crc64nvme *c, struct span bytes);
uint64_t crc64nvme_finish(const struct crc64nvme *c);

#endif
