/* The texts and numbers of the text protocol; see decode.h. */
#include "formats/pickle/decode.h"

static struct span strip(struct span s)
{
    return span_trim(s, " \t\n\v\f\r");
}

/* C strings end at a NUL; so does a number for the C unpickler. */
static struct span cut_at_nul(struct span s)
{
    const uint8_t *nul = s.len ? memchr(s.ptr, 0, s.len) : NULL;
    return nul ? span_slice(s, 0, (size_t)(nul - s.ptr)) : s;
}

static unsigned digit_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A') + 10;
    return 99;
}

/* Digits with single underscores between them, as Python writes numbers. */
static bool digits(struct span s, unsigned base, bool negative, int64_t *ret_value,
                   bool *ret_fits)
{
    int64_t value = 0;
    bool fits = true, underscore = true; /* none may come first */
    for (size_t i = 0; i < s.len; i++) {
        unsigned d = digit_value(s.ptr[i]);
        if (s.ptr[i] == '_' && !underscore) {
            underscore = true;
            continue;
        }
        if (d >= base)
            return false;
        underscore = false;
        if (fits &&
            (__builtin_mul_overflow(value, (int64_t)base, &value) ||
             __builtin_add_overflow(value, negative ? -(int64_t)d : (int64_t)d, &value)))
            fits = false;
    }
    if (underscore)
        return false;
    *ret_value = fits ? value : 0;
    *ret_fits = fits;
    return true;
}

/* The base that a prefix announces; the prefix is taken off.  A bare leading 0 is
 * octal for C's strtol and an error (or zero, 0_0 too) for Python. */
static unsigned detect_base(struct span *s)
{
    if (s->len < 2 || s->ptr[0] != '0' || s->ptr[1] == '_')
        return 10;
    unsigned base = 8;
    size_t prefix = 2;
    switch (s->ptr[1] | 0x20) {
    case 'x':
        base = 16;
        break;
    case 'o':
        break;
    case 'b':
        base = 2;
        break;
    default:
        prefix = 1;
    }
    if (prefix == 2 && s->len > 3 && s->ptr[2] == '_')
        prefix = 3;
    *s = span_slice(*s, prefix, s->len);
    return base;
}

bool pickle_integer(struct span line, unsigned base, int64_t *ret_value, bool *ret_fits)
{
    struct span s = strip(cut_at_nul(line));
    bool negative = false;
    if (s.len && (s.ptr[0] == '-' || s.ptr[0] == '+')) {
        negative = s.ptr[0] == '-';
        s = span_slice(s, 1, s.len);
    }
    if (base == 0)
        base = detect_base(&s);
    return s.len > 0 && digits(s, base, negative, ret_value, ret_fits);
}

struct span pickle_significant(struct span line)
{
    struct span s = strip(cut_at_nul(line));
    size_t start = 0;
    while (start < s.len &&
           (s.ptr[start] == '+' || s.ptr[start] == '0' || s.ptr[start] == '_'))
        start++;
    return span_slice(s, start, s.len);
}

static bool is_word(struct span s, const char *lower)
{
    size_t n = strlen(lower);
    if (s.len != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((s.ptr[i] | 0x20) != (uint8_t)lower[i])
            return false;
    return true;
}

bool pickle_float(struct span line)
{
    struct span s = strip(cut_at_nul(line));
    if (s.len && (s.ptr[0] == '-' || s.ptr[0] == '+'))
        s = span_slice(s, 1, s.len);
    if (is_word(s, "inf") || is_word(s, "infinity") || is_word(s, "nan"))
        return true;
    bool digit = false, point = false, exponent = false, exponent_digit = true;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (c >= '0' && c <= '9') {
            digit = exponent_digit = true;
        } else if (c == '.' && !point && !exponent) {
            point = true;
        } else if ((c | 0x20) == 'e' && digit && !exponent) {
            exponent = true;
            exponent_digit = false;
            if (i + 1 < s.len && (s.ptr[i + 1] == '-' || s.ptr[i + 1] == '+'))
                i++;
        } else if (c != '_' || !digit) {
            return false;
        }
    }
    return digit && exponent_digit;
}

bool pickle_long(struct span bytes, int64_t *ret_value)
{
    uint8_t sign = bytes.len && (bytes.ptr[bytes.len - 1] & 0x80) ? 0xff : 0;
    while (bytes.len > 8 && bytes.ptr[bytes.len - 1] == sign &&
           ((bytes.ptr[bytes.len - 2] ^ sign) & 0x80) == 0)
        bytes.len--; /* any number of them may say nothing */
    if (bytes.len > 8)
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < bytes.len; i++)
        v |= (uint64_t)bytes.ptr[i] << (8 * i);
    if (bytes.len && bytes.len < 8 && (bytes.ptr[bytes.len - 1] & 0x80))
        v |= UINT64_MAX << (8 * bytes.len);
    *ret_value = (int64_t)v;
    return true;
}

