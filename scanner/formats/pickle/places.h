/* places.h: which memo entries MEMOIZE counts in CPython 3.15.
 *
 * Until 3.14 the index that MEMOIZE takes is the number of entries.  Since 3.15 the C
 * unpickler keeps an index far behind the others in a dictionary beside its table, and
 * MEMOIZE takes the number of those in the table.  What is found under an index is the
 * same in both; only MEMOIZE after such a PUT is not. */
#ifndef PICKLE_PLACES_H
#define PICKLE_PLACES_H

#include "formats/pickle/memo.h"

struct pickle_places {
    struct pickle_memo far; /* the indexes in the dictionary */
    uint64_t count;         /* entries in the table, */
    uint64_t size;          /* and its size: an index below is never far */
    bool has_far;           /* some index was */
};

void places_clear(struct pickle_places *p); /* gives all memory back; zeroed is valid */

/* Does an index go into the dictionary, when the table holds `count`? */
bool places_far(struct pickle_places *p, uint64_t index, uint64_t count);

/* Count an entry that was put; `old`: what was there, or 0.  False: out of memory. */
bool places_put(struct pickle_places *p, uint64_t index, bool far, pickle_value old);

#endif
