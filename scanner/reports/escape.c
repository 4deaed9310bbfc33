#include "reports/escape.h"

#include <inttypes.h>

struct range {
    uint32_t first, last;
};

static bool in_ranges(uint32_t c, const struct range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

/* Controls, line separators, and what a reader cannot see or sees in another order
 * (Unicode 15: Cc, Zl, Zp, Bidi_Control, Default_Ignorable_Code_Point), and the
 * private and unassigned planes, which no terminal shows alike. */
static bool deceptive(uint32_t c)
{
    static const struct range ranges[] = {
        {0x00,     0x1f    },
        { 0x7f,    0x9f    },
        { 0xad,    0xad    },
        { 0x34f,   0x34f   },
        { 0x61c,   0x61c   },
        { 0x115f,  0x1160  },
        { 0x17b4,  0x17b5  },
        { 0x180b,  0x180f  },
        { 0x200b,  0x200f  },
        { 0x2028,  0x202e  },
        { 0x2060,  0x206f  },
        { 0x3164,  0x3164  },
        { 0xfe00,  0xfe0f  },
        { 0xfeff,  0xfeff  },
        { 0xffa0,  0xffa0  },
        { 0xfff0,  0xfffb  },
        { 0xfffe,  0xffff  },
        { 0x1bca0, 0x1bca3 },
        { 0x1d173, 0x1d17a },
        { 0xe0000, 0x10ffff},
    };
    return in_ranges(c, ranges, sizeof ranges / sizeof ranges[0]);
}

/* Characters that take two columns (East Asian Wide and emoji, in whole blocks). */
static bool wide(uint32_t c)
{
    static const struct range ranges[] = {
        {0x1100,   0x115f },
        { 0x2e80,  0xa4cf },
        { 0xac00,  0xd7a3 },
        { 0xf900,  0xfaff },
        { 0xfe30,  0xfe6f },
        { 0xff00,  0xff60 },
        { 0xffe0,  0xffe6 },
        { 0x1f300, 0x1faff},
        { 0x20000, 0x3fffd},
    };
    return in_ranges(c, ranges, sizeof ranges / sizeof ranges[0]);
}

/* The length of the UTF-8 sequence at s[at] and its code point; 0 when it is not valid
 * (overlong forms, surrogates, past U+10FFFF, cut off). */
static size_t decode(struct span s, size_t at, uint32_t *ret_char)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint8_t lead = s.ptr[at];
    if (lead < 0x80) {
        *ret_char = lead;
        return 1;
    }
    size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || n > s.len - at)
        return 0;
    uint32_t c = lead & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s.ptr[at + i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s.ptr[at + i] & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *ret_char = c;
    return n;
}

static bool is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* How one character of the input is written. */
enum form { PLAIN, BACKSLASH, BYTES, UNICODE };

struct sink {
    bool json;
    uint8_t mark;  /* escaped as \xHH too; 0: none */
    bool rendered; /* backslashes are escapes already, and stay */
};

/* "##[error]", "##vso[task.setvariable …]": CI logs obey these anywhere in a line. */
static bool log_command(struct span s, size_t at)
{
    struct span here = span_slice(s, at, s.len);
    return span_starts(here, "##[") || span_starts(here, "##vso[");
}

static enum form form_at(const struct sink *sink, struct span s, size_t at, size_t *ret_n,
                         uint32_t *ret_char)
{
    size_t n = decode(s, at, ret_char);
    *ret_n = n ? n : 1;
    if (n == 0 || (sink->mark && s.ptr[at] == sink->mark))
        return BYTES;
    if (*ret_char == '#' && log_command(s, at))
        return sink->json ? UNICODE : BYTES;
    if (!sink->json && *ret_char == ' ' && (at == 0 || at + 1 == s.len))
        return BYTES;
    if (*ret_char == '\\')
        return BACKSLASH;
    if (deceptive(*ret_char))
        return sink->json ? UNICODE : BYTES;
    return PLAIN;
}

/* Would a backslash before s[at] be taken for the start of an escape? */
static bool reads_as_escape(const struct sink *sink, struct span s, size_t at)
{
    if (at >= s.len)
        return false;
    if (s.len - at >= 3 && s.ptr[at] == 'x' && is_hex(s.ptr[at + 1]) &&
        is_hex(s.ptr[at + 2]))
        return true;
    size_t n;
    uint32_t c;
    return form_at(sink, s, at, &n, &c) == BYTES;
}

