/* expansion.h: where decompressed bytes go.
 *
 * Small results stay on the heap, bigger ones go to the spool descriptor and are
 * mapped read-only, so a worker's private memory stays small whatever a member
 * inflates to.  Every byte is taken from BUDGET_EXPANDED_BYTES.  Expansions nest:
 * last opened, first closed. */
#ifndef EXPANSION_H
#define EXPANSION_H

#include "formats/inspector.h"

struct expansion;

struct expansion *expansion_open(struct inspection *in); /* NULL when out of memory */

/* False when the budget or the spool is spent: in->artifact is then incomplete. */
bool expansion_add(struct expansion *e, struct span bytes);

/* What was added so far; valid until expansion_close(). */
struct span expansion_bytes(struct expansion *e);

void expansion_close(struct expansion *e); /* NULL is fine */

#endif
