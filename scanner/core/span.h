/* span.h: a run of bytes that someone else owns, and its growable counterpart.
 *
 * Lowest layer: includes nothing of ours.  A span may hold any bytes at all,
 * NUL and invalid UTF-8 included; nothing here assumes a terminator. */
#ifndef SPAN_H
#define SPAN_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const uint8_t *ptr;
    size_t len;
};

struct span span_of(const void *bytes, size_t len);
struct span span_of_text(const char *text); /* NULL gives an empty span */
struct span span_slice(struct span s, size_t start, size_t end); /* clamped */

bool span_is(struct span s, const char *literal);
bool span_equal(struct span a, struct span b);
bool span_starts(struct span s, const char *literal);
bool span_is_zero(struct span s); /* nothing but zero bytes, or nothing */
bool span_ends(struct span s, const char *literal);
bool span_ends_nocase(struct span s, const char *literal); /* ASCII case only */
int span_compare(struct span a, struct span b);            /* bytewise, for qsort */
struct span span_trim(struct span s, const char *set); /* bytes of `set` at both ends */
int span_hex_digit(uint8_t c);                         /* 0 to 15, of either case; -1 */

/* Index of the first occurrence at or after `from`, or SIZE_MAX. */
size_t span_find(struct span s, const char *literal, size_t from);

/* Index of the last occurrence that starts before `before`, or SIZE_MAX. */
size_t span_find_last(struct span s, const char *literal, size_t before);

/* A byte string that grows up to `max`, NUL-terminated for C's sake.  Start it
 * with buffer_init(), end it with buffer_free() (idempotent).  Past `max` or out
 * of memory it keeps what fits and sets `truncated`; nothing else fails. */
struct buffer {
    char *text;
    size_t len, capacity, max;
    bool truncated;
};

void buffer_init(struct buffer *b, size_t max);
void buffer_free(struct buffer *b);
void buffer_clear(struct buffer *b);
void buffer_add(struct buffer *b, struct span bytes);
void buffer_add_text(struct buffer *b, const char *text);
void buffer_printf(struct buffer *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buffer_vprintf(struct buffer *b, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
struct span buffer_span(const struct buffer *b); /* valid until the next change */

#endif
