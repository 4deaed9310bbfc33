/* glob.h: patterns for paths, sources and names.
 *
 * `*` is any run without a '/', `**` any run at all, "**" + "/" any number of whole
 * directories (also none), `?` one byte that is no '/', [abc] [a-z] [!abc] one of a set,
 * `\` takes the next byte as it is.  The whole text must match.  All states are followed
 * at once, so no pattern costs more than its length times that of the text. */
#ifndef GLOB_H
#define GLOB_H

#include "core/span.h"

enum { GLOB_MAX = 256 };

/* NULL when it is a pattern, else what is wrong with it, to follow "the pattern". */
const char *glob_problem(const char *pattern);

/* False also when the pattern is none.  `fold`: A and a are the same (ASCII only). */
bool glob_matches(const char *pattern, struct span text, bool fold);

#endif
