/* read.h: a stored JSON report, or one in lines, back into the result that it was written
 * from: every writer then gives the bytes that it gave the first time.
 *
 * The file is taken for hostile: sizes and depths are capped, nothing is believed that
 * can be counted again, and a report that is not whole is refused.  Rules need not be in
 * rules.def: those of byte rules and of other versions come with the report. */
#ifndef READ_H
#define READ_H

#include "core/result.h"

enum { REPORT_SIZE_MAX = 1 << 30 };

/* NULL with ERROR_USAGE (what is wrong, and where), ERROR_NOT_FOUND, ERROR_IO or
 * ERROR_MEMORY.  The caller result_free()s. */
struct result *report_read(struct span bytes, const char *name, struct error *error);
struct result *report_read_file(const char *path, struct error *error);

/* Had the report an object "run"?  Else it was made reproducible and must stay so. */
bool report_has_run(const struct result *r);

#endif
