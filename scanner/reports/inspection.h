/* inspection.h: what `assay inspect` shows: the facts of one file, without a verdict
 * (docs/inspect.md). */
#ifndef INSPECTION_H
#define INSPECTION_H

#include "core/artifact.h"

#include <stdio.h>

struct inspection_view {
    bool colour;
    unsigned width;   /* columns; 0: 80 */
    bool disassembly; /* text only: show it */
};

/* `part` is the file or one of its members: it and all in it are shown.  False when
 * memory ran out; write errors are left in `out`. */
bool inspection_write_text(FILE *out, const struct artifact *part,
                           const struct inspection_view *v);
bool inspection_write_json(FILE *out, const struct artifact *part,
                           const struct inspection_view *v);

/* The member below `root` of this path, "archive/data.pkl" or, deeper, "a.zip!b.pkl",
 * in raw bytes or as it is shown; NULL when there is none. */
const struct artifact *inspection_member(const struct artifact *root, struct span path);

#endif
