/* report.h: what a report writer provides.  One format, one file, one row in
 * reports.def.  Writers stream to a FILE, read a finished struct result, and escape
 * every hostile byte for their own sink; nothing upstream has escaped anything. */
#ifndef REPORT_H
#define REPORT_H

#include "core/result.h"

#include <stdio.h>

struct report_options {
    bool colour;                /* text: ANSI colours, always with a word beside them */
    enum severity min_severity; /* display only; the gate is policy's */
    bool reproducible;          /* leave out the run object (SOURCE_DATE_EPOCH is set) */
    unsigned width;             /* columns; text wraps */
};

struct report_writer {
    const char *name; /* "json": as in -o json=FILE */
    const char *title;
    void (*write)(FILE *out, const struct result *r, const struct report_options *o);
};

const struct report_writer *report_find(const char *name); /* NULL: no such format */
const struct report_writer *report_at(size_t i);           /* NULL past the last */

/* Write to `path` atomically (a temporary file beside it, then rename), or to `out`
 * when path is NULL.  False when anything could not be written. */
bool report_write(const struct report_writer *w, const struct result *r,
                  const struct report_options *o, FILE *out, const char *path,
                  struct error *error);

#endif
