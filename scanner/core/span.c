#include "core/span.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct span span_of(const void *bytes, size_t len)
{
    return (struct span){ .ptr = bytes, .len = len };
}

struct span span_of_text(const char *text)
{
    return (struct span){ .ptr = (const uint8_t *)text, .len = text ? strlen(text) : 0 };
}

struct span span_slice(struct span s, size_t start, size_t end)
{
    if (end > s.len)
        end = s.len;
    if (start >= end)
        return (struct span){ 0 };
    return (struct span){ .ptr = s.ptr + start, .len = end - start };
}

bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool span_is(struct span s, const char *literal)
{
    return span_equal(s, span_of_text(literal));
}

bool span_is_zero(struct span s)
{
    /* every byte equals the one before it, and the first is zero */
    return s.len == 0 || (s.ptr[0] == 0 && memcmp(s.ptr, s.ptr + 1, s.len - 1) == 0);
}

bool span_starts(struct span s, const char *literal)
{
    return span_is(span_slice(s, 0, strlen(literal)), literal);
}

bool span_ends(struct span s, const char *literal)
{
    size_t n = strlen(literal);
    return s.len >= n && span_is(span_slice(s, s.len - n, s.len), literal);
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

bool span_ends_nocase(struct span s, const char *literal)
{
    size_t n = strlen(literal);
    if (s.len < n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (lower(s.ptr[s.len - n + i]) != lower((uint8_t)literal[i]))
            return false;
    return true;
}

int span_compare(struct span a, struct span b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.ptr, b.ptr, common) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

struct span span_trim(struct span s, const char *set)
{
    size_t start = 0, end = s.len, n = strlen(set);
    while (start < end && memchr(set, s.ptr[start], n))
        start++;
    while (end > start && memchr(set, s.ptr[end - 1], n))
        end--;
    return span_slice(s, start, end);
}

int span_hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

size_t span_find(struct span s, const char *literal, size_t from)
{
    size_t n = strlen(literal);
    if (n == 0 || from > s.len || s.len - from < n)
        return SIZE_MAX;
    const uint8_t *hit = memmem(s.ptr + from, s.len - from, literal, n);
    return hit ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

size_t span_find_last(struct span s, const char *literal, size_t before)
{
    size_t n = strlen(literal);
    if (n == 0 || s.len < n)
        return SIZE_MAX;
    size_t look = before < s.len - n + 1 ? before : s.len - n + 1;
    while (look > 0) {
        const uint8_t *hit = memrchr(s.ptr, literal[0], look);
        if (!hit)
            break;
        look = (size_t)(hit - s.ptr);
        if (memcmp(hit, literal, n) == 0)
            return look;
    }
    return SIZE_MAX;
}

void buffer_init(struct buffer *b, size_t max)
{
    *b = (struct buffer){ .max = max };
}

void buffer_free(struct buffer *b)
{
    free(b->text);
    *b = (struct buffer){ 0 };
}

void buffer_clear(struct buffer *b)
{
    b->len = 0;
    b->truncated = false;
    if (b->text)
        b->text[0] = '\0';
}

/* Make room for n more bytes and a NUL; false leaves the buffer as it was. */
static bool reserve(struct buffer *b, size_t n)
{
    if (n > b->max - b->len)
        return false;
    size_t need = b->len + n + 1;
    if (need <= b->capacity)
        return true;
    size_t capacity = b->capacity ? b->capacity : 64;
    while (capacity < need)
        capacity = capacity > SIZE_MAX / 2 ? need : capacity * 2;
    char *grown = realloc(b->text, capacity);
    if (!grown)
        return false;
    b->text = grown;
    b->capacity = capacity;
    return true;
}

void buffer_add(struct buffer *b, struct span bytes)
{
    if (!reserve(b, bytes.len)) {
        b->truncated = true;
        bytes = span_slice(bytes, 0, b->max - b->len);
        if (!reserve(b, bytes.len))
            return;
    }
    if (bytes.len)
        memcpy(b->text + b->len, bytes.ptr, bytes.len);
    b->len += bytes.len;
    b->text[b->len] = '\0';
}

void buffer_add_text(struct buffer *b, const char *text)
{
    buffer_add(b, span_of_text(text));
}

void buffer_vprintf(struct buffer *b, const char *format, va_list args)
{
    char *text = NULL;
    int n = vasprintf(&text, format, args);
    if (n < 0) {
        b->truncated = true;
        return;
    }
    buffer_add(b, span_of(text, (size_t)n));
    free(text);
}

void buffer_printf(struct buffer *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buffer_vprintf(b, format, args);
    va_end(args);
}

struct span buffer_span(const struct buffer *b)
{
    return span_of(b->text, b->len);
}
