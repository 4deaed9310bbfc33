/* location.h: where a finding lies, in the words of whoever ran the scan. */
#ifndef LOCATION_H
#define LOCATION_H

#include "core/result.h"

/* "models/bert/model.pt": the target and the path in it; just the target when that is the
 * file itself, or when `f` is NULL.  Without "./" in front.  Raw bytes, appended. */
void location_path(const struct model *m, const struct file *f, struct buffer *out);

/* "archive/data.pkl!inner", the names below the file; nothing for the file itself. */
void location_member(const struct artifact *a, struct buffer *out);

#endif