/* Length of the sequence that starts at s, 0 when it is not UTF-8. */
static size_t sequence(struct span s)
{
    static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint8_t c = s.ptr[0];
    size_t n = c < 0x80   ? 1
               : c < 0xc2 ? 0
               : c < 0xe0 ? 2
               : c < 0xf0 ? 3
               : c < 0xf5 ? 4
                          : 0;
    if (n < 2 || n > s.len)
        return n > s.len ? 0 : n;
    uint32_t point = c & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s.ptr[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (s.ptr[i] & 0x3f);
    }
    return point >= least[n] && point <= 0x10ffff ? n : 0;
}

bool pickle_utf8(struct span s)
{
    size_t at = 0;
    while (at < s.len) {
        uint64_t word = 0;
        if (s.len - at >= sizeof word) {
            memcpy(&word, s.ptr + at, sizeof word);
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                at += sizeof word;
                continue;
            }
        }
        size_t n = s.ptr[at] < 0x80 ? 1 : sequence(span_slice(s, at, s.len));
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}

static void add_byte(struct buffer *b, unsigned c)
{
    uint8_t byte = (uint8_t)c;
    if (b)
        buffer_add(b, span_of(&byte, 1));
}

static void add_code_point(struct buffer *b, uint32_t c)
{
    if (c < 0x80) {
        add_byte(b, c);
        return;
    }
    if (c < 0x800) {
        add_byte(b, 0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            add_byte(b, 0xe0 | c >> 12);
        } else {
            add_byte(b, 0xf0 | c >> 18);
            add_byte(b, 0x80 | (c >> 12 & 0x3f));
        }
        add_byte(b, 0x80 | (c >> 6 & 0x3f));
    }
    add_byte(b, 0x80 | (c & 0x3f));
}

/* n hexadecimal digits at `at`; false when there are fewer. */
static bool hexadecimal(struct span s, size_t at, size_t n, uint32_t *ret)
{
    uint32_t v = 0;
    if (s.len < n || at > s.len - n)
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned d = digit_value(s.ptr[at + i]);
        if (d >= 16)
            return false;
        v = v << 4 | d;
    }
    *ret = v;
    return true;
}

/* One escape of a bytes literal behind its backslash; moves *at past it. */
static bool unescape(struct span s, size_t *at, struct buffer *ret)
{
    static const char letters[] = "\\\\''\"\"a\ab\bf\fn\nr\rt\tv\v";
    uint8_t c = s.ptr[(*at)++];
    uint32_t value = 0;
    for (size_t i = 0; i + 1 < sizeof letters; i += 2)
        if (c == (uint8_t)letters[i]) {
            add_byte(ret, (uint8_t)letters[i + 1]);
            return true;
        }
    if (c >= '0' && c <= '7') {
        value = c - (uint32_t)'0';
        for (int i = 0; i < 2 && *at < s.len; i++) {
            uint8_t next = s.ptr[*at];
            if (next < '0' || next > '7')
                break;
            value = value * 8 + (next - (uint32_t)'0');
            (*at)++;
        }
        add_byte(ret, value);
    } else if (c == 'x') {
        if (!hexadecimal(s, *at, 2, &value))
            return false;
        *at += 2;
        add_byte(ret, value);
    } else {
        add_byte(ret, '\\');
        add_byte(ret, c);
    }
    return true;
}

static bool unquote(struct span line, struct buffer *ret)
{
    struct span s = line;
    if (s.len < 2 || (s.ptr[0] != '\'' && s.ptr[0] != '"') ||
        s.ptr[s.len - 1] != s.ptr[0]) {
        s = strip(line); /* Python 2 stripped white space */
        if (s.len < 2 || (s.ptr[0] != '\'' && s.ptr[0] != '"') ||
            s.ptr[s.len - 1] != s.ptr[0])
            return false;
    }
    s = span_slice(s, 1, s.len - 1);
    for (size_t at = 0; at < s.len;) {
        const uint8_t *escape = memchr(s.ptr + at, '\\', s.len - at);
        size_t plain = escape ? (size_t)(escape - s.ptr) : s.len;
        if (ret)
            buffer_add(ret, span_slice(s, at, plain));
        at = plain + 1;
        if (escape && (at >= s.len || !unescape(s, &at, ret)))
            return false;
    }
    return true;
}

static bool raw_unicode(struct span s, struct buffer *ret)
{
    for (size_t at = 0; at < s.len;) {
        uint8_t c = s.ptr[at++];
        if (c != '\\' || at == s.len) {
            add_code_point(ret, c);
            continue;
        }
        uint8_t kind = s.ptr[at++];
        if (kind != 'u' && kind != 'U') {
            add_byte(ret, '\\');
            add_code_point(ret, kind);
            continue;
        }
        size_t n = kind == 'u' ? 4 : 8;
        uint32_t value = 0;
        if (!hexadecimal(s, at, n, &value) || value > 0x10ffff)
            return false;
        at += n;
        add_code_point(ret, value);
    }
    return true;
}

bool pickle_unquote(struct span line, struct buffer *ret)
{
    buffer_clear(ret);
    return unquote(line, ret);
}

bool pickle_raw_unicode(struct span line, struct buffer *ret)
{
    buffer_clear(ret);
    return raw_unicode(line, ret);
}

bool pickle_quoted(struct span line)
{
    return unquote(line, NULL);
}

bool pickle_raw_unicode_valid(struct span line)
{
    return raw_unicode(line, NULL);
}