enum { STEP_MAX = 24 }; /* more than four bytes as \\\\xHH take */

static size_t put_byte(const struct sink *sink, char *out, size_t size, uint8_t byte)
{
    int n = snprintf(out, size, "%sx%02x", sink->json ? "\\\\" : "\\", (unsigned)byte);
    return n > 0 ? (size_t)n : 0;
}

static size_t put_unicode(char *out, size_t size, uint32_t c)
{
    int n;
    if (c > 0xffff)
        n = snprintf(out, size, "\\u%04" PRIx32 "\\u%04" PRIx32,
                     UINT32_C(0xd800) + ((c - 0x10000) >> 10),
                     UINT32_C(0xdc00) + ((c - 0x10000) & 0x3ff));
    else
        n = snprintf(out, size, "\\u%04" PRIx32, c);
    return n > 0 ? (size_t)n : 0;
}

/* The escaped form of what stands at s[*at], as the sink's own text (JSON doubles every
 * backslash once more); moves *at on.  *doubled is kept between the steps. */
static size_t step(const struct sink *sink, struct span s, size_t *at, bool *doubled,
                   char out[STEP_MAX])
{
    size_t n, len = 0;
    uint32_t c = 0;
    enum form form = form_at(sink, s, *at, &n, &c);
    switch (form) {
    case BACKSLASH: {
        /* decided once a run, at its first backslash */
        if (*at == 0 || s.ptr[*at - 1] != '\\') {
            size_t end = *at;
            while (end < s.len && s.ptr[end] == '\\')
                end++;
            *doubled = !sink->rendered && reads_as_escape(sink, s, end);
        }
        size_t copies = (size_t)(*doubled ? 2 : 1) << (sink->json ? 1 : 0);
        while (len < copies)
            out[len++] = '\\';
        break;
    }
    case BYTES:
        for (size_t i = 0; i < n; i++)
            len += put_byte(sink, out + len, STEP_MAX - len, s.ptr[*at + i]);
        break;
    case UNICODE:
        len = put_unicode(out, STEP_MAX, c);
        break;
    case PLAIN:
        if (sink->json && c == '"')
            out[len++] = '\\';
        for (size_t i = 0; i < n; i++)
            out[len++] = (char)s.ptr[*at + i];
        break;
    }
    *at += n;
    return len;
}

/* How many bytes from `at` on are ordinary ASCII, which every sink takes as it is. */
static size_t ordinary(const struct sink *sink, struct span s, size_t at)
{
    size_t n = 0;
    while (at + n < s.len) {
        uint8_t c = s.ptr[at + n];
        if (c == ' ' && (at + n == 0 || at + n + 1 == s.len))
            break;
        if (c < 0x20 || c > 0x7e || c == '\\' || c == '"' || c == '#' || c == sink->mark)
            break;
        n++;
    }
    return n;
}

static void to_terminal(const struct sink *sink, struct buffer *out, struct span bytes)
{
    bool doubled = false;
    for (size_t at = 0; at < bytes.len;) {
        char text[STEP_MAX];
        size_t n = ordinary(sink, bytes, at);
        buffer_add(out, span_slice(bytes, at, at + n));
        at += n;
        if (at < bytes.len) {
            n = step(sink, bytes, &at, &doubled, text);
            buffer_add(out, span_of(text, n));
        }
    }
}

void escape_terminal(struct buffer *out, struct span bytes)
{
    const struct sink sink = { 0 };
    to_terminal(&sink, out, bytes);
}

void escape_rendered(struct buffer *out, struct span bytes)
{
    const struct sink sink = { .rendered = true };
    to_terminal(&sink, out, bytes);
}

void escape_json(FILE *out, struct span bytes, char mark)
{
    const struct sink sink = { .json = true, .mark = (uint8_t)mark };
    bool doubled = false;
    for (size_t at = 0; at < bytes.len;) {
        char text[STEP_MAX];
        size_t n = ordinary(&sink, bytes, at);
        if (n)
            (void)fwrite(bytes.ptr + at, 1, n, out);
        at += n;
        if (at < bytes.len) {
            n = step(&sink, bytes, &at, &doubled, text);
            (void)fwrite(text, 1, n, out);
        }
    }
}

size_t escape_width(struct span text)
{
    size_t columns = 0;
    for (size_t at = 0; at < text.len;) {
        uint32_t c = 0;
        size_t n = decode(text, at, &c);
        columns += n && wide(c) ? 2 : 1;
        at += n ? n : 1;
    }
    return columns;
}
