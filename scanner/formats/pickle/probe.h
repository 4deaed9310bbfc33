/* probe.h: is this a pickle?  Bounded trial runs of the pickle machine. */
#ifndef PICKLE_PROBE_H
#define PICKLE_PROBE_H

#include "formats/inspector.h"

/* A trial run from the first byte that is no white space: MAGIC with a PROTO that holds
 * what it promises, LIKELY when it makes a call, imports a known name, or is understood
 * to its end. */
enum claim pickle_probe(struct span bytes, const struct pickle_rules *lists);

/* For many trials: keeps its machine from one to the next.  Out of memory it claims
 * everything, and the inspector will say what is missing. */
struct pickle_prober;

struct pickle_prober *pickle_prober_new(const struct pickle_rules *lists); /* or NULL */
void pickle_prober_free(struct pickle_prober *p); /* NULL is fine */

/* pickle_probe() with a prober, which may be NULL. */
enum claim pickle_prober_claim(struct pickle_prober *p, struct span bytes);

/* The offset of a pickle somewhere inside, that makes a call or imports a known name;
 * SIZE_MAX when there is none. */
size_t pickle_prober_find(struct pickle_prober *p, struct span bytes);

/* Where a trial begins decides how much it has to show. */
enum pickle_place {
    PLACE_START,    /* of a file: one that begins like a pickle is meant to be one */
    PLACE_ADJACENT, /* behind a STOP: as there, and any that ends is believed */
    PLACE_INSIDE    /* anywhere: random bytes begin like a pickle, too */
};

/* Run at most `most` instructions from `at`; one that goes on so long is a pickle. */
enum claim pickle_prober_run(struct pickle_prober *p, struct span bytes, size_t at,
                             uint64_t most, enum pickle_place place);
/* What the last run has cost, in instructions; so many bytes of text count as one. */
uint64_t pickle_prober_work(const struct pickle_prober *p);

bool pickle_is_blank(uint8_t c);
size_t pickle_skip_blanks(struct span s, size_t at);
bool pickle_begins_with_protocol(struct span s, size_t at);

#endif
