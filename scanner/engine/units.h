/* units.h: which files make one model (DESIGN section 1).
 *
 * An entry of a recognised store; else the topmost directory that holds a marker;
 * else each model file alone.  What is no model by itself (a README, a picture)
 * belongs to the nearest unit.  Names decide here, so a unit is a way to group what
 * is reported and judged, and nothing gains trust by it. */
#ifndef UNITS_H
#define UNITS_H

#include "engine/jobs.h"

/* The jobs of one target, all of its list and in its order, become models of `r`. */
bool units_group(struct result *r, const struct source_list *list, struct job *jobs,
                 size_t count, bool one_model);

/* The real path of a file of the list, in `out`: what origins are read from. */
void units_real_path(const struct source_list *list, const struct source_file *file,
                     struct buffer *out);

#endif
