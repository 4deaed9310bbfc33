/* member_name.h: what the names of archive members do to whoever extracts them.
 * Shared by zip.c and tar.c. */
#ifndef MEMBER_NAME_H
#define MEMBER_NAME_H

#include "core/reader.h"

/* Why extracting under this name may write outside of the target directory, or NULL:
 * absolute, a drive, "..", with either slash; a NUL, at which some loaders cut. */
const char *member_name_unsafe(struct span name);

/* Why loaders or systems may read this name differently, or NULL: backslashes,
 * control characters, invalid UTF-8 where the archive promises UTF-8. */
const char *member_name_odd(struct span name, bool promises_utf8);

/* Does a link at `name` with this target lead out of the archive's root? */
bool member_link_escapes(struct span name, struct span target);

/* Order of names as the most forgiving system sees them: ASCII case, "./" in front,
 * doubled and either kind of slashes do not count.  For qsort. */
int member_name_compare(struct span a, struct span b);

/* Is `name` strictly below the directory `top`? */
bool member_name_below(struct span name, struct span top);

#endif
