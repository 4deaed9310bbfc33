/* gzip_meter.h: how large the text that goes through it would be as gzip makes it, for
 * consumers that take in so much and no more. */
#ifndef GZIP_METER_H
#define GZIP_METER_H

#include <stdint.h>
#include <stdio.h>

struct gzip_meter;

/* What is written to *ret_through goes to `out`, which stays the caller's.  NULL: out of
 * memory. */
struct gzip_meter *gzip_meter_start(FILE *out, FILE **ret_through);

/* Bytes so far; up to 256 KiB of what was written last may not be counted yet. */
uint64_t gzip_meter_size(const struct gzip_meter *m);

/* Closes the stream, and ends the meter.  What could not be written stays in `out` as its
 * error. */
void gzip_meter_end(struct gzip_meter *m);

#endif
