/* rfc3339.h: times as text (RFC 3339), seconds since 1970 UTC.
 *
 * Fractions are read and dropped: every window that Assay compares with is closed and
 * whole seconds wide.  A leap second counts as the second before it. */
#ifndef RFC3339_H
#define RFC3339_H

#include "core/span.h"

#include <time.h>

enum { RFC3339_MAX = 32 };

/* "2025-09-23T00:00:00Z", "1985-04-12T23:20:50.52+01:00"; false when it is none. */
bool rfc3339_parse(struct span text, int64_t *ret_seconds);

/* "2025-09-23T00:00:00Z" */
void rfc3339_format(int64_t seconds, char ret_text[RFC3339_MAX]);

/* Broken-down UTC to seconds (timegm, without the time zone of this machine). */
int64_t rfc3339_seconds(const struct tm *utc);

#endif
