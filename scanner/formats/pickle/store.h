/* store.h: the containers of a pickle machine, in a ring of words.
 *
 * The ring overwrites its oldest entries: the contents of a container matter shortly
 * after it was built (as the arguments of a call, as the state of a BUILD).  One that
 * the ring has forgotten is still known to be a list, its items are not.  That bounds
 * the memory for any stream, and forgetting only ever makes the judge more
 * suspicious. */
#ifndef PICKLE_STORE_H
#define PICKLE_STORE_H

#include "formats/pickle/value.h"

/* Zeroed is a valid empty one. */
struct pickle_store {
    uint64_t *words;
    size_t size;   /* a power of two */
    uint64_t head; /* words ever written; positions never repeat */
};
enum { STORE_WORDS_MAX = 1 << 21 };

void store_free(struct pickle_store *s);

/* A container with these items (of a dict: key, value, key, value …).  Never fails:
 * what cannot be kept is forgotten. */
pickle_value store_new(struct pickle_store *s, enum pickle_tag tag,
                       const pickle_value *items, size_t n);

/* More items for a LIST, DICT or SET. */
void store_add(struct pickle_store *s, pickle_value container, const pickle_value *items,
               size_t n);

/* Is it a container whose contents nobody can tell any more? */
bool store_forgot(const struct pickle_store *s, pickle_value v);

/* How many items; false when the contents are forgotten. */
bool store_count(const struct pickle_store *s, pickle_value container, size_t *ret_n);

/* The first items, at most `max`, in order; false when they are forgotten. */
bool store_items(const struct pickle_store *s, pickle_value container, pickle_value *ret,
                 size_t max, size_t *ret_n);

#endif
