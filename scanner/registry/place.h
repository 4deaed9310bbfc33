/* place.h: where in a JSON file something is, for error messages.
 *
 * jansson forgets positions, so a check keeps a chain of keys and indices on its stack
 * and the line is looked up only when there is a problem to tell. */
#ifndef PLACE_H
#define PLACE_H

#include "core/span.h"

struct place {
    const struct place *in; /* NULL at the outermost key */
    const char *key;        /* NULL: an array element */
    size_t index;
};

struct place place_member(const struct place *in, const char *key);
struct place place_element(const struct place *in, size_t index);

/* "match[2].groups", onto `out`; nothing for NULL. */
void place_name(const struct place *at, struct buffer *out);

/* The line of that value in valid JSON with // comments; 1 when it is not there. */
size_t place_line(struct span json, const struct place *at);
size_t place_position(struct span json, const struct place *at, size_t *ret_column);

#endif
