/* The syntaxes that escaped text is carried through: which characters each of them would
 * obey, and what stands in their place. */
#include "reports/escape.h"

#include <string.h>

enum { ASCII = 128, SHOWN_MAX = 64 << 20 };

/* Control characters are gone already: the notation shows them as \xHH. */
static const char *const in_string[ASCII] = { ['"'] = "\\\"", ['\\'] = "\\\\" };

static const char *const in_script[ASCII] = { ['"'] = "\\\"",
                                              ['\\'] = "\\\\",
                                              ['<'] = "\\u003c",
                                              ['>'] = "\\u003e",
                                              ['&'] = "\\u0026" };

static const char *const in_markup[ASCII] = {
    ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;"
};

static const char *const in_markdown[ASCII] = {
    ['!'] = "&#33;",  ['"'] = "&#34;",  ['#'] = "&#35;",  ['$'] = "&#36;",
    ['%'] = "&#37;",  ['&'] = "&#38;",  ['\''] = "&#39;", ['('] = "&#40;",
    [')'] = "&#41;",  ['*'] = "&#42;",  ['+'] = "&#43;",  ['-'] = "&#45;",
    ['.'] = "&#46;",  [':'] = "&#58;",  ['<'] = "&#60;",  ['='] = "&#61;",
    ['>'] = "&#62;",  ['@'] = "&#64;",  ['['] = "&#91;",  ['\\'] = "&#92;",
    [']'] = "&#93;",  ['^'] = "&#94;",  ['_'] = "&#95;",  ['`'] = "&#96;",
    ['{'] = "&#123;", ['|'] = "&#124;", ['}'] = "&#125;", ['~'] = "&#126;",
};

static const char *const in_csv[ASCII] = { ['"'] = "\"\"" };

static const char *const in_github[ASCII] = { ['%'] = "%25" };

static const char *const in_github_property[ASCII] = {
    ['%'] = "%25", [':'] = "%3A", [','] = "%2C"
};

static const char *const in_text[ASCII] = { 0 };

static const char *const *const sinks[ESCAPE_SINKS] = {
    [ESCAPE_TEXT] = in_text,         [ESCAPE_STRING] = in_string,
    [ESCAPE_SCRIPT] = in_script,     [ESCAPE_MARKUP] = in_markup,
    [ESCAPE_MARKDOWN] = in_markdown, [ESCAPE_CSV] = in_csv,
    [ESCAPE_GITHUB] = in_github,     [ESCAPE_GITHUB_PROPERTY] = in_github_property,
};

void escape_shown(FILE *out, enum escape_sink kind, struct span shown)
{
    const char *const *sink = sinks[kind];
    size_t start = 0;
    for (size_t at = 0; at < shown.len; at++) {
        const char *instead = shown.ptr[at] < ASCII ? sink[shown.ptr[at]] : NULL;
        if (!instead)
            continue;
        if (at > start)
            (void)fwrite(shown.ptr + start, 1, at - start, out);
        (void)fputs(instead, out);
        start = at + 1;
    }
    if (shown.len > start)
        (void)fwrite(shown.ptr + start, 1, shown.len - start, out);
}

void escape_for(FILE *out, enum escape_sink sink, struct span bytes)
{
    struct buffer shown;
    buffer_init(&shown, SHOWN_MAX);
    escape_terminal(&shown, bytes);
    escape_shown(out, sink, buffer_span(&shown));
    if (shown.truncated) /* memory, or 16 MiB of bytes: what is left out is said */
        (void)fputs(" (cut)", out);
    buffer_free(&shown);
}

/* -- cells --------------------------------------------------------------------- */

/* Also the full-width forms, which some spreadsheets fold into the plain ones. */
static bool looks_like_formula(struct span bytes)
{
    static const char *const starts[] = {
        "=", "+", "-", "@", "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"
    };
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        if (span_starts(bytes, starts[i]))
            return true;
    return false;
}

void escape_csv_cell(FILE *out, struct span bytes)
{
    (void)fputs(looks_like_formula(bytes) ? "\"'" : "\"", out);
    escape_for(out, ESCAPE_CSV, bytes);
    (void)fputc('"', out);
}

/* -- references ---------------------------------------------------------------- */

static bool unreserved(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '.' || c == '_' || c == '~' || c == '/';
}

void escape_uri_path(FILE *out, struct span path)
{
    size_t at = 0;
    while (at < path.len && path.ptr[at] == '/')
        at++; /* "//x" would be a host */
    if (at == path.len)
        (void)fputc('.', out);
    for (; at < path.len; at++) {
        if (unreserved(path.ptr[at]))
            (void)fputc(path.ptr[at], out);
        else
            fprintf(out, "%%%02X", (unsigned)path.ptr[at]);
    }
}

/* -- back ---------------------------------------------------------------------- */

static int digit(uint8_t c)
{
    const char *digits = "0123456789abcdef";
    if (c >= 'A' && c <= 'F')
        c = (uint8_t)(c - 'A' + 'a');
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* The value of the "xHH" at s[at], or -1. */
static int escaped_byte(struct span s, size_t at)
{
    if (at >= s.len || s.len - at < 3 || s.ptr[at] != 'x')
        return -1;
    int high = digit(s.ptr[at + 1]), low = digit(s.ptr[at + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

void escape_undo(struct buffer *out, struct span shown)
{
    for (size_t at = 0; at < shown.len;) {
        size_t end = span_find(shown, "\\", at);
        end = end == SIZE_MAX ? shown.len : end;
        buffer_add(out, span_slice(shown, at, end));
        size_t run = 0;
        while (end + run < shown.len && shown.ptr[end + run] == '\\')
            run++;
        int value = escaped_byte(shown, end + run);
        size_t copies = run > 0 && value >= 0 ? run / 2 : run;
        buffer_add(out, span_slice(shown, end, end + copies));
        at = end + run;
        if (run % 2 == 1 && value >= 0) {
            uint8_t byte = (uint8_t)value;
            buffer_add(out, span_of(&byte, 1));
            at += 3;
        }
    }
}
