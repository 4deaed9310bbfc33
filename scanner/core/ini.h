/* ini.h: files of sections and "key = value" lines (~/.aws/credentials, .dvc/config).
 *
 * Comments begin a line with "#" or ";"; keys may be indented, and no value goes on in
 * the next line.  Spans point into the text. */
#ifndef INI_H
#define INI_H

#include "core/span.h"

struct ini {
    struct span rest;    /* of the text */
    struct span section; /* without brackets; empty before the first */
    struct span key, value;
};

struct ini ini_of(struct span text);

/* The next "key = value" with its section; false at the end.  Other lines are passed
 * over.
 */
bool ini_next(struct ini *i);

#endif
