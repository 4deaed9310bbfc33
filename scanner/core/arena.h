/* arena.h: memory that is given back all at once.
 *
 * One arena per artifact: inspectors allocate and never free.  Chunks start
 * small and double, so an arena for a tiny file costs a page.  Memory is zeroed.
 * Past its limit, or when the system has none, an arena returns NULL and stays
 * exhausted: whoever owns it must then call the artifact incomplete. */
#ifndef ARENA_H
#define ARENA_H

#include "core/span.h"

struct arena;

struct arena *arena_new(size_t limit); /* bytes; NULL when out of memory */
void arena_free(struct arena *a);      /* NULL is fine */

void *arena_alloc(struct arena *a, size_t size); /* aligned for any type */
void *arena_array(struct arena *a, size_t n, size_t size);
struct span arena_copy(struct arena *a, struct span bytes); /* empty on failure */
char *arena_text(struct arena *a, struct span bytes);       /* NUL-terminated copy */
struct span arena_printf(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Give back everything allocated since the mark: for work on a member that left
 * nothing behind.  Marks are released last first. */
struct arena_mark {
    void *chunk;
    size_t used, total;
};
struct arena_mark arena_mark(const struct arena *a);
void arena_release(struct arena *a, struct arena_mark mark);

bool arena_exhausted(const struct arena *a);
size_t arena_used(const struct arena *a);

/* For tests: the n-th allocation from now fails, and all after it. */
void arena_fail_after(struct arena *a, size_t n);

#endif
