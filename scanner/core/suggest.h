/* suggest.h: "did you mean" for words that a person typed. */
#ifndef SUGGEST_H
#define SUGGEST_H

#include <stddef.h>

/* Offer candidates one by one; `best` is then the nearest that is near enough to be
 * a slip of the finger, or NULL.  Nothing is copied. */
struct suggestion {
    const char *word, *best;
    size_t distance; /* of best: edits needed */
};

struct suggestion suggestion_for(const char *word);
void suggestion_offer(struct suggestion *s, const char *candidate);

#endif
