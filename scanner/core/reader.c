#include "core/reader.h"

#include <string.h>

struct reader reader_of(struct span bytes, uint64_t origin)
{
    static const uint8_t none[1];
    return (struct reader){ .base = bytes.ptr ? bytes.ptr : none,
                            .len = bytes.len,
                            .origin = origin };
}

bool reader_ok(const struct reader *r)
{
    return !r->failed;
}

uint64_t reader_where(const struct reader *r)
{
    return r->origin + r->pos;
}

/* The bounds check of everything that reads. */
static const uint8_t *take(struct reader *r, uint64_t n)
{
    if (n > reader_left(r)) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->base + r->pos;
    r->pos += (size_t)n;
    return p;
}

static uint64_t take_le(struct reader *r, unsigned width)
{
    const uint8_t *p = take(r, width);
    uint64_t v = 0;
    if (p)
        for (unsigned i = 0; i < width; i++)
            v |= (uint64_t)p[i] << (8 * i);
    return v;
}

uint8_t reader_u8(struct reader *r)
{
    return (uint8_t)take_le(r, 1);
}

uint16_t reader_u16le(struct reader *r)
{
    return (uint16_t)take_le(r, 2);
}

uint32_t reader_u32le(struct reader *r)
{
    return (uint32_t)take_le(r, 4);
}

uint64_t reader_u64le(struct reader *r)
{
    return take_le(r, 8);
}

uint32_t reader_u32be(struct reader *r)
{
    const uint8_t *p = take(r, 4);
    return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
             : 0;
}

uint64_t reader_varint(struct reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t b = reader_u8(r);
        if (shift == 63 && b > 1)
            break;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return r->failed ? 0 : v;
    }
    r->failed = true;
    return 0;
}

struct span reader_bytes(struct reader *r, uint64_t n)
{
    const uint8_t *p = take(r, n);
    return p ? (struct span){ p, (size_t)n } : (struct span){ 0 };
}

struct span reader_rest(struct reader *r)
{
    return reader_bytes(r, reader_left(r));
}

struct span reader_line(struct reader *r, size_t max)
{
    size_t left = reader_left(r);
    size_t look = left <= max ? left : max + 1;
    const uint8_t *nl = look ? memchr(r->base + r->pos, '\n', look) : NULL;
    if (!nl) {
        r->failed = true;
        return (struct span){ 0 };
    }
    struct span line = reader_bytes(r, (size_t)(nl - (r->base + r->pos)));
    r->pos++;
    return line;
}

struct reader reader_sub(struct reader *r, uint64_t n)
{
    uint64_t origin = reader_where(r);
    struct reader sub = reader_of(reader_bytes(r, n), origin);
    sub.failed = r->failed;
    return sub;
}

void reader_seek(struct reader *r, uint64_t pos)
{
    if (r->failed || pos > r->len)
        r->failed = true;
    else
        r->pos = (size_t)pos;
}

size_t reader_count(struct reader *r, uint64_t n, size_t min_size)
{
    if (min_size == 0 || n > reader_left(r) / min_size) {
        r->failed = true;
        return 0;
    }
    return (size_t)n;
}

bool size_multiply(uint64_t a, uint64_t b, uint64_t *ret)
{
    uint64_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *ret = product;
    return true;
}

bool size_add(uint64_t a, uint64_t b, uint64_t *ret)
{
    uint64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *ret = sum;
    return true;
}
