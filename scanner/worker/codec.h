/* codec.h: plain data across the wire, written and read by the same functions.
 *
 * A function describes one thing, and writes it to `out` or reads it from `in`, whichever
 * is asked for, so that the two sides cannot differ.  Little endian; a span is {length
 * u64, bytes}.  Reading trusts nothing: what is out of bounds makes `failed`, which is
 * asked once at the end, along with the reader. */
#ifndef CODEC_H
#define CODEC_H

#include "core/arena.h"
#include "core/reader.h"

struct codec {
    struct buffer *out; /* NULL: reading */
    struct reader in;
    struct arena *arena;
    bool failed;
};

void code_uint(struct codec *c, uint64_t *value);
void code_int(struct codec *c, int64_t *value);
void code_bool(struct codec *c, bool *value);

/* A number below `limit`: kinds, states, counts. */
unsigned code_below(struct codec *c, unsigned value, unsigned limit);
#define CODE_ENUM(c, field, type, limit)                                                 \
    ((field) = (type)code_below(c, (unsigned)(field), (unsigned)(limit)))

void code_span(struct codec *c, struct span *s); /* when read, it points into the input */
void code_text(struct codec *c, const char **text); /* NULL stays NULL; in the arena */

/* Append {length u64, content}; false when something did not fit.  Frees the content. */
bool code_frame(struct codec *c, struct buffer *content, struct buffer *out);

/* A count of things of at least `least` bytes; when reading, also makes room for them. */
size_t code_count(struct codec *c, size_t count, size_t most, size_t least, void **array,
                  size_t size);

#endif
