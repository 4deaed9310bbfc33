#include "integrity/sums.h"

enum { LINE_LIMIT = MANIFEST_NAME_MAX + 256 };

static const struct {
    const char *bsd;
    enum digest_algorithm algorithm;
} algorithms[] = {
    {"SHA256",   DIGEST_SHA256 },
    { "SHA384",  DIGEST_SHA384 },
    { "SHA512",  DIGEST_SHA512 },
    { "MD5",     DIGEST_MD5    },
    { "BLAKE2b", DIGEST_BLAKE2B}, /* as many digits as SHA512: only in BSD style */
};
enum { ALGORITHMS = sizeof algorithms / sizeof *algorithms };

/* One line, taken apart but not judged. */
struct line {
    enum digest_algorithm algorithm;
    struct span digits, name;
    bool escaped;
};

static bool is_hex(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!strchr("0123456789abcdefABCDEF", s.ptr[i]) || s.ptr[i] == 0)
            return false;
    return s.len > 0;
}

/* "HEX  name" or "HEX *name" */
static bool split_gnu(struct span text, struct line *l)
{
    size_t space = span_find(text, " ", 0);
    if (space == SIZE_MAX || space + 2 >= text.len ||
        (text.ptr[space + 1] != ' ' && text.ptr[space + 1] != '*'))
        return false;
    l->digits = span_slice(text, 0, space);
    l->name = span_slice(text, space + 2, text.len);
    for (size_t i = 0; i < ALGORITHMS; i++)
        if (l->digits.len == digest_digits(algorithms[i].algorithm)) {
            l->algorithm = algorithms[i].algorithm;
            return is_hex(l->digits);
        }
    return false;
}

/* "SHA256 (name) = HEX" */
static bool split_bsd(struct span text, struct line *l)
{
    size_t open = span_find(text, " (", 0);
    size_t close = span_find_last(text, ") = ", text.len);
    if (open == SIZE_MAX || close == SIZE_MAX || close <= open + 2)
        return false;
    l->name = span_slice(text, open + 2, close);
    l->digits = span_slice(text, close + 4, text.len);
    for (size_t i = 0; i < ALGORITHMS; i++)
        if (span_is(span_slice(text, 0, open), algorithms[i].bsd)) {
            l->algorithm = algorithms[i].algorithm;
            return l->digits.len == digest_digits(l->algorithm) && is_hex(l->digits);
        }
    return false;
}

static bool split(struct span text, struct line *l)
{
    l->escaped = span_starts(text, "\\");
    if (l->escaped)
        text = span_slice(text, 1, text.len);
    return split_gnu(text, l) || split_bsd(text, l);
}

/* What coreutils escapes: "\\", "\n", "\r". */
static bool unescape(struct arena *arena, struct span *name)
{
    uint8_t *out = arena_alloc(arena, name->len + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < name->len; i++) {
        uint8_t c = name->ptr[i];
        if (c == '\\') {
            uint8_t next = ++i < name->len ? name->ptr[i] : 0;
            if (next != '\\' && next != 'n' && next != 'r')
                return false;
            c = next == 'n' ? '\n' : next == 'r' ? '\r' : '\\';
        }
        out[n++] = c;
    }
    *name = span_of(out, out ? n : 0);
    return out != NULL;
}

static struct span lower(struct arena *arena, struct span digits)
{
    uint8_t *out = arena_alloc(arena, digits.len + 1);
    for (size_t i = 0; out && i < digits.len; i++)
        out[i] = (uint8_t)(digits.ptr[i] | (digits.ptr[i] >= 'A' ? 0x20 : 0));
    return span_of(out, out ? digits.len : 0);
}

static bool read_line(struct arena *arena, struct line *l, struct manifest_entry *ret,
                      struct refusal *why)
{
    if (l->escaped && !unescape(arena, &l->name))
        return refuse(why, SIGNATURE_INVALID, "sums-form", "a name is escaped wrongly");
    while (span_starts(l->name, "./"))
        l->name = span_slice(l->name, 2, l->name.len);
    const char *problem = name_problem(l->name);
    if (problem)
        return refuse(why, SIGNATURE_INVALID, "resource-name", "the name %.*s %s",
                      (int)(l->name.len < 200 ? l->name.len : 200),
                      l->name.ptr ? (const char *)l->name.ptr : "", problem);
    *ret = (struct manifest_entry){ .path = arena_copy(arena, l->name),
                                    .end = WHOLE_FILE,
                                    .algorithm = l->algorithm,
                                    .digest = lower(arena, l->digits) };
    return true;
}

/* Lines that say something; the others are empty or begin with '#'. */
static bool next_text(struct reader *r, struct span *ret)
{
    while (reader_left(r) > 0) {
        struct span text = manifest_line(r, LINE_LIMIT);
        if (text.len && text.ptr[0] != '#') {
            *ret = text;
            return true;
        }
    }
    return false;
}

bool sums_claims(struct span head)
{
    struct reader r = reader_of(head, 0);
    struct span text;
    struct line l;
    return next_text(&r, &text) && split(text, &l);
}

bool sums_parse(struct arena *arena, struct span bytes, struct manifest *ret,
                struct refusal *why)
{
    struct reader r = reader_of(bytes, 0);
    struct manifest m = { 0 };
    struct span text;
    size_t lines = 0;
    if (bytes.len > SUMS_BYTES_MAX)
        return refuse(why, SIGNATURE_INVALID, "limit", "the list is too large");
    while (next_text(&r, &text))
        lines++;
    if (!reader_ok(&r) || lines == 0 || lines > MANIFEST_ENTRIES_MAX)
        return refuse(why, SIGNATURE_INVALID, "sums-form",
                      "the list is empty, or has too many lines or too long ones");
    m.entries = arena_array(arena, lines, sizeof *m.entries);
    r = reader_of(bytes, 0);
    while (m.entries && next_text(&r, &text)) {
        struct line l;
        if (!split(text, &l))
            return refuse(why, SIGNATURE_INVALID, "sums-form",
                          "line %zu that says something is no digest and name",
                          m.count + 1);
        if (!read_line(arena, &l, &m.entries[m.count++], why))
            return false;
    }
    if (!m.entries || arena_exhausted(arena))
        return refuse(why, SIGNATURE_INVALID, "memory", "the list needs too much memory");
    if (!manifest_sort(&m, why))
        return false;
    *ret = m;
    return true;
}
