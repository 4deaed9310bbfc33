/* report.h: what a report writer provides.  One format, one file, one row in
 * reports.def.  Writers stream to a FILE, read a finished and judged struct result, and
 * escape every hostile byte for their own sink; nothing upstream has escaped anything. */
#ifndef REPORT_H
#define REPORT_H

#include "core/result.h"

#include <stdio.h>

/* Signs statements: "{…}" in one line, an envelope around `statement`, to `out`.  False:
 * out of memory.  Keys are the engine's business, and this is all that writers see. */
struct report_signer {
    bool (*sign)(const struct report_signer *self, struct span statement, FILE *out);
};

struct report_options {
    bool colour;                /* text: ANSI colours, always with a word beside them */
    enum severity min_severity; /* text: display only.  The gate is policy's */
    bool reproducible;          /* leave out the run object (SOURCE_DATE_EPOCH is set) */
    int64_t epoch;              /* that time, in seconds: see reports/stamp.h */
    const char *rules_dir; /* docs/rules of the installation, for help; may be NULL */
    unsigned width;        /* columns; text wraps.  0: 80 */
    const struct report_signer *signer; /* of vsa; NULL: statements are bare */
};

struct report_writer {
    const char *name; /* "json": as in -o json=FILE */
    const char *title;
    /* False when memory ran out; write errors are left in `out`. */
    bool (*write)(FILE *out, const struct result *r, const struct report_options *o);
};

#define REPORT(symbol, name, title)                                                      \
    bool report_write_##symbol(FILE *out, const struct result *r,                        \
                               const struct report_options *o);
#include "reports/reports.def"
#undef REPORT

const struct report_writer *report_find(const char *name); /* NULL: no such format */
const struct report_writer *report_at(size_t i);           /* NULL past the last */

/* Write to `path`, or to `out` when path is NULL.  A regular file appears whole or not
 * at all: a temporary file beside it is written, synced and renamed.  A link is
 * followed; a device or pipe is written to as it is.  False, with the reason, when
 * anything could not be written. */
bool report_write(const struct report_writer *w, const struct result *r,
                  const struct report_options *o, FILE *out, const char *path,
                  struct error *error);

/* The same for what is made of something else than one result; `what` is for errors. */
typedef bool report_write_function(FILE *out, const void *self);
bool report_write_by(const char *what, report_write_function *write, const void *self,
                     FILE *out, const char *path, struct error *error);

#endif
