/* reader.h: the only way the scanner touches untrusted bytes.
 *
 * A reader is a window over bytes that someone else owns, a position in it,
 * and one sticky failure.  A read past the end returns zero (or an empty span)
 * and fails the reader; a failed reader is empty for good.  So parse a whole
 * header, then ask reader_ok() once, before any value is believed.
 * Nothing here allocates, and every call is total: no input is undefined. */
#ifndef READER_H
#define READER_H

#include "core/span.h"

struct reader {
    const uint8_t *base; /* not owned; outlives the reader */
    size_t len, pos;     /* pos <= len, always */
    uint64_t origin;     /* where base lies in the artifact, for findings */
    bool failed;
};

/* Inline, for loops that run once for every few bytes. */
static inline size_t reader_left(const struct reader *r) /* 0 once failed: loops end */
{
    return r->failed ? 0 : r->len - r->pos;
}
static inline struct span reader_peek(const struct reader *r,
                                      size_t n) /* fewer at the end */
{
    size_t left = reader_left(r);
    return (struct span){ .ptr = r->base + r->pos, .len = n < left ? n : left };
}
static inline void reader_skip(struct reader *r, uint64_t n)
{
    if (n > reader_left(r))
        r->failed = true;
    else
        r->pos += (size_t)n;
}

struct reader reader_of(struct span bytes, uint64_t origin);
bool reader_ok(const struct reader *r);
uint64_t reader_where(const struct reader *r); /* offset in the artifact */

uint8_t reader_u8(struct reader *r);
uint16_t reader_u16le(struct reader *r);
uint32_t reader_u32le(struct reader *r);
uint32_t reader_u32be(struct reader *r);
uint64_t reader_u64le(struct reader *r);
uint64_t reader_varint(struct reader *r); /* LEB128, at most 10 bytes */

struct span reader_bytes(struct reader *r, uint64_t n);
struct span reader_rest(struct reader *r);              /* all that is left */
struct span reader_line(struct reader *r, size_t max);  /* without its '\n' */
struct reader reader_sub(struct reader *r, uint64_t n); /* consumes n */
void reader_seek(struct reader *r, uint64_t pos);       /* from the window's start */

/* Admit n elements of at least min_size bytes each only if the bytes left can
 * hold them, else fail and return 0: no count read from a file sizes a loop or
 * an allocation without passing through here. */
size_t reader_count(struct reader *r, uint64_t n, size_t min_size);

/* Products and sums of sizes that came from a file: false on overflow, and
 * *ret is then untouched. */
bool size_multiply(uint64_t a, uint64_t b, uint64_t *ret);
bool size_add(uint64_t a, uint64_t b, uint64_t *ret);

#endif
