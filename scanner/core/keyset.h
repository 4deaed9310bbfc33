/* keyset.h: which keys the objects that are open have had.
 *
 * Objects nest, so keys come and go like a stack: keyset_mark() when one begins,
 * keyset_add() for each key with that mark, keyset_release() when it ends.  Keys are
 * known by a 64-bit hash: equal keys are always seen, and only keys built to collide
 * are seen in vain.  Work and memory are bounded: keys that were chosen to pile up in
 * the table, or too many of them, are refused. */
#ifndef KEYSET_H
#define KEYSET_H

#include <stddef.h>
#include <stdint.h>

struct keyset {
    uint64_t *keys;  /* the stack; bit 0 set: also in the table */
    uint32_t *table; /* open addressing; index in keys + 1, 0: free */
    size_t used, capacity;
    size_t slots, indexed;  /* slots: 0 or a power of two; indexed: how many are taken */
    uint64_t probes, added; /* over the whole life, for the bound on work */
    size_t max;
};

enum keyset_answer { KEY_NEW, KEY_SEEN, KEY_REFUSED, KEY_NOMEM };

void keyset_init(struct keyset *k, size_t max); /* max: keys held at once */
void keyset_free(struct keyset *k);             /* idempotent */

size_t keyset_mark(const struct keyset *k);
enum keyset_answer keyset_add(struct keyset *k, size_t mark, uint64_t hash);
void keyset_release(struct keyset *k, size_t mark);

#endif
