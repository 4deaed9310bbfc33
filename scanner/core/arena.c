#include "core/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CHUNK = 2048, LARGEST_CHUNK = 1 << 20 };

struct chunk {
    struct chunk *previous;
    size_t size, used;
    alignas(max_align_t) uint8_t bytes[];
};

struct arena {
    struct chunk *current;
    size_t limit, total; /* total: bytes in chunks */
    size_t used;
    size_t allocations_left; /* for arena_fail_after() */
    bool exhausted;
};

struct arena *arena_new(size_t limit)
{
    struct arena *a = calloc(1, sizeof *a);
    if (a) {
        a->limit = limit;
        a->allocations_left = SIZE_MAX;
    }
    return a;
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    for (struct chunk *c = a->current; c;) {
        struct chunk *previous = c->previous;
        free(c);
        c = previous;
    }
    free(a);
}

static struct chunk *add_chunk(struct arena *a, size_t need)
{
    size_t size = a->current ? a->current->size * 2 : FIRST_CHUNK;
    if (size > LARGEST_CHUNK)
        size = LARGEST_CHUNK;
    if (size < need)
        size = need;
    if (size > a->limit - a->total) {
        if (need > a->limit - a->total)
            return NULL;
        size = a->limit - a->total;
    }
    struct chunk *c = calloc(1, sizeof *c + size);
    if (!c)
        return NULL;
    c->previous = a->current;
    c->size = size;
    a->current = c;
    a->total += size;
    return c;
}

void *arena_alloc(struct arena *a, size_t size)
{
    const size_t align = alignof(max_align_t);
    if (a->exhausted || size > SIZE_MAX - align || a->allocations_left == 0) {
        a->exhausted = true;
        return NULL;
    }
    a->allocations_left--;
    size_t rounded = size ? (size + align - 1) / align * align : align;
    struct chunk *c = a->current;
    if (!c || c->size - c->used < rounded)
        c = add_chunk(a, rounded);
    if (!c) {
        a->exhausted = true;
        return NULL;
    }
    void *p = c->bytes + c->used;
    c->used += rounded;
    a->used += rounded;
    return p;
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){ .chunk = a->current,
                                .used = a->current ? a->current->used : 0,
                                .total = a->used };
}

void arena_release(struct arena *a, struct arena_mark mark)
{
    while (a->current && a->current != mark.chunk) {
        struct chunk *previous = a->current->previous;
        a->total -= a->current->size;
        free(a->current);
        a->current = previous;
    }
    if (a->current) {
        memset(a->current->bytes + mark.used, 0, a->current->used - mark.used);
        a->current->used = mark.used;
    }
    a->used = mark.total;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        a->exhausted = true;
        return NULL;
    }
    return arena_alloc(a, bytes);
}

char *arena_text(struct arena *a, struct span bytes)
{
    char *copy = arena_alloc(a, bytes.len + 1);
    if (copy && bytes.len)
        memcpy(copy, bytes.ptr, bytes.len);
    return copy;
}

struct span arena_copy(struct arena *a, struct span bytes)
{
    char *copy = arena_text(a, bytes);
    return copy ? span_of(copy, bytes.len) : (struct span){ 0 };
}

struct span arena_printf(struct arena *a, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *text = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (text)
        (void)vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    va_end(args);
    return text ? span_of(text, (size_t)n) : (struct span){ 0 };
}

bool arena_exhausted(const struct arena *a)
{
    return a->exhausted;
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}

void arena_fail_after(struct arena *a, size_t n)
{
    a->allocations_left = n;
}
