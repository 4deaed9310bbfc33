#include "core/base64.h"

#include <stdio.h>
#include <string.h>

#define LETTERS_AND_DIGITS                                                               \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static const char standard[] = LETTERS_AND_DIGITS "+/";
static const char for_urls[] = LETTERS_AND_DIGITS "-_";

static const char space[] = " \t\r\n";

/* 0 to 63, or -1 for a character of neither alphabet. */
static int sextet(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

/* The text without its padding; false when the padding is not what the length asks for.
 */
static bool unpad(struct span *text)
{
    size_t pad = 0;
    while (pad < 2 && pad < text->len && text->ptr[text->len - 1 - pad] == '=')
        pad++;
    if (pad && text->len % 4 != 0)
        return false;
    text->len -= pad;
    return text->len % 4 != 1;
}

bool base64_decode(struct arena *arena, struct span text, struct span *ret_bytes)
{
    size_t n = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    if (!unpad(&text))
        return false;
    uint8_t *out = arena_alloc(arena, text.len / 4 * 3 + 3);
    if (!out)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int value = sextet(text.ptr[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[n++] = (uint8_t)(bits >> held);
            bits &= (1U << held) - 1;
        }
    }
    if (bits != 0)
        return false; /* two texts for the same bytes */
    *ret_bytes = span_of(out, n);
    return true;
}

/* The digits of up to three bytes; how many carry bits of them. */
static size_t encode_group(struct span bytes, const char *alphabet, char ret_digits[4])
{
    uint32_t bits = (uint32_t)bytes.ptr[0] << 16;
    bits |= bytes.len > 1 ? (uint32_t)bytes.ptr[1] << 8 : 0;
    bits |= bytes.len > 2 ? bytes.ptr[2] : 0;
    ret_digits[0] = alphabet[bits >> 18];
    ret_digits[1] = alphabet[bits >> 12 & 63];
    ret_digits[2] = bytes.len > 1 ? alphabet[bits >> 6 & 63] : '=';
    ret_digits[3] = bytes.len > 2 ? alphabet[bits & 63] : '=';
    return bytes.len + 1;
}

struct span base64_encode(struct arena *arena, struct span bytes)
{
    size_t n = 0;
    char *out = arena_alloc(arena, bytes.len / 3 * 4 + 5);
    for (size_t i = 0; out && i < bytes.len; i += 3, n += 4)
        (void)encode_group(span_slice(bytes, i, i + 3), standard, out + n);
    return span_of(out, n);
}

void base64_add(struct buffer *out, struct span bytes)
{
    char digits[4];
    for (size_t i = 0; i < bytes.len; i += 3) {
        (void)encode_group(span_slice(bytes, i, i + 3), standard, digits);
        buffer_add(out, span_of(digits, sizeof digits));
    }
}

void base64url_add(struct buffer *out, struct span bytes)
{
    char digits[4];
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = encode_group(span_slice(bytes, i, i + 3), for_urls, digits);
        buffer_add(out, span_of(digits, n));
    }
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_decode(struct arena *arena, struct span text, struct span *ret_bytes)
{
    if (text.len % 2 != 0)
        return false;
    uint8_t *out = arena_alloc(arena, text.len / 2 + 1);
    for (size_t i = 0; out && i < text.len; i += 2) {
        int high = hex_digit(text.ptr[i]), low = hex_digit(text.ptr[i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    if (out)
        *ret_bytes = span_of(out, text.len / 2);
    return out != NULL;
}

struct span hex_encode(struct arena *arena, struct span bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *out = arena_alloc(arena, bytes.len * 2 + 1);
    for (size_t i = 0; out && i < bytes.len; i++) {
        out[2 * i] = digits[bytes.ptr[i] >> 4];
        out[2 * i + 1] = digits[bytes.ptr[i] & 15];
    }
    return span_of(out, out ? bytes.len * 2 : 0);
}

bool pem_decode(struct arena *arena, struct span text, const char *label,
                struct span *ret_der)
{
    char begin[64], end[64];
    int a = snprintf(begin, sizeof begin, "-----BEGIN %s-----", label);
    int b = snprintf(end, sizeof end, "-----END %s-----", label);
    text = span_trim(text, space);
    if (a < 0 || b < 0 || !span_starts(text, begin) || !span_ends(text, end) ||
        text.len < (size_t)a + (size_t)b)
        return false;
    text = span_slice(text, (size_t)a, text.len - (size_t)b);
    uint8_t *packed = arena_alloc(arena, text.len + 1);
    size_t n = 0;
    for (size_t i = 0; packed && i < text.len; i++)
        if (!memchr(space, text.ptr[i], strlen(space)))
            packed[n++] = text.ptr[i];
    return packed && base64_decode(arena, span_of(packed, n), ret_der);
}
