/* stamp.h: when a report was made, and names for things in it, so that the same result
 * gives the same bytes. */
#ifndef STAMP_H
#define STAMP_H

#include "reports/report.h"

enum { STAMP_TIME = 21, STAMP_UUID = 37 }; /* with the NUL */

/* Of the Assay that scanned: this one, or the one whose report was read. */
const char *stamp_version(const struct result *r);

/* Were files parsed without a sandbox?  Every report must say so. */
bool stamp_unconfined(const struct result *r);

/* Seconds since 1970: SOURCE_DATE_EPOCH, else when the scan began. */
int64_t stamp_seconds(const struct result *r, const struct report_options *o);

/* When it ended, and how long it took, to what the JSON report keeps of it. */
int64_t stamp_end(const struct result *r, const struct report_options *o);
uint64_t stamp_milliseconds(const struct result *r);

/* RFC 3339 in UTC, "2026-01-01T00:00:00Z"; years outside 0 to 9999 are clamped. */
void stamp_text(int64_t seconds, char ret_text[STAMP_TIME]);
bool stamp_parse(struct span text, int64_t *ret_seconds);

/* A UUID that only `name` decides, in the form of version 5 (but from SHA-256). */
bool stamp_uuid(struct span name, char ret_uuid[STAMP_UUID]);

/* One that only the result decides: its rules, its models with all that is said of them,
 * the digests of their files, the findings, the verdicts. */
bool stamp_result_uuid(const struct result *r, char ret_uuid[STAMP_UUID]);

/* One of a document about it: of the result and of stamp_seconds(). */
bool stamp_document_uuid(const struct result *r, const struct report_options *o,
                         char ret_uuid[STAMP_UUID]);

#endif
