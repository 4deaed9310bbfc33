#include "integrity/crypto/base64.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

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

struct span base64_encode(struct arena *arena, struct span bytes)
{
    size_t n = 0;
    char *out = arena_alloc(arena, bytes.len / 3 * 4 + 5);
    if (!out)
        return span_of(NULL, 0);
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t b = (uint32_t)bytes.ptr[i] << 16;
        b |= left > 1 ? (uint32_t)bytes.ptr[i + 1] << 8 : 0;
        b |= left > 2 ? bytes.ptr[i + 2] : 0;
        out[n++] = alphabet[b >> 18];
        out[n++] = alphabet[b >> 12 & 63];
        out[n++] = left > 1 ? alphabet[b >> 6 & 63] : '=';
        out[n++] = left > 2 ? alphabet[b & 63] : '=';
    }
    return span_of(out, n);
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

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static struct span trim(struct span s)
{
    size_t start = 0, end = s.len;
    while (start < end && is_space(s.ptr[start]))
        start++;
    while (end > start && is_space(s.ptr[end - 1]))
        end--;
    return span_slice(s, start, end);
}

bool pem_decode(struct arena *arena, struct span text, const char *label,
                struct span *ret_der)
{
    char begin[64], end[64];
    int a = snprintf(begin, sizeof begin, "-----BEGIN %s-----", label);
    int b = snprintf(end, sizeof end, "-----END %s-----", label);
    text = trim(text);
    if (a < 0 || b < 0 || !span_starts(text, begin) || !span_ends(text, end) ||
        text.len < (size_t)a + (size_t)b)
        return false;
    text = span_slice(text, (size_t)a, text.len - (size_t)b);
    uint8_t *packed = arena_alloc(arena, text.len + 1);
    size_t n = 0;
    for (size_t i = 0; packed && i < text.len; i++)
        if (!is_space(text.ptr[i]))
            packed[n++] = text.ptr[i];
    return packed && base64_decode(arena, span_of(packed, n), ret_der);
}
