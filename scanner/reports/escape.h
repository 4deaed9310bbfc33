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

/* The same notation as escape_terminal(), carried safely through a further syntax. */
enum escape_sink {
    ESCAPE_TEXT,            /* nothing further */
    ESCAPE_STRING,          /* the inside of a JSON string that people will read */
    ESCAPE_SCRIPT,          /* the same inside <script>: no '<', no '&' */
    ESCAPE_MARKUP,          /* XML and HTML: text, and values of quoted attributes */
    ESCAPE_MARKDOWN,        /* every punctuation mark a character reference */
    ESCAPE_CSV,             /* the inside of a quoted cell: see escape_csv_cell() */
    ESCAPE_GITHUB,          /* the message of a workflow command */
    ESCAPE_GITHUB_PROPERTY, /* the value of one of its properties */
    ESCAPE_SINKS
};
void escape_for(FILE *out, enum escape_sink sink, struct span bytes);

/* The same for text that is in the notation already, from escape_terminal(). */
void escape_shown(FILE *out, enum escape_sink sink, struct span shown);

/* A whole CSV cell with its quotes.  What a spreadsheet would take for a formula gets a
 * ' in front. */
void escape_csv_cell(FILE *out, struct span bytes);

/* A path as a relative reference of RFC 3986, bytes that are not plain as %HH: never a
 * scheme, an authority, a query or a fragment, never empty. */
void escape_uri_path(FILE *out, struct span path);

/* The bytes behind what was written in the notation above; what is no escape stands for
 * itself.  `out` is appended to. */
void escape_undo(struct buffer *out, struct span shown);

/* Columns that escaped text takes on a terminal. */
size_t escape_width(struct span text);

#endif
