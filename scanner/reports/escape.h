/* escape.h: hostile bytes made harmless, one function a sink (docs/reports.md).
 *
 * One notation everywhere: a byte that cannot be shown is \xHH.  A backslash stays as
 * it is, unless a run of backslashes stands right before such an escape or before the
 * literal text xHH: then the run is doubled.  So a name reads as it is on disk, and no
 * two different names ever read the same. */
#ifndef ESCAPE_H
#define ESCAPE_H

#include "core/span.h"

#include <stdio.h>

/* For a terminal or a log: invalid UTF-8, controls (newline and tab too), and what is
 * invisible or reorders text (bidi, zero width, tags) become the \xHH of their bytes, and
 * so do a space at either end and what a CI log would obey ("##[error]"). */
void escape_terminal(struct buffer *out, struct span bytes);

/* The same for what repr() wrote, as in a listing of a pickle: its backslashes are
 * escapes already, and are not doubled. */
void escape_rendered(struct buffer *out, struct span bytes);

/* The inside of a JSON string: invalid UTF-8 becomes \xHH (on the wire \\xHH), controls
 * and invisible characters \uHHHH; the result is valid UTF-8 and safe to print.
 * `mark`, when not 0, is an ASCII character to be written as \xHH as well. */
void escape_json(FILE *out, struct span bytes, char mark);

/* Columns that escaped text takes on a terminal. */
size_t escape_width(struct span text);

#endif
