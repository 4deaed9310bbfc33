/* expansion.h: where decompressed bytes go.
 *
 * Small results stay on the heap, bigger ones go to the spool descriptor and are
 * mapped read-only, so a worker's private memory stays small whatever a member
 * inflates to.  Every byte is taken from BUDGET_EXPANDED_BYTES.
 *
 * The spool is a stack, and in->spool_used is its top: opening, adding and closing
 * move it, and inspect_member() hands it on by value, so that whatever a member
 * expands lies above the expansion that the member itself lies in.  Hence two rules:
 * last opened, first closed, and nothing is added to an expansion while another one
 * above it is open.  An inspector closes what it opened before it returns. */
#ifndef EXPANSION_H
#define EXPANSION_H

#include "formats/inspector.h"

struct expansion;

/* Up to this size an expansion stays on the heap; without a spool (spool_fd -1:
 * tests, fuzzers) the second limit holds instead. */
enum { EXPANSION_HEAP_MAX = 8 << 20, EXPANSION_HEAP_ONLY_MAX = 256 << 20 };

/* Belongs to `in`, which must outlive it.  NULL when out of memory. */
struct expansion *expansion_open(struct inspection *in);

/* False when the budget, the spool or the memory is spent: in->artifact is then
 * incomplete, and what was added before stays valid.  Add large pieces (64 KiB and
 * more): past EXPANSION_HEAP_MAX each call is one write to the spool. */
bool expansion_add(struct expansion *e, struct span bytes);

/* What was added so far; valid until the next expansion_add() or expansion_close().
 * Empty, and in->artifact incomplete, when it cannot be mapped. */
struct span expansion_bytes(struct expansion *e);

void expansion_close(struct expansion *e); /* NULL is fine */

#endif
